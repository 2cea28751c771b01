//! HTML tables as engines write them: rows, cells, spans; tables within tables are taken as text.
//! It is no HTML parser: what it does not know is passed over, and no span makes it allocate.

use super::inline::{reach, words};
use crate::ocr::document::{Cell, Table};
use crate::text::Safe;

/// Rows, columns and cells that are kept.
const MOST_ROWS: u32 = 5_000;
const MOST_COLS: u32 = 200;
const MOST_CELLS: usize = 100_000;

/// Where a table begins in a line.
pub(super) fn opens(line: &str) -> Option<usize> {
    find(line, 0, "<table")
}

/// Just after the end of the outermost table, `depth` tables being open before the line; else how many are open after it.
pub(super) fn closes(line: &str, mut depth: u32) -> Result<usize, u32> {
    let mut at = 0;
    while let Some(found) = line.get(at..).and_then(|rest| rest.find('<')).map(|step| at + step) {
        if starts(line, found, "<table") {
            depth += 1;
        } else if starts(line, found, "</table") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Ok(line[found..].find('>').map_or(line.len(), |end| found + end + 1));
            }
        }
        at = found + 1;
    }
    Err(depth)
}

/// A table from its source; `None`: there is no cell in it.
pub(super) fn table(source: &str) -> Option<Table> {
    let mut grid = Grid::default();
    let (mut depth, mut at) = (0u32, 0);
    let mut open: Option<(usize, Spans)> = None;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('<')).map(|step| at + step) {
        at = found + 1;
        let Some(end) = reach(&source[found..]).find('>').map(|end| found + end + 1) else { continue };
        let tag = &source[found..end];
        let inner = depth > 1;
        if starts(tag, 0, "<table") {
            depth += 1;
        } else if starts(tag, 0, "</table") {
            depth = depth.saturating_sub(1);
        }
        let cell = starts(tag, 0, "<td") || starts(tag, 0, "<th") && !starts(tag, 0, "<thead");
        let row = starts(tag, 0, "<tr");
        let ends = row || cell || ["</td", "</th", "</tr", "</table"].iter().any(|mark| starts(tag, 0, mark));
        if inner || depth > 1 || !ends {
            continue;
        }
        if let Some((from, spans)) = open.take() {
            grid.put(text(&source[from..found]), spans);
        }
        if row {
            grid.next_row();
        } else if cell {
            open = Some((end, Spans { rows: span(tag, "rowspan"), cols: span(tag, "colspan") }));
        }
        at = end.max(at);
    }
    if let Some((from, spans)) = open {
        grid.put(text(&source[from..]), spans);
    }
    grid.table()
}

#[derive(Clone, Copy)]
struct Spans {
    rows: u32,
    cols: u32,
}

/// Cells put one after the other; a column is taken up to the row where the cell above it ends.
#[derive(Default)]
struct Grid {
    row: Option<u32>,
    col: u32,
    taken: Vec<u32>,
    cells: Vec<Cell>,
}

impl Grid {
    fn next_row(&mut self) {
        self.row = Some(self.row.map_or(0, |row| row + 1));
        self.col = 0;
    }

    fn put(&mut self, text: Safe, spans: Spans) {
        let row = *self.row.get_or_insert(0);
        let free = |taken: &[u32], col: u32| taken.get(col as usize).is_none_or(|until| *until <= row);
        while !free(&self.taken, self.col) {
            self.col += 1;
        }
        if row >= MOST_ROWS || self.col >= MOST_COLS || self.cells.len() >= MOST_CELLS {
            return;
        }
        let most = spans.cols.min(MOST_COLS - self.col);
        let mut cols = 1;
        while cols < most && free(&self.taken, self.col + cols) {
            cols += 1;
        }
        let end = (self.col + cols) as usize;
        if self.taken.len() < end {
            self.taken.resize(end, 0);
        }
        let rows = spans.rows.min(MOST_ROWS - row);
        self.taken[self.col as usize..end].fill(row + rows);
        self.cells.push(Cell { row, col: self.col, row_span: rows, col_span: cols, text });
        self.col += cols;
    }

    fn table(mut self) -> Option<Table> {
        // Empty rows at the end are none; spans end with the last row.
        let rows = self.cells.iter().map(|cell| cell.row).max()? + 1;
        let cols = u32::try_from(self.taken.len()).ok()?;
        for cell in &mut self.cells {
            cell.row_span = cell.row_span.min(rows - cell.row);
        }
        Some(Table { rows, cols, cells: self.cells })
    }
}

/// The text of a cell: its lines, without tags.
fn text(source: &str) -> Safe {
    let shown = words(&source.replace('\n', " "));
    let mut out = String::new();
    for line in shown.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    Safe::block(&out)
}

/// At least 1, whatever is written.
fn span(tag: &str, name: &str) -> u32 {
    let Some(at) = find(tag, 0, name) else { return 1 };
    let value = tag[at + name.len()..].trim_start().strip_prefix('=').unwrap_or_default();
    let digits: String = value.trim_start_matches([' ', '"', '\'']).chars().take_while(char::is_ascii_digit).take(6).collect();
    digits.parse().unwrap_or(1).max(1)
}

/// The first place, from `from` on, whatever the case of its letters.
fn find(text: &str, from: usize, mark: &str) -> Option<usize> {
    let windows = text.as_bytes().get(from..)?.windows(mark.len());
    windows.into_iter().position(|window| window.eq_ignore_ascii_case(mark.as_bytes())).map(|at| from + at)
}

fn starts(text: &str, at: usize, mark: &str) -> bool {
    text.as_bytes().get(at..at + mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark.as_bytes()))
}
