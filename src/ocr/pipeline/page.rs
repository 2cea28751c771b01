//! One page made ready for the recogniser: turned upright, levelled, cleared of ruling lines, its text boxes cut out.
//! What the boxes say is decided in `settle`.

use image::{RgbImage, imageops};

use super::super::detect::{Detector, Found, Ink};
use super::super::document::{Block, PageSize};
use super::super::geometry::{Point, Quad, Rect};
use super::super::image::PageImage;
use super::super::rules::{self, Rulings};
use super::super::table::{self, Grid};
use super::super::{OcrError, line};

/// Larger pages are first made smaller to this many pixels: letters of 8 points on A0 at 250 dpi stay 14 pixels high.
const MOST_PIXELS: f64 = 24e6;
/// Pages are levelled when their lines slope more than this, in degrees; below it crops and ruling lines bear it.
const LEAST_SLOPE: f32 = 0.7;
/// A box this much higher than wide may hold a line that stands upright.
const TALL: f32 = 1.5;

/// How a box may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From left to right.
    Level,
    /// Downwards.
    Down,
    /// Upwards.
    Up,
}

/// A box of text and the crops it may be read from.
pub struct Piece {
    /// Its quad and side for each crop; the corner order follows the side.
    pub looks: Vec<(Side, Quad)>,
    /// Where its first crop is among the page's.
    pub first: usize,
    /// Proposed by ink outside all boxes, not by the detector.
    pub missed: bool,
}

/// A page up to its crops.
pub struct Prepared {
    /// From 1.
    pub number: u32,
    /// Of the upright page, before it was made smaller.
    pub size: PageSize,
    /// Pixels of the upright page to one of `image`.
    pub shrink: f32,
    /// Sheet, level, without ruling lines.
    pub image: RgbImage,
    /// Cells between ruling lines, in pixels of `image`.
    pub grids: Vec<Grid>,
    /// The ruling lines taken off `image`.
    pub rulings: Rulings,
    /// Boxes of text.
    pub pieces: Vec<Piece>,
    /// One for each look of each piece.
    pub crops: Vec<RgbImage>,
}

/// Which page it is, and how much smaller than decoded it is being read.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// From 1.
    pub number: u32,
    /// Pixels of the page to one of the image that is read, along each side.
    pub shrink: f32,
}

impl Sheet {
    /// A page as it was decoded, and its pixels; huge ones are made smaller.
    pub fn of(page: PageImage) -> (Self, RgbImage) {
        let image = page.pixels;
        let shrink = (f64::from(image.width()) * f64::from(image.height()) / MOST_PIXELS).sqrt().max(1.0) as f32;
        let image = if shrink > 1.0 { smaller(&image, shrink) } else { image };
        (Self { number: page.number, shrink }, image)
    }
}

/// Turned by quarters clockwise.
fn turned(image: RgbImage, quarters: u8) -> RgbImage {
    match quarters % 4 {
        1 => imageops::rotate90(&image),
        2 => imageops::rotate180(&image),
        3 => imageops::rotate270(&image),
        _ => image,
    }
}

fn smaller(image: &RgbImage, shrink: f32) -> RgbImage {
    let side = |length: u32| ((length as f32 / shrink).round() as u32).max(1);
    imageops::thumbnail(image, side(image.width()), side(image.height()))
}

/// A page as the detector saw it.
pub struct Seen {
    image: RgbImage,
    /// Without its ruling lines.
    pub clean: RgbImage,
    /// What the detector found on it.
    pub found: Found,
    rulings: Rulings,
    ink: Ink,
}

impl Seen {
    /// Clears the page of ruling lines and finds its text.
    pub fn of(image: RgbImage, detector: &mut Detector) -> Result<Self, OcrError> {
        let (rulings, clean, ink) = cleared(&image);
        let found = detector.find(&clean, ink.letter_height())?;
        Ok(Self { image, clean, found, rulings, ink })
    }

