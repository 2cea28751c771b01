//! Posts as they are imported, listed and shown, and the calls made for them.
//! Rows of tables are the store's; these are what the rooms above see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CallId, ChannelId, ImageId, Millis, ModelKey, Outcome, PostId, Status, UserId, Why};

/// A post to be written by an importer; the store finds out whether it is new.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPost {
    /// Telegram's id of the channel (with `-100` for channels and supergroups), or one made from its name.
    pub channel_telegram_id: i64,
    /// Title of the channel as the source gives it.
    pub channel_title: String,
    /// `@name` without the `@`, when known.
    pub channel_username: Option<String>,
    /// Id of the message within its channel; may be negative.
    pub message_id: i64,
    /// The whole text; empty when there is none.
    pub text: String,
    /// When it was posted, UTC.
    pub posted_at: Option<Millis>,
    /// Link to the post, when known.
    pub url: Option<String>,
    /// Paths of its images as found on this machine.
    pub images: Vec<String>,
}

/// What became of one imported post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It was not there: written, job enqueued.
    New,
    /// It was there with another text or further images: updated, enqueued again when the text changed.
    Updated,
    /// It was there just so.
    Unchanged,
}

/// One line of a list of posts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PostLine {
    /// Which post.
    pub id: PostId,
    /// Title of its channel.
    pub channel: String,
    /// Id of the message within its channel.
    pub message_id: i64,
    /// When it was posted, UTC.
    #[schema(value_type = Option<i64>)]
    pub posted_at: Option<Millis>,
    /// Status of its tagging; `None` when the column is NULL (`no_status`).
    pub status: Option<Status>,
    /// Passes used.
    pub attempts: i64,
    /// Its tags, if any.
    pub tags: Vec<String>,
    /// Outcome word of the last failed pass or of a skip; see [`Outcome`], plus `too_short`, `waiting_ocr`, `crashes_engine`, `by_hand`.
    pub error_class: Option<String>,
    /// What went wrong last, in words.
    pub error: Option<String>,
    /// When its job changed last.
    #[schema(value_type = i64)]
    pub updated_at: Millis,
    /// When its next pass is due, while one is.
    #[schema(value_type = Option<i64>)]
    pub next_at: Option<Millis>,
    /// The first 200 characters of its text.
    pub excerpt: String,
}

/// A post with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PostDetail {
    /// As in lists.
    #[serde(flatten)]
    pub line: PostLine,
    /// Owner.
    pub user_id: Option<UserId>,
    /// The whole text.
    pub text: String,
    /// Link, when known.
    pub url: Option<String>,
    /// Its images.
    pub images: Vec<PostImage>,
    /// Passes allowed.
    pub max_attempts: i64,
    /// The model that an operator asked for, until the post is done.
    pub asked_model: Option<ModelKey>,
    /// The worker that makes a pass over it just now.
    pub worker: Option<String>,
    /// Every call made for it, oldest first, at most the newest 200.
    pub calls: Vec<Call>,
}

/// One image of a post, and what came of reading it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PostImage {
    /// Which image.
    pub id: ImageId,
    /// Its path on the machine that imported it.
    pub path: String,
    /// State of its reading; `None`: nobody was asked to read it.
    pub status: Option<Status>,
    /// Class of what went wrong last; the words of OCR's errors, plus `image_missing`, `cancelled`, `crashes_engine`.
    pub error_class: Option<String>,
    /// What went wrong last, in words.
    pub error: Option<String>,
    /// The first 20,000 characters of its text, in reading order; `None`: there is no document.
    pub text: Option<String>,
}

/// One HTTP request to one model, as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Call {
    /// Which call.
    pub id: CallId,
    /// Number of the pass it belongs to, from 1.
    pub pass: i64,
    /// Provider and model asked.
    pub model: ModelKey,
    /// When it was recorded, before it went out.
    #[schema(value_type = i64)]
    pub sent_at: Millis,
    /// When it ended; `None` while in flight.
    #[schema(value_type = Option<i64>)]
    pub ended_at: Option<Millis>,
    /// What it came to; `None` while in flight.
    pub outcome: Option<Outcome>,
    /// HTTP status, when an answer came.
    pub http_status: Option<i64>,
    /// Tokens of the request, as the provider counted.
    pub prompt_tokens: Option<i64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<i64>,
    /// Price in millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// Cause in words.
    pub reason: Option<String>,
    /// Why this model was asked; `None`: it was not kept.
    pub why: Option<Why>,
}

