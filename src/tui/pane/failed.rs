//! The second pane: posts failed and retrying, newest first, and beneath them what is known of the one under the cursor.
//! It builds only the rows that are seen.

mod causes;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{PostOrder, Status};
use crate::text::Safe;
use crate::tui::layout;
use crate::tui::locale::{count, heard, t, tell};
use crate::tui::model::failed::Row;
use crate::tui::model::filter::Filter;
use crate::tui::model::list::{Held, List};
use crate::tui::model::marks::Marks;
use crate::tui::model::{Model, Pane};
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{frame, wrap};

/// Draws the pane.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let (failed, parts) = (&model.failed, layout::parts(model));
    let list = &failed.list;
    let order = match failed.order {
        PostOrder::Newest => "",
        PostOrder::Channel => t("by channel"),
        PostOrder::Passes => t("by passes"),
        PostOrder::Class => t("by error"),
        PostOrder::Id => t("by id"),
    };
    draw_filter_line(model, buffer, parts.filter, &failed.filter.typed(), list, whole(model), &failed.marks, order);
    let inside = frame::boxed(buffer, parts.list, &Safe::default(), Style::new());
    let title = failed.selected().map_or(Safe::default(), |row| safe!("{}", row.id));
    let below = match parts.detail.height {
        0 => Rect::default(),
        _ => frame::boxed(buffer, parts.detail, &title, model.theme.strong()),
    };
    if let Some(at) = failed.grouped {
        causes::draw(model, buffer, inside, below, at);
        return;
    }
    if list.rows.is_empty() {
        draw_empty(model, buffer, inside);
        return;
    }
    let columns = Columns::of(model, inside.width);
    columns.heading(model, buffer, line(inside, 0));
    let seen = usize::from(inside.height.saturating_sub(1));
    for (row, (at, post)) in (1..).zip(list.rows.iter().enumerate().skip(list.top).take(seen)) {
        columns.row(model, buffer, line(inside, row), post, at == list.cursor);
    }
    draw_detail(model, buffer, Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below });
}

/// The line above a list: what it is narrowed to and what is marked; at the right where the cursor stands and in which order.
#[allow(clippy::too_many_arguments)] // one line of the screen, said by two panes with lists of different rows
pub fn draw_filter_line<R: Held>(
    model: &Model,
    buffer: &mut Buffer,
    place: Rect,
    filter: &str,
    list: &List<R>,
    whole: Option<i64>,
    marks: &Marks,
    order: &'static str,
) {
    let theme = model.theme;
    let place = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
    let shown = match (filter, model.focus) {
        ("", Pane::Ocr) => Safe::fixed(t("all images")),
        ("", _) => Safe::fixed(t("failed and retrying")),
        (typed, _) => Safe::line(typed),
    };
    let mut words = Words::new().word(shown, theme.accent());
    if marks.all {
        words = words.spaced(2, t("all that match are marked"), theme.warn());
    } else if !marks.is_empty() {
        words = words.spaced(2, count("{} marked", "{} marked", marks.len() as i64), theme.warn());
    }
    if marks.anchor.is_some() {
        words = words.word(t("· a range is under way"), theme.quiet());
    }
    let mut right = Words::new();
    if list.loaded && !list.rows.is_empty() {
        let held = list.known();
        let of = match whole {
            Some(total) => paint::number(total.max(held as i64)),
            None => safe!("{}{}", paint::number(held as i64), if list.has_more() { "+" } else { "" }),
        };
        right = right.word(tell!("{} of {}", paint::number(list.position() as i64), of), theme.quiet());
        let order = if order.is_empty() { t("newest first") } else { order };
        let more = right.clone().word("·", theme.quiet()).word(order, theme.quiet());
        if more.width() + words.width() + 2 <= place.width {
            right = more;
        }
    }
    let room = place.width.saturating_sub(right.width() + 2);
    words.paint(buffer, Rect { width: room, ..place });
    right.paint_right(buffer, place);
}

/// Rows of the whole list where the counters know them; narrowed by anything but a status they do not.
fn whole(model: &Model) -> Option<i64> {
    let filter = &model.failed.filter;
    let only_statuses = Filter { statuses: filter.statuses.clone(), ..Filter::default() };
    if *filter != only_statuses {
        return None;
    }
    let counts = &model.snapshot.counts;
    Some(match filter.statuses.as_slice() {
        [] => counts.failed + counts.retrying,
        some => some.iter().map(|status| counts.of(*status)).sum(),
    })
}

