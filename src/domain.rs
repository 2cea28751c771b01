//! The words every room shares: posts, jobs, calls, outcomes, events and the engine's snapshot.
//! It holds no behaviour beyond naming; each trade keeps its own types for what only it needs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::Safe;

/// Milliseconds since 1970-01-01 UTC, always of the database's clock when stored.
pub type Millis = i64;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// A word that is not in its list; the message names the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}; one of: {known}")]
pub struct UnknownWord {
    what: &'static str,
    word: Safe,
    known: String,
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
        /// Put a document into the blob store; `ref_id` is a document.
        Upload = "upload",
    }
}

words! {
    /// What a call came to (FAILURES.md); each outcome has exactly one action there.
    Outcome, "outcome" {
        /// Tags came back.
        Success = "success",
        /// A valid empty list: the post has no topic.
        NoTopic = "no_topic",
        /// Connection refused, reset before an answer, or DNS.
        Unreachable = "unreachable",
        /// The TLS certificate was not accepted.
        Tls = "tls",
        /// No answer in time: ours, 408, 504 or 524.
        Timeout = "timeout",
        /// 400: the text is longer than the model's context.
        ContextLength = "context_length",
        /// 400 about `response_format` or `json_schema`.
        FormatUnsupported = "format_unsupported",
        /// The model does not exist any more.
        ModelGone = "model_gone",
        /// 400: the model does not take one parameter of the request.
        ParameterUnsupported = "parameter_unsupported",
        /// Any other 400 or 422.
        BadRequest = "bad_request",
        /// The key is missing, unknown or revoked.
        BadKey = "bad_key",
        /// 402 because of other requests in flight.
        InFlightBudget = "in_flight_budget",
        /// No money or a hard quota reached.
        OutOfCredit = "out_of_credit",
        /// 403: the key or workspace has reached its own limit.
        KeyLimit = "key_limit",
        /// The text was refused, by filter or in words.
        Moderated = "moderated",
        /// 403: not served in this region.
        Region = "region",
        /// 413.
        TooLarge = "too_large",
        /// 429: the free-tier daily limit of the account.
        FreeDaily = "free_daily",
        /// 429: the free-tier per-minute limit of the account.
        FreePerMinute = "free_per_minute",
        /// Any other 429.
        RateLimited = "rate_limited",
        /// 5xx, in the status or in the body.
        ServerError = "server_error",
        /// 502 that wraps the provider's own, deterministic 400.
        ProviderRejected = "provider_rejected",
        /// 503 while a local server still loads the model.
        Loading = "loading",
        /// 200 without an answer: no `choices`, or empty content.
        EmptyAnswer = "empty_answer",
        /// Reasoning, but no content.
        ReasoningOnly = "reasoning_only",
        /// `finish_reason` length, and no complete tag before the cut.
        Truncated = "truncated",
        /// `finish_reason` error or a network error upstream, also a stream cut midway.
        AnswerError = "answer_error",
        /// An answer in which no tag was found.
        NotTags = "not_tags",
        /// Neither JSON nor an event stream, though 2xx.
        Malformed = "malformed",
        /// HTML with 2xx: a gateway answered.
        Html = "html",
        /// More than 5 % of the body could not be decoded.
        NotUtf8 = "not_utf8",
        /// The body went over 1 MiB.
        BodyTooLarge = "body_too_large",
        /// We stopped waiting because the engine stops.
        Cancelled = "cancelled",
        /// Sent before a crash; nobody knows what came back.
        Unknown = "unknown",
    }
}

words! {
    /// What the engine does about an outcome, in the words of `tagdeck explain`.
    Action, "action" {
        /// The answer is taken.
        Success = "success",
        /// Ask the same model again.
        RetrySameModel = "retry_same_model",
        /// Ask the same model again after the time the answer names.
        RetryAfter = "retry_after",
        /// Go on with the next model of the route.
        NextModel = "next_model",
        /// No model will do better.
        Permanent = "permanent",
        /// Stop calling (all, or the class of models named) until the stated time or the operator.
        PauseEngine = "pause_engine",
    }
}

