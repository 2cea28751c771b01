//! The fifth pane: what stands in the blob store, and beside or beneath it the beginning of the output under the cursor.
//! It builds only the rows that are seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ops::outputs::{Entry, Order};
use crate::text::Safe;
use crate::tui::layout;
use crate::tui::locale::{count, t, tell};
use crate::tui::model::Model;
use crate::tui::model::outputs::{Row, shown};
use crate::tui::model::reading::Reading;
use crate::tui::widget::paint::{self, Words, line};
use crate::tui::widget::size::size;
use crate::tui::widget::{frame, when};

/// From so many columns on, list and output stand side by side.
const WIDE: u16 = 100;

/// Where list and output stand, borders and all, below the pane's first line. Zoomed there is only the list.
fn places(model: &Model) -> (Rect, Rect) {
    let body = layout::body(model);
    let area = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    if model.zoomed {
        (area, Rect { height: 0, ..area })
    } else if area.width >= WIDE {
        let list = (area.width * 9 / 20).clamp(48, 90);
        // The border between them is shared.
        (Rect { width: list, ..area }, Rect { x: area.x + list - 1, width: area.width - list + 1, ..area })
    } else {
        let below = (area.height / 3).saturating_add_signed(model.split).clamp(3, area.height.saturating_sub(6).max(3));
        let list = area.height - below;
        (Rect { height: list, ..area }, Rect { y: area.y + list - 1, height: below + 1, ..area })
    }
}

/// The lines of the list, its heading taken off.
pub fn lines(model: &Model) -> Rect {
    let list = places(model).0;
    Rect { x: list.x + 1, y: list.y + 2, width: list.width.saturating_sub(2), height: list.height.saturating_sub(3) }
}

/// Cells of a line of the output.
pub fn reading_width(model: &Model) -> u16 {
    places(model).1.width.saturating_sub(4)
}

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    draw_state(model, buffer, inset(line(layout::body(model), 0)));
    let (list, reading) = places(model);
    let inside = frame::boxed(buffer, list, &Safe::default(), Style::new());
    let title = model.outputs.list.selected().map(|row| last(row).clipped(usize::from(reading.width.saturating_sub(8))));
    let inside_reading = inset(frame::boxed(buffer, reading, &title.unwrap_or_default(), model.theme.strong()));
    if model.outputs.list.rows.is_empty() {
        draw_empty(model, buffer, inset(inside));
        return;
    }
    draw_list(model, buffer, inside);
    draw_reading(model, buffer, inside_reading);
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// The last part of a name.
fn last(row: &Row) -> Safe {
    let key = row.entry.key();
    let name = key.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if name.is_empty() { row.name.clone() } else { shown(name) }
}

fn order(order: Order) -> &'static str {
    match order {
        Order::Folders => t("folders"),
        Order::Flat => t("all by name"),
        Order::Newest => t("newest first"),
    }
}

fn draw_state(model: &Model, buffer: &mut Buffer, place: Rect) {
    let (outputs, theme) = (&model.outputs, model.theme);
    let mut right = Words::new();
    if let Some(progress) = &model.verifying {
        let (done, total, listed) = progress.numbers();
        let of = |number: u64| paint::number(i64::try_from(number).unwrap_or(i64::MAX));
        let words = if listed > 0 {
            let listed = i64::try_from(listed).unwrap_or(i64::MAX);
            count("verifying: {} name gone through", "verifying: {} names gone through", listed)
        } else {
            tell!("verifying {} of {}", of(done), of(total))
        };
        right = right.word(words, theme.warn());
    } else if outputs.list.loaded && !outputs.list.rows.is_empty() {
        let more = if outputs.list.has_more() { "+" } else { "" };
        right =
            right.word(tell!("{} of {}{}", number(outputs.list.position()), number(outputs.list.known()), more), theme.quiet());
    }
    let room = place.width.saturating_sub(right.width() + 2);
    let mut words = Words::new().word(t("in"), theme.quiet());
    words = match (outputs.prefix.is_empty(), &outputs.place) {
        (false, _) => words.word(shown(&outputs.prefix).clipped(usize::from(room) / 2), theme.accent()),
        (true, Some(place)) => words.word(place.clipped(usize::from(room) / 2), theme.accent()),
        (true, None) => words.word(t("no blob store"), theme.quiet()),
    };
    words = words.spaced(2, order(outputs.order), theme.accent());
    if let Some(filter) = &outputs.filter {
        words = words.spaced(2, t("with"), theme.quiet()).word(shown(filter).clipped(24), theme.accent());
        if outputs.list.has_more() || outputs.list.is_waiting() {
            words = words.word(tell!("· {} looked through", number(outputs.looked)), theme.quiet());
        }
    }
    words.paint(buffer, Rect { width: room, ..place });
    right.paint_right(buffer, place);
}

