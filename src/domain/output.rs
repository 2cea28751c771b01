//! Images outside any post, what was read in them, and its way into the blob store, as lists and snapshots show it.
//! Rows of tables are the store's; these are what the rooms above see.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ImageId, Millis, PostId, Status, UnknownWord, words};
use crate::text::Safe;

words! {
    /// Where a document is on its way into the blob store.
    OutputState, "output state" {
        /// In the database; its upload is due, put off or in somebody's hands.
        Waiting = "waiting",
        /// In the blob store.
        Stored = "stored",
        /// Given up; the engine's next start tries again.
        Failed = "failed",
        /// Somebody removed it; reading the image again, or enqueuing it by hand, stores it again.
        Removed = "removed",
    }
}

/// The document of one content on its way into the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// `outputs.id`.
    pub id: i64,
    /// Of the image, lower-case hex.
    pub sha256: String,
    /// Name of the image's file.
    pub source: String,
    /// Key without an ending: `.md` and `.json` follow.
    pub key: String,
    /// Size of both renderings, in bytes.
    pub bytes: i64,
    /// See [`OutputState`].
    pub state: OutputState,
    /// The blob store it lies in.
    pub place: Option<String>,
    /// Of the Markdown as stored, lower-case hex.
    pub md_sha256: Option<String>,
    /// Of the JSON as stored, lower-case hex.
    pub json_sha256: Option<String>,
    /// When it was enqueued.
    pub created_at: Millis,
    /// When it was stored.
    pub stored_at: Option<Millis>,
    /// Class of what went wrong last.
    pub error_class: Option<String>,
    /// What went wrong last, in words.
    pub error: Option<String>,
}

/// One image, how its reading stands and where its document goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageDetail {
    /// Which image.
    pub id: ImageId,
    /// The post it belongs to, if any.
    pub post: Option<PostId>,
    /// Its file on the machine that took it in; foreign text.
    pub path: String,
    /// When it was taken in.
    pub created_at: Millis,
    /// State of its reading; `None`: nobody was asked to read it.
    pub status: Option<Status>,
    /// Class of what went wrong last.
    pub error_class: Option<String>,
    /// What went wrong last, in words.
    pub error: Option<String>,
    /// Passes used.
    pub attempts: i64,
    /// When its job changed last.
    pub updated_at: Option<Millis>,
    /// Of its bytes, lower-case hex; `None`: it was not read so far.
    pub sha256: Option<String>,
    /// When it was read.
    pub read_at: Option<Millis>,
    /// Key of its document without an ending; `None`: it is not to be stored.
    pub key: Option<String>,
    /// Where its document is on that way.
    pub output: Option<OutputState>,
    /// The blob store its document lies in.
    pub place: Option<String>,
    /// When that was stored.
    pub stored_at: Option<Millis>,
}

/// Documents that wait for their upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingUploads {
    /// How many.
    pub documents: i64,
    /// Their size, in bytes.
    pub bytes: i64,
    /// When the oldest of them was enqueued.
    pub oldest: Option<Millis>,
}

/// The upload of documents in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadNumbers {
    /// Documents that wait, of the whole database.
    pub waiting: WaitingUploads,
    /// Documents in the blob store.
    pub stored: i64,
    /// Uploads given up.
    pub failed: i64,
    /// Uploads in this engine's hands.
    pub in_flight: usize,
    /// Most bytes that may wait before no further image is read; `None`: nothing is to be stored.
    pub spool: Option<i64>,
    /// True while the spool is full: no further image is read until it has drained.
    pub full: bool,
    /// The blob store, once it was opened.
    pub place: Option<Safe>,
    /// Why nothing goes up right now, when that is so; what is permanent is a pause besides.
    pub trouble: Option<Safe>,
    /// Totals since this engine started.
    pub totals: UploadTotals,
}

/// Totals of the uploads as the summary prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UploadTotals {
    /// Documents stored.
    pub success: u64,
    /// Uploads given up.
    pub failed: u64,
    /// Uploads whose document was gone.
    pub skipped: u64,
}

impl Add for UploadTotals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { success: self.success + other.success, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }
}
