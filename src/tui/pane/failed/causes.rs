//! The causes of failure instead of the posts: how many posts each has, its share, and what helps.
//! An action on a cause is one on all its posts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::text::Safe;
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, line};
use crate::tui::widget::{bar, outcome};

/// Draws the causes, and below them what helps against the one under the cursor.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect, below: Rect, cursor: usize) {
    let theme = model.theme;
    let total: i64 = model.classes.iter().map(|(_, count)| count).sum();
    Words::new().spaced(0, t("cause"), theme.quiet()).paint(buffer, Rect { x: area.x + 2, ..line(area, 0) });
    let seen = usize::from(area.height.saturating_sub(1)).max(1);
    let top = (cursor + 1).saturating_sub(seen);
    for (row, (at, (class, count))) in (1..).zip(model.classes.iter().enumerate().skip(top).take(seen)) {
        let place = line(area, row);
        let style = if at == cursor { theme.selected() } else { Style::new() };
        buffer.set_style(place, style);
        let cell = |from: u16, width: u16| Rect {
            x: place.x + from.min(place.width),
            width: width.min(place.width.saturating_sub(from)),
            ..place
        };
        paint::left(buffer, cell(2, 26), &outcome::label(class), style);
        paint::right(buffer, cell(28, 9), &paint::number(*count), style);
        let width = place.width.saturating_sub(39 + 7);
        let share = if total > 0 { *count as f64 / total as f64 } else { 0.0 };
        paint::left(buffer, cell(39, width), &bar::share(share, width), if at == cursor { style } else { theme.bad() });
        paint::right(buffer, cell(place.width.saturating_sub(7), 6), &bar::per_cent(*count, total), style);
    }
    let below = Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below };
    if let Some((class, count)) = model.classes.get(cursor) {
        let words = tell!("{} × {}", paint::number(*count), outcome::label(class));
        paint::left(buffer, line(below, 0), &words, theme.strong());
        let remedy = outcome::remedy(class);
        if !remedy.is_empty() {
            paint::left(buffer, line(below, 1), &remedy, Style::new());
        }
        let keys = Safe::fixed(t("Enter shows its posts · r retries those with passes left · F all of them"));
        paint::left(buffer, line(below, 2), &keys, theme.quiet());
    }
}
