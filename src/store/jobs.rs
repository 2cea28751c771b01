//! Jobs: claimed under a lease and a fence, kept, finished together with their post, given back, found again.
//! It decides nothing about retries: the caller says how a pass ended.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::base::work;
use super::link::{Link, args};
use super::news::Topic;
use super::ocr::let_post_go_on;
use super::types::{Claim, Finish, Outlook, Recovered};
use super::{Store, StoreError, json_ids, millis, sql};
use crate::domain::{ChannelId, Fence, ImageId, JobId, JobKind, ModelKey, OutputState, PostId, Status, UserId};

/// What a person reads of a post whose passes ended with the engine, four times.
const CRASHES: &str = "the engine ended in the middle of this post four times; something about it may be what ends it";
/// The same of an image.
const CRASHES_READING: &str = "the engine ended in the middle of this image four times; something about it may be what ends it";
/// Posts that get their job in one transaction.
const ADOPTED_AT_ONCE: i64 = 1000;

impl Store {
    /// Claims at most `limit` due jobs for `worker`: attempts + 1, fence + 1, nobody else gets them until the lease ends.
    /// A job whose last owner died with it is claimed without counting that pass, three times; then it is `failed` with class
    /// `crashes_engine` and not returned.
    ///
    /// Await it to its end: a future dropped between commit and answer leaves leases that nobody knows of, and those count as crashes.
    pub async fn claim(&self, kind: JobKind, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        Ok(self.claim_or_give_up(kind, worker, limit, lease).await?.0)
    }

