//! The first pane: counts, the scoreboard of models, the reading of images, the workers, an excerpt of the live log, and what needs a person.
//! It shows the snapshot as it is; nothing is computed here but shares and places.

mod attention;
pub mod images;
mod models;
mod workers;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Phase, Status};
use crate::text::Safe;
use crate::tui::locale::{count, decimal, t, tell};
use crate::tui::model::Model;
use crate::tui::pane::log;
use crate::tui::widget::paint::{self, Words, line};
use crate::tui::widget::{bar, frame, when};

/// Lines of the log here on a slow line: what they cost would else be taken from the numbers.
const LINES_LOW_BANDWIDTH: usize = 5;

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let attention = attention::lines(model, area.width.saturating_sub(4));
    let top = (models::height(model) + 2).clamp(9, area.height.saturating_sub(8).max(9));
    let bottom = (u16::try_from(attention.len()).unwrap_or(u16::MAX)).clamp(1, (area.height - top).saturating_sub(4).max(1)) + 2;
    let workers = workers::height(model);
    // On a small screen the log keeps three lines, and images and workers one each.
    let kept = bottom + 4 + if workers > 0 { 2 } else { 0 };
    let strip = images::height(model).min((area.height - top).saturating_sub(kept).max(1));
    let strip = if strip > 0 { strip + 1 } else { 0 };
    let fleet = workers::share(workers, (area.height - top).saturating_sub(bottom + strip));
    let fleet = if fleet > 0 { fleet + 1 } else { 0 };
    // Neighbours overlap by one line, which they share as their border.
    let left = (area.width * 9 / 20).max(29).min(area.width / 2);
    let tagging = Rect { width: left, height: top, ..area };
    let models = Rect { x: area.x + left - 1, width: area.width - left + 1, height: top, ..area };
    let pictures = Rect { y: area.y + top - 1, height: strip + 1, ..area };
    let working = Rect { y: area.y + top - 1 + strip, height: fleet + 1, ..area };
    let above = strip + fleet;
    let live = Rect { y: area.y + top - 1 + above, height: (area.height - top - bottom + 2).saturating_sub(above), ..area };
    let needs = Rect { y: live.bottom() - 1, height: bottom, ..area };

    let mut pane =
        |place: Rect, title: &'static str| inset(frame::boxed(buffer, place, &Safe::fixed(t(title)), model.theme.strong()));
    let (tagging, models) = (pane(tagging, "Tagging"), pane(models, "Models"));
    let pictures = (strip > 0).then(|| pane(pictures, "Images"));
    let working = (fleet > 0).then(|| pane(working, "Workers"));
    let (live, needs) = (pane(live, "Live"), pane(needs, "Attention"));
    draw_tagging(model, buffer, tagging);
    models::draw(model, buffer, models);
    if let Some(pictures) = pictures {
        images::draw(model, buffer, pictures);
    }
    if let Some(working) = working {
        workers::draw(model, buffer, working);
    }
    draw_live(model, buffer, live);
    for (row, one) in (0..).zip(&attention) {
        one.draw(buffer, line(needs, row));
    }
}

/// A cell of air at both sides.
fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

const STATUSES: [Status; 5] = [Status::Success, Status::Retrying, Status::Failed, Status::Pending, Status::Skipped];

fn draw_tagging(model: &Model, buffer: &mut Buffer, area: Rect) {
    let snapshot = &model.snapshot;
    if snapshot.total == 0 {
        let theme = model.theme;
        if snapshot.phase == Phase::None && snapshot.version == 0 {
            // Nobody has counted yet; "no posts" would frighten whoever has a million.
            paint::left(buffer, line(area, 0), &Safe::fixed(t("Counting…")), theme.quiet());
            return;
        }
        let lines = [
            (t("No posts yet."), theme.strong()),
            (t("Bring some in with"), Style::new()),
            ("tagdeck import result.json", theme.accent()),
            (t("or look around with"), Style::new()),
            ("tagdeck demo", theme.accent()),
        ];
        let lines = lines.map(|(words, style)| (Safe::fixed(words), style));
        paint::below(buffer, area, lines.iter().map(|(words, style)| (words, *style)));
        return;
    }
    for (row, status) in (0..).zip(STATUSES) {
        let words = Safe::fixed(t(status.as_str()));
        draw_status(model, buffer, line(area, row), &words, snapshot.counts.of(status), model.theme.status(status));
    }
    let mut row = 5;
    if snapshot.counts.no_status > 0 {
        draw_status(model, buffer, line(area, row), &Safe::fixed(t("no status")), snapshot.counts.no_status, model.theme.quiet());
        row += 1;
    }
    let last = (area.height.saturating_sub(2)).max(row);
    draw_pace(model, buffer, line(area, last), line(area, last + 1));
}

