//! A thread that claims inputs and reads them, and what is known of the page it is on.
//! It judges no deadline but its own page's; who is stuck is decided outside it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Batch, Busy, Cancel, Fault, Notes, WAITING};
use crate::ocr::pipeline::{Ender, Reads, Source, Watch};
use crate::ocr::{Document, OcrError, Stage};
use crate::text::Safe;

/// Decoders of foreign formats recurse more than Rust's 2 MB for threads like.
const STACK: usize = 8 << 20;

/// Follows one image.
pub(super) struct Follow {
    at: Mutex<Place>,
    timeout: Duration,
    cut: Cancel,
    /// Which input it is, and where what is said of it goes.
    notes: (usize, Arc<Notes>),
    /// Ends the step in hand; asking between steps is not enough for a model that takes its time.
    ender: Mutex<Option<Ender>>,
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
    fn new(timeout: Duration, cut: Cancel, notes: (usize, Arc<Notes>)) -> Self {
        let at = Place { stage: Stage::Decode, page: 1, pages: 1, since: Instant::now() };
        Self { at: at.into(), timeout, cut, notes, ender: Mutex::default() }
    }

    fn ends_by(&self, ender: Option<Ender>) {
        *self.ender.lock().unwrap_or_else(PoisonError::into_inner) = ender;
    }

    /// Ends the step in hand; once, for those that are read together end with it and go on.
    pub(super) fn end(&self) {
        // Locked while it ends: the thread cannot go on to another image meanwhile.
        let mut ender = self.ender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = ender.take() {
            end();
        }
    }

    /// The thread has it now: its time counts from here.
    fn begin(&self) {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).since = Instant::now();
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

    fn note(&self, text: &Safe) {
        let (at, notes) = &self.notes;
        notes.lock().unwrap_or_else(PoisonError::into_inner).push((*at, text.clone()));
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
        let mut reader: Option<Box<dyn Reads>> = None;
        while let Some(busy) = self.claim(id, reader.as_ref().map_or(1, |reader| reader.at_once())) {
            // A panic costs these images and this reader, not the batch.
            let came = catch_unwind(AssertUnwindSafe(|| self.read(&mut reader, &busy))).unwrap_or_else(|panic| {
                reader = None;
                busy.iter().map(|_| Err(Fault::Bug(said(&*panic)))).collect()
            });
            for (_, follow) in &busy {
                follow.ends_by(None);
            }
            let mut state = self.lock();
            if state.busy.remove(&id).is_none() {
                // Given up as stuck; somebody else has this thread's place.
                return;
            }
            for ((at, _), came) in busy.iter().zip(came) {
                match came {
                    // Whose fault that was shows when each has its own time.
                    Err(Fault::Bug(_) | Fault::Ocr(OcrError::Deadline { .. })) if busy.len() > 1 => state.again.push_back(*at),
                    came => drop(state.came.insert(*at, came)),
                }
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next inputs, at most so many; waits while too many results wait for their turn. `None`: there is no more to do.
    fn claim(&self, id: u64, at_once: usize) -> Option<Busy> {
        let mut state = self.lock();
        loop {
            if state.closed || (state.again.is_empty() && state.next >= self.inputs.len()) {
                return None;
            }
            let inputs = if let Some(alone) = state.again.pop_front() {
                alone..alone + 1
            } else {
                let until = self.inputs.len().min(state.turn + self.options.jobs * WAITING).min(state.next + at_once.max(1));
                let inputs = state.next..until.max(state.next);
                state.next = inputs.end;
                inputs
            };
            if !inputs.is_empty() {
                let notes = |at| (at, Arc::clone(&self.notes));
                let follow = |at| Arc::new(Follow::new(self.options.page_timeout, self.cut.clone(), notes(at)));
                let busy: Busy = inputs.map(|at| (at, follow(at))).collect();
                state.busy.insert(id, busy.clone());
                return Some(busy);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A result for each, in their order.
    fn read(&self, reader: &mut Option<Box<dyn Reads>>, busy: &Busy) -> Vec<Result<Document, Fault>> {
        let load = |(at, _): &(usize, Arc<Follow>)| {
            let input = self.inputs.get(*at).ok_or(OcrError::Cancelled)?;
            Ok::<_, Fault>((input.source(), input.bytes()?))
        };
        let loaded: Vec<_> = busy.iter().map(load).collect();
        let reader = match (&mut *reader, loaded.iter().any(Result::is_ok)) {
            (Some(reader), _) => reader,
            (None, false) => {
                return loaded.into_iter().map(|loaded| Err(loaded.err().unwrap_or(OcrError::Cancelled.into()))).collect();
            }
            (empty, true) => match (self.open)() {
                Ok(opened) => empty.insert(opened),
                Err(error) => {
                    return loaded.into_iter().map(|loaded| Err(loaded.err().unwrap_or(error.clone().into()))).collect();
                }
            },
        };
        let mut images = Vec::with_capacity(busy.len());
        for ((_, follow), loaded) in busy.iter().zip(&loaded) {
            follow.begin();
            follow.ends_by(reader.ender());
            if let Ok((name, bytes)) = loaded {
                images.push(Source { name, bytes, watch: &**follow });
            }
        }
        let mut read = reader.read_many(&images).into_iter();
        drop(images);
        loaded.into_iter().map(|loaded| Ok(loaded.map(|_| read.next())?.unwrap_or(Err(OcrError::Cancelled))?)).collect()
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> Safe {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Safe::line(text.unwrap_or("a panic without words")).clipped(200)
}