    /// As [`Store::claim`], and besides what the failed ones are about: [`Claim::ref_id`].
    pub async fn claim_or_give_up(
        &self,
        kind: JobKind,
        worker: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<(Vec<Claim>, Vec<i64>), StoreError> {
        let work = ClaimJobs { kind, worker: worker.to_owned(), limit: limit.into(), lease: millis(lease), these: None };
        self.base.write(sql::CLAIM.doing, work).await
    }

    /// Claims at most `limit` posts whose model an operator asked for, for a worker whose route has nobody to ask.
    pub async fn claim_asked(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Claim>, StoreError> {
        // Reading first: hardly ever is there one, and a claim is a write.
        let rows = self.base.rows(&sql::ASKED_DUE, args![i64::from(limit)]).await?;
        let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let these = Some(json_ids(ids));
        let work = ClaimJobs { kind: JobKind::Tag, worker: worker.to_owned(), limit: limit.into(), lease: millis(lease), these };
        Ok(self.base.write(sql::CLAIM_THESE.doing, work).await?.0)
    }

    /// Moves the end of the leases to `lease` from now; returns the jobs that were lost to somebody else.
    pub async fn extend(&self, held: &[(JobId, Fence)], lease: Duration) -> Result<Vec<JobId>, StoreError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let kept = self.base.write(sql::EXTEND.doing, Extend { held: held_json(held), lease: millis(lease) }).await?;
        Ok(held.iter().map(|(job, _)| *job).filter(|job| !kept.contains(job)).collect())
    }

    /// Gives unfinished jobs back: due now, the pass not counted. Jobs already lost are passed over.
    pub async fn release(&self, held: &[(JobId, Fence)]) -> Result<(), StoreError> {
        if held.is_empty() {
            return Ok(());
        }
        self.base.write(sql::RELEASE.doing, Release { held: held_json(held) }).await?;
        self.base.news.tell(Topic::Work).await;
        Ok(())
    }

    /// Cleans up after engines that died: their open calls become `unknown`, their jobs are due. In SQLite every owner is taken
    /// for dead (the caller is the only engine); in PostgreSQL those whose leases ran out.
    pub async fn recover(&self) -> Result<Recovered, StoreError> {
        self.base.write(sql::RECOVER_CALLS.doing, Recover { alone: self.is_embedded() }).await
    }

    /// Makes jobs for posts that others wrote; returns how many. Costs next to nothing when there are none.
    pub async fn adopt(&self, max_attempts: u32) -> Result<u64, StoreError> {
        let mut adopted = 0;
        loop {
            // Reading first keeps an idle engine from opening a write transaction every few seconds.
            if self.base.row(&sql::SOME_NEWCOMER, args![]).await?.is_none() {
                return Ok(adopted);
            }
            let taken = self.base.write(sql::ADOPT.doing, Adopt { max_attempts: max_attempts.into() }).await?;
            adopted += taken;
            if taken == 0 {
                return Ok(adopted);
            }
            self.base.news.tell(Topic::Work).await;
        }
    }

    /// How much of one kind is still to be done, and when.
    pub async fn outlook(&self, kind: JobKind) -> Result<Outlook, StoreError> {
        let row = self.base.row(&sql::OUTLOOK, args![kind.as_str(), Outlook::CAP]).await?;
        let Some(row) = row else { return Err(StoreError::shape(sql::OUTLOOK.doing, "no counts came back")) };
        let leased = row.int(0)?;
        // Leased jobs stand in the same index, among those that are due later.
        Ok(Outlook { leased, due: row.int(1)?, later: (row.int(2)? - leased).max(0), next_at: row.opt_int(3)? })
    }

    /// Makes due the posts that wait for the text of their images; returns how many.
    pub async fn stop_waiting_for_ocr(&self) -> Result<u64, StoreError> {
        let due = self.base.write(sql::STOP_WAITING.doing, StopWaiting).await?;
        if due > 0 {
            self.base.news.tell(Topic::Work).await;
        }
        Ok(due)
    }
}

struct ClaimJobs {
    kind: JobKind,
    worker: String,
    limit: i64,
    lease: i64,
    /// Only these.
    these: Option<String>,
}

work!(ClaimJobs => (Vec<Claim>, Vec<i64>), true, |me, link| {
    let crashes = if me.kind == JobKind::Ocr { CRASHES_READING } else { CRASHES };
    let rows = match &me.these {
        Some(these) => link.rows(&sql::CLAIM_THESE, args![me.kind.as_str(), &me.worker, me.lease, these]).await?,
        None => link.rows(&sql::CLAIM, args![me.kind.as_str(), &me.worker, me.lease, me.limit, crashes]).await?,
    };
    let mut claimed = Vec::with_capacity(rows.len());
    let mut given_up = Vec::new();
    for row in rows {
        let (job, ref_id, attempts) = (row.int(0)?, row.int(2)?, row.int(3)?);
        if row.text(5)? == Status::Failed.as_str() {
            match me.kind {
                JobKind::Tag => {
                    link.run(&sql::POST_ENDED, args![ref_id, Status::Failed.as_str(), attempts, CRASHES]).await?;
                }
                JobKind::Ocr => let_post_go_on(link, ImageId(ref_id)).await?,
                JobKind::Upload => {}
            }
            given_up.push(ref_id);
            continue;
        }
        claimed.push(Claim {
            job: JobId(job),
            fence: Fence(row.int(1)?),
            ref_id,
            post: (me.kind == JobKind::Tag).then_some(PostId(ref_id)),
            channel: ChannelId(0),
            user: None,
            text: String::new(),
            image_text: Vec::new(),
            image: None,
            attempts,
            max_attempts: row.int(4)?,
            model: row.opt_text(6)?.as_deref().and_then(ModelKey::parse),
        });
    }
    // RETURNING gives them in no order.
    claimed.sort_unstable_by_key(|claim| claim.job);
    if !claimed.is_empty() {
        describe(me.kind, link, &mut claimed).await?;
    }
    Ok((claimed, given_up))
});

/// Fills in what the claimed jobs are about, and drops those whose post or image is gone.
async fn describe(kind: JobKind, link: &mut Link<'_>, claimed: &mut Vec<Claim>) -> Result<(), StoreError> {
    match kind {
        JobKind::Upload => return Ok(()),
        JobKind::Ocr => {
            let ids = json_ids(claimed.iter().map(|claim| claim.ref_id));
            let mut images = HashMap::new();
            for row in link.rows(&sql::CLAIMED_IMAGES, args![&ids]).await? {
                images.insert(row.int(0)?, (row.opt_int(1)?.map(PostId), row.text(2)?));
            }
            for claim in &mut *claimed {
                if let Some((post, path)) = images.remove(&claim.ref_id) {
                    claim.post = post;
                    claim.image = Some(path);
                }
            }
        }
        JobKind::Tag => {}
    }
    let ids = json_ids(claimed.iter().filter_map(|claim| claim.post).map(|post| post.0));
    let mut posts = HashMap::new();
    for row in link.rows(&sql::CLAIMED_POSTS, args![&ids]).await? {
        posts.insert(row.int(0)?, (row.opt_int(1)?, row.opt_int(2)?, row.text(3)?));
    }
    let mut texts: HashMap<i64, Vec<String>> = HashMap::new();
    if kind == JobKind::Tag {
        let mut seen = HashSet::new();
        for row in link.rows(&sql::CLAIMED_TEXTS, args![&ids]).await? {
            // An export read again from another folder has the same photo a second time.
            if seen.insert((row.int(0)?, row.text(2)?)) {
                texts.entry(row.int(0)?).or_default().push(row.text(1)?);
            }
        }
    }
    let mut orphans = Vec::new();
    claimed.retain_mut(|claim| {
        let gone = match (kind, claim.post) {
            (JobKind::Ocr, _) if claim.image.is_none() => true,
            (_, Some(post)) => !posts.contains_key(&post.0),
            (_, None) => false,
        };
        if gone {
            orphans.push(claim.job.0);
            return false;
        }
        let Some(post) = claim.post else { return true };
        if let Some((user, channel, text)) = posts.get(&post.0) {
            claim.user = user.map(UserId);
            claim.channel = ChannelId(channel.unwrap_or_default());
            claim.text.clone_from(text);
        }
        claim.image_text = texts.remove(&post.0).unwrap_or_default();
        true
    });
    if !orphans.is_empty() {
        link.run(&sql::DROP_JOBS, args![&json_ids(orphans)]).await?;
    }
    Ok(())
}

struct Extend {
    held: String,
    lease: i64,
}

work!(Extend => Vec<JobId>, |me, link| {
    link.rows(&sql::EXTEND, args![&me.held, me.lease]).await?.iter().map(|row| row.int(0).map(JobId)).collect()
});

struct Release {
    held: String,
}

work!(Release => (), |me, link| {
    link.run(&sql::RELEASE, args![&me.held]).await.map(drop)
});

/// What an end says of the job.
pub(super) struct End<'a> {
    pub(super) status: Status,
    pub(super) class: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    /// Milliseconds until it is due again.
    pub(super) after: i64,
    /// Passes that do not count.
    pub(super) given_back: i64,
}

