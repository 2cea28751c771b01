//! The live log: a bounded ring of events that any number of watchers read at their own pace.
//! It is not a history: what the ring has dropped is counted, and `job_calls` keeps every call for good.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::domain::{Event, EventKind, ImageId, Millis, ModelKey, Outcome, PostId};
use crate::text::Safe;

/// Events the ring holds before the oldest is dropped.
pub const CAPACITY: usize = 10_000;

/// Writer and reader of the live log; clones share one ring.
#[derive(Clone, Debug)]
pub struct EventLog {
    worker: Safe,
    ring: Arc<Mutex<Ring>>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Sequence number of the first event in the ring.
    first: u64,
    events: VecDeque<Event>,
}

/// What a watcher has not seen yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In order, oldest first.
    pub events: Vec<Event>,
    /// Events that fell out of the ring before this watcher came.
    pub dropped: u64,
    /// What to pass to [`EventLog::since`] next time.
    pub next: u64,
}

/// An event before it has a number and a time.
#[derive(Clone, Debug)]
pub struct Draft {
    kind: EventKind,
    post: Option<PostId>,
    image: Option<ImageId>,
    model: Option<Safe>,
    outcome: Option<Outcome>,
    text: Safe,
}

impl Draft {
    /// An event with its words.
    pub fn new(kind: EventKind, text: Safe) -> Self {
        Self { kind, post: None, image: None, model: None, outcome: None, text }
    }

    /// About this post.
    #[must_use]
    pub fn post(mut self, post: PostId) -> Self {
        self.post = Some(post);
        self
    }

    /// About this image.
    #[must_use]
    pub fn image(mut self, image: ImageId) -> Self {
        self.image = Some(image);
        self
    }

    /// About this model.
    #[must_use]
    pub fn model(mut self, model: &ModelKey) -> Self {
        self.model = Some(Safe::line(&model.to_string()));
        self
    }

    /// Following from this outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }
}

impl EventLog {
    /// An empty log whose events carry this worker's name.
    pub fn new(worker: Safe) -> Self {
        Self { worker, ring: Arc::default(), newest: watch::Sender::new(0) }
    }

    /// Adds one event; the oldest is dropped when the ring is full.
    pub fn publish(&self, draft: Draft) {
        self.relay(Event {
            seq: 0,
            time: wall_clock(),
            worker: self.worker.clone(),
            kind: draft.kind,
            post: draft.post,
            image: draft.image,
            model: draft.model,
            outcome: draft.outcome,
            text: draft.text,
        });
    }

    /// Adds another worker's event as it is, but for its number, which is this log's.
    pub fn relay(&self, event: Event) {
        let seq = {
            let mut ring = self.lock();
            let seq = ring.first + ring.events.len() as u64;
            if ring.events.len() == CAPACITY {
                ring.events.pop_front();
                ring.first += 1;
            }
            ring.events.push_back(Event { seq, ..event });
            seq
        };
        self.newest.send_replace(seq + 1);
    }

    /// Whose log it is.
    pub fn worker(&self) -> &Safe {
        &self.worker
    }

    /// True when at most so many hold this log: nobody will read what they write.
    pub fn is_forgotten(&self, writers: usize) -> bool {
        Arc::strong_count(&self.ring) <= writers
    }

    /// At most `max` events from number `from` on; what is no longer there is counted.
    pub fn since(&self, from: u64, max: usize) -> Batch {
        let ring = self.lock();
        let start = from.max(ring.first);
        let skip = usize::try_from(start - ring.first).unwrap_or(usize::MAX);
        let events: Vec<Event> = ring.events.iter().skip(skip).take(max).cloned().collect();
        Batch { next: start + events.len() as u64, dropped: start - from.min(start), events }
    }

    /// Wakes a watcher when something was published; the value is the number of the next event.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This machine's clock, for what is shown and not stored.
pub fn wall_clock() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| Millis::try_from(d.as_millis()).unwrap_or(Millis::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(count: usize) -> EventLog {
        let log = EventLog::new(Safe::fixed("w"));
        for n in 0..count {
            log.publish(Draft::new(EventKind::Engine, Safe::line(&n.to_string())));
        }
        log
    }

    #[test]
    fn a_watcher_reads_on_where_it_stopped() {
        let log = log_of(5);
        let first = log.since(0, 3);
        assert_eq!(first.events.iter().map(|e| e.seq).collect::<Vec<_>>(), [0, 1, 2]);
        let rest = log.since(first.next, 100);
        assert_eq!(rest.events.iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4]);
        assert_eq!((rest.dropped, log.since(rest.next, 100).events.len()), (0, 0));
    }

    #[test]
    fn what_fell_out_of_the_ring_is_counted() {
        let log = log_of(CAPACITY + 7);
        let batch = log.since(2, 1);
        assert_eq!((batch.dropped, batch.events[0].seq), (5, 7));
    }
}
