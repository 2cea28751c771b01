//! Images to be read, as they are listed and shown.
//! Rows of tables are the store's; what stands in an image is `ocr`'s document.

use serde::Serialize;

use super::{ImageId, Millis, PostId, Status};

/// One line of a list of images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageLine {
    /// Which image.
    pub id: ImageId,
    /// Its post; `None`: it was submitted by itself.
    pub post: Option<PostId>,
    /// Its path as it was imported or submitted.
    pub path: String,
    /// State of its reading.
    pub status: Status,
    /// Tries used.
    pub attempts: i64,
    /// Tries allowed.
    pub max_attempts: i64,
    /// Class of what went wrong last.
    pub error_class: Option<String>,
    /// What went wrong last, in words.
    pub error: Option<String>,
    /// When its job changed last.
    pub updated_at: Millis,
    /// When its next try is due, while one is.
    pub next_at: Option<Millis>,
    /// An engine reads it now.
    pub leased: bool,
}

/// An image with what came of reading it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageReading {
    /// As in lists.
    #[serde(flatten)]
    pub line: ImageLine,
    /// Its document, once there is one.
    pub read: Option<Reading>,
}

/// What a document says about its reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reading {
    /// The first 20,000 characters of the text, in reading order.
    pub text: String,
    /// What read it: `cpu`, `cuda`, the name of a service.
    pub provider: Option<String>,
    /// Stages and their milliseconds, in the order of the document.
    pub timings_ms: Vec<(String, f64)>,
    /// What the reader had doubts about.
    pub warnings: Vec<String>,
}

/// What a list of images is narrowed to; the default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// Only in these states; empty: in any.
    pub statuses: Vec<Status>,
    /// Only with this error class.
    pub class: Option<String>,
    /// Only paths that contain this, case-insensitively.
    pub query: Option<String>,
}

/// Place in a list of images ordered by (`updated_at`, id), newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageKey {
    /// `updated_at` of the last line seen.
    pub updated_at: Millis,
    /// Its image.
    pub id: ImageId,
}
