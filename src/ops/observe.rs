//! Follows a database that this process does not work on, for `--observe`: the numbers that the tables hold.
//! It does not know another engine's scoreboard or events.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Tagging;
use crate::domain::{OcrNumbers, Phase, Snapshot, UploadNumbers};
use crate::store::{Store, StoreError};
use crate::text::Safe;

/// How often the tables are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Starts a task that ends with its last watcher.
pub fn follow(store: Store, tagging: Arc<Tagging>) -> watch::Receiver<Snapshot> {
    let (publish, snapshot) = watch::channel(Snapshot::default());
    tokio::spawn(async move {
        let mut ticker = interval(LOOK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let worst = super::planned(&tagging);
        while !publish.is_closed() {
            ticker.tick().await;
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
    Ok(Snapshot {
        counts: stats.stats_by_status,
        total: stats.total_posts,
        phase: Phase::None,
        pauses: store.pauses().await?,
        uploads: uploads(store).await?,
        ocr: OcrNumbers { counts: store.ocr_counts().await?, ..OcrNumbers::default() },
        spent_micros: store.usage_today().await?.iter().map(|usage| usage.spent_micros).sum(),
        ..Snapshot::default()
    })
}

async fn uploads(store: &Store) -> Result<UploadNumbers, StoreError> {
    let (stored, failed) = store.output_counts().await?;
    Ok(UploadNumbers { waiting: store.waiting_uploads().await?, stored, failed, ..UploadNumbers::default() })
}
