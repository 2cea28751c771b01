//! Puts `Safe` text on a buffer, cut to its place with an ellipsis.
//! It takes no other text: this is the gate between what came from outside and the cells of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::text::{Safe, grouped};
use crate::tui::widget::wrap::wrapped;

/// Own words with numbers in them, made `Safe` like everything else.
macro_rules! safe {
    ($($part:tt)*) => { $crate::text::Safe::line(&format!($($part)*)) };
}
pub(crate) use safe;

/// A number as it stands in a column.
pub fn number(number: i64) -> Safe {
    Safe::line(&grouped(number))
}

/// Paints at the left edge; returns the cells used.
pub fn left(buffer: &mut Buffer, place: Rect, text: &Safe, style: Style) -> u16 {
    if place.is_empty() || text.is_empty() {
        return 0;
    }
    let width = usize::from(place.width);
    // Most text fits: clipping would copy it for nothing.
    let end = if text.cells() <= width {
        buffer.set_stringn(place.x, place.y, text, width, style).0
    } else {
        buffer.set_stringn(place.x, place.y, text.clipped(width), width, style).0
    };
    end - place.x
}

/// Paints texts below each other, whole ones as long as there are lines: what an empty place says is of use only whole.
pub fn below<'a>(buffer: &mut Buffer, area: Rect, texts: impl IntoIterator<Item = (&'a Safe, Style)>) {
    let lines = texts.into_iter().flat_map(|(text, style)| wrapped(text, area.width).into_iter().map(move |line| (line, style)));
    for (row, (text, style)) in (0..area.height).zip(lines) {
        left(buffer, line(area, row), &text, style);
    }
}

/// Paints at the right edge.
pub fn right(buffer: &mut Buffer, place: Rect, text: &Safe, style: Style) {
    let width = cells(text).min(place.width);
    left(buffer, Rect { x: place.right() - width, width, ..place }, text, style);
}

/// Styles the cells of a line that show these lower-case words.
pub fn highlight(buffer: &mut Buffer, place: Rect, words: &str, style: Style) {
    if place.is_empty() || words.is_empty() {
        return;
    }
    // Where each byte of the line as shown stands on the screen; a wide character's second cell shows nothing.
    let (mut line, mut columns) = (String::new(), Vec::new());
    for x in place.left()..place.right() {
        let symbol = buffer[(x, place.y)].symbol().to_lowercase();
        columns.extend(std::iter::repeat_n(x, symbol.len()));
        line.push_str(&symbol);
    }
    for (at, found) in line.match_indices(words) {
        for x in columns[at]..=columns[at + found.len() - 1] {
            buffer[(x, place.y)].set_style(style);
        }
    }
}

/// Width of a text in cells.
pub fn cells(text: &Safe) -> u16 {
    u16::try_from(text.cells()).unwrap_or(u16::MAX)
}

/// The line `row` of an area, one cell high; empty when the area has no such line.
pub fn line(area: Rect, row: u16) -> Rect {
    if row < area.height { Rect { y: area.y + row, height: 1, ..area } } else { Rect { height: 0, ..area } }
}

/// Words in a row, each with its style and its distance from the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    words: Vec<(u16, Safe, Style)>,
}

impl Words {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, a space after the last.
    #[must_use]
    pub fn word(self, text: impl Into<Ink>, style: Style) -> Self {
        self.spaced(1, text, style)
    }

    /// One more, `gap` cells after the last.
    #[must_use]
    pub fn spaced(mut self, gap: u16, text: impl Into<Ink>, style: Style) -> Self {
        let Ink(text) = text.into();
        if !text.is_empty() {
            let gap = if self.words.is_empty() { 0 } else { gap };
            self.words.push((gap, text, style));
        }
        self
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Cells they take.
    pub fn width(&self) -> u16 {
        let width: usize = self.words.iter().map(|(gap, text, _)| usize::from(*gap) + text.width()).sum();
        u16::try_from(width).unwrap_or(u16::MAX)
    }

    /// Paints them from the left, the last one cut where the place ends; returns the cells used.
    pub fn paint(&self, buffer: &mut Buffer, place: Rect) -> u16 {
        let mut x = place.x;
        for (gap, text, style) in &self.words {
            x = x.saturating_add(*gap);
            if x >= place.right() {
                break;
            }
            x += left(buffer, Rect { x, width: place.right() - x, ..place }, text, *style);
        }
        x.min(place.right()) - place.x
    }

    /// Paints them so that they end at the right edge.
    pub fn paint_right(&self, buffer: &mut Buffer, place: Rect) {
        let width = self.width().min(place.width);
        self.paint(buffer, Rect { x: place.right() - width, width, ..place });
    }
}

/// What [`Words`] take: foreign text that is `Safe`, or text of this program's own source.
pub struct Ink(Safe);

impl From<Safe> for Ink {
    fn from(text: Safe) -> Self {
        Self(text)
    }
}

impl From<&Safe> for Ink {
    fn from(text: &Safe) -> Self {
        Self(text.clone())
    }
}

impl From<&'static str> for Ink {
    fn from(own: &'static str) -> Self {
        Self(Safe::fixed(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_the_edge_and_never_beyond() {
        let place = Rect::new(1, 0, 8, 1);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 1));
        let used = Words::new().word("one", Style::new()).word(Safe::line("漢字かな"), Style::new()).paint(&mut buffer, place);
        assert_eq!(used, 8 - 1);
        buffer.set_style(buffer.area, Style::new());
        assert_eq!(buffer, Buffer::with_lines([" one 漢…  "]));
    }

    #[test]
    fn words_looked_for_are_marked_where_they_are_shown() {
        let mut buffer = Buffer::with_lines(["Луна и ЛУНА"]);
        let style = Style::new().add_modifier(ratatui::style::Modifier::UNDERLINED);
        highlight(&mut buffer, Rect::new(0, 0, 11, 1), "луна", style);
        let marked: Vec<bool> = buffer.content.iter().map(|cell| !cell.modifier.is_empty()).collect();
        assert_eq!(marked, [[true; 4].as_slice(), &[false; 3], &[true; 4]].concat());
    }

    #[test]
    fn numbers_end_at_the_right_edge() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        right(&mut buffer, Rect::new(0, 0, 7, 1), &number(5_054), Style::new());
        assert_eq!(buffer, Buffer::with_lines(["  5 054 "]));
    }
}
