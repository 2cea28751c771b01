//! The outbox: where each content's document goes in the blob store, the upload jobs, and what is there already.
//! It puts nothing anywhere; whoever does shows the fence at the end.

use std::time::Duration;

use super::base::work;
use super::jobs::finish;
use super::link::{Link, Row, args};
use super::news::Topic;
use super::types::{Finish, NewOutput, Stored, Upload};
use super::{Store, StoreError, json_ids, millis, sql};
use crate::domain::{Fence, ImageId, JobId, Millis, Output, OutputState, WaitingUploads};

/// Passes of an upload that the blob store answers with a refusal; those that it does not answer are not counted.
const ATTEMPTS: i64 = 20;
/// Documents looked at in one transaction while those without an output are enqueued.
const SLICE: i64 = 200;

impl Store {
    /// Claims at most `limit` due uploads, the oldest first. Those whose document is gone end here.
    pub async fn claim_uploads(&self, worker: &str, limit: u32, lease: Duration) -> Result<Vec<Upload>, StoreError> {
        let work = ClaimUploads { worker: worker.to_owned(), lease: millis(lease), limit: limit.into() };
        self.base.write(sql::CLAIM_UPLOADS.doing, work).await
    }

    /// Claims the upload of one output, also one that had failed; `None`: it is stored, or somebody is at it.
    pub async fn claim_upload(&self, output: i64, worker: &str, lease: Duration) -> Result<Option<Upload>, StoreError> {
        let work = ClaimUpload { worker: worker.to_owned(), lease: millis(lease), output };
        self.base.write(sql::CLAIM_UPLOAD.doing, work).await
    }

    /// Ends an upload whose document lies in the blob store. `false`: the lease was lost, nothing was changed.
    pub async fn finish_upload(&self, job: JobId, fence: Fence, stored: &Stored) -> Result<bool, StoreError> {
        self.base.write(sql::STORED.doing, FinishUpload { job, fence, stored: stored.clone() }).await
    }

    /// Removes an upload whose document is gone. `false`: the lease was lost, nothing was changed.
    pub async fn drop_upload(&self, job: JobId, fence: Fence) -> Result<bool, StoreError> {
        self.base.write(sql::DROP_OUTPUT.doing, DropUpload { job, fence }).await
    }

    /// Where the document of a content is to go or lies; `None`: nobody asked for that.
    pub async fn output_of(&self, sha256: &str) -> Result<Option<Output>, StoreError> {
        self.base.row(&sql::OUTPUT_OF, args![sha256]).await?.as_ref().map(output).transpose()
    }

    /// Documents that wait for their upload.
    pub async fn waiting_uploads(&self) -> Result<WaitingUploads, StoreError> {
        let Some(row) = self.base.row(&sql::WAITING_UPLOADS, args![]).await? else { return Ok(WaitingUploads::default()) };
        Ok(WaitingUploads { documents: row.int(0)?, bytes: row.int(1)?, oldest: row.opt_int(2)? })
    }

    /// Outputs that are stored and that were given up. It walks an index over all of them, so it is no call for every frame.
    pub async fn output_counts(&self) -> Result<(i64, i64), StoreError> {
        let (mut stored, mut failed) = (0, 0);
        for row in self.base.rows(&sql::COUNT_OUTPUTS, args![]).await? {
            match row.word::<OutputState>(0)? {
                Some(OutputState::Stored) => stored = row.int(1)?,
                Some(OutputState::Failed) => failed = row.int(1)?,
                Some(OutputState::Waiting | OutputState::Removed) | None => {}
            }
        }
        Ok((stored, failed))
    }

