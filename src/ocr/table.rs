//! Tables drawn with ruling lines: from lines to a grid of cells with spans, from a grid and read lines to a table.
//! Tables without lines are the business of `borderless`.

use super::document::{Line, Table};
use super::geometry::Rect;
use super::rules::trace::root;
use super::rules::{Ruling, Rulings};

mod fill;
mod found;
mod unread;

pub use fill::fill;
pub use found::found;
pub use unread::unread;

/// A table that was found and filled, whatever drew it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundTable {
    /// Around it, pixels of the upright page.
    pub bounds: Rect,
    /// What it says.
    pub table: Table,
    /// The lines that went into it.
    pub lines: Vec<Line>,
}

/// The cells of one ruled table.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Around its outer border, pixels.
    pub bounds: Rect,
    /// At least 1.
    pub rows: u32,
    /// At least 1.
    pub cols: u32,
    /// By row, then column; they cover the grid without overlap.
    pub cells: Vec<GridCell>,
}

/// One cell of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GridCell {
    /// From 0.
    pub row: u32,
    /// From 0.
    pub col: u32,
    /// At least 1.
    pub row_span: u32,
    /// At least 1.
    pub col_span: u32,
    /// Between the middles of its lines, pixels.
    pub rect: Rect,
}

/// A line of one direction in the table's own axes: `u` along its rows, `v` down its columns, skew taken out.
#[derive(Clone, Copy, Debug)]
struct Stroke {
    from: f32,
    to: f32,
    at: f32,
}

/// Lines on one place across: a boundary between rows or columns.
#[derive(Clone, Debug)]
struct Boundary {
    at: f32,
    strokes: Vec<Stroke>,
    /// An outer border that is not drawn.
    open: bool,
}

impl Boundary {
    /// True when lines cover at least half of the interval.
    fn divides(&self, from: f32, to: f32) -> bool {
        let covered: f32 = self.strokes.iter().map(|s| (s.to.min(to) - s.from.max(from)).max(0.0)).sum();
        self.open || covered >= 0.5 * (to - from)
    }
}

/// The tables that ruling lines draw. Frames around a page, single boxes and underlines are none.
pub fn grids(rulings: &Rulings) -> Vec<Grid> {
    let mut grids: Vec<Grid> =
        networks(rulings).iter().filter_map(|(rows, columns)| grid(rows, columns, rulings.slack)).collect();
    let page = rulings.page.0 as f32 * rulings.page.1 as f32;
    grids.retain(|grid| {
        let largest = grid.cells.iter().map(|cell| cell.rect.area()).fold(0.0, f32::max);
        let frame = largest > 0.3 * page && largest > 0.5 * grid.bounds.area();
        !frame && (grid.cols >= 2 && grid.cells.len() >= 2 || grid.rows >= 3)
    });
    drop_nested(&mut grids);
    grids.sort_by(|a, b| a.bounds.top.total_cmp(&b.bounds.top).then(a.bounds.left.total_cmp(&b.bounds.left)));
    grids
}

/// Of a table in a cell of another, the one with fewer cells goes: a box around a table is no table, a form in a cell is part of it.
fn drop_nested(grids: &mut Vec<Grid>) {
    let inside = |inner: &Rect, outer: &Rect| inner.meet(outer).area() > 0.9 * inner.area();
    let lost: Vec<bool> = grids
        .iter()
        .enumerate()
        .map(|(index, grid)| {
            grids.iter().enumerate().any(|(other_index, other)| {
                let nested = inside(&grid.bounds, &other.bounds) || inside(&other.bounds, &grid.bounds);
                other_index != index && nested && (grid.cells.len(), index) < (other.cells.len(), other_index)
            })
        })
        .collect();
    let mut lost = lost.into_iter();
    grids.retain(|_| !lost.next().unwrap_or(false));
}