fn draw_status(model: &Model, buffer: &mut Buffer, place: Rect, name: &Safe, count: i64, style: Style) {
    let cell = |from: u16, width: u16| Rect {
        x: place.x + from.min(place.width),
        width: width.min(place.width.saturating_sub(from)),
        ..place
    };
    // The count takes what the largest count takes, so that a million does not push its neighbours about.
    let digits = paint::cells(&paint::number(model.snapshot.total)).max(5);
    let per_cent = 6;
    let label = STATUSES.iter().map(|status| paint::cells(&Safe::fixed(t(status.as_str())))).max().unwrap_or(0).max(9);
    let bar = place.width.saturating_sub(label + digits + 1 + per_cent);
    let quiet = if count == 0 { model.theme.quiet() } else { Style::new() };
    paint::left(buffer, cell(0, label), name, if count == 0 { quiet } else { style });
    paint::right(buffer, cell(label, digits), &paint::number(count), quiet);
    let share = if model.snapshot.total > 0 { count as f64 / model.snapshot.total as f64 } else { 0.0 };
    paint::left(buffer, cell(label + digits + 1, bar), &bar::share(share, bar), style);
    paint::right(
        buffer,
        cell(place.width.saturating_sub(per_cent), per_cent),
        &bar::per_cent(count, model.snapshot.total),
        quiet,
    );
}

/// Posts, pace, its course over the last minute, time left; beneath it what is in hand.
fn draw_pace(model: &Model, buffer: &mut Buffer, first: Rect, second: Rect) {
    let (snapshot, quiet) = (&model.snapshot, model.theme.quiet());
    let pace = per_second(&snapshot.finished_per_second);
    let mut words = Words::new().word(count("{} post", "{} posts", snapshot.total), Style::new());
    let mut below = in_hand(model);
    // Where nothing is due there is no pace, and the screen is to lie still.
    if pace > 0.0 && snapshot.phase != Phase::Idle {
        words = words.word("·", quiet).word(tell!("{}/s", decimal(pace, 1)), Style::new());
        let left =
            snapshot.eta_seconds.map_or(Words::new(), |eta| Words::new().word(tell!("{} left", when::about(eta)), Style::new()));
        let fits = words.width() + 3 + left.width() <= first.width;
        let room = first.width.saturating_sub(words.width() + 1 + if fits && !left.is_empty() { left.width() + 3 } else { 0 });
        if !model.options.low_bandwidth && room >= 6 {
            words = words.word(bar::sparkline(&snapshot.finished_per_second, room.min(30)), model.theme.accent());
        }
        let place = if fits { &mut words } else { &mut below };
        if let Some(eta) = snapshot.eta_seconds {
            *place = std::mem::take(place).word("·", quiet).word(tell!("{} left", when::about(eta)), Style::new());
        }
    }
    words.paint(buffer, first);
    below.paint(buffer, second);
}

/// The mean of the seconds that a pace speaks of.
fn per_second(finished: &[u32]) -> f64 {
    let sum: u64 = finished.iter().map(|n| u64::from(*n)).sum();
    sum as f64 / finished.len().max(1) as f64
}

