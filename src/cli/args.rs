//! The commands, flags and help texts; names are a promise (DESIGN.md).
//! It runs nothing.

mod outputs;
mod posts;
mod reading;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::{Overrides, parse_address};

pub use outputs::{Get, Ls, Outputs, OutputsCommand, Rm, Verify};
pub use posts::{Post, Posts, Regenerate, Retry, Stats, WhichPost};
pub use reading::{DocumentFormat, Gpu, GpuCommand, GpuInstall, Models, ModelsCommand, Ocr};

/// Tags posts with an LLM and keeps watch over it in a terminal dashboard.
///
/// Without a command it opens the dashboard with an engine that tags in the background.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = false,
    after_help = "\
Examples:
  tagdeck demo                        see everything work, without a key or a network
  tagdeck import result.json          take in an export of Telegram Desktop
  OPENROUTER_API_KEY=… tagdeck        tag, and watch it
  tagdeck ocr page.jpg                read an image
  tagdeck run --until-idle --json     tag without a screen, for cron

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 done but some items failed."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub dashboard: Dashboard,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Settings file [default: ./config.toml, then the one in your config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the embedded database and everything that is kept
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

impl Common {
    /// As the settings take them.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            file: self.config.clone(),
            data_dir: self.data_dir.clone(),
            database: self.database.clone(),
            log_level: self.log_level.and_then(|l| l.to_possible_value()).map(|l| l.get_name().to_owned()),
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Flags of the dashboard.
#[derive(Args, Clone, Debug)]
pub struct Dashboard {
    /// Watch only: start no engine in this process
    #[arg(long)]
    pub observe: bool,
    /// Draw rarely and little, for a slow line
    #[arg(long)]
    pub low_bandwidth: bool,
    /// Forbid everything that changes something, and start no engine
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything on bundled posts and a server that fails on purpose; needs no key and no network
    Demo(Demo),
    /// Take in posts: Telegram Desktop result.json, JSONL or CSV
    Import(Import),
    /// Tag without a screen
    Run(Run),
    /// Answer over HTTP
    Serve(Serve),
    /// Counts by status
    Stats(Stats),
    /// Who works on this database, and what each is doing
    Workers(Workers),
    /// List posts, newest change first
    Posts(Posts),
    /// Show one post: its text, tags, images, and every call with why its model was asked
    Post(Post),
    /// Tag failed and retrying posts again
    Retry(Retry),
    /// Tag posts anew, whatever their status
    Regenerate(Regenerate),
    /// Read images: their text and tables as Markdown, JSON or plain text
    Ocr(Ocr),
    /// Look at, fetch, delete and verify what was stored
    Outputs(Outputs),
    /// Say what the engine would do with a recorded LLM response
    Explain(Explain),
    /// Create or update the tables; attach to the database of an existing bot
    #[command(
        after_help = "Examples:\n  tagdeck migrate --dry-run\n  tagdeck --database postgres://bot@localhost/bot migrate\n  \
tagdeck --database postgres://bot@localhost/bot migrate --undo --dry-run"
    )]
    Migrate(Migrate),
    /// Copy a whole database into an empty or new one, SQLite or PostgreSQL, and compare what has arrived
    #[command(after_help = "Example:\n  tagdeck move --from sqlite://tagdeck.db --to postgres://tagdeck@localhost/tagdeck\n\n\
The database that is copied stays as it is. Stop its engines first. Exit codes: 0 copied, 1 nothing was copied, 3 copied but for\n\
columns of a bot's own that tagdeck does not know.")]
    Move(Move),
    /// Check everything that is needed, one line each, with what to do
    #[command(after_help = "Examples:\n  tagdeck doctor\n  tagdeck doctor --offline\n  \
tagdeck doctor --json | jq '.checks[] | select(.state != \"ok\")'\n\n\
Servers are asked for their key, models and health, the blob store gets a probe that is removed again; nothing costs money.\n\n\
Exit codes: 0 all well, 3 with warnings, 1 something fails.")]
    Doctor(Doctor),
    /// List the OCR models, or compare them with their hashes
    Models(Models),
    /// Say what OCR runs on, or fetch ONNX Runtime for NVIDIA GPUs
    Gpu(Gpu),
    /// Check, show or print an example of the settings
    Config(Settings),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  tagdeck completions bash > ~/.local/share/bash-completion/completions/tagdeck")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  tagdeck man | man -l -")]
    Man,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tagdeck demo --headless --seed 7 --json")]
