//! Reads many images on a few threads and hands the results out in the order of the inputs; one bad image costs nothing but itself.
//! How an image is read is `ocr`'s, where results go is the caller's.
//!
//! ```text
//! inputs ──claim──> worker threads, a reader each ──> results ──in order──> caller
//!                      └─ watched: a page past its deadline is asked to end, a thread that does not is given up
//! ```

mod folder;
mod inputs;
mod keep;
mod objects;
mod remote;
mod worker;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use self::folder::Folder;
pub use self::inputs::{Found, Input, InputError, find};
pub use self::keep::{Keeping, Kept};
pub use self::objects::fetch;
pub use self::remote::Away;
use self::worker::Follow;
use crate::ocr::pipeline::{Reads, Watch};
use crate::ocr::{Document, OcrError, Stage};
use crate::text::Safe;

/// How often deadlines are looked at and progress is told.
const LOOK: Duration = Duration::from_millis(100);

/// After a cancel: time for pages in hand to be finished, then for their threads to follow the request to end. 5 s are promised in all.
const FINISH: Duration = Duration::from_secs(3);
const FOLLOW: Duration = Duration::from_millis(1500);

/// Results that may wait for their turn, per worker: what comes after a slow image is not to fill the memory.
const WAITING: usize = 8;

/// Makes the reader of a thread.
pub type Open = dyn Fn() -> Result<Box<dyn Reads>, OcrError> + Send + Sync;

/// How many at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads, at least 1.
    pub jobs: usize,
    /// Longest time of one page.
    pub page_timeout: Duration,
    /// Time that a page has to follow when it is asked to end, before its thread is given up.
    pub grace: Duration,
}

/// Ends a reading from elsewhere, within 5 s. Clones end the same one.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Claims nothing more; pages in hand have a few seconds.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once somebody cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Why an input came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file could not be read.
    #[error("it cannot be read: {0}; check the path and its permissions")]
    Unreadable(Safe),
    /// OCR says.
    #[error(transparent)]
    Ocr(#[from] OcrError),
    /// A panic.
    #[error("reading it ended in a bug of this program ({0}); please report it with the image")]
    Bug(Safe),
}

impl Fault {
    /// A stable word for JSON.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable_file",
            Self::Ocr(error) => error.class(),
            Self::Bug(_) => "ocr_failed",
        }
    }
}

