//! What the store takes and gives: claims, calls, finishes, quotas.
//! They carry no behaviour; posts and filters are the domain's own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{
    ChannelId, Fence, ImageId, JobId, ModelKey, Outcome, PageKey, PostFilter, PostId, PostLine, PostPlace, UserId, Why,
};

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Tables are created and brought up to date.
    ReadWrite,
    /// Nothing is written, not even a lock file beside a server.
    ReadOnly,
}

/// What attaching to a database would change, or has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps in order, each a sentence for a person; empty: nothing to do.
    pub steps: Vec<String>,
}

/// A job in this worker's hands until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which job.
    pub job: JobId,
    /// To be shown at `finish`.
    pub fence: Fence,
    /// What it is about: a post, an image or a document, by the job's kind.
    pub ref_id: i64,
    /// The post it belongs to; `None`: an image that somebody handed in without one.
    pub post: Option<PostId>,
    /// The post's channel.
    pub channel: ChannelId,
    /// The post's owner.
    pub user: Option<UserId>,
    /// The post's whole text.
    pub text: String,
    /// Recognised text of its images, in their order; for `tag`.
    pub image_text: Vec<String>,
    /// Path of the image; for `ocr`.
    pub image: Option<String>,
    /// Passes used, this one counted.
    pub attempts: i64,
    /// Passes allowed.
    pub max_attempts: i64,
    /// The model that an operator asked for.
    pub model: Option<ModelKey>,
}

/// A call about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// For which job.
    pub job: JobId,
    /// For which post.
    pub post: PostId,
    /// By whom.
    pub worker: String,
    /// Number of the pass, from 1.
    pub pass: i64,
    /// To whom.
    pub model: ModelKey,
    /// Highest price it can have, millionths of a US dollar.
    pub reserve_micros: i64,
    /// Why this model is asked; `None`: there was no choice.
    pub why: Option<Why>,
}

/// The last call of a job to one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCall {
    /// Since it was sent, by the database's clock.
    pub age: Duration,
    /// What it came to; `None`: nobody knows yet.
    pub outcome: Option<Outcome>,
}

/// Limits of the call's provider, over all workers of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls in any 60 seconds.
    pub per_minute: Option<u32>,
    /// Calls in a UTC day.
    pub per_day: Option<u32>,
    /// Money in a UTC day, millionths of a US dollar, reservations included.
    pub budget_micros: Option<i64>,
}

/// Whether a call may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is recorded as sent; send it.
    Sent(crate::domain::CallId),
    /// It must not be sent.
    Denied {
        /// When the limit will allow one again, epoch milliseconds of the database's clock.
        until: i64,
        /// Which limit: `requests_per_minute`, `requests_per_day` or `budget_per_day`.
        limit: &'static str,
    },
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEnd {
    /// Its class.
    pub outcome: Outcome,
    /// HTTP status, when an answer came.
    pub http_status: Option<u16>,
    /// From sending to the last byte, milliseconds.
    pub elapsed_ms: i64,
    /// Tokens of the request.
    pub prompt_tokens: Option<i64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<i64>,
    /// Price, millionths of a US dollar; `None`: the provider did not say.
    pub cost_micros: Option<i64>,
    /// The provider's id of the generation.
    pub request_id: Option<String>,
    /// The raw body; the first 64 KiB are kept.
    pub body: Option<Vec<u8>>,
    /// Cause in words.
    pub reason: Option<String>,
    /// Headers of the answer that say more than its body; small.
    pub headers: BTreeMap<String, String>,
}

/// How a pass ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// With tags.
    Tagged {
        /// Normalised, in order.
        tags: Vec<String>,
    },
    /// Nothing to do for it.
    Skipped {
        /// Outcome word, or `too_short`, `by_hand`.
        class: String,
        /// In words.
        reason: String,
    },
    /// The pass failed and counts; another is due.
    Retry {
        /// Outcome word.
        class: String,
        /// In words.
        reason: String,
        /// From now.
        after: Duration,
    },
    /// The pass does not count; another is due.
    PutOff {
        /// Outcome word.
        class: String,
        /// In words.
        reason: String,
        /// From now.
        after: Duration,
    },
    /// Given up.
    Failed {
        /// Outcome word.
        class: String,
        /// In words.
        reason: String,
    },
}

/// What a start of the engine found left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls of dead engines, now `unknown`.
    pub calls: u64,
    /// Jobs of dead engines, due now.
    pub jobs: u64,
}

