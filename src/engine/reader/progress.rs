//! How far one image has come: written by the thread that reads it, read by its watchdog and by the snapshot.
//! It ends nothing by itself; it only says that somebody wants an end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ocr::pipeline::Watch;
use crate::ocr::{OcrError, Stage};

/// Why a reading is to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its page took longer than the deadline.
    Deadline {
        /// The deadline.
        after: Duration,
        /// Where it was then.
        stage: Stage,
    },
    /// An operator cancelled it.
    Operator,
    /// The engine stops.
    Stop,
    /// Its job is somebody else's now.
    Lost,
}

/// See the module.
#[derive(Debug)]
pub struct Progress {
    at: Mutex<At>,
}

#[derive(Clone, Copy, Debug)]
struct At {
    stage: Stage,
    page: u32,
    pages: u32,
    page_began: Instant,
    why: Option<Why>,
}

impl Progress {
    /// At the start of an image.
    pub fn new() -> Self {
        Self { at: Mutex::new(At { stage: Stage::Decode, page: 1, pages: 1, page_began: Instant::now(), why: None }) }
    }

    /// The thread has it now: the deadline counts from here.
    pub(super) fn begin(&self) {
        self.lock().page_began = Instant::now();
    }

    /// Asks it to end; the first reason stays.
    pub(super) fn stop(&self, why: Why) {
        self.lock().why.get_or_insert(why);
    }

    /// Asks it to end when its page has taken longer than this.
    pub(super) fn stop_after(&self, deadline: Duration) {
        let mut at = self.lock();
        if at.page_began.elapsed() > deadline {
            let why = Why::Deadline { after: deadline, stage: at.stage };
            at.why.get_or_insert(why);
        }
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.lock().why
    }

    /// Stage, page and number of pages.
    pub(super) fn place(&self) -> (Stage, u32, u32) {
        let at = self.lock();
        (at.stage, at.page, at.pages)
    }

    fn lock(&self) -> MutexGuard<'_, At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Progress {
    fn stage(&self, stage: Stage, page: u32, pages: u32) {
        let mut at = self.lock();
        if at.page != page {
            at.page_began = Instant::now();
        }
        (at.stage, at.page, at.pages) = (stage, page, pages);
    }

    fn stopped(&self) -> Option<OcrError> {
        self.why().map(|why| match why {
            Why::Deadline { after, stage } => OcrError::Deadline { seconds: after.as_secs(), stage },
            Why::Operator | Why::Stop | Why::Lost => OcrError::Cancelled,
        })
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
