//! How far one image has come: written by the thread that reads it, read by its watchdog and by the snapshot.
//! It ends nothing by itself; it only says that somebody wants an end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ocr::pipeline::{Ender, Watch};
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
pub struct Progress {
    at: Mutex<At>,
    /// Ends the step in hand; asking between steps is not enough for a model that takes its time.
    ender: Mutex<Option<Ender>>,
}

#[derive(Clone, Copy, Debug)]
struct At {
    stage: Stage,
    page: u32,
    pages: u32,
    page_began: Instant,
    why: Option<Why>,
}

impl At {
    fn start() -> Self {
        Self { stage: Stage::Decode, page: 1, pages: 1, page_began: Instant::now(), why: None }
    }
}

impl Progress {
    /// At the start of an image.
    pub fn new() -> Self {
        Self { at: Mutex::new(At::start()), ender: Mutex::new(None) }
    }

    /// The thread has it now: the deadline counts from here.
    pub(super) fn begin(&self) {
        self.lock().page_began = Instant::now();
    }

    /// How the step in hand is ended from elsewhere; at once, if somebody has asked for it.
    pub(super) fn ends_by(&self, ender: Option<Ender>) {
        let mut kept = self.ender.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = ender;
        if self.why().is_some()
            && let Some(end) = &*kept
        {
            end();
        }
    }

    /// Asks it to end; the first reason stays.
    pub(super) fn stop(&self, why: Why) {
        {
            let mut at = self.lock();
            if at.why.is_some() {
                return;
            }
            at.why = Some(why);
        }
        if let Some(end) = &*self.ender.lock().unwrap_or_else(PoisonError::into_inner) {
            end();
        }
    }

    /// Asks it to end when its page has taken longer than this.
    pub(super) fn stop_after(&self, deadline: Duration) {
        let (began, stage) = {
            let at = self.lock();
            (at.page_began, at.stage)
        };
        if began.elapsed() > deadline {
            self.stop(Why::Deadline { after: deadline, stage });
        }
    }

    /// Its deadline passed beside others, and it is read again alone.
    pub(super) fn begin_again(&self) {
        *self.lock() = At::start();
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
