//! The live log of all workers of a database: what the engine of this process says, at once, and what others say, as they write it.
//! It keeps nothing: the ring is the reader's, the shared log the database's.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::engine::event::EventLog;
use crate::store::{Store, StoreError};
use crate::text::Safe;

/// How often the shared log is looked at although nobody told that there is something.
const LOOK: Duration = Duration::from_secs(1);
/// Events of the time before this window was opened.
const BEFORE: u32 = 500;
/// Events read at once.
const PAGE: u32 = 500;

/// One log of all of them. Where only the engine of this process can be at work, that is its own.
pub fn gather(store: &Store, own: Option<&EventLog>) -> EventLog {
    match own {
        Some(own) if store.is_embedded() => own.clone(),
        _ => {
            let log = EventLog::new(own.map_or_else(|| Safe::fixed("observer"), |own| own.worker().clone()));
            if let Some(own) = own {
                tokio::spawn(relay(own.clone(), log.clone()));
            }
            tokio::spawn(follow(store.clone(), log.clone(), own.map(|own| own.worker().to_string()).unwrap_or_default()));
            log
        }
    }
}

/// Until nobody but this task has the log any more.
async fn relay(own: EventLog, log: EventLog) {
    let writers = 2;
    let (mut newest, mut next) = (own.watch(), 0);
    loop {
        let batch = own.since(next, PAGE as usize);
        next = batch.next;
        let more = !batch.events.is_empty();
        batch.events.into_iter().for_each(|event| log.relay(event));
        if !more && (newest.changed().await.is_err() || log.is_forgotten(writers)) {
            return;
        }
    }
}

/// Likewise; the relay has the log as well, if there is one.
async fn follow(store: Store, log: EventLog, but: String) {
    let writers = if but.is_empty() { 1 } else { 2 };
    let mut news = store.news();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    while !log.is_forgotten(writers) {
        tokio::select! {
            _ = look.tick() => {}
            Ok(()) = news.changed() => { news.borrow_and_update(); }
        }
        // The numbers say what is wrong with the database.
        let _ = read(&store, &log, &mut last, &but).await;
    }
}

async fn read(store: &Store, log: &EventLog, last: &mut Option<i64>, but: &str) -> Result<(), StoreError> {
    loop {
        let (events, next) = match *last {
            None => store.last_events(but, BEFORE).await?,
            Some(last) => store.events_after(last, but, PAGE).await?,
        };
        let end = *last == Some(next) || last.is_none();
        *last = Some(next);
        for event in events {
            log.relay(event);
        }
        if end {
            return Ok(());
        }
    }
}
