//! Follows a database that this process does not work on, for `--observe`: the numbers that the tables hold, and those that the
//! workers show of themselves, added up.
//! The live log is `chorus`'s.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Tagging;
use crate::domain::{ModelScore, OcrNumbers, Phase, Snapshot, StatusCounts, Totals, UploadNumbers, WorkerSeen};
use crate::engine::p95;
use crate::store::{ProviderUsage, Store, StoreError};
use crate::text::Safe;

/// How often the tables are looked at where a file tells of every commit, and where workers write of themselves each two seconds.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

/// Starts a task that ends with its last watcher.
pub fn follow(store: Store, tagging: Arc<Tagging>) -> watch::Receiver<Snapshot> {
    let (publish, snapshot) = watch::channel(Snapshot::default());
    tokio::spawn(async move {
        let mut news = store.news();
        let told_of_all = store.is_embedded();
        let mut ticker = interval(if told_of_all { LOOK.0 } else { LOOK.1 });
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let worst = super::planned(&tagging);
        loop {
            tokio::select! {
                _ = ticker.tick() => {}
                Ok(()) = news.changed(), if told_of_all => { news.borrow_and_update(); }
                () = publish.closed() => return,
            }
            let seen = match look(&store, tagging.max_attempts).await {
                Ok(seen) => Snapshot { worst_case: worst, ..seen },
                Err(error) => Snapshot { trouble: Some(Safe::line(&error.to_string())), ..publish.borrow().clone() },
            };
            publish.send_if_modified(|last| {
                let seen = Snapshot { version: last.version, ..seen };
                let changed = seen != *last;
                if changed {
                    *last = Snapshot { version: last.version + 1, ..seen };
                }
                changed
            });
        }
    });
    snapshot
}

async fn look(store: &Store, max_attempts: u32) -> Result<Snapshot, StoreError> {
    let stats = store.stats(None, max_attempts).await?.unwrap_or_default();
    let usage = store.usage_today().await?;
    let workers = store.workers().await?;
    let alive: Vec<&WorkerSeen> = workers.iter().filter(|worker| worker.alive).collect();
    let pace = pace(&alive);
    Ok(Snapshot {
        counts: stats.stats_by_status,
        total: stats.total_posts,
        phase: Phase::None,
        in_flight: alive.iter().map(|worker| worker.numbers.in_flight).sum(),
        concurrency: alive.iter().map(|worker| worker.numbers.concurrency).sum(),
        eta_seconds: eta(&stats.stats_by_status, &pace),
        finished_per_second: pace,
        models: scoreboard(&alive, &usage),
        totals: alive.iter().fold(Totals::default(), |all, worker| add(all, worker.numbers.totals)),
        pauses: store.pauses().await?,
        uploads: uploads(store).await?,
        ocr: OcrNumbers {
            counts: store.ocr_counts().await?,
            provider: alive.iter().find_map(|worker| worker.provider.clone()),
            ..OcrNumbers::default()
        },
        spent_micros: usage.iter().map(|usage| usage.spent_micros).sum(),
        workers,
        ..Snapshot::default()
    })
}

async fn uploads(store: &Store) -> Result<UploadNumbers, StoreError> {
    let (stored, failed) = store.output_counts().await?;
    Ok(UploadNumbers { waiting: store.waiting_uploads().await?, stored, failed, ..UploadNumbers::default() })
}

/// Posts finished by all of them in each of the last seconds, newest last; some of them showed it a second or two ago.
fn pace(workers: &[&WorkerSeen]) -> Vec<u32> {
    let all = workers.iter().map(|worker| &worker.numbers.finished_per_second);
    let mut sum = vec![0; all.clone().map(Vec::len).max().unwrap_or_default()];
    for one in all {
        for (second, finished) in sum.iter_mut().rev().zip(one.iter().rev()) {
            *second += finished;
        }
    }
    sum
}

