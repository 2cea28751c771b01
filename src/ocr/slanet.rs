//! `SLANet`: the rows, columns and spans of a table without ruling lines, from its picture, and which words go into which cell.
//! It finds no table and replaces none that its own words contradict.

use std::collections::BTreeMap;

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::OcrError;
use super::borderless::is_figure;
use super::document::Line;
use super::geometry::{Point, Rect};
use super::models::Model;
use super::runtime::{Net, Runtime, Stop};
use super::table::{Grid, GridCell};

mod sketch;

use sketch::Sketch;

/// The model's input is a square of so many pixels; the table fills it from its top-left corner.
const SIDE: u32 = 488;
/// Of `ImageNet`, blue first.
const MEAN: [f32; 3] = [0.406, 0.456, 0.485];
const DEVIATION: [f32; 3] = [0.225, 0.224, 0.229];

/// The model, loaded when the first table asks for it: most images have none.
pub struct Structure {
    runtime: Runtime,
    stop: Stop,
    net: Option<Net>,
}

impl Structure {
    /// Ends with `stop`.
    pub const fn new(runtime: Runtime, stop: Stop) -> Self {
        Self { runtime, stop, net: None }
    }

    /// Better cells for a table that alignment found, where alignment leaves doubt and the model's cells agree with the words.
    /// `image`: the page; `lines`: those that stand in no other table, pixels of the page.
    pub fn grid(&mut self, image: &RgbImage, found: &Grid, lines: &[Line]) -> Result<Option<Grid>, OcrError> {
        let words = words(lines);
        let bounds = with_heads(&found.bounds, lines);
        if bounds == found.bounds && is_full(found, &words) {
            return Ok(None);
        }
        for bounds in [bounds, found.bounds] {
            let words: Vec<&Word> = words.iter().filter(|word| bounds.holds(word.rect.centre())).collect();
            let window = window(&bounds, lines, image);
            let fitted = self.look(image, &window)?.and_then(|sketch| fit(&sketch, &bounds, &words));
            if fitted.as_ref().is_some_and(|grid| grid.cols >= found.cols && !has_title(grid)) || bounds == found.bounds {
                return Ok(fitted.filter(|grid| grid.cols >= found.cols));
            }
        }
        Ok(None)
    }

    fn look(&mut self, image: &RgbImage, window: &Rect) -> Result<Option<Sketch>, OcrError> {
        let net = if let Some(net) = self.net.take() {
            net
        } else {
            let mut net = self.runtime.net(Model::TableStructure)?;
            net.stop_with(&self.stop);
            net
        };
        let side = SIDE as usize;
        let outputs = self.net.insert(net).run([1, 3, side, side], &input(image, window))?;
        let [boxes, scores] = outputs.as_slice() else { return Ok(None) };
        Ok(sketch::decode(&scores.values, &boxes.values, window))
    }
}

/// The window's pixels as the model wants them: three planes, blue first, normalised; beside it nothing, which is 0.
fn input(image: &RgbImage, window: &Rect) -> Vec<f32> {
    let (left, top) = (window.left as u32, window.top as u32);
    let (width, height) = ((window.width() as u32).max(1), (window.height() as u32).max(1));
    let scale = SIDE as f32 / width.max(height) as f32;
    let scaled = |length: u32| ((length as f32 * scale) as u32).clamp(1, SIDE);
    let crop = imageops::crop_imm(image, left, top, width, height).to_image();
    let small = imageops::resize(&crop, scaled(width), scaled(height), FilterType::Triangle);
    let plane = (SIDE * SIDE) as usize;
    let mut input = vec![0.0; 3 * plane];
    for (x, y, pixel) in small.enumerate_pixels() {
        for channel in 0..3 {
            let value = f32::from(pixel.0[2 - channel]) / 255.0;
            input[channel * plane + (y * SIDE + x) as usize] = (value - MEAN[channel]) / DEVIATION[channel];
        }
    }
    input
}

#[derive(Clone, Debug)]
struct Word {
    rect: Rect,
    text: String,
}

fn words(lines: &[Line]) -> Vec<Word> {
    let of = |line: &Line| {
        if line.words.is_empty() {
            vec![Word { rect: line.quad.bounds(), text: line.text.to_string() }]
        } else {
            line.words.iter().map(|word| Word { rect: word.quad.bounds(), text: word.text.to_string() }).collect()
        }
    };
    lines.iter().flat_map(of).filter(|word| !word.text.is_empty()).collect()
}

fn is_full(grid: &Grid, words: &[Word]) -> bool {
    grid.cells.iter().all(|cell| words.iter().any(|word| cell.rect.holds(word.rect.centre())))
}

/// True when the first row is one cell: a title that stood close above the table.
fn has_title(grid: &Grid) -> bool {
    grid.cells.iter().any(|cell| cell.row == 0 && cell.col_span == grid.cols)
}

/// The usual height of the lines inside.
fn line_height(bounds: &Rect, lines: &[Line]) -> f32 {
    let mut heights: Vec<f32> =
        lines.iter().map(|line| line.quad.bounds()).filter(|b| bounds.holds(b.centre())).map(|b| b.height()).collect();
    heights.sort_by(f32::total_cmp);
    heights.get(heights.len() / 2).copied().unwrap_or(bounds.height())
}

