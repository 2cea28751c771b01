//! What was read outside the engine, kept all the same: in the database, and in the blob store, each content once.
//! It reads no image. Beside a running engine both may put the same document: under one key, and only one end counts.

use std::time::Duration;

use tokio::time::Instant;

use crate::blob::{BlobError, BlobStore};
use crate::config::Config;
use crate::domain::{Fence, JobId, OutputState};
use crate::engine::uploader::{Put, output, put};
use crate::store::{Finish, NewDocument, Store, StoreError};
use crate::text::Safe;

/// Time a claim of an upload lasts.
const LEASE: Duration = Duration::from_mins(1);
/// How long an engine that is at the same upload is waited for, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);
/// Failures in a row after which nothing more is put: what is kept goes up later.
const TRIES: u32 = 3;

/// Where a document is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the blob store, under this key and `.md`, `.json`.
    Stored {
        /// Without an ending.
        key: String,
        /// It was there before; nothing was sent.
        already: bool,
    },
    /// In the database; an engine, or the next call for it, stores it.
    Waiting {
        /// Without an ending.
        key: String,
        /// Why it is not stored.
        why: Safe,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Keeping {
    store: Store,
    blob: BlobStore,
    worker: String,
    max_attempts: u32,
    failures: u32,
    down: Option<Safe>,
}

impl Keeping {
    /// With the blob store of the settings; asks no server yet.
    pub async fn open(store: Store, config: &Config) -> Result<Self, BlobError> {
        let blob = BlobStore::open(&config.blob).await?;
        let worker = format!("tagdeck-ocr:{}", std::process::id());
        Ok(Self { store, blob, worker, max_attempts: config.tagging.max_attempts, failures: 0, down: None })
    }

    /// The blob store, for people.
    pub fn place(&self) -> Safe {
        self.blob.place()
    }

    /// What had been read in an image of this content, wherever it lies.
    pub async fn known(&self, sha256: &str) -> Result<Option<NewDocument>, StoreError> {
        self.store.document_of(sha256).await
    }

    /// Keeps a document of the image at `path`, and puts it into the blob store unless it is there.
    pub async fn keep(&mut self, path: &str, document: &NewDocument) -> Result<Kept, StoreError> {
        let output = output(path, &document.sha256, self.store.now().await?);
        self.store.keep_document(path, document, Some(&output), self.max_attempts).await?;
        let until = Instant::now() + PATIENCE;
        let mut anew = false;
        loop {
            let Some(known) = self.store.output_of(&document.sha256).await? else {
                // An engine found it gone in between; that cannot be, for it was just kept.
                return Ok(Kept::Waiting { key: output.key, why: Safe::fixed("its entry in the outbox is gone; run it again") });
            };
            let key = known.key;
            if known.state == OutputState::Stored {
                if known.place.as_deref() == Some(&*self.place()) {
                    return Ok(Kept::Stored { key, already: !anew });
                }
                // The settings name another blob store by now.
                self.store.upload_again(std::slice::from_ref(&document.sha256)).await?;
            }
            if let Some(why) = &self.down {
                return Ok(Kept::Waiting { key, why: why.clone() });
            }
            match self.store.claim_upload(known.id, &self.worker, LEASE).await? {
                None if Instant::now() > until => {
                    return Ok(Kept::Waiting { key, why: Safe::fixed("an engine is at it, or about to try again") });
                }
                None => {
                    anew = true;
                    tokio::time::sleep(LOOK).await;
                }
                Some(upload) => match put(&self.blob, &upload, document.clone()).await {
                    Ok(Put { stored, already }) => {
                        self.failures = 0;
                        self.store.finish_upload(upload.job, upload.fence, &stored).await?;
                        return Ok(Kept::Stored { key, already });
                    }
                    Err(error) => {
                        let why = self.failed(upload.job, upload.fence, &error).await?;
                        return Ok(Kept::Waiting { key, why });
                    }
                },
            }
        }
    }

    async fn failed(&mut self, job: JobId, fence: Fence, error: &BlobError) -> Result<Safe, StoreError> {
        let why = Safe::line(&error.to_string());
        if error.is_permanent() && error.class().is_of_one_key() {
            let finish = Finish::Failed { class: error.class().as_str().to_owned(), reason: why.to_string() };
            self.store.finish(job, fence, &finish).await?;
            return Ok(why);
        }
        self.store.release(&[(job, fence)]).await?;
        self.failures += 1;
        if error.is_permanent() || self.failures >= TRIES {
            self.down = Some(why.clone());
        }
        Ok(why)
    }
}