/// A call with the answer that came, as it came; the provider's own secrets are blotted out of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// For which post.
    pub post: PostId,
    /// By which worker.
    pub worker: String,
    /// From sending to the last byte, milliseconds.
    pub elapsed_ms: Option<i64>,
    /// The provider's id of the generation.
    pub request_id: Option<String>,
    /// Headers that say more than the body, of answers that were no success.
    pub headers: BTreeMap<String, String>,
    /// The body, what is not UTF-8 in it replaced; `None`: none came.
    pub body: Option<String>,
    /// Only the beginning of the body was kept.
    pub cut: bool,
}

/// What a list of posts is narrowed to; the default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostFilter {
    /// Only this user's.
    pub user: Option<UserId>,
    /// Only with this status.
    pub status: Option<Status>,
    /// Only channels whose title or username contains this, case-insensitively.
    pub channel: Option<String>,
    /// Only with this error class.
    pub class: Option<String>,
    /// Only posts whose text contains this, case-insensitively (Cyrillic too).
    pub query: Option<String>,
    /// Only posts that a model was asked about whose `provider/model` contains this, case-insensitively.
    pub model: Option<String>,
}

/// Place in a list ordered by (`updated_at`, id), newest first; `None` starts at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// `updated_at` of the last line seen.
    pub updated_at: Millis,
    /// Its post.
    pub id: PostId,
}

/// In which order a list of posts stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostOrder {
    /// Last changed first.
    #[default]
    Newest,
    /// By the channel's title, within a channel last changed first.
    Channel,
    /// Most passes first; only posts failed and retrying.
    Passes,
    /// By error class, those without one last; only posts failed and retrying.
    Class,
    /// By id; only posts failed and retrying.
    Id,
}

impl PostOrder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Newest, Self::Channel, Self::Passes, Self::Class, Self::Id];

    /// Whether posts of this status can be listed so: an index for every order and status would cost each finish of a job.
    pub const fn lists(self, status: Status) -> bool {
        matches!(self, Self::Newest | Self::Channel) || matches!(status, Status::Failed | Status::Retrying)
    }
}

/// Place in a list of posts of some order: what it is ordered by, and the last line seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostPlace {
    /// See [`PostOrder::Newest`].
    Newest(PageKey),
    /// See [`PostOrder::Channel`]; `None`: posts of no channel, which come last.
    Channel(Option<ChannelId>, PageKey),
    /// See [`PostOrder::Passes`].
    Passes(i64, PostId),
    /// See [`PostOrder::Class`].
    Class(Option<String>, PostId),
    /// See [`PostOrder::Id`].
    Id(PostId),
}

impl PostPlace {
    /// The post.
    pub const fn id(&self) -> PostId {
        match self {
            Self::Newest(key) | Self::Channel(_, key) => key.id,
            Self::Passes(_, id) | Self::Class(_, id) | Self::Id(id) => *id,
        }
    }
}

/// Counts as `stats --json` prints them (DESIGN.md); key for key a promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// The user asked for, `null` for all.
    pub user_id: Option<i64>,
    /// All posts.
    pub total_posts: i64,
    /// Posts with at least one tag.
    pub posts_with_tags: i64,
    /// The others.
    pub posts_without_tags: i64,
    /// Posts in `retrying`, or `failed` under the attempt limit.
    pub posts_need_retry: i64,
    /// Posts by status.
    pub stats_by_status: StatusCounts,
    /// Whether tagging is switched on.
    pub tagging_enabled: bool,
    /// `max_attempts` of the settings.
    pub max_retry_attempts: i64,
}

/// Posts by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusCounts {
    /// See [`Status::Pending`].
    pub pending: i64,
    /// See [`Status::Success`].
    pub success: i64,
    /// See [`Status::Failed`].
    pub failed: i64,
    /// See [`Status::Retrying`].
    pub retrying: i64,
    /// See [`Status::Skipped`].
    pub skipped: i64,
    /// Posts whose status is NULL.
    pub no_status: i64,
}

impl StatusCounts {
    /// The count of one status.
    pub const fn of(&self, status: Status) -> i64 {
        match status {
            Status::Pending => self.pending,
            Status::Retrying => self.retrying,
            Status::Success => self.success,
            Status::Failed => self.failed,
            Status::Skipped => self.skipped,
        }
    }
}
