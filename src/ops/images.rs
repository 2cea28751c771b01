//! What a person can ask for about images: see them, cancel their reading, have them read again.
//! Reading a file without a database is `ocr`'s.

use super::{Ops, OpsError};
use crate::domain::{ImageFilter, ImageId, ImageKey, ImageLine, ImageReading, Status};

/// Images of one step over all that match.
const SLICE: u32 = 500;

/// Which images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichImages {
    /// These.
    These(Vec<ImageId>),
    /// All that match, however many a list shows.
    Matching(ImageFilter),
}

impl Ops {
    /// A page of images, newest change first.
    pub async fn images(&self, filter: &ImageFilter, after: Option<ImageKey>, limit: u32) -> Result<Vec<ImageLine>, OpsError> {
        Ok(self.store.images(filter, after, limit).await?)
    }

    /// One image with what came of reading it; `None`: no such image, or nobody was asked to read it.
    pub async fn reading(&self, id: ImageId) -> Result<Option<ImageReading>, OpsError> {
        Ok(self.store.reading(id).await?)
    }

    /// How many of the images [`Ops::reread`] would take now.
    pub async fn rereadable(&self, which: &WhichImages) -> Result<u64, OpsError> {
        self.count_images(which, |line| {
            !line.leased && matches!(line.status, Status::Failed | Status::Skipped | Status::Retrying)
        })
        .await
    }

    /// How many of the images [`Ops::cancel_readings`] would take now.
    pub async fn cancellable(&self, which: &WhichImages) -> Result<u64, OpsError> {
        self.count_images(which, |line| !line.status.is_final()).await
    }

    /// Cancels readings that have not ended; returns how many. Their posts are tagged without them.
    pub async fn cancel_readings(&self, which: &WhichImages) -> Result<u64, OpsError> {
        let store = self.changing()?;
        let mut cancelled = 0;
        match which {
            WhichImages::These(images) => {
                for image in images {
                    cancelled += u64::from(store.cancel_ocr(*image).await?);
                }
            }
            WhichImages::Matching(filter) => {
                let mut after = None;
                while let Some(page) = self.next_images(filter, &mut after).await? {
                    for line in page.iter().filter(|line| !line.status.is_final()) {
                        cancelled += u64::from(store.cancel_ocr(line.id).await?);
                    }
                }
            }
        }
        self.wake();
        Ok(cancelled)
    }

    /// Has images read again that failed, were cancelled or wait for another try; returns how many.
    pub async fn reread(&self, which: &WhichImages) -> Result<u64, OpsError> {
        let store = self.changing()?;
        let mut queued = 0;
        match which {
            WhichImages::These(images) => queued = store.reread(images).await?,
            WhichImages::Matching(filter) => {
                // What is made due moves to the top of another list: the walk goes down from where it began.
                let mut after = None;
                while let Some(page) = self.next_images(filter, &mut after).await? {
                    queued += store.reread(&page.iter().map(|line| line.id).collect::<Vec<_>>()).await?;
                }
            }
        }
        self.wake();
        Ok(queued)
    }

    async fn count_images(&self, which: &WhichImages, fits: impl Fn(&ImageLine) -> bool) -> Result<u64, OpsError> {
        let mut count = 0;
        match which {
            WhichImages::These(images) => {
                for image in images {
                    count += u64::from(self.store.reading(*image).await?.is_some_and(|known| fits(&known.line)));
                }
            }
            WhichImages::Matching(filter) => {
                let mut after = None;
                while let Some(page) = self.next_images(filter, &mut after).await? {
                    count += page.iter().filter(|line| fits(line)).count() as u64;
                }
            }
        }
        Ok(count)
    }

    /// The next page of all that match; `None`: that was all.
    async fn next_images(&self, filter: &ImageFilter, after: &mut Option<ImageKey>) -> Result<Option<Vec<ImageLine>>, OpsError> {
        let page = self.store.images(filter, *after, SLICE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *after = Some(ImageKey { updated_at: last.updated_at, id: last.id });
        Ok(Some(page))
    }
}
