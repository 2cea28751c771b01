//! The events this dashboard has seen, and the place in them a person is looking at.
//! Places are sequence numbers, so nothing moves under the eye while events come in.

use std::collections::VecDeque;

use crate::domain::{Event, EventKind};
use crate::engine::event::{Batch, CAPACITY};
use crate::tui::locale::heard;
use crate::tui::model::filter::Filter;

/// The log as held here.
#[derive(Clone, Debug, Default)]
pub struct Log {
    events: VecDeque<Event>,
    /// Events lost before this dashboard could read them.
    pub dropped: u64,
    /// What it is narrowed to.
    pub filter: Filter,
    /// Words looked for, lower case; lines that hold them are not the only ones shown.
    pub search: Option<String>,
    /// Events lost within the last second.
    pub drop_rate: u64,
    dropped_before: u64,
    /// Where it stands still; `None`: it follows the newest event.
    held: Option<Held>,
}

/// Where the log stands still, in sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    top: u64,
    cursor: u64,
}

impl Log {
    /// Takes what was published; the oldest go when there are too many.
    pub fn take(&mut self, batch: Batch) {
        self.dropped += batch.dropped;
        self.events.extend(batch.events);
        let excess = self.events.len().saturating_sub(CAPACITY);
        self.events.drain(..excess);
    }

    /// True while it follows the newest event.
    pub const fn following(&self) -> bool {
        self.held.is_none()
    }

    /// Events held, of all kinds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True when no event has come.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn matches(&self, event: &Event) -> bool {
        let filter = &self.filter;
        let holds = |part: &Option<String>, text: &str| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        filter.shows(event.kind)
            && filter.class.as_ref().is_none_or(|class| event.outcome.is_some_and(|outcome| outcome.as_str() == class))
            && (filter.model.is_none() || event.model.as_ref().is_some_and(|model| holds(&filter.model, model)))
            && (filter.text.is_none() || holds(&filter.text, &heard(&event.text)) || is_post(event, filter.text.as_deref()))
    }

    /// The newest `count` events of all kinds, oldest first.
    pub fn tail(&self, count: usize) -> impl Iterator<Item = &Event> {
        self.events.iter().skip(self.events.len().saturating_sub(count))
    }

    /// What a screen of `height` lines shows, oldest first, and whether the line is under the cursor.
    pub fn screen(&self, height: usize) -> Vec<(&Event, bool)> {
        if let Some(held) = self.held {
            let from = self.index_of(held.top);
            let below = self.events.range(from..).filter(|event| self.matches(event)).take(height);
            return below.map(|event| (event, event.seq == held.cursor)).collect();
        }
        let mut lines: Vec<_> =
            self.events.iter().rev().filter(|event| self.matches(event)).take(height).map(|event| (event, false)).collect();
        lines.reverse();
        lines
    }

    /// The event under the cursor while it stands still.
    pub fn selected(&self) -> Option<&Event> {
        let held = self.held?;
        self.events.get(self.index_of(held.cursor)).filter(|event| event.seq == held.cursor)
    }

    /// Matching events that came after the last line of a screen of `height` lines.
    pub fn below(&self, height: usize) -> usize {
        let Some(held) = self.held else { return 0 };
        self.events.range(self.index_of(held.top)..).filter(|event| self.matches(event)).count().saturating_sub(height)
    }

    fn index_of(&self, seq: u64) -> usize {
        let first = self.events.front().map_or(0, |event| event.seq);
        // Sequence numbers have gaps only where events were dropped, so this is where to begin to look.
        let guess = usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX).min(self.events.len());
        match self.events.get(guess) {
            Some(event) if event.seq == seq => guess,
            _ => self.events.partition_point(|event| event.seq < seq),
        }
    }

    /// Moves the cursor by lines; the log stands still from then on.
    pub fn go(&mut self, by: isize, height: usize) {
        let seqs: Vec<u64> = self.events.iter().filter(|event| self.matches(event)).map(|event| event.seq).collect();
        let Some(last) = seqs.len().checked_sub(1) else { return };
        let height = height.max(1);
        let held = self.held.unwrap_or(Held { top: seqs[(last + 1).saturating_sub(height)], cursor: seqs[last] });
        let place = |seq: u64| seqs.partition_point(|s| *s < seq).min(last);
        let cursor = place(held.cursor).saturating_add_signed(by).min(last);
        let top = place(held.top).min(cursor).max((cursor + 1).saturating_sub(height));
        self.held = Some(Held { top: seqs[top], cursor: seqs[cursor] });
    }

    /// Stops at a line of a screen of `height` lines, from its top; `false`: there is no such line.
    pub fn point(&mut self, row: usize, height: usize) -> bool {
        let Some(seq) = self.screen(height).get(row).map(|(event, _)| event.seq) else { return false };
        self.go(0, height);
        if let Some(held) = &mut self.held {
            held.cursor = seq;
        }
        true
    }

    /// Goes to the next line (or the one before) that holds the words looked for; `false`: there is none.
    pub fn find(&mut self, forward: bool, height: usize) -> bool {
        let Some(search) = self.search.clone() else { return false };
        let holds = |event: &&Event| self.matches(event) && heard(&event.text).to_lowercase().contains(&search);
        let at = self.held.map_or(u64::MAX, |held| held.cursor);
        let found = if forward {
            self.events.iter().filter(|event| event.seq > at).find(holds)
        } else {
            self.events.iter().rev().filter(|event| event.seq < at).find(holds)
        };
        let Some(seq) = found.map(|event| event.seq) else { return false };
        self.go(0, height);
        if let Some(held) = &mut self.held {
            held.cursor = seq;
        }
        self.go(0, height);
        true
    }

    /// A second has passed: what was lost within it.
    pub fn second(&mut self) {
        self.drop_rate = self.dropped - self.dropped_before;
        self.dropped_before = self.dropped;
    }

    /// The events that the filter shows, oldest first.
    pub fn shown(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| self.matches(event))
    }

    /// Follows the newest event from now on.
    pub fn follow(&mut self) {
        self.held = None;
    }

    /// Events held of each kind, in the order of the kinds.
    pub fn counts(&self) -> Vec<(EventKind, usize)> {
        let mut counts: Vec<(EventKind, usize)> = EventKind::ALL.iter().map(|kind| (*kind, 0)).collect();
        for event in &self.events {
            if let Some((_, count)) = counts.iter_mut().find(|(kind, _)| *kind == event.kind) {
                *count += 1;
            }
        }
        counts
    }

    /// Stays where it stands after its filter changed.
    pub fn narrowed(&mut self, height: usize) {
        if self.held.is_some() {
            self.go(0, height);
        }
    }
}

