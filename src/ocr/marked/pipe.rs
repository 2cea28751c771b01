//! GFM pipe tables.
//! Where a table begins and ends is the caller's to see; here are its rows.

use super::inline::words;
use crate::ocr::document::{Cell, Table};
use crate::text::Safe;

/// Rows and columns that are kept.
const MOST_ROWS: usize = 5_000;
const MOST_COLS: usize = 200;

/// A line with a pipe in it that acts.
pub(super) fn is_row(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('|') || split(line).len() > 1
}

/// The line under the header.
pub(super) fn is_rule(line: &str) -> bool {
    let cells = split(line);
    let dashes = |cell: &String| {
        let cell = cell.trim().trim_start_matches(':').trim_end_matches(':');
        !cell.is_empty() && cell.bytes().all(|b| b == b'-')
    };
    line.contains('-') && (cells.len() > 1 || line.contains('|')) && cells.iter().all(dashes)
}

/// The header and the rows below the rule.
pub(super) fn table(rows: &[&str]) -> Option<Table> {
    let rows: Vec<Vec<String>> = rows.iter().take(MOST_ROWS).map(|row| split(row)).collect();
    let cols = rows.iter().map(Vec::len).max().unwrap_or(0).min(MOST_COLS);
    let mut cells = Vec::new();
    for (row, texts) in (0..).zip(&rows) {
        for col in 0..cols {
            let text = texts.get(col).map(|text| Safe::block(words(text.trim()).trim())).unwrap_or_default();
            cells.push(Cell { row, col: u32::try_from(col).ok()?, row_span: 1, col_span: 1, text });
        }
    }
    let (rows, cols) = (u32::try_from(rows.len()).ok()?, u32::try_from(cols).ok()?);
    (cols > 0).then_some(Table { rows, cols, cells })
}

/// The cells of a line: pipes at its ends are borders, escaped ones are text.
fn split(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut signs = line.chars().peekable();
    while let Some(c) = signs.next() {
        match c {
            '\\' if signs.peek() == Some(&'|') => {
                signs.next();
                push(&mut cells, '|');
            }
            '|' if signs.peek().is_none() => {}
            '|' if cells.len() < MOST_COLS => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(last) = cells.last_mut() {
        last.push(c);
    }
}