/// A model on a provider: `openrouter` + `google/gemini-2.5-flash`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelKey {
    /// Name of the provider in the settings.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
}

impl ModelKey {
    /// True for OpenRouter's free variants, which share one quota per account.
    pub fn is_free(&self) -> bool {
        self.model.ends_with(":free")
    }

    /// True for the built-in tagger that needs no network.
    pub fn is_local_keywords(&self) -> bool {
        self.provider == "local" && self.model == "keywords"
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PauseScope {
    /// Everything: no job is claimed.
    All,
    /// One provider.
    Provider(String),
    /// The `:free` models of one provider.
    Free(String),
}

impl fmt::Display for PauseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Free(name) => write!(f, "free:{name}"),
        }
    }
}

impl FromStr for PauseScope {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word.split_once(':') {
            None if word == "all" => Ok(Self::All),
            Some(("provider", name)) => Ok(Self::Provider(name.to_owned())),
            Some(("free", name)) => Ok(Self::Free(name.to_owned())),
            _ => Err(UnknownWord {
                what: "pause scope",
                word: Safe::line(word),
                known: "all, provider:NAME, free:NAME".to_owned(),
            }),
        }
    }
}

/// A pause as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What it covers.
    pub scope: PauseScope,
    /// When it ends by itself; `None`: when the operator says so.
    pub until: Option<Millis>,
    /// Why, in words for a person.
    pub reason: Safe,
}

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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PostLine {
    /// Which post.
    pub id: PostId,
    /// Title of its channel.
    pub channel: String,
    /// Id of the message within its channel.
    pub message_id: i64,
    /// When it was posted, UTC.
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
    pub updated_at: Millis,
    /// When its next pass is due, while one is.
    pub next_at: Option<Millis>,
    /// The first 200 characters of its text.
    pub excerpt: String,
}

/// A post with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Paths or addresses of its images.
    pub images: Vec<String>,
    /// Passes allowed.
    pub max_attempts: i64,
    /// Every call made for it, oldest first, at most the newest 200.
    pub calls: Vec<Call>,
}

/// One HTTP request to one model, as recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Which call.
    pub id: CallId,
    /// Number of the pass it belongs to, from 1.
    pub pass: i64,
    /// Provider and model asked.
    pub model: ModelKey,
    /// When it was recorded, before it went out.
    pub sent_at: Millis,
    /// When it ended; `None` while in flight.
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
}

/// Place in a list ordered by (`updated_at`, id), newest first; `None` starts at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// `updated_at` of the last line seen.
    pub updated_at: Millis,
    /// Its post.
    pub id: PostId,
}

/// Counts as `stats --json` prints them (DESIGN.md); key for key a promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

words! {
    /// Kind of an event.
    EventKind, "event kind" {
        /// A post was tagged.
        Success = "success",
        /// The same model will be asked again.
        Retry = "retry",
        /// The route goes on with the next model.
        Fallback = "fallback",
        /// A pass ended without tags; another is due.
        PassFailed = "pass_failed",
        /// A post was given up.
        Failed = "failed",
        /// A post was skipped.
        Skipped = "skipped",
        /// A pass was put off and not counted.
        PutOff = "put_off",
        /// Calls to a class of models stopped.
        Paused = "paused",
        /// They go on.
        Resumed = "resumed",
        /// A model's breaker opened, half-opened or closed, or a model was taken off the route.
        Breaker = "breaker",
        /// Something about the engine itself: start, stop, database trouble, a request format stepped down.
        Engine = "engine",
    }
}

/// One line of the live log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Grows by one with each event of this engine.
    pub seq: u64,
    /// When, by this machine's clock.
    pub time: Millis,
    /// Which engine.
    pub worker: Safe,
    /// What kind.
    pub kind: EventKind,
    /// The post it is about.
    pub post: Option<PostId>,
    /// The model it is about.
    pub model: Option<Safe>,
    /// The outcome it follows from.
    pub outcome: Option<Outcome>,
    /// In words.
    pub text: Safe,
}

