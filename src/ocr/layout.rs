//! Reading order: recognised lines and tables become the blocks of a page.
//! It looks at places and words only, never at pixels, and drops nothing: every line ends in exactly one block.

mod columns;
mod kinds;
mod marker;
mod neighbours;
mod rows;

use super::document::{Block, BlockKind, Line, PageSize};
use super::geometry::{Point, Quad, Rect};
use super::table::FoundTable;
use crate::text::Safe;
pub use marker::{Marker, marker};

/// Letters lean by less than this on a page that was straightened, in degrees; a line that leans more is turned text.
const MAX_TILT: f32 = 15.0;

/// A line or a table as the search for an order sees it.
#[derive(Clone, Debug)]
struct Item {
    /// Around it, on the page turned so that its lines are level.
    rect: Rect,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Line(Line),
    Table(Box<FoundTable>),
}

impl Item {
    fn text(&self) -> &str {
        match &self.what {
            What::Line(line) => &line.text,
            What::Table(_) => "",
        }
    }

    const fn is_table(&self) -> bool {
        matches!(self.what, What::Table(_))
    }
}

/// The blocks of a page in reading order. `lines`: those outside of tables, in any order; the result does not depend on it.
/// Boxes in which nothing was read are no lines.
pub fn blocks(_page: PageSize, lines: Vec<Line>, tables: Vec<FoundTable>) -> Vec<Block> {
    let read = lines.into_iter().filter(|line| !line.text.trim().is_empty());
    let (sideways, upright): (Vec<Line>, Vec<Line>) = read.partition(is_sideways);
    let tilt = tilt(&upright);
    let mut items: Vec<Item> =
        upright.into_iter().map(|line| Item { rect: levelled(&line.quad, tilt), what: What::Line(line) }).collect();
    items.extend(
        tables
            .into_iter()
            .map(|table| Item { rect: levelled(&Quad::from_rect(table.bounds), tilt), what: What::Table(Box::new(table)) }),
    );
    sort(&mut items);
    let order = columns::regions(&items);
    let (mut regions, mut found) = parts(items, order);
    for rows in &mut regions {
        neighbours::settle(rows);
    }
    let sheet = kinds::Sheet::of(&regions);
    let mut out = Vec::new();
    for (at, region) in regions.into_iter().enumerate() {
        kinds::split(sheet, region, &mut out);
        if let Some(table) = found.get_mut(at).and_then(Option::take) {
            out.push(table_block(*table));
        }
    }
    out.extend(side_text(sideways));
    out
}

/// Rows of each region, and the table that follows it, if any: a table ends a region.
fn parts(items: Vec<Item>, order: Vec<Vec<usize>>) -> (Vec<Vec<rows::Row>>, Vec<Option<Box<FoundTable>>>) {
    let mut slots: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    let (mut regions, mut tables) = (Vec::new(), Vec::new());
    for region in order {
        let mut run = Vec::new();
        for item in region.into_iter().filter_map(|id| slots.get_mut(id).and_then(Option::take)) {
            match item.what {
                What::Line(line) => run.push((item.rect, line)),
                What::Table(table) => {
                    regions.push(rows::rows(std::mem::take(&mut run)));
                    tables.push(Some(table));
                }
            }
        }
        regions.push(rows::rows(run));
        tables.push(None);
    }
    (regions, tables)
}

/// The upper middle value; 0 of none.
pub(super) fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A total order that does not depend on how the caller had ordered them.
fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| {
        let key = |item: &Item| [item.rect.top, item.rect.left, item.rect.bottom, item.rect.right];
        let (one, two) = (key(a), key(b));
        one.iter().zip(&two).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne()).unwrap_or_else(|| a.text().cmp(b.text()))
    });
}

/// How far the page's lines lean, in degrees clockwise: the median, longer lines counting more.
fn tilt(lines: &[Line]) -> f32 {
    let mut angles: Vec<(f32, f32)> = lines
        .iter()
        .filter(|line| line.quad.width() > 4.0 * line.quad.height())
        .map(|line| (line.quad.angle(), line.quad.width()))
        .filter(|(angle, width)| angle.abs() < MAX_TILT && width.is_finite())
        .collect();
    angles.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let half = angles.iter().map(|(_, width)| width).sum::<f32>() / 2.0;
    let mut seen = 0.0;
    for (angle, width) in &angles {
        seen += width;
        if seen >= half {
            return *angle;
        }
    }
    0.0
}

/// The bounds of a quad on a page turned back by `tilt` degrees.
fn levelled(quad: &Quad, tilt: f32) -> Rect {
    let (sin, cos) = (-tilt).to_radians().sin_cos();
    quad.map(|p| Point::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos)).bounds()
}

/// Text that runs up or down the page. One or two tall letters are not.
fn is_sideways(line: &Line) -> bool {
    let bounds = line.quad.bounds();
    bounds.height() > 1.5 * bounds.width() && line.text.chars().filter(|c| c.is_alphanumeric()).count() > 2
}

/// Turned text comes last, from top to bottom: the labels and values in a drawing's margin stand side by side.
fn side_text(lines: Vec<Line>) -> Option<Block> {
    if lines.is_empty() {
        return None;
    }
    let items = lines.into_iter().map(|line| Item { rect: line.quad.bounds(), what: What::Line(line) });
    let mut items: Vec<Item> = items.collect();
    sort(&mut items);
    let all = (0..items.len()).collect();
    let (rows, _) = parts(items, vec![all]);
    let lines = rows.into_iter().flatten().flat_map(|row| row.items).map(|(_, line)| line);
    Some(block(BlockKind::Paragraph, lines.collect(), "\n"))
}

fn table_block(found: FoundTable) -> Block {
    let mut cells: Vec<&super::document::Cell> = found.table.cells.iter().collect();
    cells.sort_by_key(|cell| (cell.row, cell.col));
    let mut text = String::new();
    let mut row = None;
    for cell in cells.into_iter().filter(|cell| !cell.text.is_empty()) {
        match row.replace(cell.row) {
            None => {}
            Some(before) if before == cell.row => text.push(' '),
            Some(_) => text.push('\n'),
        }
        text.push_str(&cell.text.replace('\n', " "));
    }
    Block {
        kind: BlockKind::Table,
        page: None,
        level: None,
        quad: Quad::from_rect(found.bounds),
        confidence: confidence(&found.lines),
        text: Safe::block(&text),
        lines: found.lines,
        table: Some(found.table),
    }
}

/// A block of lines that are in order.
fn block(kind: BlockKind, lines: Vec<Line>, between: &str) -> Block {
    let text = lines.iter().map(|line| &*line.text).collect::<Vec<_>>().join(between);
    Block {
        kind,
        page: None,
        level: None,
        quad: around(&lines),
        confidence: confidence(&lines),
        text: Safe::block(&text),
        lines,
        table: None,
    }
}

/// The only line's own quad, or the upright rectangle around all of them.
fn around(lines: &[Line]) -> Quad {
    match lines {
        [] => Quad::default(),
        [one] => one.quad,
        [first, rest @ ..] => {
            Quad::from_rect(rest.iter().fold(first.quad.bounds(), |bounds, line| bounds.join(&line.quad.bounds())))
        }
    }
}

/// The mean of the lines' confidences, weighted by their letters.
fn confidence(lines: &[Line]) -> f32 {
    let (sum, letters) = lines.iter().fold((0.0, 0.0), |(sum, letters), line| {
        let own = line.text.chars().count() as f32;
        (sum + line.confidence * own, letters + own)
    });
    if letters > 0.0 { sum / letters } else { 0.0 }
}

#[cfg(test)]
mod tests;
