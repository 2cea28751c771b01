//! Counts, from the counters that triggers keep; of a bot's unattached database by counting.
//! Whether tagging is switched on is not the store's to know.

use super::link::{Row, args};
use super::posts::total;
use super::{Store, StoreError, sql};
use crate::domain::{Stats, StatusCounts, UserId};

/// Counts by key, as the counters and the counting statements give them.
#[derive(Default)]
struct Keys {
    counts: StatusCounts,
    tagged: i64,
    /// Failed posts with fewer attempts than the limit.
    failed_under: i64,
}

impl Store {
    /// Counts of a user's posts, or of all; `None`: there is no such user. `max_attempts` is the settings': it decides which
    /// failed posts may be tried again. `tagging_enabled` is left `false`.
    pub async fn stats(&self, user: Option<UserId>, max_attempts: u32) -> Result<Option<Stats>, StoreError> {
        if let Some(user) = user
            && self.base.row(&sql::USER, args![user.0]).await?.is_none()
        {
            return Ok(None);
        }
        let keys = self.keys_counted(user, max_attempts).await?;
        let total_posts = total(&keys.counts);
        Ok(Some(Stats {
            user_id: user.map(|user| user.0),
            total_posts,
            posts_with_tags: keys.tagged,
            posts_without_tags: total_posts - keys.tagged,
            posts_need_retry: keys.counts.retrying + keys.failed_under,
            stats_by_status: keys.counts,
            tagging_enabled: false,
            max_retry_attempts: max_attempts.into(),
        }))
    }

    /// Failed posts by error class, the most frequent first; of the newest 10,000.
    pub async fn failures_by_class(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.base.rows(&sql::FAILURES, args![]).await?;
        rows.iter().map(|row| Ok((row.opt_text(0)?.unwrap_or_default(), row.int(1)?))).collect()
    }

    /// Posts by status.
    pub(super) async fn counts(&self, user: Option<UserId>) -> Result<StatusCounts, StoreError> {
        Ok(self.keys_counted(user, 0).await?.counts)
    }

    async fn keys_counted(&self, user: Option<UserId>, max_attempts: u32) -> Result<Keys, StoreError> {
        let user = user.map(|user| user.0);
        let rows = match &self.bot {
            None => self.base.rows(&sql::COUNTERS, args![user.unwrap_or_default()]).await?,
            Some(bot) if bot.has_status() => self.base.rows(&sql::BOT_STATS, args![user]).await?,
            Some(_) => self.base.rows(&sql::BOT_STATS_BARE, args![user]).await?,
        };
        sum(&rows, max_attempts)
    }
}

/// Posts by status, from rows of (key, count).
pub(super) fn counts(rows: &[Row]) -> Result<StatusCounts, StoreError> {
    Ok(sum(rows, 0)?.counts)
}

fn sum(rows: &[Row], max_attempts: u32) -> Result<Keys, StoreError> {
    let mut keys = Keys::default();
    for row in rows {
        let (key, n) = (row.text(0)?, row.int(1)?);
        match key.as_str() {
            "tagged" => keys.tagged += n,
            "pending" => keys.counts.pending += n,
            "retrying" => keys.counts.retrying += n,
            "success" => keys.counts.success += n,
            "skipped" => keys.counts.skipped += n,
            "no_status" => keys.counts.no_status += n,
            failed => {
                let attempts = failed.strip_prefix("failed:").and_then(|n| n.parse::<i64>().ok()).unwrap_or_default();
                keys.counts.failed += n;
                if attempts < i64::from(max_attempts) {
                    keys.failed_under += n;
                }
            }
        }
    }
    Ok(keys)
}
