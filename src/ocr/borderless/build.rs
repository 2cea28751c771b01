//! A candidate's rows and gutters as a table: what stands in which column, wrapped cells joined, headings over several columns.
//! Whether it is one is judged in `accept`.

use super::{Atom, Candidate, Gap, TextRow};
use crate::ocr::geometry::Rect;
use crate::ocr::rules::Rulings;
use crate::ocr::table::{Grid, GridCell};

/// One cell with its words.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) col: usize,
    pub(super) span: usize,
    pub(super) text: String,
    pub(super) rect: Rect,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(super) struct ShapeRow {
    pub(super) rect: Rect,
    pub(super) pieces: Vec<Piece>,
}

/// A table found by alignment.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) rows: Vec<ShapeRow>,
    /// Where columns part; one less than columns.
    pub(super) cuts: Vec<f32>,
    /// Level lines across it, above and below included.
    pub(super) rules: Vec<f32>,
    /// The usual height of its words, pixels.
    pub(super) height: f32,
}

/// The table that a candidate would be.
pub(super) fn shape(rows: &[TextRow], candidate: &Candidate, height: f32, rulings: &Rulings) -> Shape {
    let gutters = settled(&rows[candidate.first..=candidate.last], candidate);
    let cuts: Vec<f32> = gutters.iter().map(|gap| f32::midpoint(gap.0, gap.1)).collect();
    let (mut first, last) = (candidate.first, candidate.last);
    // A heading over several columns stands above the rows that agree.
    while first > 0 && is_heading(&rows[first - 1], &rows[first], &cuts, height) {
        first -= 1;
    }
    let shaped: Vec<ShapeRow> = rows[first..=last].iter().map(|row| shape_row(row, &cuts)).collect();
    let all = shaped.iter().map(|row| row.rect).reduce(|a, b| a.join(&b)).unwrap_or_default();
    let rules = level_rules(rulings, &all, height);
    let mut shape = Shape { rows: shaped, cuts, rules, height };
    shape.join_wrapped();
    shape
}

/// Gutters with words on both sides in at least two rows; a column of one word is part of its neighbour.
fn settled(rows: &[TextRow], candidate: &Candidate) -> Vec<Gap> {
    let regular = || rows.iter().enumerate().filter(|(index, _)| !candidate.spanning.contains(&(candidate.first + index)));
    let mut gutters = candidate.gutters.clone();
    gutters.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut index = 0;
    while index <= gutters.len() && !gutters.is_empty() {
        let left = index.checked_sub(1).map_or(f32::MIN, |i| gutters[i].1 - 0.5);
        let right = gutters.get(index).map_or(f32::MAX, |gap| gap.0 + 0.5);
        let filled = regular().filter(|(_, row)| row.atoms.iter().any(|a| a.rect.left >= left && a.rect.right <= right)).count();
        if filled >= 2 {
            index += 1;
        } else {
            gutters.remove(index.min(gutters.len() - 1));
        }
    }
    gutters
}

/// True for a row right above that fits: parted at some of the cuts, close, and not a line of prose.
fn is_heading(row: &TextRow, below: &TextRow, cuts: &[f32], height: f32) -> bool {
    let gap = below.rect.top - row.rect.bottom;
    if gap > 1.2 * height || cuts.len() < 2 {
        return false;
    }
    let pieces = shape_row(row, cuts).pieces;
    let spans = pieces.iter().any(|piece| piece.span > 1);
    pieces.len() >= 2 && spans && pieces.iter().all(|piece| piece.text.split(' ').count() <= 6)
}

/// The words of a row by column; words that stand close together over a cut are one piece that spans it.
fn shape_row(row: &TextRow, cuts: &[f32]) -> ShapeRow {
    let column = |x: f32| cuts.partition_point(|&cut| cut < x);
    let height = row.rect.height();
    let mut pieces: Vec<Piece> = Vec::new();
    for Atom { rect, text } in &row.atoms {
        let (from, to) = (column(rect.left + 0.1 * height), column(rect.right - 0.1 * height));
        let joins = pieces.last().is_some_and(|last| {
            let near = rect.left - last.rect.right < 0.5 * height;
            last.col + last.span > from || near && (last.span > 1 || to > from)
        });
        match pieces.last_mut().filter(|_| joins) {
            Some(last) => {
                last.span = (to + 1).max(last.col + last.span) - last.col;
                last.text.push(' ');
                last.text.push_str(text);
                last.rect = last.rect.join(rect);
            }
            None => pieces.push(Piece { col: from, span: to - from + 1, text: text.clone(), rect: *rect }),
        }
    }
    ShapeRow { rect: row.rect, pieces }
}

/// Where level lines run over most of an area or just above or below it.
fn level_rules(rulings: &Rulings, area: &Rect, height: f32) -> Vec<f32> {
    let lines = rulings.horizontal.iter().filter(|rule| rule.to.min(area.right) - rule.from.max(area.left) > 0.6 * area.width());
    let mut places: Vec<f32> = lines
        .map(|rule| rule.at(area.centre().x))
        .filter(|at| (area.top - 1.5 * height..area.bottom + 1.5 * height).contains(at))
        .collect();
    places.sort_by(f32::total_cmp);
    places.dedup_by(|b, a| *b - *a < 0.5 * height);
    places
}