/// What the caller hears, on its own thread.
#[allow(clippy::large_enum_variant, reason = "one at a time, gone at once")]
pub enum Told<'a> {
    /// What one input came to; in the order of the inputs.
    Read(usize, &'a Input, Result<Document, Fault>),
    /// What an engine has to say of an input while it is read.
    Note(&'a Input, Safe),
    /// How things stand, some times a second.
    Standing(&'a Standing),
}

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Inputs that have come to something.
    pub done: usize,
    /// What each busy thread does, the longest first.
    pub busy: Vec<Doing>,
}

/// What a thread does.
#[derive(Clone, Debug)]
pub struct Doing {
    /// The image.
    pub name: Safe,
    /// On which step.
    pub stage: Stage,
    /// Page, from 1, and how many there are.
    pub page: (u32, u32),
}

/// Reads all inputs; false: it was cancelled before all of them were read. Fails only when no thread can be started.
pub fn read_all(
    inputs: Vec<Input>,
    open: Arc<Open>,
    options: &Options,
    cancel: &Cancel,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<bool, std::io::Error> {
    let batch = Arc::new(Batch {
        inputs,
        open,
        options: *options,
        cut: Cancel::default(),
        notes: Arc::default(),
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    for _ in 0..options.jobs.clamp(1, batch.inputs.len().max(1)) {
        if let Err(error) = batch.start() {
            // Fewer than asked for will do; none will not.
            if batch.lock().workers == 0 {
                return Err(error);
            }
            break;
        }
    }
    batch.attend(cancel, told)
}

/// One call of [`read_all`], shared with its threads.
struct Batch {
    inputs: Vec<Input>,
    open: Arc<Open>,
    options: Options,
    /// Set once pages in hand are to end at once.
    cut: Cancel,
    notes: Arc<Notes>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next input to be claimed.
    next: usize,
    /// Inputs to be read once more and alone: something went wrong where they were read together with others.
    again: VecDeque<usize>,
    /// The next input to be told about.
    turn: usize,
    came: BTreeMap<usize, Result<Document, Fault>>,
    busy: HashMap<u64, Busy>,
    /// Threads started so far; their names.
    workers: u64,
    /// Nothing is claimed any more.
    closed: bool,
}

/// What engines have said, and of which input.
type Notes = Mutex<Vec<(usize, Safe)>>;

/// What a thread has in hand: inputs and who follows each.
type Busy = Vec<(usize, Arc<Follow>)>;

impl Batch {
    /// A panic under the lock leaves nothing half done: every change is one statement.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attend(self: &Arc<Self>, cancel: &Cancel, told: &mut dyn FnMut(Told<'_>)) -> Result<bool, std::io::Error> {
        let mut cancelled: Option<Instant> = None;
        loop {
            self.tell_notes(told);
            self.hand_out(told);
            let mut state = self.lock();
            if state.turn == self.inputs.len() {
                return Ok(true);
            }
            if cancel.is_cancelled() {
                let since = *cancelled.get_or_insert_with(Instant::now);
                state.closed = true;
                if since.elapsed() > FINISH {
                    self.cut.cancel();
                }
                if state.busy.is_empty() || since.elapsed() > FINISH + FOLLOW {
                    drop(state);
                    self.hand_out_the_rest(told);
                    return Ok(false);
                }
            }
            let stuck = self.give_up(&mut state);
            let standing = self.standing(&state);
            drop(self.changed.wait_timeout(state, LOOK));
            for _ in 0..stuck {
                self.start()?;
            }
            told(Told::Standing(&standing));
        }
    }

    fn tell_notes(&self, told: &mut dyn FnMut(Told<'_>)) {
        let notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        for (at, note) in notes {
            if let Some(input) = self.inputs.get(at) {
                told(Told::Note(input, note));
            }
        }
    }

    /// Tells what has come, as far as it is its turn.
    fn hand_out(&self, told: &mut dyn FnMut(Told<'_>)) {
        loop {
            let mut state = self.lock();
            let turn = state.turn;
            let Some(came) = state.came.remove(&turn) else { return };
            state.turn += 1;
            drop(state);
            self.changed.notify_all();
            if let Some(input) = self.inputs.get(turn) {
                told(Told::Read(turn, input, came));
            }
        }
    }

    /// After a cancel: the gaps before what has been read are never filled.
    fn hand_out_the_rest(&self, told: &mut dyn FnMut(Told<'_>)) {
        loop {
            let mut state = self.lock();
            let Some(&next) = state.came.keys().next() else { return };
            state.turn = next;
            drop(state);
            self.hand_out(told);
        }
    }

    /// Ends the model runs of what is past its deadline or cut off, and takes the images away from threads that did not follow;
    /// returns how many of those there were.
    fn give_up(&self, state: &mut State) -> usize {
        let limit = self.options.page_timeout + self.options.grace;
        state.busy.values().flatten().filter(|(_, follow)| follow.stopped().is_some()).for_each(|(_, follow)| follow.end());
        let late = |busy: &Busy| busy.iter().any(|(_, follow)| follow.on_page_for() > limit);
        let stuck: Vec<u64> = state.busy.iter().filter(|(_, busy)| late(busy)).map(|(&id, _)| id).collect();
        for id in &stuck {
            match state.busy.remove(id).unwrap_or_default().as_slice() {
                [(input, follow)] => drop(state.came.insert(*input, Err(follow.overdue().into()))),
                together => state.again.extend(together.iter().map(|(input, _)| *input)),
            }
        }
        stuck.len()
    }

    fn standing(&self, state: &State) -> Standing {
        let mut busy: Vec<_> = state.busy.values().flatten().collect();
        busy.sort_by_key(|(_, follow)| std::cmp::Reverse(follow.on_page_for()));
        let doing = |(input, follow): &(usize, Arc<Follow>)| {
            let (at, page) = follow.place();
            let name = self.inputs.get(*input).map(Input::shown).unwrap_or_default();
            Doing { name, stage: at, page }
        };
        Standing { done: state.turn + state.came.len(), busy: busy.into_iter().map(doing).collect() }
    }
}

#[cfg(test)]
mod tests;