pub struct Demo {
    /// No dashboard: print the events and a summary, and end
    #[arg(long)]
    pub headless: bool,
    /// Seed of the server's failures; the same seed fails in the same way
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// With --headless: one JSON object a line
    #[arg(long, requires = "headless")]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck import ~/Downloads/ChatExport/result.json\n  \
tagdeck import ~/Downloads/ChatExport           every result*.json in the folder\n  tagdeck import posts.jsonl more.csv --json\n\n\
Importing the same file twice adds nothing; edited posts are updated and tagged again.")]
pub struct Import {
    /// Telegram Desktop result.json, JSONL or CSV; a folder stands for its result*.json
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Whose posts they are (users.id)
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub user: i64,
    /// From a whole-account export take private chats and saved messages too
    #[arg(long)]
    pub private_chats: bool,
    /// The summary as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tagdeck run                          until Ctrl-C\n  tagdeck run --until-idle --json      for cron: ends when nothing is due within two minutes"
)]
pub struct Run {
    /// End when nothing is in flight and nothing falls due within two minutes
    #[arg(long)]
    pub until_idle: bool,
    /// Kinds of work to do
    #[arg(long, value_delimiter = ',', default_value = "tag,ocr,upload", value_name = "KIND")]
    pub kind: Vec<Kind>,
    /// Most posts in flight [default: tagging.concurrency]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub concurrency: Option<u32>,
    /// Answer over HTTP as well, in this process [default: api.listen]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, value_parser = parse_address)]
    #[expect(clippy::option_option, reason = "the flag may stand alone")]
    pub listen: Option<Option<SocketAddr>>,
    /// One JSON object a line: the events, then the summary
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tagdeck serve\n  TAGDECK_API_TOKEN=$(openssl rand -hex 24) tagdeck serve --listen 0.0.0.0:8010\n\n\
It only answers; an engine (`tagdeck` or `tagdeck run`) does the work, `tagdeck run --listen` is both.\n/openapi.json describes every path."
)]
pub struct Serve {
    /// Where to listen [default: api.listen, 127.0.0.1:8010]
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub listen: Option<SocketAddr>,
}

/// Kinds of work that this version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Tag posts
    Tag,
    /// Read images
    Ocr,
    /// Store what was read
    Upload,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck workers\n  tagdeck workers --json --database postgres://tagdeck@db.example/tagdeck")]
pub struct Workers {
    /// As JSON, one worker a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  tagdeck explain recorded/*.json\n\nInput: {\"http_status\":200,\"headers\":{…},\"body\":\"…\"}; output: one line of JSON for each file."
)]
pub struct Explain {
    /// Files with one recorded response each
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tagdeck migrate --dry-run --database sqlite:///home/me/bot/posts.db\n\n\
On the database of an existing bot it adds only what is missing; --dry-run shows every step first.")]
pub struct Migrate {
    /// Show what would be done, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take everything of tagdeck's out of a bot's database again; the tags stay
    #[arg(long)]
    pub undo: bool,
    /// Do not ask before --undo
    #[arg(long, requires = "undo")]
    pub yes: bool,
}

/// `tagdeck move`.
#[derive(Args, Debug)]
pub struct Move {
    /// Database to copy: <sqlite://PATH> or postgres://…
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// Where to: an empty database, or a file that is not there yet
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// The tables, their rows and hashes as JSON
    #[arg(long)]
    pub json: bool,
}

/// How to examine.
#[derive(Args, Clone, Copy, Debug)]
pub struct Doctor {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Ask no server but the database
    #[arg(long)]
    pub offline: bool,
}

/// For commands that only ask.
#[derive(Args, Clone, Copy, Debug)]
pub struct AsJson {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tagdeck config example > config.toml && tagdeck config check")]
pub struct Settings {
    #[command(subcommand)]
    pub what: SettingsCommand,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SettingsCommand {
    /// Say whether the settings are right
    Check,
    /// Print the settings in force; keys and passwords are left out
    Show,
    /// Print config.toml.example: every key with its default
    Example,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
