//! The ink of a page: pixels that stand out from the paper around them, dark on light or light on dark alike.
//! It says how high the letters are and where letters may have been missed; it reads none.

use image::RgbImage;

use super::components::{Component, components};
use crate::ocr::geometry::{Quad, Rect};

/// Side of the squares whose median grey is taken for paper: larger than letters, smaller than shades.
const SQUARE: usize = 64;
/// How far from the paper's grey ink is; JPEG noise beside letters stays below 40.
const CONTRAST: u8 = 44;
/// Pages are looked at with at most so many pixels: 40 ms.
const MOST_PIXELS: f32 = 6e6;

/// Where ink is.
pub struct Ink {
    width: usize,
    /// 1 where ink is, row-major.
    mask: Vec<u8>,
    /// Pixels of the image to one of the mask, along each side.
    step: usize,
}

impl Ink {
    /// Of an image.
    pub fn of(image: &RgbImage) -> Self {
        let pixels = image.width() as f32 * image.height() as f32;
        let step = (pixels / MOST_PIXELS).sqrt().ceil().max(1.0) as usize;
        let (width, height) = ((image.width() as usize).div_ceil(step), (image.height() as usize).div_ceil(step));
        let mut mask = Vec::with_capacity(width * height);
        for row in image.as_raw().chunks_exact((image.width() as usize * 3).max(1)).step_by(step) {
            mask.extend(row.chunks_exact(3).step_by(step).map(|pixel| {
                let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
                ((r * 77 + g * 150 + b * 29) >> 8) as u8
            }));
        }
        ink_of_grey(width, &mut mask);
        Self { width, mask, step }
    }

    /// How high letters are, in pixels of the image: the height that three of ten are below; `None` with too few to tell.
    pub fn letter_height(&self) -> Option<f32> {
        let mut heights: Vec<u32> =
            components(self.width, &self.mask, 1).iter().filter(|part| is_letter(part)).map(height).collect();
        heights.sort_unstable();
        let at = heights.len() * 3 / 10;
        (heights.len() >= 20).then(|| heights.get(at).map(|&height| (height as usize * self.step) as f32)).flatten()
    }

    /// Boxes around ink of the size of letters or dashes that none of `quads` covers, beside which there is a line: what a detector
    /// misses in the cells of tables. The boxes are as high as that line.
    pub fn missed(mut self, quads: &[Quad]) -> Vec<Quad> {
        let step = self.step as f32;
        let level: Vec<Rect> = quads
            .iter()
            .map(Quad::bounds)
            .filter(|bounds| bounds.width() > 0.8 * bounds.height())
            .map(|b| scaled(&b, 1.0 / step))
            .collect();
        let mut line_heights: Vec<f32> = level.iter().map(Rect::height).collect();
        line_heights.sort_by(f32::total_cmp);
        let Some(&line) = line_heights.get(line_heights.len() / 2).filter(|&&line| line >= 6.0) else { return Vec::new() };
        for quad in quads {
            self.clear(&scaled(&quad.bounds(), 1.0 / step), line * 0.15);
        }
        let pieces: Vec<Rect> =
            components(self.width, &self.mask, 1).iter().filter(|part| is_piece(part, line)).map(bounds).collect();
        if pieces.len() > (2 * quads.len()).max(40) {
            // A picture or a grain of paper, not a few missed letters.
            return Vec::new();
        }
        let beside = |piece: &Rect| {
            let row = level.iter().filter(|other| middle_of(other, piece) && (0.6..1.7).contains(&(other.height() / line)));
            row.min_by(|a, b| gap(a, piece).total_cmp(&gap(b, piece)))
        };
        let proposals = joined(pieces, line).into_iter().filter_map(|piece| {
            let row = beside(&piece)?;
            let pad = line * 0.25;
            let whole =
                Rect::new(piece.left - pad, row.top.min(piece.top - 1.0), piece.right + pad, row.bottom.max(piece.bottom + 1.0));
            (piece.height() <= 1.1 * row.height() && piece.width() <= 10.0 * line).then(|| Quad::from_rect(scaled(&whole, step)))
        });
        proposals.collect()
    }

    fn clear(&mut self, rect: &Rect, grown: f32) {
        let height = self.mask.len() / self.width.max(1);
        let side = |from: f32, to: f32, most: usize| {
            ((from - grown).max(0.0) as usize, ((to + grown).max(0.0).ceil() as usize).min(most))
        };
        let ((left, right), (top, bottom)) = (side(rect.left, rect.right, self.width), side(rect.top, rect.bottom, height));
        for y in top..bottom {
            if left < right {
                self.mask[y * self.width + left..y * self.width + right].fill(0);
            }
        }
    }
}

