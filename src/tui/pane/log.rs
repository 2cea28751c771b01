//! The third pane: the live log, following or standing still.
//! The same lines are the excerpt on the first pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::domain::Event;
use crate::text::Safe;
use crate::tui::layout;
use crate::tui::locale::{count, heard, t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{frame, outcome, when, wrap};

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let (log, parts) = (&model.log, layout::parts(model));
    let list = parts.list;
    draw_state(model, buffer, parts.filter);
    let inside = inset(frame::boxed(buffer, list, &Safe::default(), Style::new()));
    let height = usize::from(inside.height);
    let lines = log.screen(height);
    if lines.is_empty() {
        draw_empty(model, buffer, inside);
    }
    let columns = Columns::of(model, lines.iter().map(|(event, _)| *event), inside.width);
    for (row, (event, selected)) in (0..).zip(&lines) {
        let place = line(inside, row);
        columns.draw(model, buffer, place, event);
        if let Some(search) = &log.search {
            paint::highlight(buffer, place, search, model.theme.accent().add_modifier(Modifier::UNDERLINED));
        }
        if *selected {
            // Signs and times have styles of their own; under the cursor the line is of one piece.
            buffer.set_style(
                Rect { x: place.x - 1, width: place.width + 2, ..place },
                Style::reset().patch(model.theme.selected()),
            );
        }
    }
    if parts.detail.height > 0 {
        let inside = inset(frame::boxed(buffer, parts.detail, &Safe::default(), Style::new()));
        if let Some(event) = log.selected() {
            for (row, text) in (0..).zip(wrap::wrapped(&whole(event), inside.width)) {
                paint::left(buffer, line(inside, row), &text, Style::new());
            }
        }
    }
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn draw_state(model: &Model, buffer: &mut Buffer, place: Rect) {
    let (log, theme) = (&model.log, model.theme);
    let place = inset(place);
    let shown = if log.filter.is_empty() { Safe::fixed(t("all events")) } else { Safe::line(&log.filter.typed()) };
    let mut words = Words::new().word(shown, theme.accent());
    words = if log.following() {
        words.spaced(2, t("following"), theme.good())
    } else {
        let below = log.below(model.list_rows());
        let words = words.spaced(2, t("standing still"), theme.warn());
        if below > 0 { words.word(tell!("· {} below", paint::number(below as i64)), theme.quiet()) } else { words }
    };
    let words = match &log.search {
        Some(search) => words.spaced(2, tell!("looks for «{}»", Safe::line(search)), theme.quiet()),
        None => words,
    };
    words.paint(buffer, place);
    let mut right = Words::new();
    if log.dropped > 0 {
        right = right.word(tell!("dropped: {}", paint::number(log.dropped as i64)), theme.warn());
        if log.drop_rate > 0 {
            right = right.word(tell!("· {}/s", paint::number(log.drop_rate as i64)), theme.warn());
        }
    }
    right.spaced(2, count("{} event", "{} events", log.len() as i64), theme.quiet()).paint_right(buffer, place);
}

fn draw_empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (first, second) = if !model.log.is_empty() {
        (t("No event matches this filter."), t("Esc shows all events again."))
    } else if model.is_deserted() {
        (t("No engine works on this database."), t("Start one in another window: tagdeck run"))
    } else {
        (t("No events yet."), t("Each call, retry, fallback and pause of the engine appears here as it happens."))
    };
    paint::below(buffer, area, [(&Safe::fixed(first), model.theme.strong()), (&Safe::fixed(second), Style::new())]);
}

/// Widths of the columns before the words of an event, so that those begin in one place.
pub struct Columns {
    post: u16,
    model: u16,
}

impl Columns {
    /// For these events on a line of `width` cells: no wider than they need, and never most of the line.
    /// Wide enough for the route's models and the posts there are, so that the words do not move as events come in.
    pub fn of<'a>(model: &Model, events: impl Iterator<Item = &'a Event>, width: u16) -> Self {
        let names = model.names.iter().map(|name| paint::cells(&short(name)));
        let digits = model.snapshot.total.max(1).ilog10() + 1;
        let mut columns = Self { post: u16::try_from(digits).unwrap_or(1), model: names.max().unwrap_or(0) };
        for event in events {
            let post = event.post.map_or(0, |post| post.0.max(0).checked_ilog10().unwrap_or(0) + 1);
            columns.post = columns.post.max(u16::try_from(post).unwrap_or(0));
            columns.model = columns.model.max(event.model.as_ref().map_or(0, |name| paint::cells(&short(name))));
        }
        columns.model = columns.model.min(width / 4);
        columns
    }

    /// One event as a line: time, sign, post, model, words.
    pub fn draw(&self, model: &Model, buffer: &mut Buffer, place: Rect, event: &Event) {
        let (sign, style) = model.theme.event(event.kind);
        let time = when::clock_with_seconds(event.time, &model.zone);
        Words::new().word(time, model.theme.quiet()).word(sign, style).paint(buffer, place);
        let mut x = 11;
        let mut cell = |width: u16, gap: u16| {
            let from = x.min(place.width);
            x += if width > 0 { width + gap } else { 0 };
            Rect { x: place.x + from, width: width.min(place.width - from), ..place }
        };
        let (post, name) = (cell(self.post, 2), cell(self.model, 2));
        if let Some(id) = event.post {
            paint::right(buffer, post, &safe!("{id}"), Style::new());
        }
        if let Some(called) = &event.model {
            paint::left(buffer, name, &short(called), model.theme.quiet());
        }
        paint::left(buffer, cell(place.width, 0), &heard(&event.text), Style::new());
    }
}

/// The model's last name: the column is narrow, and vendor and provider stand on the scoreboard.
fn short(model: &Safe) -> Safe {
    Safe::line(model.rsplit('/').next().unwrap_or_default())
}

/// Everything an event says.
pub fn whole(event: &Event) -> Safe {
    let parts = [
        Some(t(event.kind.as_str()).to_owned()),
        event.post.map(|post| tell!("post {}", post).into()),
        event.model.as_ref().map(Safe::to_string),
        event.outcome.map(|outcome| t(outcome::outcome(outcome)).to_owned()),
        Some(event.worker.to_string()),
        Some(heard(&event.text).to_string()),
    ];
    Safe::line(&parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

#[cfg(test)]
mod tests {
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;

    #[test]
    fn the_log_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Log;
            insta::assert_snapshot!(format!("log_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn a_log_that_stands_still_shows_the_whole_line() {
        let mut model = fixture::busy((80, 24));
        model.focus = Pane::Log;
        fixture::press(&mut model, "up");
        model.log.dropped = 1_234;
        insta::assert_snapshot!(fixture::screen(&model));
    }
}