/// A number typed as text means the post of that number.
fn is_post(event: &Event, text: Option<&str>) -> bool {
    event.post.is_some_and(|post| text.is_some_and(|text| text == post.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Millis;
    use crate::text::Safe;

    fn batch(seqs: std::ops::Range<u64>) -> Batch {
        let event = |seq| Event {
            seq,
            time: seq as Millis,
            worker: Safe::fixed("w"),
            kind: if seq % 2 == 0 { EventKind::Success } else { EventKind::Retry },
            post: None,
            image: None,
            model: None,
            outcome: None,
            text: Safe::fixed("t"),
        };
        Batch { next: seqs.end, dropped: 0, events: seqs.map(event).collect() }
    }

    fn seqs(log: &Log, height: usize) -> Vec<u64> {
        log.screen(height).iter().map(|(event, _)| event.seq).collect()
    }

    #[test]
    fn a_log_that_stands_still_does_not_move_while_events_come() {
        let mut log = Log::default();
        log.take(batch(0..100));
        assert_eq!(seqs(&log, 3), [97, 98, 99]);
        log.go(-1, 3);
        assert_eq!((seqs(&log, 3), log.selected().unwrap().seq), (vec![97, 98, 99], 98));
        log.take(batch(100..5_000));
        assert_eq!((seqs(&log, 3), log.below(3)), (vec![97, 98, 99], 4_900));
        log.follow();
        assert_eq!(seqs(&log, 3), [4_997, 4_998, 4_999]);
    }

    #[test]
    fn a_filter_shows_some_kinds_and_the_cursor_stays_near() {
        let mut log = Log::default();
        log.take(batch(0..10));
        log.filter.kinds = vec![EventKind::Success];
        assert_eq!(seqs(&log, 3), [4, 6, 8]);
        log.go(-2, 3);
        assert_eq!((seqs(&log, 3), log.selected().unwrap().seq), (vec![4, 6, 8], 4));
        log.filter.kinds = vec![EventKind::Retry];
        log.narrowed(3);
        assert_eq!((seqs(&log, 3), log.selected().unwrap().seq), (vec![5, 7, 9], 5), "on the line that is nearest");
        log.filter.kinds.clear();
        log.narrowed(3);
        assert_eq!(log.selected().unwrap().seq, 5);
    }

    #[test]
    fn what_falls_out_while_standing_still_is_replaced_by_the_oldest_left() {
        let mut log = Log::default();
        log.take(batch(0..10));
        log.go(-9, 3);
        log.take(batch(10..20_000));
        assert_eq!(seqs(&log, 2), [10_000, 10_001]);
        assert!(log.selected().is_none());
    }
}