/// Lines that hang together.
fn networks(rulings: &Rulings) -> Vec<(Vec<&Ruling>, Vec<&Ruling>)> {
    let (rows, columns) = (&rulings.horizontal, &rulings.vertical);
    let mut parent: Vec<usize> = (0..rows.len() + columns.len()).collect();
    for (i, row) in rows.iter().enumerate() {
        for (j, column) in columns.iter().enumerate() {
            if row.meets(column, rulings.slack) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, rows.len() + j));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut networks: std::collections::BTreeMap<usize, (Vec<&Ruling>, Vec<&Ruling>)> = std::collections::BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        networks.entry(root(&mut parent, i)).or_default().0.push(row);
    }
    for (j, column) in columns.iter().enumerate() {
        networks.entry(root(&mut parent, rows.len() + j)).or_default().1.push(column);
    }
    networks.into_values().filter(|(rows, columns)| rows.len() >= 2 && !columns.is_empty()).collect()
}

fn grid(rows: &[&Ruling], columns: &[&Ruling], slack: f32) -> Option<Grid> {
    let weight: f32 = rows.iter().map(|r| r.length()).sum();
    let skew = rows.iter().map(|r| r.at_to - r.at_from).sum::<f32>() / weight.max(1.0);
    let level: Vec<Stroke> = rows
        .iter()
        .map(|r| {
            let (x, y) = (f32::midpoint(r.from, r.to), f32::midpoint(r.at_from, r.at_to));
            Stroke { from: r.from + skew * y, to: r.to + skew * y, at: y - skew * x }
        })
        .collect();
    let upright: Vec<Stroke> = columns
        .iter()
        .map(|r| {
            let (y, x) = (f32::midpoint(r.from, r.to), f32::midpoint(r.at_from, r.at_to));
            Stroke { from: r.from - skew * x, to: r.to - skew * x, at: x + skew * y }
        })
        .collect();
    let mut ys = boundaries(&level, 0.8 * slack);
    let mut xs = boundaries(&upright, 0.8 * slack);
    let (top, bottom) = open_borders(&xs, &ys, slack);
    let (left, right) = open_borders(&ys, &xs, slack);
    add_open(&mut ys, top, bottom);
    add_open(&mut xs, left, right);
    if ys.len() < 2 || xs.len() < 2 {
        return None;
    }
    let cells = rectangles(&xs, &ys);
    Some(compact(&cells, &xs, &ys, skew))
}

/// Strokes on one line, double ones too, as boundaries in order.
fn boundaries(strokes: &[Stroke], tolerance: f32) -> Vec<Boundary> {
    let mut strokes = strokes.to_vec();
    strokes.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut found: Vec<Boundary> = Vec::new();
    for stroke in strokes {
        match found.last_mut() {
            Some(last) if stroke.at - last.at <= tolerance => {
                last.strokes.push(stroke);
                let length: f32 = last.strokes.iter().map(|s| s.to - s.from).sum();
                last.at = last.strokes.iter().map(|s| s.at * (s.to - s.from)).sum::<f32>() / length.max(1.0);
            }
            _ => found.push(Boundary { at: stroke.at, strokes: vec![stroke], open: false }),
        }
    }
    found
}

/// Where lines of `crossing` reach beyond the first or the last of `along`, at least two of them equally far: a border not drawn.
fn open_borders(crossing: &[Boundary], along: &[Boundary], slack: f32) -> (Option<f32>, Option<f32>) {
    let (Some(first), Some(last)) = (along.first(), along.last()) else { return (None, None) };
    let ends = |end: &dyn Fn(&Boundary) -> f32| -> Vec<f32> { crossing.iter().map(end).collect() };
    let starts = ends(&|b| b.strokes.iter().map(|s| s.from).fold(f32::MAX, f32::min));
    let stops = ends(&|b| b.strokes.iter().map(|s| s.to).fold(f32::MIN, f32::max));
    let reach = (2.5 * slack).max(16.0);
    let low = starts.iter().copied().fold(f32::MAX, f32::min);
    let high = stops.iter().copied().fold(f32::MIN, f32::max);
    let agree = |values: &[f32], at: f32| values.iter().filter(|v| (**v - at).abs() <= 2.0 * slack).count() >= 2;
    (
        (first.at - low > reach && agree(&starts, low)).then_some(low),
        (high - last.at > reach && agree(&stops, high)).then_some(high),
    )
}