    /// Enqueues uploads of documents that were read while nothing was to be stored; looks at some after document `after` and
    /// returns the last of them and how many were enqueued. `None`: there are no more. `name` makes an output of path and hash.
    pub async fn enqueue_missing_uploads(
        &self,
        after: i64,
        name: impl Fn(&str, &str) -> NewOutput,
    ) -> Result<Option<(i64, usize)>, StoreError> {
        let rows = self.base.rows(&sql::UNSENT_DOCUMENTS, args![after, SLICE]).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = last.int(0)?;
        let mut missing = Vec::with_capacity(rows.len());
        for row in &rows {
            let sha256 = row.text(1)?;
            let output = name(&row.text(2)?, &sha256);
            missing.push((sha256, output));
        }
        let enqueued = self.base.write(sql::ADD_UPLOAD_JOB.doing, EnqueueMissing { missing }).await?;
        self.tell_uploads(enqueued as u64).await;
        Ok(Some((last, enqueued)))
    }

    /// Enqueues outputs again, whatever their state: those of `sha256s` (what was stored is gone from the blob store, say).
    /// Returns how many there were.
    pub async fn upload_again(&self, sha256s: &[String]) -> Result<usize, StoreError> {
        let enqueued = self.base.write(sql::ADD_UPLOAD_JOB.doing, Again { sha256s: Some(sha256s.to_vec()) }).await?;
        self.tell_uploads(enqueued as u64).await;
        Ok(enqueued)
    }

    /// Enqueues every upload again that was given up; returns how many.
    pub async fn retry_failed_uploads(&self) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            // Reading first: nearly always there is none.
            if self.base.int(&sql::FAILED_UPLOADS, args![1_i64]).await?.is_none() {
                self.tell_uploads(all as u64).await;
                return Ok(all);
            }
            all += self.base.write(sql::ADD_UPLOAD_JOB.doing, Again { sha256s: None }).await?;
        }
    }

    /// Makes due what was put off while the blob store did not answer; returns how many.
    pub async fn uploads_due_now(&self) -> Result<u64, StoreError> {
        let due = self.base.write(sql::UPLOADS_DUE.doing, DueNow).await?;
        self.tell_uploads(due).await;
        Ok(due)
    }

    /// Whoever uploads, in whichever process, is to look.
    async fn tell_uploads(&self, due: u64) {
        if due > 0 {
            self.base.news.tell(Topic::Work).await;
        }
    }
}

pub(super) fn output(row: &Row) -> Result<Output, StoreError> {
    Ok(Output {
        id: row.int(0)?,
        sha256: row.text(1)?,
        source: row.text(2)?,
        key: row.text(3)?,
        bytes: row.int(4)?,
        state: row.word(5)?.unwrap_or(OutputState::Waiting),
        place: row.opt_text(6)?,
        md_sha256: row.opt_text(7)?,
        json_sha256: row.opt_text(8)?,
        created_at: row.int(9)?,
        stored_at: row.opt_int(10)?,
        error_class: row.opt_text(11)?,
        error: row.opt_text(12)?,
    })
}

/// Notes where a content's document goes and makes its upload job, unless there is or was one.
pub(super) async fn enqueue_upload(link: &mut Link<'_>, sha256: &str, output: Option<&NewOutput>) -> Result<bool, StoreError> {
    let Some(NewOutput { source, key }) = output else { return Ok(false) };
    // Nothing is read that needs not be: most contents come once.
    let Some(bytes) = link.int(&sql::DOCUMENT_BYTES, args![sha256]).await? else { return Ok(false) };
    let Some(id) = link.int(&sql::ADD_OUTPUT, args![sha256, source, key, bytes]).await? else { return Ok(false) };
    link.run(&sql::ADD_UPLOAD_JOB, args![id, ATTEMPTS]).await?;
    Ok(true)
}

struct ClaimUploads {
    worker: String,
    lease: Millis,
    limit: i64,
}

work!(ClaimUploads => Vec<Upload>, true, |me, link| {
    let rows = link.rows(&sql::CLAIM_UPLOADS, args![&me.worker, me.lease, me.limit]).await?;
    describe(link, &rows).await
});

struct ClaimUpload {
    worker: String,
    lease: Millis,
    output: i64,
}

work!(ClaimUpload => Option<Upload>, true, |me, link| {
    let rows = link.rows(&sql::CLAIM_UPLOAD, args![&me.worker, me.lease, me.output]).await?;
    let uploads = describe(link, &rows).await?;
    for upload in &uploads {
        link.run(&sql::OUTPUT_STATE, args![upload.output, OutputState::Waiting.as_str()]).await?;
    }
    Ok(uploads.into_iter().next())
});

