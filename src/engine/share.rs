//! Shows the other processes of the database what this engine does: its events and its numbers, in batches, beside the work.
//! It keeps nobody waiting: events that come faster than they may be written are counted and left out there, and there only.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::claimer::ticker;
use super::event::{EventLog, wall_clock};
use super::score;
use super::shared::Shared;
use crate::domain::{Event, EventKind, OcrBusy, Phase, WorkerNumbers};
use crate::store::StoreError;
use crate::text::Safe;

/// Events that come within this time are written together.
const GATHERED: Duration = Duration::from_millis(200);
/// Most events in one batch, hence about 1,000 a second: nobody reads more, and an engine that tags 1,500 posts a second is not
/// to be slowed by telling of each.
const MOST: u64 = 200;
/// How often the numbers are shown, when they changed.
const NUMBERS: Duration = Duration::from_secs(2);
/// After a write that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// Time for the last words of an engine that ends.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The task that does it.
pub struct Sharing {
    task: JoinHandle<()>,
    leave: oneshot::Sender<()>,
}

impl Sharing {
    /// Begins to share what this engine does.
    pub fn start(shared: Arc<Shared>) -> Self {
        let (leave, left) = oneshot::channel();
        Self { task: tokio::spawn(share(shared, left)), leave }
    }

    /// Shares the last events, if the database takes them at once.
    pub async fn end(mut self) {
        // Gone already, it has nothing to say.
        let _ = self.leave.send(());
        if timeout(LAST_WORDS, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn share(shared: Arc<Shared>, mut left: oneshot::Receiver<()>) {
    let mut newest = shared.log.watch();
    let mut numbers = ticker(NUMBERS);
    let mut next = 0;
    let mut due: Option<Instant> = Some(Instant::now() + GATHERED);
    let mut shown = None;
    loop {
        let at = due.unwrap_or_else(Instant::now);
        tokio::select! {
            _ = &mut left => break,
            Ok(()) = newest.changed(), if due.is_none() => due = Some(Instant::now() + GATHERED),
            () = sleep_until(at), if due.is_some() => {
                newest.borrow_and_update();
                due = write_events(&shared, &mut next).await.err().map(|_| Instant::now() + AGAIN);
            }
            _ = numbers.tick() => show(&shared, &mut shown).await,
        }
    }
    // The leases are given back; this is all that may be lost.
    let _ = write_events(&shared, &mut next).await;
}

async fn write_events(shared: &Shared, next: &mut u64) -> Result<(), StoreError> {
    let taken = take(&shared.log, *next);
    let offset = shared.now() - wall_clock();
    let mut events = Vec::with_capacity(taken.events.len() + 1);
    if let (1.., Some(first)) = (taken.left_out, taken.events.first()) {
        let text = match taken.left_out {
            1 => "1 event before this one is only in this worker's own window: it came too fast".to_owned(),
            many => format!("{many} events before this one are only in this worker's own window: they came too fast"),
        };
        events.push(Event {
            kind: EventKind::Engine,
            post: None,
            image: None,
            model: None,
            outcome: None,
            text: Safe::line(&text),
            ..first.clone()
        });
    }
    events.extend(taken.events);
    for event in &mut events {
        event.time += offset;
    }
    shared.store.add_events(&shared.worker, &events).await?;
    *next = taken.next;
    Ok(())
}

struct Taken {
    events: Vec<Event>,
    left_out: u64,
    next: u64,
}

/// The newest events that were not taken before, as many as go into one batch.
fn take(log: &EventLog, from: u64) -> Taken {
    let newest = *log.watch().borrow();
    let batch = log.since(from.max(newest.saturating_sub(MOST)), MOST as usize);
    Taken { left_out: (batch.next - from).saturating_sub(batch.events.len() as u64), next: batch.next, events: batch.events }
}

/// What was shown last.
type Shown = (Option<Safe>, String, WorkerNumbers);

async fn show(shared: &Shared, shown: &mut Option<Shown>) {
    let reading = shared.reading.numbers();
    let numbers = score::numbers(shared);
    let now = (reading.provider.clone(), doing(shared.board().phase, numbers.in_flight, &reading.busy), numbers);
    if shown.as_ref() == Some(&now) {
        return;
    }
    let (provider, doing, numbers) = &now;
    let written = shared.store.show_worker(&shared.worker, provider.as_deref(), doing, numbers).await;
    *shown = written.is_ok().then_some(now);
}

/// In words, for a line of a dashboard.
fn doing(phase: Phase, tagging: usize, reading: &[OcrBusy]) -> String {
    let posts = match tagging {
        0 => None,
        1 => Some("tagging a post".to_owned()),
        n => Some(format!("tagging {n} posts")),
    };
    let images = match reading {
        [] => None,
        [one] => Some(format!("reading {}", one.image)),
        many => Some(format!("reading {} images", many.len())),
    };
    match (posts, images, phase) {
        (Some(posts), Some(images), _) => format!("{posts}, {images}"),
        (Some(one), None, _) | (None, Some(one), _) => one,
        (None, None, Phase::None) => "starting".to_owned(),
        (None, None, Phase::Running | Phase::Idle) => "waiting for work".to_owned(),
        (None, None, Phase::Paused) => "paused".to_owned(),
        (None, None, Phase::Draining | Phase::Stopped) => "stopping".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Draft;

    #[test]
    fn what_comes_too_fast_is_counted_and_the_newest_is_kept() {
        let log = EventLog::new(Safe::fixed("w"));
        let publish =
            |count: u64| (0..count).for_each(|n| log.publish(Draft::new(EventKind::Engine, Safe::line(&n.to_string()))));
        publish(3);
        let first = take(&log, 0);
        assert_eq!((first.events.len(), first.left_out, first.next), (3, 0, 3));
        publish(MOST + 7);
        let second = take(&log, first.next);
        assert_eq!((second.events.len() as u64, second.left_out, second.next), (MOST, 7, MOST + 10));
        assert_eq!(take(&log, second.next).left_out, 0);
        // More than the log itself holds.
        publish(30_000);
        let third = take(&log, second.next);
        assert_eq!((third.events.len() as u64, third.left_out), (MOST, 30_000 - MOST));
    }

    #[test]
    fn what_a_worker_does_is_said_in_a_few_words() {
        let image = |name| OcrBusy {
            post: Some(crate::domain::PostId(1)),
            image: Safe::fixed(name),
            stage: "lines",
            page: (1, 1),
            since: 0,
        };
        assert_eq!(doing(Phase::Running, 8, &[image("a.png")]), "tagging 8 posts, reading a.png");
        assert_eq!(doing(Phase::Running, 0, &[image("a.png"), image("b.png")]), "reading 2 images");
        assert_eq!(doing(Phase::Idle, 0, &[]), "waiting for work");
    }
}
