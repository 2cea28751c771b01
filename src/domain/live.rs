//! What watchers of a running engine see: its events and its current numbers.
//! It computes none of them.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ImageId, Millis, ModelKey, Outcome, Pause, PostId, StatusCounts, UnknownWord, UploadNumbers, WorkerSeen, words};
use crate::text::Safe;

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
        /// An image is being read.
        OcrStart = "ocr_start",
        /// An image was read.
        OcrDone = "ocr_done",
        /// An image was not read: given up, or to be tried again.
        OcrFailed = "ocr_failed",
        /// A document was stored.
        UploadDone = "upload_done",
        /// A document was not stored: given up, or to be tried again.
        UploadFailed = "upload_failed",
        /// Something about the engine itself: start, stop, database trouble, a request format stepped down.
        Engine = "engine",
    }
}

words! {
    /// How much an event is a matter for a person.
    Level, "level" {
        /// Something was given up, or not read, or not stored.
        Error = "error",
        /// Something did not go as meant, and is tried again or waits; whatever is about the engine itself.
        Warn = "warn",
        /// As meant.
        Info = "info",
    }
}

impl EventKind {
    /// How much it is a matter for a person.
    pub const fn level(self) -> Level {
        match self {
            Self::Failed | Self::OcrFailed | Self::UploadFailed => Level::Error,
            Self::Retry | Self::Fallback | Self::PassFailed | Self::PutOff | Self::Paused | Self::Breaker | Self::Engine => {
                Level::Warn
            }
            Self::Success | Self::Skipped | Self::Resumed | Self::OcrStart | Self::OcrDone | Self::UploadDone => Level::Info,
        }
    }
}

impl Level {
    /// The kinds of this level, in their order.
    pub fn kinds(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| kind.level() == self)
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
    /// The image it is about.
    pub image: Option<ImageId>,
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
    /// The reading of images.
    pub ocr: OcrNumbers,
    /// The storing of documents.
    pub uploads: UploadNumbers,
    /// Every worker of the database, this one among them; none where only one can be (SQLite, in its own process).
    pub workers: Vec<WorkerSeen>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            success: self.success + other.success,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
            calls: self.calls + other.calls,
            retries: self.retries + other.retries,
            fallbacks: self.fallbacks + other.fallbacks,
        }
    }
}

/// The reading of images in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OcrNumbers {
    /// OCR jobs by state, of the whole database.
    pub counts: StatusCounts,
    /// Images in this engine's hands, the one begun first first.
    pub busy: Vec<OcrBusy>,
    /// What reads them: `cpu`, `cuda` or `tensorrt`; `None` before this engine has read one.
    pub provider: Option<Safe>,
    /// Why that one.
    pub reason: Option<Safe>,
    /// Why no image is read, when that is so.
    pub trouble: Option<Safe>,
    /// Threads that were given up in the middle of a page and have not come back.
    pub stuck_threads: u32,
    /// Totals since this engine started.
    pub totals: OcrTotals,
}

impl OcrNumbers {
    /// Images that are still to be read, those in somebody's hands among them.
    pub const fn unread(&self) -> i64 {
        self.counts.pending + self.counts.retrying
    }
}

/// One image that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcrBusy {
    /// The post it belongs to, if any.
    pub post: Option<PostId>,
    /// Its file's name.
    pub image: Safe,
    /// What is being done to it.
    pub stage: &'static str,
    /// Page, from 1, and how many there are.
    pub page: (u32, u32),
    /// When it was begun, by this machine's clock.
    pub since: Millis,
}

/// Totals of the reading as the summary prints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OcrTotals {
    /// Images read, those among them whose content had been read before.
    pub success: u64,
    /// Images given up.
    pub failed: u64,
    /// Images cancelled.
    pub skipped: u64,
}

impl Add for OcrTotals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { success: self.success + other.success, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }
}