impl<'a> End<'a> {
    pub(super) fn of(finish: &'a Finish) -> Self {
        let end = |status, class: &'a str, reason: &'a str| Self {
            status,
            class: Some(class),
            reason: Some(reason),
            after: 0,
            given_back: 0,
        };
        match finish {
            Finish::Tagged { .. } => Self { status: Status::Success, class: None, reason: None, after: 0, given_back: 0 },
            Finish::Skipped { class, reason } => end(Status::Skipped, class, reason),
            Finish::Retry { class, reason, after } => Self { after: millis(*after), ..end(Status::Retrying, class, reason) },
            Finish::PutOff { class, reason, after } => {
                Self { after: millis(*after), given_back: 1, ..end(Status::Retrying, class, reason) }
            }
            Finish::Failed { class, reason } => end(Status::Failed, class, reason),
        }
    }
}

/// The fenced end of a job; what it was about, or `None` when the lease was lost.
pub(super) async fn finish(link: &mut Link<'_>, job: JobId, fence: Fence, finish: &Finish) -> Result<Option<i64>, StoreError> {
    let End { status, class, reason, after, given_back } = End::of(finish);
    let row = link.row(&sql::FINISH, args![job.0, fence.0, status.as_str(), class, reason, after, given_back]).await?;
    let Some(row) = row else { return Ok(None) };
    let (kind, ref_id, attempts) = (row.word::<JobKind>(0)?, row.int(1)?, row.int(2)?);
    if kind == Some(JobKind::Tag) {
        match finish {
            Finish::Tagged { tags } => {
                link.run(&sql::POST_TAGGED, args![ref_id, attempts, &tags_json(tags)]).await?;
            }
            Finish::Skipped { .. } | Finish::Retry { .. } | Finish::PutOff { .. } | Finish::Failed { .. } => {
                link.run(&sql::POST_ENDED, args![ref_id, status.as_str(), attempts, reason]).await?;
            }
        }
    }
    ended_elsewhere(link, kind, ref_id, status).await?;
    Ok(Some(ref_id))
}

/// What the end of an image's or a document's job changes beside it.
pub(super) async fn ended_elsewhere(
    link: &mut Link<'_>,
    kind: Option<JobKind>,
    ref_id: i64,
    status: Status,
) -> Result<(), StoreError> {
    if kind == Some(JobKind::Ocr) && status.is_final() {
        let_post_go_on(link, ImageId(ref_id)).await?;
    }
    if kind == Some(JobKind::Upload) && status == Status::Failed {
        link.run(&sql::OUTPUT_STATE, args![ref_id, OutputState::Failed.as_str()]).await?;
    }
    Ok(())
}

struct Recover {
    alone: bool,
}

work!(Recover => Recovered, |me, link| {
    let reason = "the engine ended before the answer came; the call may have been charged";
    let calls = link.run(&sql::RECOVER_CALLS, args![i64::from(me.alone), reason]).await?;
    let jobs = if me.alone { link.run(&sql::RECOVER_JOBS, args![]).await? } else { 0 };
    Ok(Recovered { calls, jobs })
});

struct Adopt {
    max_attempts: i64,
}

work!(Adopt => u64, |me, link| {
    let rows = link.rows(&sql::NEWCOMERS, args![ADOPTED_AT_ONCE]).await?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    let count = ids.len() as u64;
    if count > 0 {
        adopt_posts(link, ids, me.max_attempts, 0).await?;
    }
    Ok(count)
});

/// Makes jobs for these posts, in the state that their columns say.
pub(crate) async fn adopt_posts(link: &mut Link<'_>, ids: Vec<i64>, max_attempts: i64, wait: i64) -> Result<(), StoreError> {
    let ids = json_ids(ids);
    link.run(&sql::ADOPT, args![&ids, max_attempts, wait]).await?;
    link.run(&sql::NOT_NEW, args![&ids]).await?;
    Ok(())
}

struct StopWaiting;

work!(StopWaiting => u64, |_me, link| link.run(&sql::STOP_WAITING, args![]).await);

fn held_json(held: &[(JobId, Fence)]) -> String {
    let pairs: Vec<_> = held.iter().map(|(job, fence)| format!("[{job},{fence}]")).collect();
    format!("[{}]", pairs.join(","))
}

/// Tags as the column holds them: plain UTF-8, no `\u` escapes, readable by the bot and by `LIKE`.
pub(super) fn tags_json(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}
