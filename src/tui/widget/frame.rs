//! Borders that panes share: a titled box whose lines join those it lies on.
//! It draws no content.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::widgets::{Clear, Widget};

use crate::text::Safe;
use crate::tui::widget::paint;

/// Draws a box with a title and returns what is inside; boxes that overlap by a line share it.
///
/// Not `Block`: it looks up the join of every cell, which made borders most of a frame's cost; here only cells that hold a line already do.
pub fn boxed(buffer: &mut Buffer, area: Rect, title: &Safe, style: Style) -> Rect {
    let area = area.intersection(buffer.area);
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let (left, right, top, bottom) = (area.x, area.right() - 1, area.y, area.bottom() - 1);
    for x in left + 1..right {
        stroke(buffer, x, top, "─");
        stroke(buffer, x, bottom, "─");
    }
    for y in top + 1..bottom {
        stroke(buffer, left, y, "│");
        stroke(buffer, right, y, "│");
    }
    for (x, y, corner) in [(left, top, "┌"), (right, top, "┐"), (left, bottom, "└"), (right, bottom, "┘")] {
        stroke(buffer, x, y, corner);
    }
    if !title.is_empty() && area.width > 6 {
        let place = Rect { x: left + 2, y: top, width: area.width - 4, height: 1 };
        let used = paint::left(buffer, Rect { width: place.width - 1, ..place }, title, style);
        for x in [left + 1, left + 2 + used] {
            buffer[(x, top)].set_symbol(" ");
        }
    }
    Rect { x: left + 1, y: top + 1, width: area.width - 2, height: area.height - 2 }
}

/// One cell of a line, joined with the line that crosses it.
fn stroke(buffer: &mut Buffer, x: u16, y: u16, symbol: &'static str) {
    let cell = &mut buffer[(x, y)];
    if cell.symbol() == " " {
        cell.set_symbol(symbol);
    } else if cell.symbol() != symbol {
        cell.merge_symbol(symbol, MergeStrategy::Exact);
    }
}

/// Draws a box over everything, in the middle, at most `width` × `height`; returns what is inside, a cell of air at the sides.
pub fn window(buffer: &mut Buffer, screen: Rect, (width, height): (u16, u16), title: &Safe, style: Style) -> Rect {
    let area = middle(screen, width, height);
    // A cell of air around it: borders that touch the window's own would look like a part of it.
    let air = Rect { x: area.x.saturating_sub(1), width: area.width + 2, ..area };
    Clear.render(air.intersection(screen), buffer);
    let inside = boxed(buffer, area, title, style);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// The middle of an area, at most `width` × `height`.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