/// Turns grey values into 1 for ink and 0 for paper, square by square.
fn ink_of_grey(width: usize, grey: &mut [u8]) {
    let height = grey.len() / width.max(1);
    for top in (0..height).step_by(SQUARE) {
        for left in (0..width).step_by(SQUARE) {
            let (right, bottom) = ((left + SQUARE).min(width), (top + SQUARE).min(height));
            let mut counts = [0_u32; 256];
            for y in top..bottom {
                grey[y * width + left..y * width + right].iter().for_each(|&value| counts[usize::from(value)] += 1);
            }
            let half = ((right - left) * (bottom - top)) as u32 / 2;
            let mut below = 0;
            let paper = (0..=255_u8).find(|&value| {
                below += counts[usize::from(value)];
                below > half
            });
            let paper = paper.unwrap_or(255);
            for y in top..bottom {
                let row = &mut grey[y * width + left..y * width + right];
                for value in row {
                    *value = u8::from(value.abs_diff(paper) > CONTRAST);
                }
            }
        }
    }
}

fn height(part: &Component) -> u32 {
    part.bottom - part.top
}

fn width(part: &Component) -> u32 {
    part.right - part.left
}

fn is_letter(part: &Component) -> bool {
    let (width, height) = (width(part), height(part));
    (4..=120).contains(&height) && width <= 3 * height && 5 * width >= height && part.area * 10 >= width * height
}

/// A letter or a dash, judged by the height of the page's lines.
fn is_piece(part: &Component, line: f32) -> bool {
    let (width, height) = (width(part) as f32, height(part) as f32);
    let filled = part.area as f32 / (width * height);
    let letter = (0.28..=1.0).contains(&(height / line)) && width <= 2.0 * line && filled > 0.15;
    let dash = (0.2..=2.0).contains(&(width / line)) && height <= 0.25 * line && width >= 1.8 * height && filled > 0.6;
    letter || dash
}

fn bounds(part: &Component) -> Rect {
    Rect::new(part.left as f32, part.top as f32, part.right as f32, part.bottom as f32)
}

fn scaled(rect: &Rect, by: f32) -> Rect {
    Rect::new(rect.left * by, rect.top * by, rect.right * by, rect.bottom * by)
}

/// True when a piece stands in the middle part of a line's height.
fn middle_of(line: &Rect, piece: &Rect) -> bool {
    let at = (piece.centre().y - line.top) / line.height().max(1.0);
    (0.25..0.8).contains(&at)
}

fn gap(a: &Rect, b: &Rect) -> f32 {
    (a.left.max(b.left) - a.right.min(b.right)).max(0.0)
}

/// Pieces side by side put together.
fn joined(mut pieces: Vec<Rect>, line: f32) -> Vec<Rect> {
    pieces.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut groups: Vec<Rect> = Vec::new();
    for piece in pieces {
        let near = groups.iter_mut().find(|group| {
            let overlap = group.bottom.min(piece.bottom) - group.top.max(piece.top);
            gap(group, &piece) < 0.4 * line && overlap > -0.2 * line
        });
        match near {
            Some(group) => *group = group.join(&piece),
            None => groups.push(piece),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn page(paper: u8) -> RgbImage {
        RgbImage::from_pixel(600, 200, Rgb([paper; 3]))
    }

    fn fill(image: &mut RgbImage, rect: [u32; 4], ink: u8) {
        for y in rect[1]..rect[3] {
            for x in rect[0]..rect[2] {
                image.put_pixel(x, y, Rgb([ink; 3]));
            }
        }
    }

    #[test]
    fn letters_are_as_high_as_they_are_on_any_paper() {
        for (paper, ink) in [(250, 20), (15, 230)] {
            let mut image = page(paper);
            for n in 0..30 {
                let left = 10 + n * 19;
                fill(&mut image, [left, 50, left + 8, 62], ink);
            }
            assert_eq!(Ink::of(&image).letter_height(), Some(12.0));
        }
        assert_eq!(Ink::of(&page(255)).letter_height(), None);
    }

    #[test]
    fn a_lone_dash_beside_a_line_is_found_and_a_speck_or_a_far_blot_is_not() {
        let mut image = page(255);
        fill(&mut image, [300, 59, 312, 61], 0);
        fill(&mut image, [400, 60, 402, 62], 0);
        fill(&mut image, [300, 150, 312, 152], 0);
        let line = Quad::from_rect(Rect::new(20.0, 50.0, 120.0, 70.0));
        let found = Ink::of(&image).missed(&[line]);
        assert_eq!(found.len(), 1, "{found:?}");
        let bounds = found[0].bounds();
        assert!(bounds.top <= 50.0 && bounds.bottom >= 70.0 && bounds.left < 300.0 && bounds.right > 312.0, "{bounds:?}");
    }

    #[test]
    fn ink_inside_boxes_is_not_missed() {
        let mut image = page(255);
        fill(&mut image, [30, 54, 40, 66], 0);
        assert!(Ink::of(&image).missed(&[Quad::from_rect(Rect::new(20.0, 50.0, 120.0, 70.0))]).is_empty());
    }
}
