//! The fourth pane: what is being read now, the images with the state of their reading, and what is known of the one under the cursor.
//! It builds only the rows that are seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Status;
use crate::text::Safe;
use crate::tui::layout;
use crate::tui::locale::{heard, t, tell};
use crate::tui::model::Model;
use crate::tui::model::images::Row;
use crate::tui::pane::failed::draw_filter_line;
use crate::tui::pane::overview::images;
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{frame, when, wrap};

/// Lines of what is being read, without borders.
pub fn reading_rows(model: &Model) -> u16 {
    images::height(model).max(1)
}

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let parts = layout::parts(model);
    let list = &model.images.list;
    let whole = model.images.filter.is_empty().then(|| counted(model));
    draw_filter_line(model, buffer, parts.filter, &model.images.filter.typed(), list, whole, &model.images.marks, "");
    let inside = inset(frame::boxed(buffer, parts.top, &Safe::fixed(t("Reading")), model.theme.strong()));
    images::draw(model, buffer, inside);
    let inside = frame::boxed(buffer, parts.list, &Safe::fixed(t("Images")), model.theme.strong());
    if list.rows.is_empty() {
        draw_empty(model, buffer, inset(inside));
    } else {
        cells(buffer, line(inside, 0), &heading(), [model.theme.quiet(); 5]);
        let seen = usize::from(inside.height.saturating_sub(1));
        for (row, (at, image)) in (1..).zip(list.rows.iter().enumerate().skip(list.top).take(seen)) {
            draw_row(model, buffer, line(inside, row), image, at == list.cursor);
        }
    }
    let title = list.selected().map_or(Safe::default(), |row| row.name.clone());
    if parts.detail.height > 0 {
        let inside = inset(frame::boxed(buffer, parts.detail, &title, model.theme.strong()));
        draw_detail(model, buffer, inside);
    }
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn counted(model: &Model) -> i64 {
    let counts = &model.snapshot.ocr.counts;
    Status::ALL.iter().map(|status| counts.of(*status)).sum()
}

fn draw_empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let list = &model.images.list;
    if let Some(error) = &list.error {
        paint::below(buffer, area, [(error, model.theme.bad())]);
        return;
    }
    let (first, second) = match (list.loaded, model.images.filter.is_empty()) {
        (false, _) => (t("Loading…"), ""),
        (true, false) => (t("No image matches this filter."), t("Esc shows all images again.")),
        (true, true) => {
            (t("No images yet."), t("Photos beside an imported export are read by themselves: tagdeck import result.json"))
        }
    };
    paint::below(buffer, area, [(&Safe::fixed(first), model.theme.strong()), (&Safe::fixed(second), Style::new())]);
}

fn heading() -> [Safe; 5] {
    [t("image"), t("post"), t("when"), t("tries"), t("state")].map(Safe::fixed)
}

/// Sign, style and words of an image's state.
fn state(model: &Model, row: &Row) -> (&'static str, Style, Safe) {
    let theme = model.theme;
    let busy = model.snapshot.ocr.busy.iter().find(|busy| busy.post == row.post && busy.image == row.name);
    match row.status {
        _ if let Some(busy) = busy => {
            ("◌", theme.accent(), safe!("{} {}/{}", heard(&Safe::fixed(busy.stage)), busy.page.0, busy.page.1))
        }
        _ if row.leased => ("◌", theme.accent(), Safe::fixed(t("being read elsewhere"))),
        Status::Success => ("✓", theme.good(), Safe::fixed(t("read"))),
        Status::Failed => ("✗", theme.bad(), heard(&row.error).into_owned()),
        Status::Skipped => ("–", theme.quiet(), Safe::fixed(t("cancelled"))),
        Status::Pending => ("·", Style::new(), Safe::fixed(t("waits"))),
        Status::Retrying => {
            let words = row.next_at.map_or(Safe::default(), |at| tell!("again in {}", when::minutes(at - model.now)));
            ("↻", theme.warn(), safe!("{words} · {}", heard(&row.error)))
        }
    }
}

