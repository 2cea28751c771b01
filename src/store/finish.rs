//! The end of a job, with its post and the call that brought it: one transaction under the fence, for one or for many at once.
//! It decides nothing: the caller says how a pass ended.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::base::Boxed;
use super::calls::{Ended, end_calls};
use super::gather::{Lane, Piece};
use super::jobs::{End, ended_elsewhere, finish, tags_json};
use super::link::{Link, args, storable};
use super::types::{CallEnd, Finish};
use super::{Store, StoreError, sql};
use crate::domain::{CallId, Fence, JobId, JobKind};

/// The end of one job.
#[derive(Clone)]
pub(super) struct Ending {
    job: JobId,
    fence: Fence,
    finish: Finish,
    call: Option<Ended>,
}

impl Store {
    /// Ends a job and writes its post in one transaction. `false`: the lease was lost, nothing was changed.
    pub async fn finish(&self, job: JobId, fence: Fence, finish: &Finish) -> Result<bool, StoreError> {
        self.end(Ending { job, fence, finish: finish.clone(), call: None }).await
    }

    /// The same together with the end of the call that brought it, so that nothing can come between the two: an answer that is
    /// recorded is one that its post has. When the lease was lost, the call is recorded all the same.
    pub async fn finish_with_call(
        &self,
        (job, fence): (JobId, Fence),
        finish: &Finish,
        call: CallId,
        end: &CallEnd,
    ) -> Result<bool, StoreError> {
        let call = Some(Ended { call, end: end.clone() });
        self.end(Ending { job, fence, finish: finish.clone(), call }).await
    }

    async fn end(&self, ending: Ending) -> Result<bool, StoreError> {
        Lane::write(&self.base, |base| &base.endings, ending).await
    }
}

impl Piece for Ending {
    type Out = bool;
    const DOING: &'static str = sql::FINISH.doing;
    const ONLY_WHEN_AWAITED: bool = false;

    fn alone<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let kept = finish(link, self.job, self.fence, &self.finish).await?.is_some();
            // Last, since other calls of the provider may queue at its counter.
            end_calls(link, self.call.as_slice()).await?;
            Ok(kept)
        })
    }

    fn together<'a>(pieces: &'a [Self], link: &'a mut Link<'_>) -> Boxed<'a, Result<Vec<bool>, StoreError>> {
        Box::pin(async move {
            let kept = finish_many(link, pieces).await?;
            let calls: Vec<Ended> = pieces.iter().filter_map(|one| one.call.clone()).collect();
            end_calls(link, &calls).await?;
            Ok(pieces.iter().map(|one| kept.contains(&(one.job, one.fence))).collect())
        })
    }
}

/// Those whose lease was not lost.
async fn finish_many(link: &mut Link<'_>, endings: &[Ending]) -> Result<Vec<(JobId, Fence)>, StoreError> {
    let row = |one: &Ending| {
        let end = End::of(&one.finish);
        json!([
            one.job.0,
            one.fence.0,
            end.status.as_str(),
            end.class.map(storable),
            end.reason.map(storable),
            end.after,
            end.given_back
        ])
    };
    let rows: Vec<Value> = endings.iter().map(row).collect();
    let by_claim: HashMap<(i64, i64), &Finish> = endings.iter().map(|one| ((one.job.0, one.fence.0), &one.finish)).collect();
    let mut kept = Vec::with_capacity(endings.len());
    let (mut tagged, mut ended) = (Vec::new(), Vec::new());
    for row in link.rows(&sql::FINISH_MANY, args![&Value::from(rows).to_string()]).await? {
        let (job, ref_id, attempts, fence) = (row.int(0)?, row.int(2)?, row.int(3)?, row.int(4)?);
        let Some(finish) = by_claim.get(&(job, fence)) else { continue };
        kept.push((JobId(job), Fence(fence)));
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
}