words! {
    /// State of a model's breaker.
    BreakerState, "breaker state" {
        /// Calls go through.
        Closed = "closed",
        /// No call until `until`.
        Open = "open",
        /// One probe at a time.
        HalfOpen = "half_open",
        /// Off until the route is checked again (model gone, region).
        Off = "off",
    }
}

/// One line of the scoreboard, in the route's order.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelScore {
    /// Which model.
    pub model: ModelKey,
    /// Calls since this engine started.
    pub calls: u64,
    /// Of them, answers with tags or `no_topic`.
    pub successes: u64,
    /// Of them, answers that held some text at all.
    pub answers: u64,
    /// 95th percentile of the last 256 calls' time, milliseconds.
    pub p95_ms: Option<u64>,
    /// HTTP calls today (UTC) to its provider, by all engines on this database.
    pub calls_today: i64,
    /// The provider's limit a day, when one is set.
    pub limit_today: Option<i64>,
    /// Its breaker.
    pub breaker: BreakerState,
    /// When an open breaker half-opens.
    pub until: Option<Millis>,
    /// Why it is off or open.
    pub reason: Option<Safe>,
}

/// The engine's current numbers, published for any number of watchers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Grows with every publication.
    pub version: u64,
    /// Posts by status, of the whole database.
    pub counts: StatusCounts,
    /// All posts.
    pub total: i64,
    /// What the engine is doing.
    pub phase: Phase,
    /// Posts in this engine's hands now.
    pub in_flight: usize,
    /// How many at once the adaptive limit allows now.
    pub concurrency: usize,
    /// Posts finished in each of the last 60 seconds, or of those since the start, oldest first.
    pub finished_per_second: Vec<u32>,
    /// Seconds until `pending` and due `retrying` posts are done at the pace of the last minute.
    pub eta_seconds: Option<u64>,
    /// The scoreboard, in the route's order.
    pub models: Vec<ModelScore>,
    /// Pauses in force.
    pub pauses: Vec<Pause>,
    /// Money spent today (UTC), millionths of a US dollar, and the limit if one is set.
    pub spent_micros: i64,
    /// The day's budget in millionths of a US dollar.
    pub budget_micros: Option<i64>,
    /// Worst case for one post: models × tries × passes.
    pub worst_case: WorstCase,
    /// Totals since this engine started.
    pub totals: Totals,
    /// Something that needs the operator: a lost database, a route without a healthy model.
    pub trouble: Option<Safe>,
}

/// What an engine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not started, or none in this process (`--observe`).
    #[default]
    None,
    /// Claiming and working.
    Running,
    /// Nothing is due.
    Idle,
    /// Paused by the operator or by a pause that covers everything.
    Paused,
    /// Finishing what is in flight, claiming nothing.
    Draining,
    /// Ended.
    Stopped,
}

/// Most calls one post can cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorstCase {
    /// Models of the route.
    pub models: u64,
    /// Most calls in one pass.
    pub calls_per_pass: u64,
    /// `max_attempts`.
    pub passes: u64,
}

impl WorstCase {
    /// Calls in all.
    pub const fn calls(&self) -> u64 {
        self.calls_per_pass * self.passes
    }
}

/// Totals of a run as the summary prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Jobs that ended well.
    pub success: u64,
    /// Jobs given up.
    pub failed: u64,
    /// Jobs skipped.
    pub skipped: u64,
    /// HTTP calls made.
    pub calls: u64,
    /// Times the same model was asked again within a pass.
    pub retries: u64,
    /// Times a pass went on with the next model.
    pub fallbacks: u64,
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
        for scope in ["all", "provider:openrouter", "free:openrouter"] {
            assert_eq!(scope.parse::<PauseScope>().unwrap().to_string(), scope);
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_list() {
        let error = "done\u{1b}[2J".parse::<Status>().unwrap_err().to_string();
        assert_eq!(error, "`done␛[2J` is not a status; one of: pending, retrying, success, failed, skipped");
    }
}
