//! The second pane: posts failed and retrying, newest first, and beneath them what is known of the one under the cursor.
//! It builds only the rows that are seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Status;
use crate::text::Safe;
use crate::tui::model::failed::{Row, Shown};
use crate::tui::model::{Model, SMALLEST};
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{frame, outcome, when, wrap};

/// Lines of the screen that are not rows: header, tabs, filter, footer, three borders, headings.
const AROUND: u16 = 8;

/// Rows of the list on a terminal of this size.
pub fn rows(size: (u16, u16)) -> usize {
    let height = size.1.max(SMALLEST.1);
    usize::from(height - AROUND - detail_rows(height))
}

const fn detail_rows(height: u16) -> u16 {
    if height >= 48 {
        14
    } else if height >= 30 {
        9
    } else {
        6
    }
}

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    draw_filter(model, buffer, line(area, 0));
    let below = detail_rows(model.size.1.max(SMALLEST.1));
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(below + 2), ..area };
    let detail = Rect { y: list.bottom() - 1, height: area.bottom() - list.bottom() + 1, ..area };
    let inside = frame::boxed(buffer, list, &Safe::default(), Style::new());
    let title = model.failed.selected().map_or(Safe::default(), |row| safe!("{}", row.id));
    let inside_detail = frame::boxed(buffer, detail, &title, model.theme.strong());
    if model.failed.rows.is_empty() {
        draw_empty(model, buffer, inside);
        return;
    }
    let columns = Columns::of(model, inside.width);
    columns.heading(model, buffer, line(inside, 0));
    let seen = usize::from(inside.height.saturating_sub(1));
    for (row, (at, post)) in (1..).zip(model.failed.rows.iter().enumerate().skip(model.failed.top).take(seen)) {
        columns.row(model, buffer, line(inside, row), post, at == model.failed.cursor);
    }
    draw_detail(model, buffer, Rect { x: inside_detail.x + 1, width: inside_detail.width.saturating_sub(2), ..inside_detail });
}

fn draw_filter(model: &Model, buffer: &mut Buffer, place: Rect) {
    let failed = &model.failed;
    let theme = model.theme;
    let place = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
    let shown = match failed.shown {
        Shown::Both => "failed and retrying",
        Shown::Only(Status::Failed) => "failed",
        Shown::Only(_) => "retrying",
    };
    let mut words = Words::new().word("status", theme.quiet()).word(shown, theme.accent());
    words = words.spaced(2, "class", theme.quiet());
    words = match &failed.class {
        Some(class) => words.word(outcome::label(class), theme.accent()),
        None => words.word("all", theme.accent()),
    };
    let used = words.paint(buffer, place) + 2;
    if failed.loaded && !failed.rows.is_empty() {
        let of = match whole(model) {
            Some(total) => paint::number(total),
            None => safe!(
                "{}{}",
                place_of(failed.position() - failed.cursor - 1 + failed.rows.len()),
                if failed.has_more() { "+" } else { "" }
            ),
        };
        let room = Rect { x: place.x + used.min(place.width), width: place.width.saturating_sub(used), ..place };
        let mut right = Words::new().word(safe!("{} of {of}", place_of(failed.position())), theme.quiet());
        let order = right.clone().word("· newest first", theme.quiet());
        if order.width() <= room.width {
            right = order;
        }
        right.paint_right(buffer, room);
    }
}

fn place_of(position: usize) -> Safe {
    paint::number(i64::try_from(position).unwrap_or(i64::MAX))
}

/// Rows of the whole list where the counters know them; with an error class they do not.
fn whole(model: &Model) -> Option<i64> {
    if model.failed.class.is_some() {
        return None;
    }
    let counts = &model.snapshot.counts;
    let counted = match model.failed.shown {
        Shown::Both => counts.failed + counts.retrying,
        Shown::Only(status) => counts.of(status),
    };
    // The counters come with the snapshot, the list on its own: the larger of both is nearer the truth.
    Some(counted.max(i64::try_from(model.failed.rows.len()).unwrap_or(0)))
}

fn draw_empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let failed = &model.failed;
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(error) = &failed.error {
        paint::left(buffer, line(area, 0), error, model.theme.bad());
        return;
    }
    let (first, second) = match (failed.loaded, failed.class.is_some() || failed.shown != Shown::Both) {
        (false, _) => ("Loading…", ""),
        (true, true) => ("No post matches this filter.", "Esc shows failed and retrying posts of every class again."),
        (true, false) if model.snapshot.total == 0 => ("No posts yet.", "Bring some in with: tagdeck import result.json"),
        (true, false) => ("No post has failed.", "Posts whose tagging failed, or will be tried again, are listed here."),
    };
    paint::left(buffer, line(area, 0), &Safe::fixed(first), model.theme.strong());
    paint::left(buffer, line(area, 1), &Safe::fixed(second), Style::new());
}

/// Places of the columns, from the left edge of the list.
struct Columns {
    id: u16,
    channel: u16,
    when: u16,
    passes: u16,
}

impl Columns {
    fn of(model: &Model, width: u16) -> Self {
        let top = model.failed.rows.iter().skip(model.failed.top).take(200).map(|row| row.id.0).max().unwrap_or(0);
        let id = u16::try_from(top.max(1000).to_string().len()).unwrap_or(19);
        Self { id, channel: (width / 5).clamp(12, 32), when: 7, passes: 6 }
    }

    fn heading(&self, model: &Model, buffer: &mut Buffer, place: Rect) {
        let quiet = model.theme.quiet();
        let words =
            [Safe::fixed("id"), Safe::fixed("channel"), Safe::fixed("when"), Safe::fixed("passes"), Safe::fixed("last error")];
        self.cells(buffer, place, &words, [quiet; 5]);
    }