fn draw_row(model: &Model, buffer: &mut Buffer, place: Rect, row: &Row, selected: bool) {
    let theme = model.theme;
    let (sign, style, words) = state(model, row);
    let post = row.post.map_or(Safe::fixed("–"), |post| safe!("{post}"));
    let tries = safe!("{}/{}", row.attempts.0, row.attempts.1);
    let all = [row.name.clone(), post, model.moment(row.updated_at), tries, words];
    let marked = model.images.marks.has(row.id.0);
    let sign = if marked { "●" } else { sign };
    let (mark, styles) = if selected {
        buffer.set_style(place, theme.selected());
        (theme.selected(), [theme.selected(); 5])
    } else {
        (if marked { theme.accent() } else { style }, [Style::new(), theme.quiet(), theme.quiet(), Style::new(), style])
    };
    paint::left(buffer, Rect { width: 1.min(place.width), ..place }, &Safe::fixed(sign), mark);
    cells(buffer, place, &all, styles);
}

fn cells(buffer: &mut Buffer, place: Rect, words: &[Safe; 5], styles: [Style; 5]) {
    let name = (place.width / 3).clamp(16, 60);
    let widths = [name, 9, 7, 6, place.width.saturating_sub(2 + name + 9 + 7 + 6 + 5)];
    let mut x = 2;
    for (at, ((text, style), width)) in words.iter().zip(styles).zip(widths).enumerate() {
        let from = x.min(place.width);
        let cell = Rect { x: place.x + from, width: width.min(place.width - from), ..place };
        if matches!(at, 0 | 4) {
            paint::left(buffer, cell, text, style);
        } else {
            paint::right(buffer, cell, text, style);
        }
        x += width + if at == 3 { 2 } else { 1 };
    }
}

/// What came of it: provider and times, the error whole, the beginning of the text, what happens next.
fn draw_detail(model: &Model, buffer: &mut Buffer, area: Rect) {
    let Some(row) = model.images.list.selected() else { return };
    let theme = model.theme;
    let Some(known) = model.images.known.as_ref().filter(|known| known.row.id == row.id) else {
        paint::left(buffer, line(area, 0), &row.path, theme.quiet());
        return;
    };
    let mut lines = vec![(row.path.clone(), theme.quiet())];
    let told = known.told();
    if !told.is_empty() {
        lines.push((told, theme.quiet()));
    }
    if !row.error.is_empty() {
        lines.extend(wrap::wrapped(&heard(&row.error), area.width).into_iter().take(3).map(|line| (line, theme.bad())));
    }
    let room = usize::from(area.height).saturating_sub(lines.len() + 1);
    if let Some(text) = &known.text {
        let excerpt = crate::text::first_chars(text, (room + 1) * usize::from(area.width));
        lines.extend(wrap::wrapped(&Safe::block(excerpt), area.width).into_iter().take(room).map(|line| (line, Style::new())));
    }
    for (row, (text, style)) in (0..).zip(&lines) {
        paint::left(buffer, line(area, row), text, *style);
    }
    let last = u16::try_from(lines.len()).unwrap_or(0).min(area.height.saturating_sub(1));
    Words::new().word(t("next:"), theme.quiet()).word(known.next(model.now), Style::new()).paint(buffer, line(area, last));
}

#[cfg(test)]
mod tests {
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;

    #[test]
    fn images_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::reading(size);
            model.focus = Pane::Ocr;
            insta::assert_snapshot!(format!("ocr_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn no_images_yet_is_said_with_what_brings_some() {
        let mut model = fixture::empty((80, 24));
        model.focus = Pane::Ocr;
        model.images.list.loaded = true;
        let screen = fixture::screen(&model);
        assert!(screen.contains("No images yet.") && screen.contains("tagdeck import"), "{screen}");
    }
}
