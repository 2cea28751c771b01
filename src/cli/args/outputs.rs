//! The flags and help texts of `outputs`.
//! They run nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck outputs ls                           folders and objects at the top\n  \
tagdeck outputs ls ocr-results/2026/ --flat  every object below\n  tagdeck outputs ls --newest --limit 10 --json\n  \
tagdeck outputs cat ocr-results/2026/11/22/scan-0a1b2c3d4e5f.md\n  tagdeck outputs verify\n\n\
Outputs lie in the folder or the bucket of [blob] in the settings; `tagdeck config show` tells which.")]
pub struct Outputs {
    #[command(subcommand)]
    pub what: OutputsCommand,
}

#[derive(Debug, Subcommand)]
pub enum OutputsCommand {
    /// List what is there: name, size, time
    Ls(Ls),
    /// Print an object
    #[command(after_help = "Examples:\n  tagdeck outputs cat KEY\n  tagdeck outputs cat KEY > file\n\n\
On a terminal, what could act on it is shown and does nothing; into a file or a pipe the bytes go as they are.")]
    Cat {
        /// Its whole name, as `ls` shows it
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Download objects into a folder
    Get(Get),
    /// Delete objects; asks first
    Rm(Rm),
    /// Compare the database with the blob store
    Verify(Verify),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck outputs ls\n  tagdeck outputs ls ocr-results/2026/11/\n  \
tagdeck outputs ls --newest --limit 10\n  tagdeck outputs ls --flat --limit 100000 --json | jq -r .key\n\n\
A store lists by name only. --newest walks the days below ocr-results/ backwards; a day of more than 1,000 objects, and every other \
prefix, comes by name in pages of 1,000, each with its newest first.")]
pub struct Ls {
    /// Only names that begin so
    #[arg(value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// Every object below, without folders
    #[arg(long, conflicts_with = "newest")]
    pub flat: bool,
    /// The newest first
    #[arg(long)]
    pub newest: bool,
    /// Only names that hold this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: usize,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck outputs get KEY\n  tagdeck outputs get KEY KEY --out texts\n\n\
A file is called like the last part of its key, made harmless; no file is overwritten: one with the same content stays, \
beside one with another the new one gets a number.\n\nExit codes: 0 all are there, 1 none, 3 some are not.")]
pub struct Get {
    /// Whole names, as `ls` shows them
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    /// Into this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck outputs rm KEY\n  tagdeck outputs rm KEY KEY --yes\n\n\
The documents stay in the database, and `tagdeck outputs verify --repair` stores them again.\n\nExit codes: 0 all are gone, 1 none, 3 some are not.")]
pub struct Rm {
    /// Whole names, as `ls` shows them
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tagdeck outputs verify\n  tagdeck outputs verify --deep --json\n  tagdeck outputs verify --repair && tagdeck run --until-idle\n\n\
Each stored document is looked for and its hash compared; then every object below ocr-results/ is looked up in the database.\n\n\
Exit codes: 0 everything is in its place, 3 something is missing, different, waiting or orphaned."
)]
pub struct Verify {
    /// Read every object and hash it; without it the hash kept by the store is believed
    #[arg(long)]
    pub deep: bool,
    /// Enqueue what is missing or different again; an engine uploads it
    #[arg(long)]
    pub repair: bool,
    /// List at most this many troubles; all are counted
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub limit: usize,
    /// One JSON object a line: the troubles, then the counts
    #[arg(long)]
    pub json: bool,
}
