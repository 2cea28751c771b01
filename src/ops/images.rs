//! What a person can ask for about images: see them, cancel their reading, have them read again.
//! Reading a file without a database is `ocr`'s.

use super::{Ops, OpsError};
use crate::domain::{ImageFilter, ImageId, ImageKey, ImageLine, ImageReading};

impl Ops {
    /// A page of images, newest change first.
    pub async fn images(&self, filter: &ImageFilter, after: Option<ImageKey>, limit: u32) -> Result<Vec<ImageLine>, OpsError> {
        Ok(self.store.images(filter, after, limit).await?)
    }

    /// One image with what came of reading it; `None`: no such image, or nobody was asked to read it.
    pub async fn reading(&self, id: ImageId) -> Result<Option<ImageReading>, OpsError> {
        Ok(self.store.reading(id).await?)
    }

    /// Cancels the reading of an image; `false`: it has ended, or nobody was asked to read it. Its post is tagged without it.
    pub async fn cancel_reading(&self, image: ImageId) -> Result<bool, OpsError> {
        let cancelled = self.store.cancel_ocr(image).await?;
        self.wake();
        Ok(cancelled)
    }

    /// Has images read again that failed, were cancelled or wait for another try; returns how many.
    pub async fn reread(&self, images: &[ImageId]) -> Result<u64, OpsError> {
        let queued = self.store.reread(images).await?;
        self.wake();
        Ok(queued)
    }
}
