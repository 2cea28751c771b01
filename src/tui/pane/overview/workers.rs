//! Who works on this database, a line each: where, on what kinds, by what it reads images, and what it does now.
//! Nothing of it is drawn where this window's engine is the only one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::per_second;
use crate::domain::WorkerSeen;
use crate::text::Safe;
use crate::tui::locale::{count, decimal, heard, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, line};
use crate::tui::widget::when;

/// Width from which the version has a column: it matters during an upgrade only.
const ROOM_FOR_VERSION: u16 = 100;
/// Lines that the log keeps beside the workers: so many, or this part of what both have.
const LOG: (u16, u16) = (3, 4);

/// Lines wanted; 0 where there is nobody else.
pub fn height(model: &Model) -> u16 {
    let workers = &model.snapshot.workers;
    let shown = workers.len() > 1 || model.options.observe;
    if shown { u16::try_from(workers.len()).unwrap_or(u16::MAX) } else { 0 }
}

/// Lines they get of those that they share with the log; one of them is the border between. On the least screen they are counted.
pub fn share(wanted: u16, room: u16) -> u16 {
    let least = u16::from(room > 2);
    wanted.min(room.saturating_sub(1 + LOG.0.max(room / LOG.1)).max(least))
}

/// Draws what fits, and how many do not.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let workers = model.snapshot.workers.as_slice();
    let room = usize::from(area.height);
    let shown = if workers.len() > room { room.saturating_sub(1) } else { workers.len() };
    let (lines, rest) = workers.split_at(shown);
    let columns = Columns::of(lines, area.width);
    for (row, worker) in (0..).zip(lines) {
        columns.draw(model, buffer, line(area, row), worker);
    }
    if !rest.is_empty() {
        let row = u16::try_from(shown).unwrap_or(u16::MAX);
        let number = i64::try_from(rest.len()).unwrap_or(i64::MAX);
        let how_many = if shown == 0 { count("{} worker", "{} workers", number) } else { tell!("… and {} more", number) };
        let mut words = Words::new().word(how_many, if shown == 0 { Style::new() } else { model.theme.quiet() });
        let silent = rest.iter().filter(|worker| !worker.alive).count();
        if silent > 0 {
            words = words.word("·", model.theme.quiet()).word(tell!("{} silent", silent), model.theme.bad());
        }
        words.paint(buffer, line(area, row));
    }
}

/// Widths of what stands before the words; 0 where no line has it.
struct Columns {
    name: u16,
    kinds: u16,
    provider: u16,
    version: u16,
}

impl Columns {
    fn of(workers: &[WorkerSeen], width: u16) -> Self {
        let widest = |text: fn(&WorkerSeen) -> Safe| workers.iter().map(|worker| paint::cells(&text(worker))).max().unwrap_or(0);
        Self {
            name: widest(|worker| worker.name.clone()).min(width / 3),
            kinds: widest(kinds),
            provider: widest(provider).min(width / 8),
            version: if width < ROOM_FOR_VERSION { 0 } else { widest(|worker| worker.version.clone()).min(width / 8) },
        }
    }

    /// `● gpu-1:7f3a  ocr  cuda  0.1.0  reading page.png        3.7/s`
    fn draw(&self, model: &Model, buffer: &mut Buffer, place: Rect, worker: &WorkerSeen) {
        let theme = model.theme;
        let (sign, style) = if worker.alive { ("●", theme.good()) } else { ("✗", theme.bad()) };
        let named = if worker.alive { Style::new() } else { theme.quiet() };
        paint::left(buffer, place, &Safe::fixed(sign), style);
        let mut rest = after(place, 2);
        let cells = [
            (self.name, worker.name.clone(), named),
            (self.kinds, kinds(worker), theme.quiet()),
            (self.provider, provider(worker), theme.quiet()),
            (self.version, worker.version.clone(), theme.quiet()),
        ];
        for (width, text, style) in cells.into_iter().filter(|(width, ..)| *width > 0) {
            paint::left(buffer, Rect { width: width.min(rest.width), ..rest }, &text, style);
            rest = after(rest, width + 2);
        }
        if !worker.alive {
            // In minutes, and only here: the sign of life of those alive changes all the time and says nothing.
            let seen = tell!("silent, last seen {} ago", when::minutes(model.now - worker.seen_at));
            paint::left(buffer, rest, &seen, theme.warn());
            return;
        }
        let pace = per_second(&worker.numbers.finished_per_second);
        if pace > 0.0 {
            let pace = tell!("{}/s", decimal(pace, 1));
            paint::right(buffer, rest, &pace, Style::new());
            rest.width = rest.width.saturating_sub(paint::cells(&pace) + 2);
        }
        paint::left(buffer, rest, &heard(&worker.doing), Style::new());
    }
}