/// What is in hand, or why nothing is.
fn in_hand(model: &Model) -> Words {
    let (snapshot, theme) = (&model.snapshot, model.theme);
    match snapshot.phase {
        Phase::None if model.options.observe => Words::new().word(t("observing: no engine in this window"), theme.quiet()),
        Phase::None => Words::new().word(t("the engine has not started"), theme.quiet()),
        Phase::Idle => Words::new().word(t("nothing is due"), theme.quiet()),
        Phase::Stopped => Words::new().word(t("the engine has stopped"), theme.bad()),
        Phase::Running | Phase::Paused | Phase::Draining => {
            let (now, most) = (snapshot.in_flight, snapshot.concurrency);
            // The limit may have fallen while more were under way.
            let words = if now > most { tell!("{} in flight, then {}", now, most) } else { tell!("{}/{} in flight", now, most) };
            Words::new().word(words, Style::new())
        }
    }
}

fn draw_live(model: &Model, buffer: &mut Buffer, area: Rect) {
    if model.log.is_empty() {
        let empty =
            if model.is_deserted() { t("No engine works on this database.") } else { t("Events of the engine appear here.") };
        paint::below(buffer, area, [(&Safe::fixed(empty), model.theme.quiet())]);
        return;
    }
    let most = if model.options.low_bandwidth { LINES_LOW_BANDWIDTH } else { usize::MAX };
    let events: Vec<_> = model.log.tail(usize::from(area.height).min(most)).collect();
    let columns = log::Columns::of(model, events.iter().copied(), area.width);
    for (row, event) in (0..).zip(events) {
        columns.draw(model, buffer, line(area, row), event);
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{ModelKey, ModelScore, Phase, Snapshot, StatusCounts};
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::locale::{Language, speak};
    use crate::tui::model::Pane;
    use crate::tui::update::{Msg, update};

    #[test]
    fn the_overview_as_seen() {
        for (name, size) in SIZES {
            insta::assert_snapshot!(format!("overview_{name}"), fixture::screen(&fixture::busy(size)));
        }
    }

    #[test]
    fn an_empty_overview_says_what_would_fill_it() {
        insta::assert_snapshot!(fixture::screen(&fixture::empty((80, 24))));
    }

    #[test]
    fn what_a_newcomer_is_to_type_is_whole_on_the_smallest_screen() {
        for language in [Language::English, Language::Russian] {
            let mut model = fixture::empty((60, 20));
            model.language = language;
            let keywords = ModelKey { provider: "local".to_owned(), model: "keywords".to_owned() };
            let models = vec![ModelScore { model: keywords, ..fixture::snapshot().models[0].clone() }];
            update(
                &mut model,
                Msg::Snapshot(Box::new(Snapshot { version: 1, phase: Phase::Idle, models, ..Snapshot::default() })),
            );
            let screen = fixture::screen(&model);
            assert!(screen.contains("export OPENROUTER_API_KEY=…") && screen.contains("tagdeck import result.json"), "{screen}");
            for pane in Pane::ALL {
                model.focus = pane;
                (model.images.list.loaded, model.outputs.list.loaded) = (true, true);
                let screen = fixture::screen(&model);
                let inside = screen.lines().skip(3).take(16);
                assert!(!inside.filter(|line| !line.contains("API_KEY")).any(|line| line.contains('…')), "{screen}");
            }
        }
        speak(Language::English);
    }

    #[test]
    fn watching_a_database_that_nobody_works_on_says_what_starts_an_engine() {
        let mut model = fixture::empty((80, 24));
        model.options.observe = true;
        assert!(!fixture::screen(&model).contains("No engine"), "nobody has counted yet");
        let counts = StatusCounts { pending: 3, ..StatusCounts::default() };
        let seen = Snapshot { version: 1, total: 3, counts, ..Snapshot::default() };
        update(&mut model, Msg::Snapshot(Box::new(seen.clone())));
        assert!(fixture::screen(&model).contains("No engine works on this database: tagdeck run"));
        model.focus = Pane::Log;
        assert!(fixture::screen(&model).contains("Start one in another window: tagdeck run"));
        let workers = fixture::workers();
        update(&mut model, Msg::Snapshot(Box::new(Snapshot { version: 2, workers, ..seen })));
        for pane in Pane::ALL {
            model.focus = pane;
            assert!(!fixture::screen(&model).contains("No engine works"));
        }
    }

    #[test]
    fn the_overview_in_ascii() {
        insta::assert_snapshot!(fixture::screen(&fixture::ascii(fixture::busy((80, 24)))));
    }
}