fn number(number: usize) -> Safe {
    paint::number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn draw_empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let outputs = &model.outputs;
    if let Some(error) = &outputs.list.error {
        paint::below(buffer, area, [(error, model.theme.bad())]);
        return;
    }
    let (first, second) = match (&outputs.place, outputs.list.loaded) {
        (None, _) => (t("This dashboard has no blob store."), t("`tagdeck config show` tells where documents go.")),
        (Some(_), false) => (t("Loading…"), ""),
        (Some(_), true) if outputs.filter.is_some() && outputs.list.has_more() => {
            (t("Nothing so far; still looking."), t("Esc ends the search."))
        }
        (Some(_), true) if outputs.filter.is_some() => (t("No name holds this text."), t("Esc shows all names again.")),
        (Some(_), true) if !outputs.prefix.is_empty() => (t("Nothing lies here."), t("Esc goes one folder up.")),
        (Some(_), true) if outputs.order == Order::Newest => {
            (t("No document of ours lies here."), t("s lists all names there are."))
        }
        (Some(_), true) => (t("Nothing is stored yet."), t("`tagdeck ocr FILE --store` reads and stores.")),
    };
    paint::below(buffer, area, [(&Safe::fixed(first), model.theme.strong()), (&Safe::fixed(second), Style::new())]);
}

fn draw_list(model: &Model, buffer: &mut Buffer, area: Rect) {
    let outputs = &model.outputs;
    let quiet = model.theme.quiet();
    let columns = Columns::of(area);
    columns.cells(buffer, line(area, 0), [&Safe::fixed(t("name")), &Safe::fixed(t("size")), &Safe::fixed(t("when"))], [quiet; 3]);
    let seen = usize::from(area.height.saturating_sub(1));
    for (at, (index, row)) in (1..).zip(outputs.list.rows.iter().enumerate().skip(outputs.list.top).take(seen)) {
        let place = line(area, at);
        let selected = index == outputs.list.cursor;
        let mut styles = [Style::new(), Style::new(), quiet];
        if selected {
            buffer.set_style(place, model.theme.selected());
            styles = [model.theme.selected(); 3];
        }
        match &row.entry {
            Entry::Folder(_) => {
                let style = if selected { styles[0] } else { model.theme.accent() };
                columns.cells(buffer, place, [&row.name, &Safe::default(), &Safe::default()], [style; 3]);
            }
            Entry::Object(object) => {
                let at = object.modified.map_or(Safe::default(), |at| when::ago(model.now, at));
                columns.cells(buffer, place, [&row.name, &size(object.size), &at], styles);
            }
        }
    }
    if outputs.list.is_waiting() && outputs.list.rows.len() < outputs.list.top + seen {
        let row = u16::try_from(1 + outputs.list.rows.len() - outputs.list.top).unwrap_or(u16::MAX);
        paint::left(buffer, inset(line(area, row)), &Safe::fixed(t("Loading…")), quiet);
    }
}

/// Places of the columns of the list.
struct Columns {
    name: u16,
}

impl Columns {
    const SIZE: u16 = 7;
    const WHEN: u16 = 7;

    fn of(area: Rect) -> Self {
        Self { name: area.width.saturating_sub(1 + 1 + Self::SIZE + 1 + Self::WHEN + 1) }
    }

    fn cells(&self, buffer: &mut Buffer, place: Rect, words: [&Safe; 3], styles: [Style; 3]) {
        let cell = |from: u16, width: u16| {
            let from = from.min(place.width);
            Rect { x: place.x + from, width: width.min(place.width - from), ..place }
        };
        let [name, size, when] = words;
        paint::left(buffer, cell(1, self.name), name, styles[0]);
        paint::right(buffer, cell(1 + self.name + 1, Self::SIZE), size, styles[1]);
        paint::right(buffer, cell(1 + self.name + 1 + Self::SIZE + 1, Self::WHEN), when, styles[2]);
    }
}

/// What is said of an output above its text: size, kind, where it comes from.
pub fn about(reading: &Reading) -> Safe {
    let Ok(known) = &reading.known else { return Safe::default() };
    let mut parts = vec![size(known.size).to_string()];
    if !known.content_type.is_empty() {
        parts.push(known.content_type.to_string());
    }
    match known.origin.as_ref().map(|origin| origin.post) {
        Some(Some(post)) => parts.push(tell!("post {}", post).to_string()),
        Some(None) => parts.push(t("an image without a post").to_owned()),
        None => {}
    }
    if !known.whole {
        parts.push(t("only its beginning is shown").to_owned());
    }
    Safe::line(&parts.join(" · "))
}

fn draw_reading(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let Some(row) = model.outputs.list.selected() else { return };
    let reading = model.outputs.reading.as_ref().filter(|reading| reading.key == row.entry.key());
    match (&row.entry, reading) {
        (Entry::Folder(_), _) => {
            paint::left(buffer, line(area, 0), &Safe::fixed(t("A folder. Enter opens it.")), theme.quiet());
        }
        (Entry::Object(_), None) => {
            paint::left(buffer, line(area, 0), &Safe::fixed(t("Loading…")), theme.quiet());
        }
        (Entry::Object(_), Some(reading)) => {
            if let Err(why) = &reading.known {
                for (row, text) in (0..).zip(crate::tui::widget::wrap::wrapped(why, area.width)) {
                    paint::left(buffer, line(area, row), &text, theme.bad());
                }
            } else {
                paint::left(buffer, line(area, 0), &about(reading), theme.quiet());
                for (row, text) in (1..).zip(reading.laid.lines.iter().take(usize::from(area.height.saturating_sub(1)))) {
                    text.paint(buffer, line(area, row));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
