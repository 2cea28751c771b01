//! What a frame costs: the figures of the issue, which only an optimised build on a quiet machine can hold.
//! `cargo test --release --lib speed -- --nocapture` prints them.

use std::time::{Duration, Instant};

use crate::domain::{Millis, PostId, Snapshot, Status};
use crate::text::Safe;
use crate::tui::fixture;
use crate::tui::model::failed::Row;
use crate::tui::model::list::{Came, Held as _};
use crate::tui::model::{Model, Pane};
use crate::tui::terminal::canvas::Canvas;
use crate::tui::update::{Msg, update};
use crate::tui::view::draw;

/// Update, draw and diff of so many frames at 200×60, each with other numbers; the middle one and the slowest of a hundred.
fn frames(model: &mut Model, count: u64) -> (Duration, Duration) {
    let mut canvas = Canvas::default();
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..count {
        let mut snapshot = Snapshot { version: n, ..model.snapshot.clone() };
        (snapshot.counts.success, snapshot.in_flight) = (4_812 + n as i64, n as usize % 5);
        let begun = Instant::now();
        update(model, Msg::Snapshot(Box::new(snapshot)));
        canvas.draw((200, 60), |buffer| draw(model, buffer)).unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a figure of an optimised build")]
fn a_frame_of_every_pane_at_its_largest_is_quick() {
    for pane in Pane::ALL {
        let mut model = fixture::reading((200, 60));
        model.focus = pane;
        let (p50, p99) = frames(&mut model, 300);
        println!("200x60 {pane:?}: p50 {p50:?}, p99 {p99:?}");
        assert!(p50 < Duration::from_micros(600) && p99 < Duration::from_millis(3), "{pane:?} {p50:?} {p99:?}");
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a figure of an optimised build")]
fn a_frame_over_a_list_of_any_length_is_as_quick() {
    let mut model = fixture::busy((200, 60));
    model.focus = Pane::Failed;
    let wanted = model.failed.reload();
    let row = |n: usize| Row {
        id: PostId(n as i64),
        channel: Safe::fixed("Naked Science"),
        status: Some(Status::Failed),
        updated_at: fixture::NOW - n as Millis,
        next_at: None,
        attempts: 5,
        tags: 0,
        class: None,
        error: Safe::fixed("502 upstream, all 3 models"),
    };
    update(&mut model, Msg::Page(wanted, Ok(Came { rows: (0..3 * Row::PAGE).map(row).collect(), next: None })));
    let (p50, p99) = frames(&mut model, 300);
    println!("{} rows: p50 {p50:?}, p99 {p99:?}", 3 * Row::PAGE);
    assert!(p50 < Duration::from_millis(2), "{p50:?} {p99:?}");
}