fn add_open(boundaries: &mut Vec<Boundary>, first: Option<f32>, last: Option<f32>) {
    let open = |at| Boundary { at, strokes: Vec::new(), open: true };
    boundaries.splice(0..0, first.map(open));
    boundaries.extend(last.map(open));
}

/// A rectangle of elementary cells; ends lie just outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

/// Elementary cells without a line between them are one; what is then no rectangle grows until it is.
fn rectangles(xs: &[Boundary], ys: &[Boundary]) -> Vec<Block> {
    let (rows, cols) = (ys.len() - 1, xs.len() - 1);
    let mut parent: Vec<usize> = (0..rows * cols).collect();
    let mut join = |a: usize, b: usize| {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        parent[a.max(b)] = a.min(b);
    };
    for row in 0..rows {
        for col in 0..cols {
            if col + 1 < cols && !xs[col + 1].divides(ys[row].at, ys[row + 1].at) {
                join(row * cols + col, row * cols + col + 1);
            }
            if row + 1 < rows && !ys[row + 1].divides(xs[col].at, xs[col + 1].at) {
                join(row * cols + col, (row + 1) * cols + col);
            }
        }
    }
    let mut blocks: std::collections::BTreeMap<usize, Block> = std::collections::BTreeMap::new();
    for index in 0..rows * cols {
        let (row, col) = (index / cols, index % cols);
        let one = Block { top: row, bottom: row + 1, left: col, right: col + 1 };
        blocks.entry(root(&mut parent, index)).and_modify(|block| *block = around(*block, one)).or_insert(one);
    }
    let mut blocks: Vec<Block> = blocks.into_values().collect();
    while let Some((a, b)) = overlapping(&blocks) {
        let other = blocks.swap_remove(b);
        blocks[a] = around(blocks[a], other);
    }
    blocks.sort_by_key(|block| (block.top, block.left));
    blocks
}

fn around(a: Block, b: Block) -> Block {
    Block { top: a.top.min(b.top), bottom: a.bottom.max(b.bottom), left: a.left.min(b.left), right: a.right.max(b.right) }
}

fn overlapping(blocks: &[Block]) -> Option<(usize, usize)> {
    let meet = |a: &Block, b: &Block| a.top < b.bottom && b.top < a.bottom && a.left < b.right && b.left < a.right;
    (0..blocks.len()).find_map(|a| (a + 1..blocks.len()).find(|&b| meet(&blocks[a], &blocks[b])).map(|b| (a, b)))
}

/// Boundaries at which no cell begins go; what is left is numbered.
fn compact(blocks: &[Block], xs: &[Boundary], ys: &[Boundary], skew: f32) -> Grid {
    let begins = |of: &dyn Fn(&Block) -> usize| {
        let mut all: Vec<usize> = blocks.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (tops, lefts) = (begins(&|b| b.top), begins(&|b| b.left));
    let count = |all: &[usize], from: usize, to: usize| all.iter().filter(|at| (from..to).contains(*at)).count().max(1) as u32;
    let cells: Vec<GridCell> = blocks
        .iter()
        .map(|block| {
            let (left, right, top, bottom) = (xs[block.left].at, xs[block.right].at, ys[block.top].at, ys[block.bottom].at);
            // Back from the table's axes to the page's, about the middle of the cell.
            let (u, v) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
            GridCell {
                row: tops.partition_point(|&at| at < block.top) as u32,
                col: lefts.partition_point(|&at| at < block.left) as u32,
                row_span: count(&tops, block.top, block.bottom),
                col_span: count(&lefts, block.left, block.right),
                rect: Rect::new(left - skew * v, top + skew * u, right - skew * v, bottom + skew * u),
            }
        })
        .collect();
    let bounds = cells.iter().map(|c| c.rect).reduce(|a, b| a.join(&b)).unwrap_or_default();
    Grid { bounds, rows: tops.len() as u32, cols: lefts.len() as u32, cells }
}

#[cfg(test)]
mod tests;