/// What is left of a place behind so many of its cells.
fn after(place: Rect, cells: u16) -> Rect {
    let cells = cells.min(place.width);
    Rect { x: place.x + cells, width: place.width - cells, ..place }
}

/// As `--kind` takes them.
fn kinds(worker: &WorkerSeen) -> Safe {
    let kinds: Vec<&str> = worker.kinds.iter().map(|kind| kind.as_str()).collect();
    Safe::line(&kinds.join("+"))
}

fn provider(worker: &WorkerSeen) -> Safe {
    worker.provider.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::share;
    use crate::domain::Snapshot;
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::locale::{self, Language};
    use crate::tui::model::Model;
    use crate::tui::update::{Msg, update};

    fn fleet(size: (u16, u16), count: usize) -> Model {
        let mut model = fixture::busy(size);
        let workers = fixture::workers().into_iter().cycle().take(count).collect();
        update(&mut model, Msg::Snapshot(Box::new(Snapshot { workers, ..fixture::snapshot() })));
        model
    }

    #[test]
    fn the_workers_as_seen() {
        for (name, size) in SIZES.into_iter().filter(|(name, _)| *name != "120x36") {
            insta::assert_snapshot!(format!("workers_{name}"), fixture::screen(&fleet(size, 3)));
        }
    }

    #[test]
    fn a_dead_worker_is_told_by_its_sign_and_its_words_and_those_without_room_are_counted() {
        let has = |model: &Model, words: &str| {
            let screen = fixture::screen(model);
            assert!(screen.contains(words), "no {words:?} in\n{screen}");
        };
        let mut dead = fixture::ascii(fleet((80, 24), 3));
        has(&dead, "x gpu-1:5c1e");
        has(&dead, "silent, last seen 7 min ago");
        dead = fleet((80, 24), 3);
        dead.language = Language::Russian;
        has(&dead, "✗ gpu-1:5c1e  ocr      tensorrt  молчит, виден 7 мин назад");
        locale::speak(Language::English);
        has(&fleet((80, 24), 9), "… and 7 more · 3 silent");
        // Beside images on the least screen one line is left.
        let mut reading = fixture::reading((80, 24));
        let snapshot = Snapshot { workers: fixture::workers(), ..reading.snapshot.clone() };
        update(&mut reading, Msg::Snapshot(Box::new(snapshot)));
        has(&reading, "3 workers · 1 silent");
        has(&reading, "12 to read");
        assert_eq!([share(3, 7), share(3, 3), share(3, 2), share(50, 43)], [3, 1, 0, 32]);
    }

    #[test]
    fn the_only_worker_is_shown_to_those_who_observe_and_its_sign_of_life_moves_nothing() {
        let alone = fleet((80, 24), 1);
        assert_eq!(fixture::screen(&alone), fixture::screen(&fixture::busy((80, 24))));
        let mut observed = alone;
        observed.options.observe = true;
        let before = fixture::screen(&observed);
        assert!(before.contains("● bot-1:a04f"), "{before}");
        observed.snapshot.workers[0].seen_at += 10_000;
        observed.now += 10_000;
        assert_eq!(fixture::screen(&observed), before);
    }
}