    /// With the slope of its lines taken out.
    fn levelled(self) -> Self {
        if self.found.slope.abs() < LEAST_SLOPE {
            return self;
        }
        let levelled = Levelled::of(&self.image, self.found.slope);
        let image = line::sampled(&self.image, &levelled.from);
        let quads = self.found.quads.iter().map(|quad| quad.map(|point| levelled.place(point))).collect();
        let (rulings, clean, ink) = cleared(&image);
        Self { image, rulings, clean, ink, found: Found { quads, ..self.found } }
    }
}

/// Turns the page upright by so many quarters clockwise, levels it, and cuts its text out.
pub fn prepare(detector: &mut Detector, sheet: Sheet, mut seen: Seen, quarters: u8) -> Result<Prepared, OcrError> {
    let Sheet { number, shrink } = sheet;
    if !quarters.is_multiple_of(4) {
        // Found anew: the detector is weaker on lines that stand upright.
        seen = Seen::of(turned(seen.image, quarters), detector)?;
    }
    let seen = seen.levelled();
    let angle = f32::from(quarters % 4) * 90.0 - if seen.found.slope.abs() < LEAST_SLOPE { 0.0 } else { seen.found.slope };
    let Seen { image, rulings, clean, ink, found } = seen;
    let quads = distinct(rulings.split(found.quads));
    let grids = table::grids(&rulings);
    let mut missed: Vec<Quad> = grids.iter().flat_map(|grid| table::unread(grid, &quads, &clean)).collect();
    let seen: Vec<Quad> = quads.iter().chain(&missed).copied().collect();
    missed.extend(ink.missed(&seen));
    let size = PageSize {
        width: (image.width() as f32 * shrink).round() as u32,
        height: (image.height() as f32 * shrink).round() as u32,
        angle,
    };
    let mut page = Prepared { number, size, shrink, image: clean, grids, rulings, pieces: Vec::new(), crops: Vec::new() };
    for quad in quads {
        page.add(quad, false);
    }
    for quad in missed {
        page.add(quad, true);
    }
    Ok(page)
}

/// A block in pixels of the page, from one in pixels of the page made smaller.
pub fn enlarge(block: &mut Block, shrink: f32) {
    let larger = |quad: &mut Quad| *quad = quad.map(|point| Point::new(point.x * shrink, point.y * shrink));
    larger(&mut block.quad);
    for line in &mut block.lines {
        larger(&mut line.quad);
        line.words.iter_mut().for_each(|word| larger(&mut word.quad));
    }
}

fn cleared(image: &RgbImage) -> (Rulings, RgbImage, Ink) {
    let rulings = rules::find(image);
    let mut clean = image.clone();
    rulings.erase(&mut clean);
    let ink = Ink::of(&clean);
    (rulings, clean, ink)
}

impl Prepared {
    fn add(&mut self, quad: Quad, missed: bool) {
        let first = self.crops.len();
        let mut looks = vec![(Side::Level, quad)];
        if quad.height() > TALL * quad.width() && !missed {
            looks.push((Side::Down, line::clockwise_start(&quad)));
            looks.push((Side::Up, line::counter_clockwise_start(&quad)));
            // No letter is that slim: the line stands upright.
            if quad.height() > 3.5 * quad.width() {
                looks.remove(0);
            }
        }
        self.crops.extend(looks.iter().map(|(_, quad)| line::crop_as_is(&self.image, quad)));
        self.pieces.push(Piece { looks, first, missed });
    }
}

/// A page's new frame after its slope is taken out: where its corners lie in the old one, and where old points lie in the new one.
struct Levelled {
    from: Quad,
    sin: f32,
    cos: f32,
    old_middle: Point,
    new_middle: Point,
}

impl Levelled {
    fn of(image: &RgbImage, slope: f32) -> Self {
        let (sin, cos) = slope.to_radians().sin_cos();
        let (width, height) = (image.width() as f32, image.height() as f32);
        let (new_width, new_height) =
            ((width * cos.abs() + height * sin.abs()).round(), (height * cos.abs() + width * sin.abs()).round());
        let (old_middle, new_middle) = (Point::new(width / 2.0, height / 2.0), Point::new(new_width / 2.0, new_height / 2.0));
        let from = Quad::from_rect(Rect::new(0.0, 0.0, new_width, new_height)).map(|point| {
            let (x, y) = (point.x - new_middle.x, point.y - new_middle.y);
            Point::new(old_middle.x + x * cos - y * sin, old_middle.y + x * sin + y * cos)
        });
        Self { from, sin, cos, old_middle, new_middle }
    }

