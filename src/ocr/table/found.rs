//! All tables of a page, ruled ones first, then those that only alignment shows, with the lines that went into them.
//! Finding cells is done in the parent module and in `borderless`.

use super::FoundTable;
use super::{Grid, GridCell, fill};
use crate::ocr::OcrError;
use crate::ocr::borderless;
use crate::ocr::document::Line;
use crate::ocr::geometry::Rect;
use crate::ocr::rules::Rulings;

/// A second opinion on the cells of a table among the lines that no other table has.
pub type Opinion<'a> = dyn FnMut(&Grid, &[Line]) -> Result<Option<Grid>, OcrError> + 'a;

/// The tables of a page; their lines leave `lines`. `grids`: the ruled ones, as `grids` found them in `rulings`.
/// `opinion`: better cells for a table that alignment found, if there are any.
pub fn found(
    grids: &[Grid],
    rulings: &Rulings,
    lines: &mut Vec<Line>,
    opinion: &mut Opinion,
) -> Result<Vec<FoundTable>, OcrError> {
    let mut found = Vec::new();
    for grid in grids {
        let better = match half_ruled(grid, rulings, lines) {
            Some(shown) => Some(opinion(&shown, lines)?.unwrap_or(shown)),
            None => headed(grid, lines),
        };
        found.extend(take(better.as_ref().unwrap_or(grid), lines));
    }
    for grid in borderless::grids(lines, rulings) {
        let better = opinion(&grid, lines)?;
        found.extend(take(better.as_ref().unwrap_or(&grid), lines));
    }
    Ok(found)
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

/// The grid with the head row that stands right above it: on a filled bar, whose lines have the colour of the bar, none are seen.
/// Its texts stand in different columns, most columns have one.
fn headed(grid: &Grid, lines: &[Line]) -> Option<Grid> {
    let first: Vec<Rect> = grid.cells.iter().filter(|cell| cell.row == 0 && cell.col_span == 1).map(|cell| cell.rect).collect();
    let row = first.iter().map(Rect::height).fold(f32::MAX, f32::min);
    let band = Rect::new(grid.bounds.left, grid.bounds.top - 1.3 * row, grid.bounds.right, grid.bounds.top);
    let heads: Vec<Rect> = lines.iter().map(|line| line.quad.bounds()).filter(|bounds| band.holds(bounds.centre())).collect();
    let column = |head: &Rect| first.iter().position(|cell| head.left > cell.left - 4.0 && head.right < cell.right + 4.0);
    let columns: std::collections::BTreeSet<usize> = heads.iter().filter_map(column).collect();
    let full = grid.cols >= 2
        && first.len() == grid.cols as usize
        && columns.len() == heads.len()
        && columns.len() * 3 >= first.len() * 2;
    let lead = heads.first().filter(|_| full && heads.len() >= 2)?;
    if heads.iter().any(|head| (head.centre().y - lead.centre().y).abs() > 0.5 * lead.height()) {
        return None;
    }
    let top = heads.iter().map(|head| head.top).fold(grid.bounds.top, f32::min) - 0.2 * lead.height();
    let head = first.iter().enumerate().map(|(col, cell)| GridCell {
        row: 0,
        col: col as u32,
        row_span: 1,
        col_span: 1,
        rect: Rect::new(cell.left, top, cell.right, cell.top),
    });
    let below = grid.cells.iter().map(|cell| GridCell { row: cell.row + 1, ..cell.clone() });
    Some(Grid { bounds: Rect { top, ..grid.bounds }, rows: grid.rows + 1, cols: grid.cols, cells: head.chain(below).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Quad;
    use crate::text::Safe;

    #[test]
    fn a_head_row_on_a_bar_without_lines_is_part_of_the_table() {
        let cell = |index: u32| {
            let (x, y) = ((index % 2) as f32 * 100.0, 100.0 + (index / 2) as f32 * 40.0);
            GridCell { row: index / 2, col: index % 2, row_span: 1, col_span: 1, rect: Rect::new(x, y, x + 100.0, y + 40.0) }
        };
        let grid = Grid { bounds: Rect::new(0.0, 100.0, 200.0, 180.0), rows: 2, cols: 2, cells: (0..4).map(cell).collect() };
        let line = |text: &str, left: f32, right: f32| Line {
            quad: Quad::from_rect(Rect::new(left, 70.0, right, 90.0)),
            text: Safe::line(text),
            confidence: 1.0,
            words: Vec::new(),
        };
        let mut heads = vec![line("Country", 10.0, 80.0), line("Capital", 110.0, 180.0)];
        let tables = found(std::slice::from_ref(&grid), &Rulings::default(), &mut heads, &mut |_, _| Ok(None)).unwrap();
        assert_eq!(tables.iter().map(|t| (t.table.rows, t.lines.len())).collect::<Vec<_>>(), [(3, 2)]);
        let mut caption = vec![line("A caption over it all", 10.0, 180.0), line("inside", 0.0, 0.0)];
        caption[1].quad = Quad::from_rect(Rect::new(10.0, 110.0, 80.0, 130.0));
        let tables = found(&[grid], &Rulings::default(), &mut caption, &mut |_, _| Ok(None)).unwrap();
        assert_eq!(tables[0].table.rows, 2);
    }
}
