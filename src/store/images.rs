//! Images that belong to no post: handed in, read elsewhere, looked up.
//! Their jobs and documents are those of every image; see `jobs` and `ocr`.

use super::base::work;
use super::link::{Link, args};
use super::news::Topic;
use super::ocr::add_document;
use super::outbox::enqueue_upload;
use super::types::{NewDocument, NewImage, NewOutput, Submitted};
use super::{Store, StoreError, json_ids, sql};
use crate::domain::{ImageDetail, ImageId, OutputState, PostId, Status};

impl Store {
    /// Takes images without a post and makes OCR jobs for them. One that is known by its path, with the same content, is not added
    /// again; one that had failed is tried again. Answers in the order of `images`.
    pub async fn submit(&self, images: &[NewImage], max_attempts: u32) -> Result<Vec<(ImageId, Submitted)>, StoreError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let work = Submit { images: images.to_vec(), max_attempts: max_attempts.into() };
        let submitted = self.base.write(sql::ADD_IMAGE.doing, work).await?;
        self.base.news.tell(Topic::Work).await;
        Ok(submitted)
    }

    /// Keeps what was read in an image without a post that no job asked for, and enqueues its upload unless there is or was one.
    pub async fn keep_document(
        &self,
        path: &str,
        document: &NewDocument,
        output: Option<&NewOutput>,
        max_attempts: u32,
    ) -> Result<ImageId, StoreError> {
        let work = Keep {
            path: path.to_owned(),
            document: document.clone(),
            output: output.cloned(),
            max_attempts: max_attempts.into(),
        };
        let image = self.base.write(sql::ADD_DOCUMENT.doing, work).await?;
        self.base.news.tell(Topic::Work).await;
        Ok(image)
    }

    /// State of the reading of a file that was handed in; `None`: there is no such image, or no job for it.
    pub async fn handed_in(&self, path: &str) -> Result<Option<Status>, StoreError> {
        let row = self.base.row(&sql::ALONE, args![path]).await?;
        Ok(row.map(|row| row.word::<Status>(2)).transpose()?.flatten())
    }

    /// One image with the state of its reading and of its upload; `None`: no such image.
    pub async fn image(&self, id: ImageId) -> Result<Option<ImageDetail>, StoreError> {
        let Some(row) = self.base.row(&sql::IMAGE, args![id.0]).await? else { return Ok(None) };
        Ok(Some(ImageDetail {
            id,
            post: row.opt_int(1)?.map(PostId),
            path: row.text(2)?,
            created_at: row.int(3)?,
            status: row.word::<Status>(4)?,
            error_class: row.opt_text(5)?,
            error: row.opt_text(6)?,
            attempts: row.opt_int(7)?.unwrap_or_default(),
            updated_at: row.opt_int(8)?,
            sha256: row.opt_text(9)?,
            read_at: row.opt_int(10)?,
            key: row.opt_text(11)?,
            output: row.word::<OutputState>(12)?,
            place: row.opt_text(13)?,
            stored_at: row.opt_int(14)?,
        }))
    }

    /// What was read in an image; `None`: nothing so far.
    pub async fn document(&self, image: ImageId) -> Result<Option<NewDocument>, StoreError> {
        self.document_by(&sql::DOCUMENT, args![image.0]).await
    }

    /// What was read in an image of this content, wherever it lies.
    pub async fn document_of(&self, sha256: &str) -> Result<Option<NewDocument>, StoreError> {
        self.document_by(&sql::DOCUMENT_OF, args![sha256]).await
    }

    async fn document_by(&self, sql: &sql::Sql, args: &[super::link::Arg<'_>]) -> Result<Option<NewDocument>, StoreError> {
        let Some(row) = self.base.row(sql, args).await? else { return Ok(None) };
        Ok(Some(NewDocument { sha256: row.text(0)?, text: row.text(1)?, markdown: row.text(2)?, json: row.text(3)? }))
    }
}

struct Submit {
    images: Vec<NewImage>,
    max_attempts: i64,
}

work!(Submit => Vec<(ImageId, Submitted)>, |me, link| {
    let mut submitted = Vec::with_capacity(me.images.len());
    for image in &me.images {
        submitted.push(submit(link, image, me.max_attempts).await?);
    }
    Ok(submitted)
});

async fn submit(link: &mut Link<'_>, image: &NewImage, max_attempts: i64) -> Result<(ImageId, Submitted), StoreError> {
    if let Some(row) = link.row(&sql::ALONE, args![&image.path]).await? {
        let (id, before, status) = (row.int(0)?, row.opt_text(1)?, row.word::<Status>(2)?);
        // A file that is another one by now is another image; what stood in it before stays as it is.
        if before.is_none_or(|sha256| sha256 == image.sha256) {
            let came = match status {
                Some(Status::Success) => Submitted::Read,
                Some(Status::Failed | Status::Skipped) => {
                    link.run(&sql::READ_AGAIN, args![id]).await?;
                    Submitted::Again
                }
                Some(Status::Pending | Status::Retrying) | None => Submitted::Waiting,
            };
            return Ok((ImageId(id), came));
        }
    }
    let id = add_image(link, &image.path).await?;
    link.run(&sql::ADD_OCR_JOBS, args![&json_ids([id]), max_attempts]).await?;
    Ok((ImageId(id), Submitted::New))
}

struct Keep {
    path: String,
    document: NewDocument,
    output: Option<NewOutput>,
    max_attempts: i64,
}

work!(Keep => ImageId, |me, link| {
    let known = link.row(&sql::ALONE, args![&me.path]).await?;
    let same = match &known {
        Some(row) if row.opt_text(1)?.is_none_or(|sha256| sha256 == me.document.sha256) => Some(row.int(0)?),
        Some(_) | None => None,
    };
    let image = match same {
        Some(image) => image,
        None => add_image(link, &me.path).await?,
    };
    link.run(&sql::ADD_READ_JOB, args![image, me.max_attempts]).await?;
    add_document(link, image, &me.document).await?;
    enqueue_upload(link, &me.document.sha256, me.output.as_ref()).await?;
    Ok(ImageId(image))
});

async fn add_image(link: &mut Link<'_>, path: &str) -> Result<i64, StoreError> {
    let id = link.int(&sql::ADD_IMAGE, args![path]).await?;
    id.ok_or_else(|| StoreError::shape(sql::ADD_IMAGE.doing, "no id came back"))
}
