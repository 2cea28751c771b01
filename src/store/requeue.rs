//! Posts an operator wants tried again: found by filter, made due in slices.
//! Which of them are worth it is the operator's word; that nobody works on them right now is checked here.

use super::base::work;
use super::link::args;
use super::news::Topic;
use super::types::{Requeue, Requeued};
use super::{Store, StoreError, json_ids, sql};
use crate::domain::{PostFilter, PostId, PostOrder, PostPlace, Status};

/// Posts changed in one transaction: a retry of everything must not keep finishes waiting.
const SLICE: usize = 500;

impl Store {
    /// Makes posts due again. Without `force`: `failed` or `retrying`, with text or images, under the attempt limit, in nobody's
    /// hands. With it their passes are counted from 0 and whoever works on one loses it. What a person decided by hand is left out
    /// and counted, unless that is asked for too.
    pub async fn requeue(&self, what: &Requeue) -> Result<Requeued, StoreError> {
        let mut done = Requeued::default();
        let mut left = what.limit.map_or(usize::MAX, |limit| limit as usize);
        if let Some(ids) = &what.ids {
            for slice in ids.chunks(SLICE) {
                self.requeue_slice(what, slice.iter().copied(), &mut left, &mut done).await?;
            }
            return Ok(done);
        }
        // `retrying` first: failed ones become so and would be met twice.
        let statuses = what.filter.status.map_or_else(|| vec![Status::Retrying, Status::Failed], |status| vec![status]);
        for status in statuses {
            let filter = PostFilter { status: Some(status), ..what.filter.clone() };
            // Posts made due move to the top of the list (or to another one): the walk goes down from where it began.
            let mut at = None;
            while left > 0 {
                let (places, next) = self.places(&filter, &[], PostOrder::Newest, at, SLICE as u32, u32::MAX).await?;
                self.requeue_slice(what, places.iter().map(PostPlace::id), &mut left, &mut done).await?;
                at = next;
                if at.is_none() {
                    break;
                }
            }
        }
        Ok(done)
    }

    async fn requeue_slice(
        &self,
        what: &Requeue,
        ids: impl Iterator<Item = PostId>,
        left: &mut usize,
        done: &mut Requeued,
    ) -> Result<(), StoreError> {
        let max_attempts = i64::from(what.max_attempts);
        let ids = json_ids(ids.map(|id| id.0));
        let rows = self.base.rows(&sql::ELIGIBLE, args![&ids, max_attempts, i64::from(what.force)]).await?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.int(1)? == 1 && !what.by_hand {
                done.by_hand += 1;
            } else {
                ids.push(row.int(0)?);
            }
        }
        ids.truncate(*left);
        *left -= ids.len();
        done.matched += ids.len() as i64;
        if !what.dry_run && !ids.is_empty() {
            let model = what.model.as_ref().map(ToString::to_string);
            let slice = Slice { ids: json_ids(ids), max_attempts, force: what.force, model };
            done.queued += self.base.write(sql::RETRY_JOBS.doing, slice).await?;
            self.base.news.tell(Topic::Work).await;
        }
        Ok(())
    }
}

struct Slice {
    ids: String,
    max_attempts: i64,
    force: bool,
    model: Option<String>,
}

work!(Slice => i64, |me, link| {
    if me.force {
        link.run(&sql::FORCE_POSTS, args![&me.ids]).await?;
        return Ok(link.rows(&sql::FORCE_JOBS, args![&me.ids, me.max_attempts, me.model.as_deref()]).await?.len() as i64);
    }
    let rows = link.rows(&sql::RETRY_JOBS, args![&me.ids, me.max_attempts]).await?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    let queued = ids.len() as i64;
    link.run(&sql::RETRY_POSTS, args![&json_ids(ids)]).await?;
    Ok(queued)
});
