//! Images and their documents: the end of a reading, what had been read before, what an operator cancels.
//! Claims, leases and failures are those of every job; see `jobs`.

use super::base::work;
use super::jobs::finish;
use super::link::{Link, args};
use super::news::Topic;
use super::outbox::enqueue_upload;
use super::types::{Finish, NewDocument, NewOutput, Reused};
use super::{Store, StoreError, json_ids, sql};
use crate::domain::{Fence, ImageId, JobId, Status, StatusCounts};

/// What a person reads of an image whose reading was cancelled.
const CANCELLED: &str = "cancelled by the operator";

impl Store {
    /// Ends an OCR job with its document. When no image of the post is still to be read, its tag job is due; a post that was
    /// passed over for want of text is tagged anew. With `output`, an upload of that content is enqueued unless there is or was
    /// one. `false`: the lease was lost, nothing was changed.
    pub async fn finish_ocr(
        &self,
        job: JobId,
        fence: Fence,
        document: &NewDocument,
        output: Option<&NewOutput>,
    ) -> Result<bool, StoreError> {
        let work = FinishOcr { job, fence, document: document.clone(), output: output.cloned() };
        let done = self.base.write(sql::ADD_DOCUMENT.doing, work).await?;
        // Its post may be due, and whoever tags it may be another.
        self.base.news.tell(Topic::Work).await;
        Ok(done)
    }

    /// Ends an OCR job with the document of another image of the same content, if there is one; `output` as for
    /// [`Store::finish_ocr`].
    pub async fn reuse_document(
        &self,
        job: JobId,
        fence: Fence,
        sha256: &str,
        output: Option<&NewOutput>,
    ) -> Result<Reused, StoreError> {
        // Reading first: nearly every image is new, and a look costs no transaction.
        if self.base.int(&sql::SAME_CONTENT, args![sha256]).await?.is_none() {
            return Ok(Reused::Nothing);
        }
        let work = Reuse { job, fence, sha256: sha256.to_owned(), output: output.cloned() };
        let done = self.base.write(sql::REUSE_DOCUMENT.doing, work).await?;
        self.base.news.tell(Topic::Work).await;
        Ok(done)
    }

    /// Cancels the reading of an image: at once when nobody reads it, else as soon as its engine looks. `false`: there is nothing
    /// to cancel.
    pub async fn cancel_ocr(&self, image: ImageId) -> Result<bool, StoreError> {
        let cancelled = self.base.write(sql::CANCEL.doing, Cancel { image }).await?;
        self.base.news.tell(Topic::Work).await;
        Ok(cancelled)
    }

    /// Those of the jobs that an operator has cancelled.
    pub async fn cancelled(&self, jobs: impl IntoIterator<Item = JobId>) -> Result<Vec<JobId>, StoreError> {
        let ids = json_ids(jobs.into_iter().map(|job| job.0));
        self.base.rows(&sql::CANCELLED, args![&ids]).await?.iter().map(|row| row.int(0).map(JobId)).collect()
    }

    /// OCR jobs by state. It walks an index over all of them, so it is no call for every frame.
    pub async fn ocr_counts(&self) -> Result<StatusCounts, StoreError> {
        let mut counts = StatusCounts::default();
        for row in self.base.rows(&sql::COUNT_OCR, args![]).await? {
            let n = row.int(1)?;
            match row.word::<Status>(0)? {
                Some(Status::Pending) => counts.pending = n,
                Some(Status::Retrying) => counts.retrying = n,
                Some(Status::Success) => counts.success = n,
                Some(Status::Failed) => counts.failed = n,
                Some(Status::Skipped) => counts.skipped = n,
                None => {}
            }
        }
        Ok(counts)
    }
}

struct FinishOcr {
    job: JobId,
    fence: Fence,
    document: NewDocument,
    output: Option<NewOutput>,
}

work!(FinishOcr => bool, |me, link| {
    let Some(image) = finish(link, me.job, me.fence, &READ).await? else { return Ok(false) };
    add_document(link, image, &me.document).await?;
    enqueue_upload(link, &me.document.sha256, me.output.as_ref()).await?;
    Ok(true)
});

/// Keeps what was read in an image, and lets its post know.
pub(super) async fn add_document(link: &mut Link<'_>, image: i64, document: &NewDocument) -> Result<(), StoreError> {
    let NewDocument { sha256, text, markdown, json } = document;
    link.run(&sql::ADD_DOCUMENT, args![image, sha256, text, markdown, json]).await?;
    text_came(link, ImageId(image), text).await
}

/// The end of every reading that went well: it has no tags of its own.
const READ: Finish = Finish::Tagged { tags: Vec::new() };

struct Reuse {
    job: JobId,
    fence: Fence,
    sha256: String,
    output: Option<NewOutput>,
}

work!(Reuse => Reused, |me, link| {
    let Some(document) = link.int(&sql::SAME_CONTENT, args![&me.sha256]).await? else { return Ok(Reused::Nothing) };
    let Some(image) = finish(link, me.job, me.fence, &READ).await? else { return Ok(Reused::Lost) };
    let row = link.row(&sql::REUSE_DOCUMENT, args![image, document]).await?;
    let text = row.map(|row| row.text(0)).transpose()?.unwrap_or_default();
    text_came(link, ImageId(image), &text).await?;
    enqueue_upload(link, &me.sha256, me.output.as_ref()).await?;
    Ok(Reused::Done { chars: text.chars().count() })
});

struct Cancel {
    image: ImageId,
}

work!(Cancel => bool, |me, link| {
    let Some(row) = link.row(&sql::CANCEL, args![me.image.0]).await? else { return Ok(false) };
    if row.int(1)? == 0 {
        link.run(&sql::CANCEL_NOW, args![row.int(0)?, CANCELLED]).await?;
        let_post_go_on(link, me.image).await?;
    }
    Ok(true)
});

/// Makes the tag job of an image's post due, if it waits for images and this was the last of them.
pub(super) async fn let_post_go_on(link: &mut Link<'_>, image: ImageId) -> Result<(), StoreError> {
    if let Some(post) = link.int(&sql::IMAGE_POST, args![image.0]).await? {
        link.run(&sql::IMAGES_READ, args![post]).await?;
    }
    Ok(())
}

/// Starts the post of an image anew if it was passed over because it had no text.
async fn text_came(link: &mut Link<'_>, image: ImageId, text: &str) -> Result<(), StoreError> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let Some(post) = link.int(&sql::IMAGE_POST, args![image.0]).await? else { return Ok(()) };
    if let Some(max_attempts) = link.int(&sql::TOO_SHORT, args![post]).await? {
        let ids = json_ids([post]);
        link.run(&sql::FORCE_POSTS, args![&ids]).await?;
        link.run(&sql::FORCE_JOBS, args![&ids, max_attempts, None::<&str>]).await?;
    }
    Ok(())
}