/// What claimed jobs are about, in the order of age; those without an output are removed.
async fn describe(link: &mut Link<'_>, rows: &[Row]) -> Result<Vec<Upload>, StoreError> {
    let mut uploads = Vec::with_capacity(rows.len());
    for row in rows {
        uploads.push(Upload {
            job: JobId(row.int(0)?),
            fence: Fence(row.int(1)?),
            output: row.int(2)?,
            sha256: String::new(),
            source: String::new(),
            key: String::new(),
            bytes: 0,
            image: None,
            attempts: row.int(3)?,
            max_attempts: row.int(4)?,
        });
    }
    // RETURNING gives them in no order.
    uploads.sort_unstable_by_key(|upload| upload.job);
    let ids = json_ids(uploads.iter().map(|upload| upload.output));
    for row in link.rows(&sql::CLAIMED_OUTPUTS, args![&ids]).await? {
        let id = row.int(0)?;
        if let Some(upload) = uploads.iter_mut().find(|upload| upload.output == id) {
            (upload.sha256, upload.source, upload.key, upload.bytes) = (row.text(1)?, row.text(2)?, row.text(3)?, row.int(4)?);
            upload.image = row.opt_int(5)?.map(ImageId);
        }
    }
    let (uploads, orphans): (Vec<_>, Vec<_>) = uploads.into_iter().partition(|upload| !upload.sha256.is_empty());
    if !orphans.is_empty() {
        link.run(&sql::DROP_JOBS, args![&json_ids(orphans.iter().map(|upload| upload.job.0))]).await?;
    }
    Ok(uploads)
}

struct FinishUpload {
    job: JobId,
    fence: Fence,
    stored: Stored,
}

/// The end of every upload that went well: it has no tags of its own.
const UPLOADED: Finish = Finish::Tagged { tags: Vec::new() };

work!(FinishUpload => bool, |me, link| {
    let Some(output) = finish(link, me.job, me.fence, &UPLOADED).await? else { return Ok(false) };
    let Stored { place, md_sha256, json_sha256 } = &me.stored;
    link.run(&sql::STORED, args![output, place, md_sha256, json_sha256]).await?;
    Ok(true)
});

struct DropUpload {
    job: JobId,
    fence: Fence,
}

work!(DropUpload => bool, |me, link| {
    let Some(output) = finish(link, me.job, me.fence, &UPLOADED).await? else { return Ok(false) };
    link.run(&sql::DROP_OUTPUT, args![output]).await?;
    link.run(&sql::DROP_JOBS, args![&json_ids([me.job.0])]).await?;
    Ok(true)
});

struct EnqueueMissing {
    missing: Vec<(String, NewOutput)>,
}

work!(EnqueueMissing => usize, |me, link| {
    let mut enqueued = 0;
    for (sha256, output) in &me.missing {
        enqueued += usize::from(enqueue_upload(link, sha256, Some(output)).await?);
    }
    Ok(enqueued)
});

struct Again {
    /// `None`: some of those that were given up.
    sha256s: Option<Vec<String>>,
}

work!(Again => usize, |me, link| {
    let mut ids = Vec::new();
    match &me.sha256s {
        Some(sha256s) => {
            for sha256 in sha256s {
                ids.extend(link.int(&sql::OUTPUT_OF, args![sha256]).await?);
            }
        }
        None => {
            for row in link.rows(&sql::FAILED_UPLOADS, args![SLICE]).await? {
                ids.push(row.int(0)?);
            }
        }
    }
    for id in &ids {
        link.run(&sql::OUTPUT_STATE, args![*id, OutputState::Waiting.as_str()]).await?;
        link.run(&sql::ADD_UPLOAD_JOB, args![*id, ATTEMPTS]).await?;
    }
    Ok(ids.len())
});

struct DueNow;

work!(DueNow => u64, |_me, link| link.run(&sql::UPLOADS_DUE, args![]).await);