/// What an operator wants tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeue {
    /// Narrows the choice; its status, when set, replaces `failed` and `retrying`.
    pub filter: PostFilter,
    /// Exactly these posts instead.
    pub ids: Option<Vec<PostId>>,
    /// Passes are counted from 0 again; with `ids`, whatever their status.
    pub force: bool,
    /// Most posts.
    pub limit: Option<u32>,
    /// Count only.
    pub dry_run: bool,
    /// Passes allowed by the settings of now; posts at or over it need `force`.
    pub max_attempts: u32,
    /// With `force`: the model to ask first, until the job is done.
    pub model: Option<ModelKey>,
    /// With `force`: those that a person decided about by hand as well.
    pub by_hand: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requeued {
    /// Posts that fit.
    pub matched: i64,
    /// Posts due again; 0 on a dry run.
    pub queued: i64,
    /// Posts left out because a person decided about them by hand.
    pub by_hand: i64,
}

/// Jobs of one kind that are not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Could be claimed now; counted up to [`Outlook::CAP`].
    pub due: i64,
    /// Due at a later time, nobody holds them; counted up to [`Outlook::CAP`].
    pub later: i64,
    /// In a worker's hands.
    pub leased: i64,
    /// When the next one is due that is not yet: a backoff or a lease that ends.
    pub next_at: Option<i64>,
}

impl Outlook {
    /// Counting stops here: 1M index entries would cost 50 ms on each look; that there are more is all an engine needs to know.
    pub const CAP: i64 = 1_000;

    /// True when nothing is left to do, now or later.
    pub const fn is_idle(&self) -> bool {
        self.due == 0 && self.later == 0 && self.leased == 0
    }
}

/// What OCR made of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// Of the image's bytes, lower-case hex.
    pub sha256: String,
    /// Plain text in reading order.
    pub text: String,
    /// Rendered.
    pub markdown: String,
    /// The whole document, one JSON object.
    pub json: String,
}

/// Where a document goes in the blob store, once and for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutput {
    /// Name of the image's file, without its folders.
    pub source: String,
    /// Key without an ending: `.md` and `.json` follow.
    pub key: String,
}

/// An image that belongs to no post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// Its file on this machine, or where else it came from.
    pub path: String,
    /// Of its bytes, lower-case hex.
    pub sha256: String,
}

/// What became of an image that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It was not there: it waits to be read.
    New,
    /// It was there and waits to be read, or is being read.
    Waiting,
    /// It had failed or been cancelled, and is tried again.
    Again,
    /// It has been read.
    Read,
}

/// An upload in this worker's hands until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Which job.
    pub job: JobId,
    /// To be shown at the end.
    pub fence: Fence,
    /// `outputs.id`.
    pub output: i64,
    /// Of the image, lower-case hex.
    pub sha256: String,
    /// Name of the image's file.
    pub source: String,
    /// Key without an ending.
    pub key: String,
    /// Size of both renderings, in bytes.
    pub bytes: i64,
    /// An image of this content.
    pub image: Option<ImageId>,
    /// Passes used, this one counted.
    pub attempts: i64,
    /// Passes allowed.
    pub max_attempts: i64,
}

/// What was put into the blob store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The blob store, for people.
    pub place: String,
    /// Of the Markdown, lower-case hex.
    pub md_sha256: String,
    /// Of the JSON, lower-case hex.
    pub json_sha256: String,
}

/// What came of looking for a document of the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reused {
    /// There is none: the image is to be read.
    Nothing,
    /// The job has ended with it.
    Done {
        /// Characters of its text.
        chars: usize,
    },
    /// The lease was lost, nothing was changed.
    Lost,
}

/// What engines remember of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    /// Which model.
    pub model: ModelKey,
    /// The answer format it takes.
    pub format: String,
    /// Its breaker and what else belongs to it, JSON.
    pub breaker: String,
    /// Why it is off the route, when it is.
    pub off_reason: Option<String>,
    /// When this was written, epoch milliseconds of the database's clock; ignored when saving.
    pub updated_at: i64,
}

/// A provider's use since 00:00 UTC, by all engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderUsage {
    /// Name of the provider.
    pub provider: String,
    /// Calls sent.
    pub calls: i64,
    /// Money spent and reserved, millionths of a US dollar.
    pub spent_micros: i64,
}

/// Ended calls of one model that came to the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallCount {
    /// Which model.
    pub model: ModelKey,
    /// Outcome word.
    pub outcome: String,
}

/// Ended calls after some call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls up to this id change no more.
    pub settled: i64,
    /// How many: among those, and after them.
    pub counts: Vec<(CallCount, bool, i64)>,
}

/// Part of a list, found within a bounded amount of reading.
#[derive(Clone, Debug, PartialEq)]
pub struct PostPage {
    /// In order; possibly fewer than asked for.
    pub lines: Vec<PostLine>,
    /// Where to go on; `None`: the list ends here.
    pub next: Option<PageKey>,
}

/// Part of a list in an order of choice.
#[derive(Clone, Debug, PartialEq)]
pub struct PostsInOrder {
    /// In order.
    pub lines: Vec<PostLine>,
    /// Where to go on; `None`: the list ends here.
    pub next: Option<PostPlace>,
}
