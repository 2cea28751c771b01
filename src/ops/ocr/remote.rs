//! An engine behind HTTP as a reader of `tagdeck ocr`: waited for on the thread that reads, with the local engine for what it did not read.
//! Nothing is written down here: without a database, a second run of the command is a second submission, unless the result lies in the bucket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::Open;
use crate::blob::sha256;
use crate::engine::reader::Remote;
use crate::ocr::pipeline::{Reads, Watch};
use crate::ocr::remote::{Image, Unwritten};
use crate::ocr::{Document, OcrError, Stage};
use crate::text::Safe;

/// See the module.
pub struct Away {
    remote: Arc<Remote>,
    runtime: Handle,
    /// Opens the local engine, which is loaded with the first image that needs it.
    open: Arc<Open>,
    page_timeout: Duration,
    local: Option<Box<dyn Reads>>,
}

impl Away {
    /// `runtime` drives the network and must outlive the reader; `page_timeout` is the local engine's.
    pub fn new(remote: Arc<Remote>, runtime: Handle, open: Arc<Open>, page_timeout: Duration) -> Self {
        Self { remote, runtime, open, page_timeout, local: None }
    }
}

impl Reads for Away {
    fn read(&mut self, source: &str, bytes: &[u8], watch: &dyn Watch) -> Result<Document, OcrError> {
        let (hash, copy) = (sha256(bytes), Bytes::copy_from_slice(bytes));
        let image = Image { source, bytes: &copy, sha256: &hash };
        match self.runtime.block_on(self.remote.read(image, &Unwritten, watch)) {
            Err(error) if self.remote.falls_back(&error) => {
                watch.note(&Safe::line(&format!("{error}; it is read on this machine instead")));
                let local = match &mut self.local {
                    Some(local) => local,
                    empty => empty.insert((self.open)()?),
                };
                local.read(source, bytes, &Within { watch, began: Instant::now(), limit: self.page_timeout })
            }
            read => read,
        }
    }
}

/// The same watch with the local engine's own deadline: the time that the other one took is not the page's.
struct Within<'a> {
    watch: &'a dyn Watch,
    began: Instant,
    limit: Duration,
}

impl Watch for Within<'_> {
    fn stage(&self, stage: Stage, page: u32, pages: u32) {
        self.watch.stage(stage, page, pages);
    }

    fn stopped(&self) -> Option<OcrError> {
        let late = || OcrError::Deadline { seconds: self.limit.as_secs(), stage: Stage::Recognise };
        self.watch.stopped().or_else(|| (self.began.elapsed() > self.limit).then(late))
    }

    fn note(&self, text: &Safe) {
        self.watch.note(text);
    }
}
