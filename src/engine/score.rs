//! The engine's numbers: totals, pace, the models' scoreboard; published as a [`Snapshot`] when something changed.
//! It draws nothing; the tables' own counters give the counts.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::shared::Shared;
use crate::domain::{
    ModelKey, ModelScore, ModelShare, OcrNumbers, Outcome, Phase, Snapshot, Stats, Status, StatusCounts, Totals, WorkerNumbers,
    WorkerSeen,
};
use crate::llm::Verdict;
use crate::llm::quota::Concurrency;
use crate::store::{ProviderUsage, StoreError};
use crate::text::Safe;

/// Calls of each model whose times are kept for the percentile.
const TIMES: usize = 256;
/// Of them, those that other processes see.
const TIMES_SHOWN: usize = 32;
/// Seconds of the pace.
const PACE: usize = 60;

/// Counting OCR jobs walks an index over all of them: it may take one part in so many of the time.
const OCR_COUNT_SHARE: u32 = 50;
/// The soonest that they are counted again.
const OCR_COUNT: Duration = Duration::from_millis(250);

/// Numbers of one engine since it started.
pub struct Board {
    pub totals: Totals,
    pub in_flight: usize,
    pub concurrency: Concurrency,
    /// What the engine was doing when it last published.
    pub phase: Phase,
    models: BTreeMap<ModelKey, Score>,
    /// Posts finished in each of the last seconds, newest last, and the second of the newest.
    pace: VecDeque<u32>,
    pace_second: u64,
    started: Instant,
    stats: Stats,
    usage: Vec<ProviderUsage>,
    workers: Vec<WorkerSeen>,
    ocr_counts: StatusCounts,
    /// When the OCR jobs are worth counting again.
    ocr_count_at: Instant,
    read_at: Option<Instant>,
    dirty: bool,
}

#[derive(Default)]
struct Score {
    calls: u64,
    successes: u64,
    answers: u64,
    times_ms: VecDeque<u32>,
}

impl Board {
    pub fn new(concurrency_max: u32) -> Self {
        Self {
            totals: Totals::default(),
            in_flight: 0,
            concurrency: Concurrency::new(concurrency_max),
            phase: Phase::None,
            models: BTreeMap::new(),
            pace: VecDeque::from(vec![0; PACE]),
            pace_second: 0,
            started: Instant::now(),
            stats: Stats::default(),
            usage: Vec::new(),
            workers: Vec::new(),
            ocr_counts: StatusCounts::default(),
            ocr_count_at: Instant::now(),
            read_at: None,
            dirty: true,
        }
    }