fn draw_empty(model: &Model, buffer: &mut Buffer, area: Rect) {
    let failed = &model.failed;
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(error) = &failed.list.error {
        paint::below(buffer, area, [(error, model.theme.bad())]);
        return;
    }
    let (first, second) = match (failed.list.loaded, !failed.filter.is_empty()) {
        (false, _) => (t("Loading…"), ""),
        (true, true) => (t("No post matches this filter."), t("Esc shows failed and retrying posts of every class again.")),
        (true, false) if model.snapshot.total == 0 => (t("No posts yet."), t("Bring some in with: tagdeck import result.json")),
        (true, false) => (t("No post has failed."), t("Posts whose tagging failed, or will be tried again, are listed here.")),
    };
    paint::below(buffer, area, [(&Safe::fixed(first), model.theme.strong()), (&Safe::fixed(second), Style::new())]);
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
        let top = model.failed.list.rows.iter().skip(model.failed.list.top).take(200).map(|row| row.id.0).max().unwrap_or(0);
        let id = u16::try_from(top.max(1000).to_string().len()).unwrap_or(19);
        Self { id, channel: (width / 5).clamp(12, 32), when: 7, passes: 7 }
    }

    fn heading(&self, model: &Model, buffer: &mut Buffer, place: Rect) {
        let quiet = model.theme.quiet();
        let columns = [
            (t("id"), PostOrder::Id, "▲"),
            (t("channel"), PostOrder::Channel, "▲"),
            (t("when"), PostOrder::Newest, "▼"),
            (t("passes"), PostOrder::Passes, "▼"),
            (t("last error"), PostOrder::Class, "▲"),
        ];
        // The column that the list is ordered by has an arrow.
        let words = columns.map(
            |(name, order, arrow)| {
                if order == model.failed.order { safe!("{name}{arrow}") } else { Safe::fixed(name) }
            },
        );
        self.cells(buffer, place, &words, [quiet; 5]);
    }

    fn row(&self, model: &Model, buffer: &mut Buffer, place: Rect, row: &Row, selected: bool) {
        let theme = model.theme;
        let passes = match model.snapshot.worst_case.passes {
            0 => safe!("{}", row.attempts),
            passes => safe!("{}/{passes}", row.attempts),
        };
        let words =
            [safe!("{}", row.id), row.channel.clone(), model.moment(row.updated_at), passes, heard(&row.error).into_owned()];
        let status = row.status.map_or(Style::new(), |status| theme.status(status));
        let mark = match row.status {
            Some(Status::Retrying) => "↻",
            Some(Status::Failed) => "✗",
            Some(Status::Success) => "✓",
            Some(Status::Skipped) => "–",
            Some(Status::Pending) | None => "·",
        };
        let marked = model.failed.marks.has(row.id.0);
        let (mark, status) = if marked { ("●", theme.accent()) } else { (mark, status) };
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
        paint::left(buffer, line(area, 0), &heard(&row.error), model.theme.quiet());
        return;
    };
    // The newest passes: a line each, the newest more when its calls need them and there is room beside two lines of text.
    let room = usize::from(area.height).saturating_sub(3).max(1);
    let history = known.history();
    let mut passes: Vec<(Safe, Vec<Safe>)> = Vec::new();
    let mut spare = room.saturating_sub(history.len().min(room));
    for (pass, pieces) in history.iter().rev().take(room) {
        let name = tell!("pass {}", pass);
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
        paint::left(buffer, line(area, 0), &Safe::fixed(t("no text")), model.theme.quiet());
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
    let next = known.next(model.now, &model.zone);
    Words::new().word(t("next:"), model.theme.quiet()).word(next, Style::new()).paint(buffer, line(area, row));
}

#[cfg(test)]
mod tests {
    use crate::domain::Status;
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;

    #[test]
    fn failed_posts_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            insta::assert_snapshot!(format!("failed_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn causes_as_seen() {
        let mut model = fixture::busy((80, 24));
        model.focus = Pane::Failed;
        fixture::press(&mut model, "b");
        insta::assert_snapshot!(fixture::screen(&model));
    }

    #[test]
    fn marked_posts_as_seen() {
        let mut model = fixture::busy((80, 24));
        model.focus = Pane::Failed;
        for key in ["space", "space", "o"] {
            fixture::press(&mut model, key);
        }
        model.failed.marks.toggle(4983);
        fixture::fill(&mut model, &fixture::failed_posts());
        for key in ["V", "down"] {
            fixture::press(&mut model, key);
        }
        insta::assert_snapshot!(fixture::screen(&model));
    }

    #[test]
    fn an_empty_list_says_why_it_is_empty() {
        let mut model = fixture::empty((80, 24));
        model.focus = Pane::Failed;
        insta::assert_snapshot!("failed_no_posts", fixture::screen(&model));
        model.snapshot.total = 5;
        model.failed.filter.statuses = vec![Status::Failed];
        insta::assert_snapshot!("failed_filtered_away", fixture::screen(&model));
    }
}
