//! The fifth pane: what stands in the blob store, and beside or beneath it the beginning of the output under the cursor.
//! It builds only the rows that are seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ops::outputs::{Entry, Order};
use crate::text::Safe;
use crate::tui::model::outputs::{Row, shown};
use crate::tui::model::reading::Reading;
use crate::tui::model::{Model, SMALLEST};
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::size::size;
use crate::tui::widget::{frame, when};

/// From so many columns on, list and output stand side by side.
const WIDE: u16 = 100;

/// Lines of the screen around list and output: header, tabs, the pane's first line, footer.
const AROUND: u16 = 4;

/// Where list and output stand on a terminal of this size, borders and all, below the pane's first line.
fn places(size: (u16, u16)) -> (Rect, Rect) {
    let (width, height) = (size.0.max(SMALLEST.0), size.1.max(SMALLEST.1) - AROUND);
    if width >= WIDE {
        let list = (width * 9 / 20).clamp(48, 90);
        // The border between them is shared.
        (Rect::new(0, 0, list, height), Rect::new(list - 1, 0, width - list + 1, height))
    } else {
        let list = height - height / 3;
        (Rect::new(0, 0, width, list), Rect::new(0, list - 1, width, height - list + 1))
    }
}

/// Rows of the list.
pub fn rows(size: (u16, u16)) -> usize {
    usize::from(places(size).0.height.saturating_sub(3))
}

/// Cells of a line of the output.
pub fn reading_width(size: (u16, u16)) -> u16 {
    places(size).1.width.saturating_sub(4)
}

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    draw_state(model, buffer, inset(line(area, 0)));
    let (list, reading) = places(model.size);
    let put = |place: Rect| Rect { x: area.x + place.x, y: area.y + 1 + place.y, ..place }.intersection(area);
    let (list, reading) = (put(list), put(reading));
    let inside = frame::boxed(buffer, list, &Safe::default(), Style::new());
    let title = model.outputs.selected().map(|row| last(row).clipped(usize::from(reading.width.saturating_sub(8))));
    let inside_reading = inset(frame::boxed(buffer, reading, &title.unwrap_or_default(), model.theme.strong()));
    if model.outputs.rows.is_empty() {
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

const fn order(order: Order) -> &'static str {
    match order {
        Order::Folders => "folders",
        Order::Flat => "all by name",
        Order::Newest => "newest first",
    }
}

fn draw_state(model: &Model, buffer: &mut Buffer, place: Rect) {
    let (outputs, theme) = (&model.outputs, model.theme);
    let mut right = Words::new();
    if let Some(progress) = &model.verifying {
        let (done, total, listed) = progress.numbers();
        let of = |number: u64| paint::number(i64::try_from(number).unwrap_or(i64::MAX));
        let words = if listed > 0 {
            safe!("verifying: {} names gone through", of(listed))
        } else {
            safe!("verifying {} of {}", of(done), of(total))
        };
        right = right.word(words, theme.warn());
    } else if outputs.loaded && !outputs.rows.is_empty() {
        let more = if outputs.has_more() { "+" } else { "" };
        right = right.word(safe!("{} of {}{more}", number(outputs.position()), number(outputs.known())), theme.quiet());
    }
    let room = place.width.saturating_sub(right.width() + 2);
    let mut words = Words::new().word("in", theme.quiet());
    words = match (outputs.prefix.is_empty(), &outputs.place) {
        (false, _) => words.word(shown(&outputs.prefix).clipped(usize::from(room) / 2), theme.accent()),
        (true, Some(place)) => words.word(place.clipped(usize::from(room) / 2), theme.accent()),
        (true, None) => words.word("no blob store", theme.quiet()),
    };
    words = words.spaced(2, order(outputs.order), theme.accent());
    if let Some(filter) = &outputs.filter {
        words = words.spaced(2, "with", theme.quiet()).word(shown(filter).clipped(24), theme.accent());
        if outputs.has_more() || outputs.is_waiting() {
            words = words.word(safe!("· {} looked through", number(outputs.looked)), theme.quiet());
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
    if let Some(error) = &outputs.error {
        for (row, text) in (0..).zip(crate::tui::widget::wrap::wrapped(error, area.width)) {
            paint::left(buffer, line(area, row), &text, model.theme.bad());
        }
        return;
    }
    let (first, second) = match (&outputs.place, outputs.loaded) {
        (None, _) => ("This dashboard has no blob store.", "`tagdeck config show` tells where documents go."),
        (Some(_), false) => ("Loading…", ""),
        (Some(_), true) if outputs.filter.is_some() && outputs.has_more() => {
            ("Nothing so far; still looking.", "Esc ends the search.")
        }
        (Some(_), true) if outputs.filter.is_some() => ("No name holds this text.", "Esc shows all names again."),
        (Some(_), true) if !outputs.prefix.is_empty() => ("Nothing lies here.", "Esc goes one folder up."),
        (Some(_), true) if outputs.order == Order::Newest => ("No document of ours lies here.", "s lists all names there are."),
        (Some(_), true) => ("Nothing is stored yet.", "`tagdeck ocr FILE --store` reads and stores."),
    };
    paint::left(buffer, line(area, 0), &Safe::fixed(first), model.theme.strong());
    paint::left(buffer, line(area, 1), &Safe::fixed(second), Style::new());
}

fn draw_list(model: &Model, buffer: &mut Buffer, area: Rect) {
    let outputs = &model.outputs;
    let quiet = model.theme.quiet();
    let columns = Columns::of(area);
    columns.cells(buffer, line(area, 0), [&Safe::fixed("name"), &Safe::fixed("size"), &Safe::fixed("when")], [quiet; 3]);
    let seen = usize::from(area.height.saturating_sub(1));
    for (at, (index, row)) in (1..).zip(outputs.rows.iter().enumerate().skip(outputs.top).take(seen)) {
        let place = line(area, at);
        let selected = index == outputs.cursor;
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
    if outputs.is_waiting() && outputs.rows.len() < outputs.top + seen {
        let row = u16::try_from(1 + outputs.rows.len() - outputs.top).unwrap_or(u16::MAX);
        paint::left(buffer, inset(line(area, row)), &Safe::fixed("Loading…"), quiet);
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
        Some(Some(post)) => parts.push(format!("post {post}")),
        Some(None) => parts.push("an image without a post".to_owned()),
        None => {}
    }
    if !known.whole {
        parts.push("only its beginning is shown".to_owned());
    }
    Safe::line(&parts.join(" · "))
}

fn draw_reading(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = model.theme;
    let Some(row) = model.outputs.selected() else { return };
    let reading = model.outputs.reading.as_ref().filter(|reading| reading.key == row.entry.key());
    match (&row.entry, reading) {
        (Entry::Folder(_), _) => {
            paint::left(buffer, line(area, 0), &Safe::fixed("A folder. Enter opens it."), theme.quiet());
        }
        (Entry::Object(_), None) => {
            paint::left(buffer, line(area, 0), &Safe::fixed("Loading…"), theme.quiet());
        }
        (Entry::Object(_), Some(reading)) => match &reading.known {
            Err(why) => {
                for (row, text) in (0..).zip(crate::tui::widget::wrap::wrapped(why, area.width)) {
                    paint::left(buffer, line(area, row), &text, theme.bad());
                }
            }
            Ok(_) => {
                paint::left(buffer, line(area, 0), &about(reading), theme.quiet());
                for (row, text) in (1..).zip(reading.laid.lines.iter().take(usize::from(area.height.saturating_sub(1)))) {
                    text.paint(buffer, line(area, row));
                }
            }
        },
    }
}

#[cfg(test)]
mod tests;
