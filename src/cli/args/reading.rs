//! The flags and help texts of what reads images: `ocr`, `models`, `gpu`.
//! It runs nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::AsJson;
use crate::config::OcrEngine;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck ocr page.jpg                       Markdown on stdout\n  \
tagdeck ocr scans/ --out texts             each image in it as texts/NAME.md\n  \
tagdeck ocr *.png --format json > all.jsonl   one document a line\n  curl -s URL | tagdeck ocr - --format text\n  \
tagdeck ocr -- -odd-name.png               a name that begins with a dash\n  \
tagdeck ocr s3://scans/page.tif            an object of a bucket, by the settings in [blob]\n  \
tagdeck ocr scans/ --store --out texts     keeps each document, and puts it where [blob] says\n\n\
PNG, JPEG, WebP, TIFF (all pages), BMP and GIF, told by content. Results come in the order of the inputs; \
one that cannot be read is named on stderr and stops nothing.\n\n\
Exit codes: 0 all read, 1 none, 2 wrong usage or settings, 3 some were not.")]
pub struct Ocr {
    /// Image file, folder (with everything below it), <s3://BUCKET/KEY>, or - for stdin
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// How to write what was read
    #[arg(long, value_enum, default_value_t = DocumentFormat::Md)]
    pub format: DocumentFormat,
    /// Write one file for each input into this folder, and nothing on stdout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Keep each document in the database and the blob store too; what was read before is not read again
    #[arg(long)]
    pub store: bool,
    /// What reads: the models inside the program, the PaddleOCR-VL service, or a vision model [default: ocr.engine]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<Engine>,
    /// Images read at once; each takes about 600 MB [default: ocr.workers, else one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
}

/// What reads images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The models inside the program
    Local,
    /// The service of [ocr.service]; its result may come by way of the bucket
    Service,
    /// The vision model of [ocr.vlm]; calls may cost money
    Vlm,
}

impl From<Engine> for OcrEngine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Local => Self::Local,
            Engine::Service => Self::Service,
            Engine::Vlm => Self::Vlm,
        }
    }
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// Markdown; tables with merged cells as HTML
    Md,
    /// One document a line, with the place and confidence of every word
    Json,
    /// Text alone
    Text,
}

impl DocumentFormat {
    /// Of a file that holds it.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Json => "json",
            Self::Text => "txt",
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck models ls\n  tagdeck models verify --json\n\n\
A manifest.toml in the folder `models` of the data folder replaces models by their role; `ls` shows where each comes from.")]
pub struct Models {
    #[command(subcommand)]
    pub what: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Role, file, hash, licence and place of each
    #[command(after_help = "Example:\n  tagdeck models ls --json")]
    Ls(AsJson),
    /// Compare each with the hash in its manifest
    #[command(after_help = "Example:\n  tagdeck models verify\n\nExit codes: 0 all are right, 3 some are damaged, 1 all are.")]
    Verify(AsJson),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tagdeck gpu status\n  tagdeck gpu install                  says the size first, and asks")]
pub struct Gpu {
    #[command(subcommand)]
    pub what: GpuCommand,
}

#[derive(Debug, Subcommand)]
pub enum GpuCommand {
    /// What OCR runs on, and why not on a GPU
    #[command(after_help = "Example:\n  tagdeck gpu status --json")]
    Status(AsJson),
    /// Fetch ONNX Runtime for CUDA into the data folder, with the pip of this machine
    #[command(after_help = "Examples:\n  tagdeck gpu install\n  tagdeck gpu install --yes --json\n\n\
Needs Linux x86-64, Python with pip, and an NVIDIA driver for CUDA 13. To undo it, remove the folder `gpu` of the data folder.\n\n\
Exit codes: 0 a model ran on the GPU, 3 it is installed but the CPU runs, 1 it was not installed.")]
    Install(GpuInstall),
}

#[derive(Args, Debug)]
pub struct GpuInstall {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// The status afterwards as JSON
    #[arg(long)]
    pub json: bool,
}
