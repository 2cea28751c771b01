//! `/health` and `/ready`: answered from what a task looked up last, so that any number of askers cost the database nothing.
//! They tell no more than that it runs: everybody may ask.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::ToSchema;

use super::Shared;
use super::reply::{Reply, ok};
use crate::domain::Phase;
use crate::ops::{Ops, Pulse};
use crate::text::Safe;

/// How often the database is asked, and how long an answer may take.
const LOOK: Duration = Duration::from_secs(2);
/// An answer older than this is none.
const STALE: Duration = Duration::from_secs(10);

/// What was seen last.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Of the last answer.
    pub pulse: Pulse,
    /// When it came; `None`: the database does not answer.
    pub answered: Option<Instant>,
}

impl Standing {
    fn is_fresh(&self) -> bool {
        self.answered.is_some_and(|at| at.elapsed() < STALE)
    }
}

/// Asks until the server stops or nobody wants to know any more.
pub fn follow(ops: Ops, stopping: watch::Receiver<bool>) -> watch::Receiver<Standing> {
    let (publish, standing) = watch::channel(Standing::default());
    tokio::spawn(async move {
        let mut ticker = interval(LOOK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !publish.is_closed() && !*stopping.borrow() {
            ticker.tick().await;
            let seen = match timeout(LOOK, ops.pulse()).await {
                Ok(Ok(pulse)) => Standing { pulse, answered: Some(Instant::now()) },
                Ok(Err(error)) => {
                    tracing::warn!(error = %Safe::line(&error.to_string()), "the database does not answer");
                    Standing { answered: None, ..publish.borrow().clone() }
                }
                Err(_) => Standing { answered: None, ..publish.borrow().clone() },
            };
            publish.send_replace(seen);
        }
    });
    standing
}

/// Whether it lives.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `healthy`; `starting` until the database has answered.
    #[schema(value_type = String)]
    status: &'static str,
    /// Whether some engine reads images now. The key is that of the service before.
    paddleocr: bool,
    /// Whether documents go to S3.
    s3_storage: bool,
}

/// Whether it lives; for supervisors.
#[utoipa::path(get, path = "/health", tag = "operation", security(()), responses((status = 200, body = Health)))]
pub async fn health(State(desk): State<Shared>) -> Reply<Health> {
    let standing = desk.standing.borrow();
    ok(Health {
        status: if standing.is_fresh() { "healthy" } else { "starting" },
        paddleocr: standing.pulse.readers > 0,
        s3_storage: desk.in_bucket,
    })
}

/// Whether it can do its work.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready` or `not_ready`.
    #[schema(value_type = String)]
    status: &'static str,
    /// Whether the database answers.
    database: bool,
    /// Of the engine in this process: `running`, `idle`, `paused`, `stopping`; `none`: there is none.
    #[schema(value_type = String)]
    engine: &'static str,
    /// Engines on this database that tag, and that read images.
    taggers: i64,
    readers: i64,
}

/// Whether it can do its work; for balancers.
#[utoipa::path(
    get, path = "/ready", tag = "operation", security(()),
    responses(
        (status = 200, body = Ready),
        (status = 503, description = "The database does not answer, or the engine is stopping", body = Ready),
    )
)]
pub async fn ready(State(desk): State<Shared>) -> Reply<Ready> {
    let phase = desk.ops.watch().borrow().phase;
    let standing = desk.standing.borrow();
    let database = standing.is_fresh();
    let able = database && !matches!(phase, Phase::Draining | Phase::Stopped);
    let body = Ready {
        status: if able { "ready" } else { "not_ready" },
        database,
        engine: word(phase),
        taggers: standing.pulse.taggers,
        readers: standing.pulse.readers,
    };
    Reply(if able { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}

/// A phase as it is answered and measured.
pub fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::None => "none",
        Phase::Running => "running",
        Phase::Idle => "idle",
        Phase::Paused => "paused",
        Phase::Draining | Phase::Stopped => "stopping",
    }
}
