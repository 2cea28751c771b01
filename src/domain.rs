//! The words every room shares: posts, jobs, calls, outcomes, events and the engine's snapshot.
//! It holds no behaviour beyond naming; each trade keeps its own types for what only it needs.

mod fleet;
mod image;
mod live;
mod origin;
mod outcome;
mod output;
mod post;
mod route;
mod why;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::Safe;
pub use fleet::{ModelShare, WorkerNumbers, WorkerSeen};
pub use image::{ImageFilter, ImageKey, ImageLine, ImageReading, Reading};
pub use live::{
    BreakerState, Event, EventKind, Level, ModelScore, OcrBusy, OcrNumbers, OcrTotals, Phase, Snapshot, Totals, WorstCase,
};
pub use origin::Origin;
pub use outcome::{Action, Outcome};
pub use output::{ImageDetail, Output, OutputState, UploadNumbers, UploadTotals, WaitingUploads};
pub use post::{
    Answer, Call, Imported, NewPost, PageKey, PostDetail, PostFilter, PostImage, PostLine, PostOrder, PostPlace, Stats,
    StatusCounts,
};
pub use route::{ModelKey, Pause, PauseScope, Probe};
pub use why::{PassedOver, Turn, Unfit, Why};

/// Milliseconds since 1970-01-01 UTC, always of the database's clock when stored.
pub type Millis = i64;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// `posts.id`.
    PostId;
    /// `users.id` (not the Telegram id).
    UserId;
    /// `channels.id` (not the Telegram id).
    ChannelId;
    /// `images.id`.
    ImageId;
    /// `jobs.id`.
    JobId;
    /// `job_calls.id`.
    CallId;
    /// `jobs.fence`: grows by one with each claim; a finish with an older fence changes nothing.
    Fence;
}

/// A word from a closed list, stored and printed as that word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every word of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word as stored, printed and typed.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        // Derived, it would name the variants: the macro's words are out of its sight.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let words = Self::ALL.iter().map(|word| word.as_str());
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(words))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|w| w.as_str() == word).ok_or_else(|| UnknownWord {
                    what: $what,
                    word: Safe::line(word).clipped(60),
                    known: Self::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

pub(crate) use words;

/// A word that is not in its list; the message names the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}; one of: {known}")]
pub struct UnknownWord {
    pub(crate) what: &'static str,
    pub(crate) word: Safe,
    pub(crate) known: String,
}

words! {
    /// Status of a post's tagging, and state of any job.
    Status, "status" {
        /// Waiting for its first pass.
        Pending = "pending",
        /// A pass failed or was put off; another is due.
        Retrying = "retrying",
        /// Done.
        Success = "success",
        /// Given up until an operator asks again.
        Failed = "failed",
        /// Nothing to do: no topic, no text, moderated, by hand.
        Skipped = "skipped",
    }
}

impl Status {
    /// True for the states in which no engine will touch the job again by itself.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Retrying => false,
            Self::Success | Self::Failed | Self::Skipped => true,
        }
    }
}

words! {
    /// Kind of background work.
    JobKind, "job kind" {
        /// Tag a post with an LLM; `ref_id` is a post.
        Tag = "tag",
        /// Read an image; `ref_id` is an image.
        Ocr = "ocr",
        /// Put a document into the blob store; `ref_id` is an output: the document of one content.
        Upload = "upload",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().as_ref(), Ok(status));
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse::<Outcome>().as_ref(), Ok(outcome));
        }
        for scope in ["all", "uploads", "provider:openrouter", "free:openrouter"] {
            assert_eq!(scope.parse::<PauseScope>().unwrap().to_string(), scope);
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_list() {
        let error = "done\u{1b}[2J".parse::<Status>().unwrap_err().to_string();
        assert_eq!(error, "`done␛[2J` is not a status; one of: pending, retrying, success, failed, skipped");
    }
}