fn eta(counts: &StatusCounts, pace: &[u32]) -> Option<u64> {
    let left = u64::try_from(counts.pending + counts.retrying).unwrap_or(0);
    let done: u64 = pace.iter().map(|finished| u64::from(*finished)).sum();
    (left > 0 && done > 0).then(|| (left * pace.len() as u64).div_ceil(done))
}

/// All workers' scoreboards as one, in the order of the route of whoever showed it last.
fn scoreboard(workers: &[&WorkerSeen], usage: &[ProviderUsage]) -> Vec<ModelScore> {
    let mut newest_first = workers.to_vec();
    newest_first.sort_by_key(|worker| std::cmp::Reverse(worker.seen_at));
    let mut models: Vec<(ModelScore, Vec<u32>)> = Vec::new();
    for share in newest_first.iter().flat_map(|worker| &worker.numbers.models) {
        if let Some((score, times)) = models.iter_mut().find(|(score, _)| score.model == share.model) {
            score.calls += share.calls;
            score.successes += share.successes;
            score.answers += share.answers;
            times.extend(&share.times_ms);
        } else {
            let score = ModelScore {
                model: share.model.clone(),
                calls: share.calls,
                successes: share.successes,
                answers: share.answers,
                p95_ms: None,
                calls_today: usage.iter().find(|u| u.provider == share.model.provider).map_or(0, |u| u.calls),
                limit_today: share.limit_today,
                breaker: share.breaker,
                until: share.until,
                reason: share.reason.as_deref().map(Safe::line),
            };
            models.push((score, share.times_ms.clone()));
        }
    }
    models.into_iter().map(|(score, times)| ModelScore { p95_ms: p95(&times), ..score }).collect()
}

fn add(a: Totals, b: Totals) -> Totals {
    Totals {
        success: a.success + b.success,
        failed: a.failed + b.failed,
        skipped: a.skipped + b.skipped,
        calls: a.calls + b.calls,
        retries: a.retries + b.retries,
        fallbacks: a.fallbacks + b.fallbacks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BreakerState, ModelKey, ModelShare, WorkerNumbers};

    fn share(model: &str, calls: u64, times_ms: &[u32], breaker: BreakerState) -> ModelShare {
        ModelShare {
            model: ModelKey { provider: "p".to_owned(), model: model.to_owned() },
            calls,
            successes: calls,
            answers: calls,
            times_ms: times_ms.to_vec(),
            limit_today: None,
            breaker,
            until: None,
            reason: None,
        }
    }

    fn worker(seen_at: i64, pace: &[u32], models: Vec<ModelShare>) -> WorkerSeen {
        WorkerSeen {
            name: Safe::fixed("h:1"),
            host: Safe::fixed("h"),
            kinds: Vec::new(),
            version: Safe::fixed("0"),
            provider: None,
            doing: Safe::default(),
            started_at: 0,
            seen_at,
            alive: true,
            numbers: WorkerNumbers { finished_per_second: pace.to_vec(), models, ..WorkerNumbers::default() },
        }
    }

    #[test]
    fn scoreboards_are_added_up_and_the_newest_word_on_a_breaker_counts() {
        let (closed, open) = (BreakerState::Closed, BreakerState::Open);
        let old = worker(1, &[5], vec![share("a", 2, &[10, 20], closed), share("old", 1, &[1], closed)]);
        let new = worker(2, &[1, 2, 3], vec![share("b", 1, &[7], closed), share("a", 3, &[30], open)]);
        let board = scoreboard(&[&old, &new], &[ProviderUsage { provider: "p".to_owned(), calls: 9, spent_micros: 0 }]);
        let seen: Vec<_> = board.iter().map(|s| (s.model.model.as_str(), s.calls, s.p95_ms, s.breaker, s.calls_today)).collect();
        assert_eq!(seen, [("b", 1, Some(7), closed, 9), ("a", 5, Some(30), open, 9), ("old", 1, Some(1), closed, 9)]);
        assert_eq!(pace(&[&old, &new]), [1, 2, 8]);
    }
}