    /// A call ended.
    pub fn called(&mut self, model: &ModelKey, verdict: &Verdict, elapsed: Duration) {
        if !model.is_local_keywords() {
            self.totals.calls += 1;
        }
        let score = self.models.entry(model.clone()).or_default();
        score.calls += 1;
        score.successes += u64::from(matches!(verdict.outcome, Outcome::Success | Outcome::NoTopic));
        score.answers += u64::from(verdict.answered);
        if score.times_ms.len() == TIMES {
            score.times_ms.pop_front();
        }
        score.times_ms.push_back(u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX));
        self.dirty = true;
    }

    /// Something changed that the tables' counters tell.
    pub fn changed(&mut self) {
        self.dirty = true;
    }

    /// True when the tables' counters are to be read again.
    pub fn has_news(&self) -> bool {
        self.dirty
    }

    /// A post reached a final state.
    pub fn finished(&mut self, status: Status) {
        match status {
            Status::Success => self.totals.success += 1,
            Status::Failed => self.totals.failed += 1,
            Status::Skipped => self.totals.skipped += 1,
            Status::Pending | Status::Retrying => return,
        }
        self.roll();
        if let Some(now) = self.pace.back_mut() {
            *now += 1;
        }
        self.dirty = true;
    }

    /// Posts finished in each second that this engine has lived, at most the last 60; none while nothing is due or was finished
    /// in them, so that an idle engine has nothing new to tell each second, nor the minute that runs out.
    fn pace(&self, phase: Phase) -> Vec<u32> {
        if phase == Phase::Idle || self.pace.iter().all(|finished| *finished == 0) {
            return Vec::new();
        }
        self.pace.iter().skip(PACE - self.seconds()).copied().collect()
    }

    /// Moves the pace on to the current second.
    fn roll(&mut self) {
        let second = self.started.elapsed().as_secs();
        let passed = usize::try_from(second - self.pace_second).unwrap_or(PACE).min(PACE);
        for _ in 0..passed {
            self.pace.pop_front();
            self.pace.push_back(0);
        }
        self.pace_second = second;
    }

    /// Seconds until everything unfinished is done at the pace of the last minute.
    fn eta_seconds(&self) -> Option<u64> {
        let counts = &self.stats.stats_by_status;
        let left = u64::try_from(counts.pending + counts.retrying).unwrap_or(0);
        let done: u64 = self.pace.iter().map(|n| u64::from(*n)).sum();
        (left > 0 && done > 0).then(|| (left * self.seconds() as u64).div_ceil(done))
    }

    /// Seconds the pace speaks of: before the first minute is over, those since the start.
    fn seconds(&self) -> usize {
        usize::try_from(self.started.elapsed().as_secs() + 1).unwrap_or(PACE).min(PACE)
    }
}

/// The nearest-rank 95th percentile.
pub fn p95<'a>(times: impl IntoIterator<Item = &'a u32>) -> Option<u64> {
    let mut sorted: Vec<u32> = times.into_iter().copied().collect();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).map(|ms| u64::from(*ms))
}

/// Reads what holds for all engines and the tables' counters when something happened here, or it is time to look; without
/// anybody who watches, only the former.
pub async fn refresh(shared: &Shared, watched: bool) -> Result<(), StoreError> {
    {
        let mut board = shared.board();
        let due = (board.dirty && watched) || board.read_at.is_none_or(|at| at.elapsed() >= shared.poll());
        if !due {
            return Ok(());
        }
        // What changes while the tables are read is read the next time.
        board.dirty &= !watched;
    }
    let read = read(shared, watched).await;
    shared.board().dirty |= read.is_err();
    read
}

async fn read(shared: &Shared, watched: bool) -> Result<(), StoreError> {
    shared.follow_rules().await?;
    shared.note_waiting(shared.store.waiting_uploads().await?);
    if !watched {
        shared.board().read_at = Some(Instant::now());
        return Ok(());
    }
    let stats = shared.store.stats(None, shared.tagging.max_attempts).await?.unwrap_or_default();
    let usage = shared.store.usage_today().await?;
    let workers = shared.store.workers().await?;
    let counting = Instant::now();
    let ocr_counts = if shared.board().ocr_count_at <= counting {
        let (stored, failed) = shared.store.output_counts().await?;
        shared.uploading.set_counts(stored, failed);
        Some(shared.store.ocr_counts().await?)
    } else {
        None
    };
    let mut board = shared.board();
    if let Some(counts) = ocr_counts {
        board.ocr_counts = counts;
        // A database of a million images is counted less often than one of a hundred.
        board.ocr_count_at = Instant::now() + (counting.elapsed() * OCR_COUNT_SHARE).max(OCR_COUNT);
    } else {
        board.dirty = true;
    }
    board.stats = stats;
    board.usage = usage;
    board.workers = workers;
    board.read_at = Some(Instant::now());
    Ok(())
}

/// Publishes a snapshot if it differs from the last one.
pub fn publish(shared: &Shared, phase: Phase, trouble: Option<Safe>, to: &watch::Sender<Snapshot>) {
    shared.board().phase = phase;
    let snapshot = compose(shared, phase, trouble);
    to.send_if_modified(|last| {
        let same = Snapshot { version: last.version, ..snapshot.clone() } == *last;
        if !same {
            *last = Snapshot { version: last.version + 1, ..snapshot };
        }
        !same
    });
}

