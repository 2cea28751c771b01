//! Borders that panes share: a titled box whose lines join those it lies on.
//! It draws no content.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Widget};

use crate::text::Safe;

/// Draws a box with a title and returns what is inside; boxes that overlap by a line share it.
pub fn boxed(buffer: &mut Buffer, area: Rect, title: &Safe, style: Style) -> Rect {
    let block = Block::bordered().border_style(Style::new()).merge_borders(MergeStrategy::Exact);
    let block = if title.is_empty() {
        block
    } else {
        let room = usize::from(area.width).saturating_sub(4);
        block.title(Line::styled(format!(" {} ", title.clipped(room.saturating_sub(2))), style))
    };
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// Draws a box over everything, in the middle, at most `width` × `height`; returns what is inside, a cell of air at the sides.
pub fn window(buffer: &mut Buffer, screen: Rect, (width, height): (u16, u16), title: &Safe, style: Style) -> Rect {
    let area = middle(screen, width, height);
    Clear.render(area, buffer);
    let inside = boxed(buffer, area, title, style);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// The middle of an area, at most `width` × `height`.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
