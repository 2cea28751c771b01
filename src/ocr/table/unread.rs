//! A second look at cells without text: the detector misses lone dashes, signs and check marks.
//! It finds where ink is; reading it is the recogniser's.

use image::RgbImage;

use super::Grid;
use crate::ocr::geometry::{Quad, Rect};

/// How far from the cell's paper a pixel counts as ink.
const INK: i32 = 70;

/// Boxes around ink in cells that none of `quads` lies in. `image`: the page with its ruling lines erased. A box has the height
/// of the other boxes of the table, for a dash alone tells a recogniser little.
pub fn unread(grid: &Grid, quads: &[Quad], image: &RgbImage) -> Vec<Quad> {
    let inside: Vec<Rect> = quads.iter().map(Quad::bounds).filter(|b| grid.bounds.holds(b.centre())).collect();
    let mut heights: Vec<f32> = inside.iter().filter(|b| b.width() > 1.2 * b.height()).map(Rect::height).collect();
    heights.sort_by(f32::total_cmp);
    let usual = heights.get(heights.len() / 2).copied();
    let empty =
        |cell: &Rect| !inside.iter().any(|b| cell.holds(b.centre()) || cell.meet(b).area() > 0.2 * cell.area().min(b.area()));
    let cells = grid.cells.iter().map(|cell| cell.rect).filter(empty);
    cells.filter_map(|cell| ink(&cell, usual.unwrap_or(0.5 * cell.height()), image)).collect()
}

fn ink(cell: &Rect, usual: f32, image: &RgbImage) -> Option<Quad> {
    let margin = 4.0;
    let page = Rect::new(0.0, 0.0, image.width() as f32, image.height() as f32);
    let area = Rect::new(cell.left + margin, cell.top + margin, cell.right - margin, cell.bottom - margin).meet(&page);
    if area.width() < 6.0 || area.height() < 4.0 {
        return None;
    }
    let grey = |x: u32, y: u32| {
        let [r, g, b] = image.get_pixel(x, y).0.map(i32::from);
        (r * 77 + g * 150 + b * 29) >> 8
    };
    let (xs, ys) = (area.left as u32..area.right as u32, area.top as u32..area.bottom as u32);
    let mut histogram = [0_u32; 256];
    ys.clone().for_each(|y| xs.clone().for_each(|x| histogram[grey(x, y).clamp(0, 255) as usize] += 1));
    let total: u32 = histogram.iter().sum();
    let mut seen = 0;
    let paper = histogram.iter().position(|count| {
        seen += count;
        seen * 2 >= total
    })? as i32;
    let mut found: Option<Rect> = None;
    let mut count = 0_u32;
    for y in ys {
        for x in xs.clone().filter(|&x| (grey(x, y) - paper).abs() > INK) {
            count += 1;
            let pixel = Rect::new(x as f32, y as f32, x as f32 + 1.0, y as f32 + 1.0);
            found = Some(found.map_or(pixel, |rect| rect.join(&pixel)));
        }
    }
    // Dirt is smaller, a picture fuller, the rest of a rule flat on the cell's edge.
    let found = found.filter(|rect| count >= 6 && count * 5 < total && rect.width() >= 3.0)?;
    let on_edge = found.bottom >= area.bottom - 0.5 || found.top <= area.top + 0.5;
    if on_edge && found.height() < 4.0 || found.height() > 3.0 * usual {
        return None;
    }
    let (middle, half) = (found.centre().y, 0.5 * usual.max(found.height() + 4.0));
    let side = 0.25 * usual;
    Some(Quad::from_rect(Rect::new(found.left - side, middle - half, found.right + side, middle + half).meet(&page)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::table::GridCell;
    use image::Rgb;

    #[test]
    fn a_dash_in_a_cell_is_seen_and_an_empty_cell_is_not() {
        let mut image = RgbImage::from_pixel(300, 40, Rgb([255, 255, 255]));
        (140..152).for_each(|x| (19..21).for_each(|y| image.put_pixel(x, y, Rgb([0, 0, 0]))));
        let cell = |col: u32| GridCell {
            row: 0,
            col,
            row_span: 1,
            col_span: 1,
            rect: Rect::new(100.0 * col as f32, 0.0, 100.0 * (col + 1) as f32, 40.0),
        };
        let grid = Grid { bounds: Rect::new(0.0, 0.0, 300.0, 40.0), rows: 1, cols: 3, cells: (0..3).map(cell).collect() };
        let read = Quad::from_rect(Rect::new(10.0, 10.0, 80.0, 30.0));
        let found = unread(&grid, &[read], &image);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bounds(), Rect::new(135.0, 10.0, 157.0, 30.0));
    }
}
