//! All tables of a page, ruled ones first, then those that only alignment shows, with the lines that went into them.
//! Finding cells is done in the parent module and in `borderless`.

use super::{Grid, fill};
use crate::ocr::borderless;
use crate::ocr::document::Line;
use super::FoundTable;
use crate::ocr::rules::Rulings;

/// The tables of a page; their lines leave `lines`. `grids`: the ruled ones, as `grids` found them in `rulings`.
pub fn found(grids: &[Grid], rulings: &Rulings, lines: &mut Vec<Line>) -> Vec<FoundTable> {
    let mut found = Vec::new();
    for grid in grids {
        let inner = half_ruled(grid, rulings, lines);
        found.extend(take(inner.as_ref().unwrap_or(grid), lines));
    }
    for grid in borderless::grids(lines, rulings) {
        found.extend(take(&grid, lines));
    }
    found
}

/// The grid with its text, and its lines out of `lines`; none when it holds no text.
fn take(grid: &Grid, lines: &mut Vec<Line>) -> Option<FoundTable> {
    let (table, used) = fill(grid, lines);
    if used.is_empty() {
        return None;
    }
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (index, line) in std::mem::take(lines).into_iter().enumerate() {
        if used.contains(&index) { inside.push(line) } else { outside.push(line) }
    }
    *lines = outside;
    Some(FoundTable { bounds: grid.bounds, table, lines: inside })
}

/// Of a table with few lines (a head line, one line beside the first column) the cells that its text shows, if these are many more.
fn half_ruled(grid: &Grid, rulings: &Rulings, lines: &[Line]) -> Option<Grid> {
    let inside: Vec<Line> = lines.iter().filter(|line| grid.bounds.holds(line.quad.centre())).cloned().collect();
    let sparse = grid.rows <= 3 && inside.len() > 4 * grid.cells.len();
    let mut shown = borderless::grids(if sparse { &inside } else { &[] }, rulings);
    let one = if shown.len() == 1 { shown.pop() } else { None };
    one.filter(|shown| shown.cols > grid.cols && shown.bounds.meet(&grid.bounds).area() > 0.6 * grid.bounds.area())
}
