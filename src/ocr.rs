//! The OCR trade: an image's bytes in, a [`Document`] out, on models that are part of the program, or by a server's.
//! It knows no database and no job; who asks a server passes in where calls are written down and where results lie.

pub mod borderless;
pub mod detect;
pub mod document;
pub mod geometry;
pub mod image;
pub mod layout;
pub mod line;
pub mod markdown;
mod marked;
pub mod models;
pub mod orient;
pub mod pipeline;
pub mod recognise;
pub mod remote;
pub mod rules;
pub mod runtime;
mod script;
pub mod service;
mod slanet;
pub mod table;
pub mod vlm;

pub use document::Document;

use crate::text::Safe;

/// Why an image was not read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OcrError {
    /// The bytes are no image that we read, or a broken one.
    #[error("it is not an image that can be read: {0}")]
    Image(Safe),
    /// The image is larger than the limits allow.
    #[error("the image is too large: {0}")]
    TooLarge(Safe),
    /// ONNX Runtime or a model is missing, damaged, or does not load.
    #[error("the OCR engine cannot start: {0}")]
    Engine(Safe),
    /// A model failed while it ran.
    #[error("the OCR engine failed: {0}")]
    Run(Safe),
    /// A server gave no result; the words name it.
    #[error("{0}")]
    Remote(Safe),
    /// The deadline of the page passed.
    #[error("it was stopped after {seconds} s at the stage \"{stage}\"; raise ocr.page_timeout if such pages are normal")]
    Deadline {
        /// The deadline, in seconds.
        seconds: u64,
        /// Where it was then.
        stage: Stage,
    },
    /// Somebody asked for it to end.
    #[error("it was cancelled")]
    Cancelled,
}

impl OcrError {
    /// A stable word for JSON, the database and filters.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Image(_) => "bad_image",
            Self::TooLarge(_) => "image_too_large",
            Self::Engine(_) => "ocr_engine",
            Self::Run(_) => "ocr_failed",
            Self::Remote(_) => "ocr_remote",
            Self::Deadline { .. } => "ocr_deadline",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is being done to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// On its way to a server.
    Submit,
    /// A server's result is waited for.
    Await,
    /// Bytes to pixels.
    Decode,
    /// Which side is up.
    Orient,
    /// Where text is.
    Detect,
    /// What the lines say.
    Recognise,
    /// Tables.
    Tables,
    /// Reading order, blocks.
    Layout,
}

impl Stage {
    /// The word for JSON, logs and the dashboard.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Await => "await",
            Self::Decode => "decode",
            Self::Orient => "orient",
            Self::Detect => "detect",
            Self::Recognise => "recognise",
            Self::Tables => "tables",
            Self::Layout => "layout",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