/// What this engine shows of itself to other processes.
pub fn numbers(shared: &Shared) -> WorkerNumbers {
    let now = shared.now();
    let route = shared.route();
    let mut board = shared.board();
    board.roll();
    let share = |(index, key): (usize, &ModelKey)| {
        let (breaker, until, reason) = route.health.score(index, now);
        let score = board.models.get(key);
        ModelShare {
            model: key.clone(),
            calls: score.map_or(0, |s| s.calls),
            successes: score.map_or(0, |s| s.successes),
            answers: score.map_or(0, |s| s.answers),
            times_ms: score.map(|s| s.times_ms.iter().rev().take(TIMES_SHOWN).copied().collect()).unwrap_or_default(),
            limit_today: shared.providers.get(&key.provider).and_then(|p| p.requests_per_day).map(i64::from),
            breaker,
            until,
            reason: reason.map(String::from),
        }
    };
    WorkerNumbers {
        in_flight: board.in_flight,
        concurrency: board.concurrency.limit(),
        finished_per_second: board.pace(board.phase),
        totals: board.totals,
        models: route.own().iter().map(|model| &model.key).enumerate().map(share).collect(),
    }
}

fn compose(shared: &Shared, phase: Phase, trouble: Option<Safe>) -> Snapshot {
    let now = shared.now();
    let pauses = shared.pauses();
    // The two locks are never taken the other way round: everybody else holds one at a time.
    let route = shared.route();
    let mut board = shared.board();
    board.roll();
    let models: Vec<ModelScore> = route
        .own()
        .iter()
        .enumerate()
        .map(|(index, model)| {
            let (breaker, until, reason) = route.health.score(index, now);
            let score = board.models.get(&model.key);
            ModelScore {
                model: model.key.clone(),
                calls: score.map_or(0, |s| s.calls),
                successes: score.map_or(0, |s| s.successes),
                answers: score.map_or(0, |s| s.answers),
                p95_ms: score.and_then(|s| p95(&s.times_ms)),
                calls_today: board.usage.iter().find(|u| u.provider == model.key.provider).map_or(0, |u| u.calls),
                limit_today: shared.providers.get(&model.key.provider).and_then(|p| p.requests_per_day).map(i64::from),
                breaker,
                until,
                reason,
            }
        })
        .collect();
    let budgets: Vec<i64> = shared.providers.values().filter_map(|p| p.budget_micros_per_day).collect();
    Snapshot {
        version: 0,
        counts: board.stats.stats_by_status,
        total: board.stats.total_posts,
        phase,
        in_flight: board.in_flight,
        concurrency: board.concurrency.limit(),
        finished_per_second: board.pace(phase),
        eta_seconds: board.eta_seconds(),
        worst_case: shared.worst_case(route.own()),
        models,
        pauses,
        spent_micros: board.usage.iter().map(|u| u.spent_micros).sum(),
        budget_micros: (!budgets.is_empty()).then(|| budgets.iter().sum()),
        totals: board.totals,
        ocr: OcrNumbers { counts: board.ocr_counts, ..shared.reading.numbers() },
        uploads: shared.uploading.numbers(),
        workers: board.workers.clone(),
        trouble: trouble.or_else(|| route.empty_because.clone().filter(|_| shared.kinds.tag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        assert_eq!(p95(&[]), None);
        assert_eq!(p95(&(1..=100).collect::<Vec<_>>()), Some(95));
        assert_eq!(p95(&[7]), Some(7));
    }

    #[test]
    fn a_finished_post_counts_once_and_an_unfinished_one_not() {
        let mut board = Board::new(8);
        for status in Status::ALL {
            board.finished(*status);
        }
        let t = board.totals;
        assert_eq!((t.success, t.failed, t.skipped), (1, 1, 1));
        assert_eq!(board.pace.iter().sum::<u32>(), 3);
    }
}