impl Shape {
    pub(super) fn cols(&self) -> usize {
        self.cuts.len() + 1
    }

    /// Joins rows that are the second line of a wrapped cell with the row they belong to.
    ///
    /// With a line under (nearly) each row the lines say it. Else such a row fills a part of the columns only, none with a figure,
    /// not the first, and stands closer than rows with all columns do.
    fn join_wrapped(&mut self) {
        let inside = |rows: &[ShapeRow], at: f32| {
            rows.iter().any(|r| r.rect.centre().y < at) && rows.iter().any(|r| r.rect.centre().y > at)
        };
        let parted: Vec<f32> = self.rules.iter().copied().filter(|&at| inside(&self.rows, at)).collect();
        let by_rules = parted.len() >= 3 && parted.len() * 4 >= self.rows.len();
        let cols = self.cols();
        let full = |row: &ShapeRow| row.pieces.len() * 3 >= cols * 2;
        let mut pitches: Vec<f32> = self
            .rows
            .windows(2)
            .filter(|pair| full(&pair[0]) && full(&pair[1]))
            .map(|pair| pair[1].rect.top - pair[0].rect.bottom)
            .collect();
        pitches.sort_by(f32::total_cmp);
        let usual = pitches.get(pitches.len() / 2).copied().unwrap_or(0.0);
        let mut rows: Vec<ShapeRow> = Vec::new();
        for row in std::mem::take(&mut self.rows) {
            let joins = rows.last().is_some_and(|last| {
                let (above, here) = (last.rect.centre().y, row.rect.centre().y);
                let ruled = parted.iter().any(|at| (above..here).contains(at));
                let gap = row.rect.top - last.rect.bottom;
                let part =
                    row.pieces.len() < last.pieces.len() && row.pieces.iter().all(|p| p.col > 0 || cols == p.span || p.span == 1);
                let words = row.pieces.iter().all(|p| p.span == 1 && !super::accept::is_figure(&p.text));
                let under = row.pieces.iter().all(|p| last.pieces.iter().any(|q| q.col == p.col && q.span == 1));
                let begins = row.pieces.iter().any(|p| p.col == 0);
                let wrapped = part && words && under && gap < 0.6 * self.height && (!begins || row.pieces.len() == 1);
                let close = gap < 0.6 * usual || gap < 0.35 * self.height && !begins;
                !ruled && (by_rules || wrapped && close)
            });
            match rows.last_mut().filter(|_| joins) {
                Some(last) => {
                    last.rect = last.rect.join(&row.rect);
                    merge(&mut last.pieces, row.pieces);
                }
                None => rows.push(row),
            }
        }
        self.rows = rows;
    }

    /// Its cells, between the middles of gutters and of the paper between rows.
    pub(super) fn grid(&self) -> Grid {
        let all = self.rows.iter().map(|row| row.rect).reduce(|a, b| a.join(&b)).unwrap_or_default();
        let margin = 0.2 * self.height;
        let bounds = Rect::new(all.left - margin, all.top - margin, all.right + margin, all.bottom + margin);
        let xs: Vec<f32> = [bounds.left].into_iter().chain(self.cuts.iter().copied()).chain([bounds.right]).collect();
        let between = self.rows.windows(2).map(|pair| f32::midpoint(pair[0].rect.bottom, pair[1].rect.top));
        let ys: Vec<f32> = [bounds.top].into_iter().chain(between).chain([bounds.bottom]).collect();
        let mut cells = Vec::new();
        for (row, shaped) in self.rows.iter().enumerate() {
            let mut col = 0;
            while col < self.cols() {
                let piece = shaped.pieces.iter().find(|piece| piece.col == col);
                let span = piece.map_or(1, |piece| piece.span).min(self.cols() - col);
                cells.push(GridCell {
                    row: row as u32,
                    col: col as u32,
                    row_span: 1,
                    col_span: span as u32,
                    rect: Rect::new(xs[col], ys[row], xs[col + span], ys[row + 1]),
                });
                col += span;
            }
        }
        Grid { bounds, rows: self.rows.len() as u32, cols: self.cols() as u32, cells }
    }
}

/// Pieces of a second line below those of the first.
fn merge(pieces: &mut Vec<Piece>, more: Vec<Piece>) {
    for piece in more {
        match pieces.iter_mut().find(|p| p.col < piece.col + piece.span && piece.col < p.col + p.span) {
            Some(above) => {
                let end = (above.col + above.span).max(piece.col + piece.span);
                above.col = above.col.min(piece.col);
                above.span = end - above.col;
                above.text.push(' ');
                above.text.push_str(&piece.text);
                above.rect = above.rect.join(&piece.rect);
            }
            None => pieces.push(piece),
        }
    }
    pieces.sort_by_key(|piece| piece.col);
}
