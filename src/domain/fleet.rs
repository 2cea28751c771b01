//! Workers as the other processes on a database see them: who they are, and the numbers that each shows of itself.
//! It adds no numbers up; that is for whoever shows them.

use serde::{Deserialize, Serialize};

use super::{BreakerState, JobKind, Millis, ModelKey, Totals};
use crate::text::Safe;

/// One worker, as it last showed itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerSeen {
    /// Host and process, unlike any other's.
    pub name: Safe,
    /// The machine.
    pub host: Safe,
    /// What it does.
    pub kinds: Vec<JobKind>,
    /// Of the program.
    pub version: Safe,
    /// What it reads images on: `cpu`, `cuda` or `tensorrt`; `None` before it has read one.
    pub provider: Option<Safe>,
    /// What it is doing, in words.
    pub doing: Safe,
    /// When it began, by the database's clock.
    pub started_at: Millis,
    /// Its last sign of life, by the database's clock.
    pub seen_at: Millis,
    /// That was within 30 s.
    pub alive: bool,
    /// What it counts.
    #[serde(skip)]
    pub numbers: WorkerNumbers,
}

/// What a worker counts since it started; kept as JSON, and a key that a version does not know is passed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerNumbers {
    /// Posts in its hands.
    pub in_flight: usize,
    /// How many at once it allows itself.
    pub concurrency: usize,
    /// Posts finished in each of the last seconds, newest last.
    pub finished_per_second: Vec<u32>,
    /// What it did.
    pub totals: Totals,
    /// The scoreboard, in the route's order.
    pub models: Vec<ModelShare>,
}

/// One line of a worker's scoreboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelShare {
    /// Which model.
    pub model: ModelKey,
    /// Calls.
    pub calls: u64,
    /// Of them, answers with tags or `no_topic`.
    pub successes: u64,
    /// Of them, answers that held some text at all.
    pub answers: u64,
    /// Times of the newest calls, milliseconds.
    pub times_ms: Vec<u32>,
    /// The provider's limit a day, when one is set.
    pub limit_today: Option<i64>,
    /// Its breaker.
    pub breaker: BreakerState,
    /// When an open breaker half-opens.
    pub until: Option<Millis>,
    /// Why it is off or open.
    pub reason: Option<String>,
}