/// The bounds with what stands close above and is no prose: the upper lines of a head that alignment could not part.
fn with_heads(bounds: &Rect, lines: &[Line]) -> Rect {
    let height = line_height(bounds, lines);
    let mut all = *bounds;
    for _ in 0..2 {
        let above = |b: &Rect| b.centre().y < all.top && b.bottom > all.top - 1.2 * height;
        let row: Vec<Rect> = lines.iter().map(|line| line.quad.bounds()).filter(above).collect();
        let narrow =
            |b: &Rect| b.left > bounds.left - height && b.right < bounds.right + height && b.width() < 0.6 * bounds.width();
        if row.is_empty() || !row.iter().all(narrow) {
            break;
        }
        let top = row.iter().map(|b| b.top).fold(all.top, f32::min);
        all.top = top - 0.2 * height;
        all.left = row.iter().map(|b| b.left - 0.2 * height).fold(all.left, f32::min);
        all.right = row.iter().map(|b| b.right + 0.2 * height).fold(all.right, f32::max);
    }
    all
}

/// The bounds with paper around, as the model was taught: a table cut close loses its first and last row (TEDS 0.58, with paper 1).
fn window(bounds: &Rect, lines: &[Line], image: &RgbImage) -> Rect {
    let margin = 1.2 * line_height(bounds, lines);
    let (mut top, mut bottom) = (bounds.top - margin, bounds.bottom + margin);
    for other in lines.iter().map(|line| line.quad.bounds()).filter(|b| b.right > bounds.left && b.left < bounds.right) {
        if other.centre().y < bounds.top {
            top = top.max(other.bottom.min(bounds.top));
        } else if other.centre().y > bounds.bottom {
            bottom = bottom.min(other.top.max(bounds.bottom));
        }
    }
    let page = Rect::new(0.0, 0.0, image.width() as f32, image.height() as f32);
    Rect::new(bounds.left - margin, top, bounds.right + margin, bottom).meet(&page)
}

/// The sketch's cells around the words nearest to them. None when their rows or columns then overlap, a row stays empty, or one
/// cell would hold two lines of figures: the words know better.
fn fit(sketch: &Sketch, bounds: &Rect, words: &[&Word]) -> Option<Grid> {
    let mut inside: BTreeMap<usize, Vec<&Word>> = BTreeMap::new();
    for word in words {
        inside.entry(sketch.nearest(word.rect.centre())?).or_default().push(word);
    }
    if inside.values().any(|words| has_two_figures(words)) {
        return None;
    }
    let extent = |index: usize| inside.get(&index).and_then(|words| words.iter().map(|w| w.rect).reduce(|a, b| a.join(&b)));
    let places: Vec<(&sketch::SketchCell, Rect)> =
        sketch.cells.iter().enumerate().filter_map(|(index, cell)| Some((cell, extent(index)?))).collect();
    let down = |row: u32| span(places.iter().filter(|(c, _)| c.row == row && c.row_span == 1).map(|(_, r)| (r.top, r.bottom)));
    let across = |col: u32| span(places.iter().filter(|(c, _)| c.col == col && c.col_span == 1).map(|(_, r)| (r.left, r.right)));
    let mut heights: Vec<f32> = words.iter().map(|word| word.rect.height()).collect();
    heights.sort_by(f32::total_cmp);
    let slack = 0.35 * heights.get(heights.len() / 2)?;
    let ys = cuts(&(0..sketch.rows).map(down).collect::<Option<Vec<_>>>()?, (bounds.top, bounds.bottom), slack)?;
    let xs = cuts(&(0..sketch.cols).map(across).collect::<Option<Vec<_>>>()?, (bounds.left, bounds.right), slack)?;
    let cells = sketch.cells.iter().map(|cell| {
        let (row, col) = (cell.row as usize, cell.col as usize);
        let (below, beside) = (row + cell.row_span as usize, col + cell.col_span as usize);
        let rect = Rect::new(*xs.get(col)?, *ys.get(row)?, *xs.get(beside)?, *ys.get(below)?);
        Some(GridCell { row: cell.row, col: cell.col, row_span: cell.row_span, col_span: cell.col_span, rect })
    });
    Some(Grid { bounds: *bounds, rows: sketch.rows, cols: sketch.cols, cells: cells.collect::<Option<_>>()? })
}

fn has_two_figures(words: &[&Word]) -> bool {
    let figures: Vec<Point> = words.iter().filter(|word| is_figure(&word.text)).map(|word| word.rect.centre()).collect();
    let height = words.iter().map(|word| word.rect.height()).fold(f32::MAX, f32::min);
    figures.iter().any(|a| figures.iter().any(|b| (a.y - b.y).abs() > 0.7 * height))
}

fn span(parts: impl Iterator<Item = (f32, f32)>) -> Option<(f32, f32)> {
    parts.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Where to cut between extents that follow each other, with both ends; none when they overlap by more than `slack`: boxes have
/// a margin, and rows of a page a little askew reach into each other.
fn cuts(extents: &[(f32, f32)], (from, to): (f32, f32), slack: f32) -> Option<Vec<f32>> {
    if extents.windows(2).any(|pair| pair[0].1 > pair[1].0 + slack || pair[0].0 >= pair[1].0) {
        return None;
    }
    let between = extents.windows(2).map(|pair| f32::midpoint(pair[0].1, pair[1].0));
    Some([from].into_iter().chain(between).chain([to]).collect())
}

#[cfg(test)]
mod tests;
