//! LOCAL STAND-IN, not to be merged: the `Ops` of the contract on made-up posts, so that the dashboard can be seen.
//! It keeps nothing and has no engine.

#![allow(clippy::unused_async)]

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::domain::{
    BreakerState, Call, CallId, EventKind, ModelKey, ModelScore, Outcome, PageKey, Phase, PostDetail, PostFilter, PostId,
    PostLine, Snapshot, Stats, Status, UserId, WorstCase,
};
use crate::engine::event::{Draft, EventLog, wall_clock};
use crate::text::Safe;

/// A sentence for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpsError(pub Safe);

/// What to retry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryRequest {
    /// Which posts.
    pub filter: PostFilter,
    /// Only these.
    pub ids: Option<Vec<PostId>>,
    /// Give passes back.
    pub force: bool,
    /// At most so many.
    pub limit: Option<u32>,
    /// Only count.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    /// Posts that match.
    pub matched: i64,
    /// Posts that are (or would be) due again.
    pub queued: i64,
    /// Calls at worst.
    pub worst_case_calls: u64,
}

/// The stand-in.
#[derive(Clone, Debug)]
pub struct Ops {
    posts: Arc<Mutex<Vec<PostLine>>>,
    snapshot: watch::Sender<Snapshot>,
    log: EventLog,
}

impl Default for Ops {
    fn default() -> Self {
        Self::new(1_000)
    }
}

impl Ops {
    /// With so many failed posts.
    pub fn new(failed: i64) -> Self {
        let now = wall_clock();
        let line = |n: i64| PostLine {
            id: PostId(n),
            channel: ["Naked Science", "Хабр", "Новости Москвы"][usize::try_from(n % 3).unwrap_or(0)].to_owned(),
            message_id: n,
            posted_at: Some(now - n * 90_000),
            status: Some(if n % 4 == 0 { Status::Retrying } else { Status::Failed }),
            attempts: if n % 4 == 0 { 2 } else { 5 },
            tags: Vec::new(),
            error_class: Some(if n % 5 == 0 { "not_tags" } else { "server_error" }.to_owned()),
            error: Some("502 upstream, all 3 models".to_owned()),
            updated_at: now - n * 60_000,
            next_at: (n % 4 == 0).then_some(now + n * 30_000),
            excerpt: "В Китае нашли ударный кратер необычной формы".to_owned(),
        };
        let mut snapshot = Snapshot { phase: Phase::Running, in_flight: 3, concurrency: 4, total: 5_054, ..Snapshot::default() };
        snapshot.counts.success = 5_054 - failed;
        snapshot.counts.retrying = failed / 4;
        snapshot.counts.failed = failed - failed / 4;
        snapshot.finished_per_second = (0..60).map(|n| n % 7).collect();
        snapshot.eta_seconds = Some(70);
        snapshot.worst_case = WorstCase { models: 2, calls_per_pass: 6, passes: 5 };
        let score = |model: &str, breaker, until| ModelScore {
            model: ModelKey { provider: "openrouter".to_owned(), model: model.to_owned() },
            calls: 212,
            successes: 170,
            answers: 180,
            p95_ms: Some(1_900),
            calls_today: 37,
            limit_today: Some(50),
            breaker,
            until,
            reason: None,
        };
        snapshot.models = vec![
            score("google/gemini-2.5-flash", BreakerState::Closed, None),
            score("meta-llama/llama-4:free", BreakerState::Open, Some(now + 48_000)),
        ];
        Self {
            posts: Arc::new(Mutex::new((1..=failed).map(line).collect())),
            snapshot: watch::Sender::new(snapshot),
            log: EventLog::new(Safe::fixed("stand-in")),
        }
    }

    /// Counts.
    pub async fn stats(&self, _user: Option<UserId>) -> Result<Option<Stats>, OpsError> {
        Ok(Some(Stats::default()))
    }

    /// A page.
    pub async fn posts(&self, filter: &PostFilter, after: Option<PageKey>, limit: u32) -> Result<Vec<PostLine>, OpsError> {
        let posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = |line: &&PostLine| after.is_none_or(|key| (line.updated_at, line.id) < (key.updated_at, key.id));
        let fits = |line: &&PostLine| {
            filter.status.is_none_or(|s| line.status == Some(s)) && (filter.class.is_none() || filter.class == line.error_class)
        };
        Ok(posts.iter().filter(fits).filter(behind).take(limit as usize).cloned().collect())
    }

    /// A post.
    pub async fn post(&self, id: PostId) -> Result<Option<PostDetail>, OpsError> {
        let line = self.posts.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|line| line.id == id).cloned();
        Ok(line.map(|line| PostDetail {
            user_id: None,
            text: "В Китае нашли ударный кратер необычной формы.\n\n\u{1b}[2JИ ещё один. ".repeat(30),
            url: Some("https://t.me/nakedscience/1".to_owned()),
            images: Vec::new(),
            max_attempts: 5,
            calls: (0..12)
                .map(|n| Call {
                    id: CallId(n),
                    pass: 1 + n / 3,
                    model: ModelKey { provider: "openrouter".to_owned(), model: format!("google/gemini-{}", n % 3 / 2) },
                    sent_at: line.updated_at + n * 1_000,
                    ended_at: Some(line.updated_at + n * 1_000 + 900),
                    outcome: Some(Outcome::ServerError),
                    http_status: Some(502),
                    prompt_tokens: Some(310),
                    completion_tokens: Some(20),
                    cost_micros: Some(120),
                    reason: Some("Upstream error from OpenInference".to_owned()),
                })
                .collect(),
            line,
        }))
    }

    /// Failed posts by class.
    pub async fn failures_by_class(&self) -> Result<Vec<(String, i64)>, OpsError> {
        Ok(vec![("server_error".to_owned(), 9), ("moderated".to_owned(), 3), ("not_tags".to_owned(), 2)])
    }

    /// Retries.
    pub async fn retry(&self, request: &RetryRequest) -> Result<RetryReport, OpsError> {
        let matched = request.ids.as_ref().map_or(14, |ids| ids.len() as i64);
        let queued = if request.force { matched } else { matched / 2 };
        Ok(RetryReport { matched, queued, worst_case_calls: 30 * queued.unsigned_abs() })
    }

    /// Tags anew.
    pub async fn regenerate(&self, id: PostId) -> Result<(), OpsError> {
        self.log.publish(Draft::new(EventKind::Engine, Safe::fixed("asked to tag a post anew")).post(id));
        Ok(())
    }

    /// Pauses.
    pub async fn pause(&self) -> Result<(), OpsError> {
        self.snapshot.send_modify(|snapshot| snapshot.phase = Phase::Paused);
        Ok(())
    }

    /// Goes on.
    pub async fn resume(&self) -> Result<(), OpsError> {
        self.snapshot.send_modify(|snapshot| snapshot.phase = Phase::Running);
        Ok(())
    }

    /// The engine's numbers.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    /// The live log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }
}