    fn place(&self, point: Point) -> Point {
        let (x, y) = (point.x - self.old_middle.x, point.y - self.old_middle.y);
        Point::new(self.new_middle.x + x * self.cos + y * self.sin, self.new_middle.y - x * self.sin + y * self.cos)
    }
}

/// Without boxes that lie almost wholly inside a larger one.
fn distinct(mut quads: Vec<Quad>) -> Vec<Quad> {
    quads.sort_by(|a, b| (b.width() * b.height()).total_cmp(&(a.width() * a.height())));
    let mut kept: Vec<(Rect, Quad)> = Vec::with_capacity(quads.len());
    for quad in quads {
        let bounds = quad.bounds();
        let along = |other: &Quad| (other.angle() - quad.angle()).abs() < 5.0;
        let covered = kept.iter().any(|(other, larger)| along(larger) && other.meet(&bounds).area() > 0.85 * bounds.area());
        if !covered {
            kept.push((bounds, quad));
        }
    }
    kept.into_iter().map(|(_, quad)| quad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levelling_puts_a_sloping_line_level() {
        let levelled = Levelled::of(&RgbImage::new(400, 300), 10.0);
        let (sin, cos) = 10.0_f32.to_radians().sin_cos();
        let (a, b) = (levelled.place(Point::new(50.0, 50.0)), levelled.place(Point::new(50.0 + 100.0 * cos, 50.0 + 100.0 * sin)));
        assert!((a.y - b.y).abs() < 1e-3 && (b.x - a.x - 100.0).abs() < 1e-3, "{a:?} {b:?}");
        let corners = levelled.from.map(|point| levelled.place(point)).bounds();
        assert!(
            corners.left.abs() < 1e-2 && corners.top.abs() < 1e-2,
            "the old places of the new corners are its corners: {corners:?}"
        );
    }

    #[test]
    fn a_levelled_page_has_its_lines_where_they_are_said_to_be() {
        let (sin, cos) = 2.0_f32.to_radians().sin_cos();
        let mut image = RgbImage::from_pixel(600, 400, image::Rgb([255; 3]));
        let at = |along: u32| ((100.0 + along as f32 * cos) as u32, (100.0 + along as f32 * sin) as u32);
        (0..300).map(at).for_each(|(x, y)| image.put_pixel(x, y, image::Rgb([0; 3])));
        let levelled = Levelled::of(&image, 2.0);
        let page = line::sampled(&image, &levelled.from);
        for along in [0.0, 299.0] {
            let place = levelled.place(Point::new(100.5 + along * cos, 100.5 + along * sin));
            let (x, y) = (place.x as u32, place.y as u32);
            let darkest =
                (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y))).map(|(x, y)| page.get_pixel(x, y).0[0]).min();
            assert!(darkest.is_some_and(|value| value < 200), "{place:?} {darkest:?}");
        }
    }

    #[test]
    fn a_box_inside_another_goes_and_neighbours_stay() {
        let rect = |left, top, right, bottom| Quad::from_rect(Rect::new(left, top, right, bottom));
        let kept = distinct(vec![rect(20.0, 2.0, 60.0, 18.0), rect(0.0, 0.0, 200.0, 20.0), rect(0.0, 18.0, 200.0, 38.0)]);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn giants_are_made_smaller_and_remember_it() {
        let page = PageImage { pixels: RgbImage::new(6000, 8000), number: 1, warnings: Vec::new() };
        let (sheet, image) = Sheet::of(page);
        assert!((sheet.shrink - 2.0_f32.sqrt()).abs() < 1e-3 && image.width().abs_diff(4243) <= 1);
        assert!(turned(image, 1).height().abs_diff(4243) <= 1);
    }
}
