//! What the other loops and every watcher know of the uploads: how many wait, whether the spool is full, whether anything is left.
//! It is written by the upload loop and by whoever counts, and decides only when the spool counts as full.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{Status, UploadNumbers, UploadTotals, WaitingUploads};
use crate::engine::reader::standing::Idle;
use crate::text::{Safe, grouped};

/// A full spool counts as full until it has drained to this share, in percent: reading begins again for more than one image.
const DRAINED: i64 = 90;

/// See the module.
pub struct Uploading {
    state: Mutex<State>,
    /// Documents enqueued by this engine.
    enqueued: AtomicU64,
    /// Wakes the upload loop.
    pub work: Notify,
    /// Wakes the main loop.
    pub news: Notify,
}

#[derive(Default)]
struct State {
    numbers: UploadNumbers,
    idle: bool,
    /// What had been enqueued when that was found.
    seen: u64,
    /// Why what is left cannot be stored now.
    blocked: Option<Safe>,
}

impl Uploading {
    /// With a spool of so many bytes; `None`: nothing is to be stored.
    pub fn new(spool: Option<i64>) -> Self {
        let state = State { numbers: UploadNumbers { spool, ..UploadNumbers::default() }, ..State::default() };
        Self { state: Mutex::new(state), enqueued: AtomicU64::new(0), work: Notify::new(), news: Notify::new() }
    }

    /// True when documents are to be stored, by whichever engine.
    pub fn is_wanted(&self) -> bool {
        self.lock().numbers.spool.is_some()
    }

    /// A document was enqueued.
    pub fn came(&self) {
        self.enqueued.fetch_add(1, Ordering::SeqCst);
        self.work.notify_one();
    }

    /// Grows with each document: what was seen of the jobs before is old.
    pub fn enqueued(&self) -> u64 {
        self.enqueued.load(Ordering::SeqCst)
    }

    /// What waits; when the spool is full from now on, or not any more, that in words.
    pub fn set_waiting(&self, waiting: WaitingUploads) -> Option<(bool, Safe)> {
        let numbers = &mut self.lock().numbers;
        numbers.waiting = waiting;
        let spool = numbers.spool?;
        let full = waiting.bytes >= if numbers.full { spool / 100 * DRAINED } else { spool };
        if full == numbers.full {
            return None;
        }
        numbers.full = full;
        Some((full, if full { full_words(numbers) } else { Safe::fixed("the spool has drained: images are read again") }))
    }

    /// Of the whole database.
    pub fn set_counts(&self, stored: i64, failed: i64) {
        let numbers = &mut self.lock().numbers;
        (numbers.stored, numbers.failed) = (stored, failed);
    }

    /// Why no further image is read, while the spool is full.
    pub fn full_because(&self) -> Option<Safe> {
        let state = self.lock();
        state.numbers.full.then(|| full_words(&state.numbers))
    }

    /// True while the spool is full.
    pub fn is_full(&self) -> bool {
        self.lock().numbers.full
    }

    /// The blob store.
    pub fn set_place(&self, place: Safe) {
        self.lock().numbers.place = Some(place);
    }

    /// Why nothing is stored, or that there is no such reason; true when that is news.
    pub fn set_trouble(&self, trouble: Option<Safe>) -> bool {
        let numbers = &mut self.lock().numbers;
        let news = numbers.trouble.is_some() != trouble.is_some();
        numbers.trouble = trouble;
        news
    }

    /// Uploads in hand.
    pub fn set_in_flight(&self, in_flight: usize) {
        self.lock().numbers.in_flight = in_flight;
    }

    /// An upload came to an end that is final.
    pub fn finished(&self, status: Status) {
        let totals = &mut self.lock().numbers.totals;
        match status {
            Status::Success => totals.success += 1,
            Status::Failed => totals.failed += 1,
            Status::Skipped => totals.skipped += 1,
            Status::Pending | Status::Retrying => {}
        }
    }

    /// Whether anything is left that can be stored within the horizon, and why not what is left.
    pub fn set_idle(&self, idle: bool, seen: u64, blocked: Option<Safe>) {
        let mut state = self.lock();
        let news = idle && (!state.idle || state.seen != seen);
        (state.idle, state.seen, state.blocked) = (idle, seen, blocked);
        drop(state);
        if news {
            self.news.notify_one();
        }
    }

    /// Whether a run until idle may end.
    pub fn idle(&self) -> Idle {
        let state = self.lock();
        match (state.idle && state.seen == self.enqueued(), &state.blocked) {
            (false, _) => Idle::No,
            (true, None) => Idle::Done,
            (true, Some(why)) => Idle::Blocked(why.clone()),
        }
    }

    /// Totals so far.
    pub fn totals(&self) -> UploadTotals {
        self.lock().numbers.totals
    }

    /// For the snapshot.
    pub fn numbers(&self) -> UploadNumbers {
        self.lock().numbers.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn full_words(numbers: &UploadNumbers) -> Safe {
    let (documents, megabytes) = (grouped(numbers.waiting.documents), grouped(numbers.waiting.bytes >> 20));
    Safe::line(&if numbers.waiting.documents == 1 {
        format!(
            "the spool is full: 1 document ({megabytes} MB) waits for its upload, no further image is read until it has drained"
        )
    } else {
        format!(
            "the spool is full: {documents} documents ({megabytes} MB) wait for their upload, no further image is read until it has drained"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(bytes: i64) -> WaitingUploads {
        WaitingUploads { documents: 1, bytes, oldest: None }
    }

    #[test]
    fn a_full_spool_has_to_drain_before_it_counts_as_free() {
        let uploading = Uploading::new(Some(1000));
        assert_eq!(uploading.set_waiting(waiting(999)), None);
        assert!(uploading.set_waiting(waiting(1000)).is_some_and(|(full, _)| full) && uploading.is_full());
        assert_eq!(uploading.set_waiting(waiting(950)), None);
        assert!(uploading.set_waiting(waiting(899)).is_some_and(|(full, _)| !full) && !uploading.is_full());
        let unwanted = Uploading::new(None);
        assert_eq!((unwanted.set_waiting(waiting(i64::MAX)), unwanted.is_full()), (None, false));
    }

    #[test]
    fn what_was_enqueued_after_the_last_look_is_not_forgotten() {
        let uploading = Uploading::new(Some(1000));
        uploading.set_idle(true, 0, None);
        assert!(matches!(uploading.idle(), Idle::Done));
        uploading.came();
        assert!(matches!(uploading.idle(), Idle::No));
    }
}
