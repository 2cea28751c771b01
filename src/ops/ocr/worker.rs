//! A thread that claims inputs and reads them, and what is known of the page it is on.
//! It judges no deadline but its own page's; who is stuck is decided outside it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Batch, Busy, Cancel, Fault, Reads, WAITING};
use crate::ocr::pipeline::Watch;
use crate::ocr::{Document, OcrError, Stage};
use crate::text::Safe;

/// Decoders of foreign formats recurse more than Rust's 2 MB for threads like.
const STACK: usize = 8 << 20;

/// Follows one image.
pub(super) struct Follow {
    at: Mutex<Place>,
    timeout: Duration,
    cut: Cancel,
}

#[derive(Clone, Copy)]
struct Place {
    stage: Stage,
    page: u32,
    pages: u32,
    /// When this page was begun.
    since: Instant,
}

impl Follow {
    fn new(timeout: Duration, cut: Cancel) -> Self {
        let at = Place { stage: Stage::Decode, page: 1, pages: 1, since: Instant::now() };
        Self { at: at.into(), timeout, cut }
    }

    fn at(&self) -> Place {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn on_page_for(&self) -> Duration {
        self.at().since.elapsed()
    }

    pub(super) fn place(&self) -> (Stage, (u32, u32)) {
        let at = self.at();
        (at.stage, (at.page, at.pages))
    }

    pub(super) fn overdue(&self) -> OcrError {
        OcrError::Deadline { seconds: self.timeout.as_secs(), stage: self.at().stage }
    }
}

impl Watch for Follow {
    fn stage(&self, stage: Stage, page: u32, pages: u32) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if page == at.page { at.since } else { Instant::now() };
        *at = Place { stage, page, pages, since };
    }

    fn stopped(&self) -> Option<OcrError> {
        if self.cut.is_cancelled() {
            return Some(OcrError::Cancelled);
        }
        (self.on_page_for() > self.timeout).then(|| self.overdue())
    }
}

impl Batch {
    /// Starts one more thread.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        let id = self.lock().workers;
        let batch = Arc::clone(self);
        // Not scoped: one that is stuck in a driver must not hold up the others' end.
        std::thread::Builder::new().name(format!("ocr-{id}")).stack_size(STACK).spawn(move || batch.work(id))?;
        self.lock().workers += 1;
        Ok(())
    }

    fn work(&self, id: u64) {
        let mut reader = None;
        while let Some((at, follow)) = self.claim(id) {
            // A panic costs this image and this reader, not the batch.
            let came = catch_unwind(AssertUnwindSafe(|| self.one(&mut reader, at, &follow))).unwrap_or_else(|panic| {
                reader = None;
                Err(Fault::Bug(said(&*panic)))
            });
            let mut state = self.lock();
            if state.busy.remove(&id).is_none() {
                // Given up as stuck; somebody else has this thread's place.
                return;
            }
            state.came.insert(at, came);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next input; waits while too many results wait for their turn. `None`: there is no more to do.
    fn claim(&self, id: u64) -> Option<(usize, Arc<Follow>)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.next >= self.inputs.len() {
                return None;
            }
            if state.next < state.turn + self.options.jobs * WAITING {
                let at = state.next;
                state.next += 1;
                let follow = Arc::new(Follow::new(self.options.page_timeout, self.cut.clone()));
                state.busy.insert(id, Busy { input: at, follow: Arc::clone(&follow) });
                return Some((at, follow));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn one(&self, reader: &mut Option<Box<dyn Reads>>, at: usize, follow: &Follow) -> Result<Document, Fault> {
        let input = self.inputs.get(at).ok_or(OcrError::Cancelled)?;
        let bytes = input.bytes()?;
        let reader = match reader {
            Some(reader) => reader,
            None => reader.insert((self.open)()?),
        };
        Ok(reader.read(&input.source(), &bytes, follow)?)
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> Safe {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Safe::line(text.unwrap_or("a panic without words")).clipped(200)
}