    fn row(&self, model: &Model, buffer: &mut Buffer, place: Rect, row: &Row, selected: bool) {
        let theme = model.theme;
        let passes = match model.snapshot.worst_case.passes {
            0 => safe!("{}", row.attempts),
            passes => safe!("{}/{passes}", row.attempts),
        };
        let words = [safe!("{}", row.id), row.channel.clone(), when::ago(model.now, row.updated_at), passes, row.error.clone()];
        let status = row.status.map_or(Style::new(), |status| theme.status(status));
        let mark = match row.status {
            Some(Status::Retrying) => "↻",
            Some(Status::Failed) => "✗",
            Some(Status::Pending | Status::Success | Status::Skipped) | None => "·",
        };
        if selected {
            buffer.set_style(place, theme.selected());
            let plain = theme.selected();
            draw_mark(buffer, place, mark, plain);
            self.cells(buffer, place, &words, [plain; 5]);
        } else {
            draw_mark(buffer, place, mark, status);
            self.cells(buffer, place, &words, [Style::new(), Style::new(), theme.quiet(), Style::new(), Style::new()]);
        }
    }

    fn cells(&self, buffer: &mut Buffer, place: Rect, words: &[Safe; 5], styles: [Style; 5]) {
        let [id, channel, when, passes, error] = words;
        let mut x = 2;
        let mut cell = |width: u16, gap: u16| {
            let from = x.min(place.width);
            x += width + gap;
            Rect { x: place.x + from, width: width.min(place.width - from), ..place }
        };
        paint::right(buffer, cell(self.id, 2), id, styles[0]);
        paint::left(buffer, cell(self.channel, 1), channel, styles[1]);
        paint::right(buffer, cell(self.when, 2), when, styles[2]);
        paint::right(buffer, cell(self.passes, 2), passes, styles[3]);
        paint::left(
            buffer,
            cell(place.width.saturating_sub(2 + self.id + 2 + self.channel + 1 + self.when + 2 + self.passes + 2), 0),
            error,
            styles[4],
        );
    }
}

/// The sign of the status, at the left edge.
fn draw_mark(buffer: &mut Buffer, place: Rect, mark: &'static str, style: Style) {
    paint::left(buffer, Rect { width: 1.min(place.width), ..place }, &Safe::fixed(mark), style);
}

fn draw_detail(model: &Model, buffer: &mut Buffer, area: Rect) {
    let Some(row) = model.failed.selected() else { return };
    let post = model.failed.post.as_ref().filter(|post| post.id == row.id);
    let Some(known) = post.and_then(|post| post.known.as_ref()) else {
        paint::left(buffer, line(area, 0), &row.error, model.theme.quiet());
        return;
    };
    // The newest passes: a line each, the newest more when its calls need them and there is room beside two lines of text.
    let room = usize::from(area.height).saturating_sub(3).max(1);
    let history = known.history();
    let mut passes: Vec<(Safe, Vec<Safe>)> = Vec::new();
    let mut spare = room.saturating_sub(history.len().min(room));
    for (pass, pieces) in history.iter().rev().take(room) {
        let name = safe!("pass {pass}");
        let lines = wrap::flowed(pieces, area.width.saturating_sub(paint::cells(&name) + 2), 1 + spare);
        spare -= lines.len().saturating_sub(1);
        passes.push((name, lines));
    }
    let taken: usize = passes.iter().map(|(_, lines)| lines.len()).sum();
    let text_rows = usize::from(area.height).saturating_sub(1 + taken).max(1);
    let excerpt = Safe::line(crate::text::first_chars(&known.text, (text_rows + 1) * usize::from(area.width)));
    let mut lines = wrap::wrapped(&excerpt, area.width);
    if lines.len() > text_rows {
        lines.truncate(text_rows);
        if let Some(last) = lines.last_mut() {
            // One cell more than fits, so that it is seen to go on.
            *last = safe!("{last} …").clipped(usize::from(area.width));
        }
    }
    let mut row = 0;
    if excerpt.is_empty() {
        paint::left(buffer, line(area, 0), &Safe::fixed("no text"), model.theme.quiet());
        row = 1;
    }
    for text in &lines {
        paint::left(buffer, line(area, row), text, Style::new());
        row += 1;
    }
    for (name, lines) in passes.iter().rev() {
        let indent = paint::cells(name) + 2;
        paint::left(buffer, line(area, row), name, model.theme.quiet());
        for text in lines {
            let place = line(area, row);
            paint::left(
                buffer,
                Rect { x: place.x + indent, width: place.width.saturating_sub(indent), ..place },
                text,
                Style::new(),
            );
            row += 1;
        }
    }
    Words::new().word("next:", model.theme.quiet()).word(known.next(model.now), Style::new()).paint(buffer, line(area, row));
}

#[cfg(test)]
mod tests {
    use crate::domain::Status;
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;
    use crate::tui::model::failed::Shown;

    #[test]
    fn failed_posts_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            insta::assert_snapshot!(format!("failed_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn an_empty_list_says_why_it_is_empty() {
        let mut model = fixture::empty((80, 24));
        model.focus = Pane::Failed;
        insta::assert_snapshot!("failed_no_posts", fixture::screen(&model));
        model.snapshot.total = 5;
        model.failed.shown = Shown::Only(Status::Failed);
        insta::assert_snapshot!("failed_filtered_away", fixture::screen(&model));
    }
}
