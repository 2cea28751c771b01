//! Lines that have only moved up, as those of a log do: the terminal moves them itself, for forty bytes instead of a screen.
//! It looks at whole lines of two screens and decides; it sends nothing.

use std::cmp::Reverse;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};

/// Fewer lines saved are not worth it.
const LEAST: usize = 2;

/// Farther moves are not looked for: most of what is seen is new then anyway.
const FARTHEST: u16 = 24;

/// Lines `top` to before `bottom` move up by `by`; so many at the bottom of them come out empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scroll {
    top: u16,
    bottom: u16,
    by: u16,
}

impl Scroll {
    /// The move that saves most, if any is worth it. Both screens are of one size.
    pub fn between(shown: &Buffer, next: &Buffer) -> Option<Self> {
        let (width, height) = (usize::from(next.area.width), next.area.height);
        let line = |buffer, row: u16| line(buffer, width, row);
        let changed: Vec<bool> = (0..height).map(|row| line(shown, row) != line(next, row)).collect();
        let is_changed = |row: u16| changed[usize::from(row)];
        // Lines that changed differ from most others within the first cells, so that these comparisons are short.
        let saves =
            |by: u16| (0..height - by).filter(|row| is_changed(*row) && line(next, *row) == line(shown, *row + by)).count();
        let (most, Reverse(by)) = (1..height.min(FARTHEST)).map(|by| (saves(by), Reverse(by))).max()?;
        if most <= LEAST {
            return None;
        }
        let mut best = (LEAST, None);
        let (mut top, mut saved) = (0, 0);
        for row in 0..=height - by {
            if row < height - by && line(next, row) == line(shown, row + by) {
                saved += usize::from(is_changed(row));
                continue;
            }
            // What stood below and has not changed is lost with the move.
            let lost = (row..row + by).filter(|row| !is_changed(*row)).count();
            if row > top && saved > best.0 + lost {
                best = (saved - lost, Some(Self { top, bottom: row + by, by }));
            }
            (top, saved) = (row + 1, 0);
        }
        best.1
    }

    /// Does to a screen what the terminal will do.
    pub fn apply(self, shown: &mut Buffer) {
        let width = usize::from(shown.area.width);
        let lines = &mut shown.content[usize::from(self.top) * width..usize::from(self.bottom) * width];
        let gone = usize::from(self.by) * width;
        lines.rotate_left(gone);
        let from = lines.len() - gone;
        lines[from..].iter_mut().for_each(Cell::reset);
    }

    /// Tells the terminal: a region, its last line, as many line feeds, no region. Every terminal knows these, the console too.
    pub fn sequence(self) -> String {
        let mut sequence = format!("\x1b[{};{}r\x1b[{};1H", self.top + 1, self.bottom, self.bottom);
        sequence.extend(std::iter::repeat_n('\n', usize::from(self.by)));
        // Writing into a string cannot fail.
        let _ = write!(sequence, "\x1b[r");
        sequence
    }
}

fn line(buffer: &Buffer, width: usize, row: u16) -> &[Cell] {
    let from = usize::from(row) * width;
    &buffer.content[from..from + width]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn screen(lines: &[&str]) -> Buffer {
        Buffer::with_lines(lines.iter().copied())
    }

    fn terminal(buffer: &Buffer) -> vt100::Parser {
        let cells = |count: u16| std::num::NonZero::new(count).unwrap();
        let mut terminal = vt100::Parser::new(cells(buffer.area.height), cells(buffer.area.width), 0);
        for row in 0..buffer.area.height {
            let text: String = line(buffer, buffer.area.width.into(), row).iter().map(Cell::symbol).collect();
            terminal.process(format!("\x1b[{};1H{text}", row + 1).as_bytes());
        }
        terminal
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let width = usize::from(buffer.area.width);
        let row = |row| line(buffer, width, row).iter().map(Cell::symbol).collect::<String>().trim_end().to_owned();
        (0..buffer.area.height).map(row).collect()
    }

    #[test]
    fn a_log_that_goes_on_by_two_lines_is_moved_by_two_between_its_borders() {
        let before = screen(&["title ", "┌────┐", "│1   │", "│2   │", "│3   │", "│4   │", "│5   │", "└────┘", "footer"]);
        let after = screen(&["title ", "┌────┐", "│3   │", "│4   │", "│5   │", "│6   │", "│7   │", "└────┘", "footer"]);
        let scroll = Scroll::between(&before, &after).unwrap();
        assert_eq!(scroll, Scroll { top: 2, bottom: 7, by: 2 });
        let (mut shown, mut on) = (before.clone(), terminal(&before));
        scroll.apply(&mut shown);
        on.process(scroll.sequence().as_bytes());
        assert_eq!(on.screen().rows(0, 6).map(|row| row.trim_end().to_owned()).collect::<Vec<_>>(), text(&shown));
        // Two lines of three cells that are not empty.
        assert_eq!(shown.diff(&after).len(), 6);
    }

    #[test]
    fn nothing_is_moved_where_hardly_a_line_would_be_saved() {
        let before = screen(&["one", "two", "fix", "end"]);
        assert_eq!(Scroll::between(&before, &before), None);
        assert_eq!(Scroll::between(&before, &screen(&["two", "new", "fix", "end"])), None);
        // It would push what stands still off its place.
        assert_eq!(Scroll::between(&screen(&["1", "2", "3", "a", "a", "a"]), &screen(&["a", "a", "a", "a", "a", "a"])), None);
    }

    proptest! {
        /// Whatever two screens show: after the move the terminal holds what is believed of it.
        #[test]
        fn the_terminal_does_what_is_believed(before in lines(), after in lines()) {
            let (before, after) = (screen(&before), screen(&after));
            if let Some(scroll) = Scroll::between(&before, &after) {
                let (mut shown, mut on) = (before.clone(), terminal(&before));
                scroll.apply(&mut shown);
                on.process(scroll.sequence().as_bytes());
                let rows: Vec<_> = on.screen().rows(0, 2).map(|row| row.trim_end().to_owned()).collect();
                prop_assert_eq!(rows, text(&shown));
                let changed = |from: &Buffer| from.diff(&after).iter().map(|(_, row, _)| *row).collect::<std::collections::BTreeSet<_>>().len();
                prop_assert!(changed(&shown) < changed(&before));
            }
        }
    }

    /// Few different lines, so that they often come again elsewhere.
    fn lines() -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(vec!["a ", "b ", "c ", "d ", "  "]), 12)
    }
}
