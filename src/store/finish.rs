//! Ends of jobs that come at the same time, written together: one transaction and a few statements for all that queue up while the
//! one before is under way. An end that comes alone waits for nobody.
//! What an end does to a job and its post is told in `jobs`, for one; here it is the same for many.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::base::work;
use super::jobs::{End, FinishJob, ended_elsewhere, tags_json};
use super::link::{args, storable};
use super::types::Finish;
use super::{Store, StoreError, sql};
use crate::domain::{Fence, JobId, JobKind};
use crate::text::Safe;

/// Most ends in one transaction.
const MOST: usize = 64;

/// Ends that wait for their transaction.
#[derive(Default)]
pub(super) struct Ends {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever writes.
    lane: tokio::sync::Mutex<()>,
}

struct Waiting {
    end: One,
    reply: oneshot::Sender<Result<bool, StoreError>>,
}

#[derive(Clone)]
struct One {
    job: JobId,
    fence: Fence,
    finish: Finish,
}

impl Store {
    /// Ends a job and writes its post in one transaction. `false`: the lease was lost, nothing was changed.
    pub async fn finish(&self, job: JobId, fence: Fence, finish: &Finish) -> Result<bool, StoreError> {
        let (reply, answer) = oneshot::channel();
        let ends = &self.base.ends;
        ends.lock().push(Waiting { end: One { job, fence, finish: finish.clone() }, reply });
        {
            // Whoever gets here first writes what has gathered, its own among it; a caller that is dropped keeps nobody's back.
            let _lane = ends.lane.lock().await;
            let batch: Vec<Waiting> = {
                let mut waiting = ends.lock();
                let count = waiting.len().min(MOST);
                waiting.drain(..count).collect()
            };
            if !batch.is_empty() {
                let store = self.clone();
                // It ends by itself; what it came to is in the answers.
                let _ = tokio::spawn(async move { store.write_ends(batch).await }).await;
            }
        }
        let gone = || StoreError::Lost { doing: sql::FINISH.doing, cause: Safe::fixed("its writer has ended") };
        answer.await.map_err(|_| gone())?
    }

    async fn write_ends(&self, batch: Vec<Waiting>) {
        if batch.len() > 1 {
            let many = Many(batch.iter().map(|waiting| waiting.end.clone()).collect());
            match self.base.write(sql::FINISH.doing, many).await {
                Ok(kept) => {
                    for waiting in batch {
                        // Nobody waits any more: what was written stays written.
                        let _ = waiting.reply.send(Ok(kept.contains(&waiting.end.job)));
                    }
                    return;
                }
                // Nobody gets through now: to let each wait for the same would take 10 s an end.
                Err(error) if error.is_transient() && !matches!(error, StoreError::Conflict { .. }) => {
                    for waiting in batch {
                        let _ = waiting.reply.send(Err(error.again(sql::FINISH.doing)));
                    }
                    return;
                }
                Err(_) => {}
            }
        }
        // One that fails takes its neighbours' ends back with it: then each is written alone, and one failure hurts only itself.
        for Waiting { end: One { job, fence, finish }, reply } in batch {
            let _ = reply.send(self.base.write(sql::FINISH.doing, FinishJob { job, fence, finish }).await);
        }
    }
}

impl Ends {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Many(Vec<One>);

work!(Many => Vec<JobId>, |me, link| {
    let rows: Vec<Value> = me.0.iter().map(|one| {
        let end = End::of(&one.finish);
        json!([
            one.job.0, one.fence.0, end.status.as_str(), end.class.map(storable), end.reason.map(storable), end.after, end.given_back,
        ])
    }).collect();
    let mut kept = Vec::with_capacity(me.0.len());
    let (mut tagged, mut ended) = (Vec::new(), Vec::new());
    let finishes: HashMap<i64, &Finish> = me.0.iter().map(|one| (one.job.0, &one.finish)).collect();
    for row in link.rows(&sql::FINISH_MANY, args![&Value::from(rows).to_string()]).await? {
        let (job, ref_id, attempts) = (row.int(0)?, row.int(2)?, row.int(3)?);
        kept.push(JobId(job));
        let Some(finish) = finishes.get(&job) else { continue };
        let end = End::of(finish);
        let kind = row.word::<JobKind>(1)?;
        match (kind, finish) {
            (Some(JobKind::Tag), Finish::Tagged { tags }) => tagged.push(json!([ref_id, attempts, storable(&tags_json(tags))])),
            (Some(JobKind::Tag), _) => ended.push(json!([ref_id, attempts, end.status.as_str(), end.reason.map(storable)])),
            _ => ended_elsewhere(link, kind, ref_id, end.status).await?,
        }
    }
    if !tagged.is_empty() {
        link.run(&sql::POSTS_TAGGED, args![&Value::from(tagged).to_string()]).await?;
    }
    if !ended.is_empty() {
        link.run(&sql::POSTS_ENDED, args![&Value::from(ended).to_string()]).await?;
    }
    Ok(kept)
});
