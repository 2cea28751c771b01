//! From a probability map to quads: components, their smallest rectangles, the score inside, the unclipping.
//! It runs no model and knows no image.

use super::components::{Component, components};
use crate::ocr::geometry::{Point, Quad};

/// A probability, in 255ths, from which a pixel counts as text.
const TEXT: u8 = 77;
/// The mean probability inside a box below which it is none.
const SCORE: f32 = 0.5;
/// How far boxes grow: the map holds the lines' cores, shrunk by this ratio of area to perimeter in training.
const UNCLIP: f32 = 1.5;
/// Cores thinner than this, in pixels of the map, are noise.
const THINNEST: f32 = 3.0;

/// Text probabilities of an image, row-major, 0 to 255.
pub struct Map {
    /// Columns.
    pub width: usize,
    /// One byte a pixel.
    pub values: Vec<u8>,
}

/// A quad and how sure the map is of it, 0 to 1.
pub type Scored = (Quad, f32);

/// All boxes of text in pixels of the map, and the slope of its lines in degrees.
pub fn boxes(map: &Map) -> (Vec<Scored>, f32) {
    let cores: Vec<Core> = components(map.width, &map.values, TEXT).iter().filter_map(Core::of).collect();
    let slope = slope(&cores);
    let quads = cores.iter().filter_map(|core| {
        let quad = core.quad(slope);
        (quad.width().min(quad.height()) >= THINNEST).then_some(())?;
        let score = score(map, &quad);
        (score >= SCORE).then(|| (unclip(&quad, UNCLIP), score))
    });
    (quads.collect(), slope)
}

/// A component's hull and the smallest rectangle around it.
struct Core {
    hull: Vec<Point>,
    tightest: Quad,
}

impl Core {
    fn of(component: &Component) -> Option<Self> {
        // Three pixels of a core are less than any letter's.
        (component.area > 3).then_some(())?;
        let hull = hull(component);
        let tightest = smallest_rect(&hull)?;
        Some(Self { hull, tightest })
    }

    /// The tightest rectangle, but for short boxes (a letter or two), whose own angle is chance, one that stands as the page's lines do.
    fn quad(&self, slope: f32) -> Quad {
        let (long, short) = long_short(&self.tightest);
        let level = rect_at(&self.hull, slope.to_radians());
        let loss = area(&level) / area(&self.tightest).max(1.0);
        let off = (self.tightest.angle() - slope).abs();
        let short_box = long < 4.0 * short && loss < 1.6;
        if short_box || loss < 1.06 || off < 0.25 { level } else { self.tightest }
    }
}

fn long_short(quad: &Quad) -> (f32, f32) {
    let (a, b) = (quad.width(), quad.height());
    (a.max(b), a.min(b))
}

fn area(quad: &Quad) -> f32 {
    quad.width() * quad.height()
}

/// The median slope of the long boxes, weighted by length, degrees within ±45; boxes of running text agree on it.
fn slope(cores: &[Core]) -> f32 {
    let mut slopes: Vec<(f32, f32)> = cores
        .iter()
        .filter_map(|core| {
            let (long, short) = long_short(&core.tightest);
            (long > 5.0 * short && short >= THINNEST).then(|| (folded(core.tightest.angle()), long))
        })
        .collect();
    let total: f32 = slopes.iter().map(|&(_, weight)| weight).sum();
    slopes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut seen = 0.0;
    let middle = slopes.iter().find(|&&(_, weight)| {
        seen += weight;
        seen >= total / 2.0
    });
    middle.map_or(0.0, |&(angle, _)| if angle.abs() < 0.2 { 0.0 } else { angle })
}

/// An angle as seen by lines that may also run downwards: within ±45 degrees.
fn folded(angle: f32) -> f32 {
    (angle + 45.0).rem_euclid(90.0) - 45.0
}

fn hull(component: &Component) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::with_capacity(component.runs.len() * 4);
    let mut runs = component.runs.iter().peekable();
    while let Some(first) = runs.next() {
        let (mut from, mut to) = (first.from, first.to);
        while let Some(next) = runs.next_if(|next| next.y == first.y) {
            (from, to) = (from.min(next.from), to.max(next.to));
        }
        let (top, bottom) = (first.y as f32, first.y as f32 + 1.0);
        points.extend([(from, top), (to, top), (from, bottom), (to, bottom)].map(|(x, y)| Point::new(x as f32, y)));
    }
    points.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    let mut ring = chain(points.iter().copied());
    ring.pop();
    ring.extend(chain(points.iter().rev().copied()));
    ring.pop();
    ring
}

/// One side of the convex hull of sorted points (Andrew's monotone chain).
fn chain(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut side: Vec<Point> = Vec::new();
    for point in points {
        while let [.., a, b] = side[..] {
            if (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) > 0.0 {
                break;
            }
            side.pop();
        }
        side.push(point);
    }
    side
}

/// The smallest rectangle around a hull: one of its sides lies on one of the hull's.
fn smallest_rect(hull: &[Point]) -> Option<Quad> {
    let sides = hull.iter().zip(hull.iter().cycle().skip(1));
    let quads = sides.map(|(a, b)| rect_at(hull, folded((b.y - a.y).atan2(b.x - a.x).to_degrees()).to_radians()));
    quads.min_by(|a, b| area(a).total_cmp(&area(b)))
}

/// The rectangle around points whose sides run at `angle` (radians within ±π/4) and across; clockwise from its upper left corner.
fn rect_at(points: &[Point], angle: f32) -> Quad {
    let (sin, cos) = angle.sin_cos();
    let (mut left, mut top, mut right, mut bottom) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    for point in points {
        let (along, across) = (point.x * cos + point.y * sin, point.y * cos - point.x * sin);
        (left, right) = (left.min(along), right.max(along));
        (top, bottom) = (top.min(across), bottom.max(across));
    }
    let corner = |along: f32, across: f32| Point::new(along * cos - across * sin, along * sin + across * cos);
    Quad([corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)])
}

/// The mean probability inside, 0 to 1.
fn score(map: &Map, quad: &Quad) -> f32 {
    let bounds = quad.bounds();
    let height = map.values.len() / map.width.max(1);
    let (mut sum, mut count) = (0_u64, 0_u64);
    for y in bounds.top.max(0.0) as usize..(bounds.bottom.ceil() as usize).min(height) {
        let (from, to) = span(quad, y as f32 + 0.5);
        let (from, to) = (from.max(0.0).round() as usize, (to.round() as usize).min(map.width));
        if from < to {
            sum += map.values[y * map.width + from..y * map.width + to].iter().map(|&value| u64::from(value)).sum::<u64>();
            count += (to - from) as u64;
        }
    }
    if count == 0 { 0.0 } else { sum as f32 / (count * 255) as f32 }
}

/// Where a row enters and leaves a quad; the first is the larger one when it misses.
fn span(quad: &Quad, y: f32) -> (f32, f32) {
    let corners = quad.0;
    let (mut from, mut to) = (f32::MAX, 0.0_f32);
    for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        if (a.y <= y) != (b.y <= y) {
            let x = a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y);
            (from, to) = (from.min(x), to.max(x));
        }
    }
    (from, to)
}

/// Grows a rectangle on all sides by its area times `ratio` over its perimeter.
pub fn unclip(quad: &Quad, ratio: f32) -> Quad {
    let (width, height) = (quad.width(), quad.height());
    grow(quad, width * height * ratio / (2.0 * (width + height)).max(1.0))
}

/// Grows a rectangle by so many pixels on all sides.
pub fn grow(quad: &Quad, by: f32) -> Quad {
    let [a, b, c, d] = quad.0;
    let (width, height) = (quad.width().max(f32::EPSILON), quad.height().max(f32::EPSILON));
    let (along_x, along_y) = ((b.x - a.x + c.x - d.x) / (2.0 * width) * by, (b.y - a.y + c.y - d.y) / (2.0 * width) * by);
    let (across_x, across_y) = ((d.x - a.x + c.x - b.x) / (2.0 * height) * by, (d.y - a.y + c.y - b.y) / (2.0 * height) * by);
    Quad([
        Point::new(a.x - along_x - across_x, a.y - along_y - across_y),
        Point::new(b.x + along_x - across_x, b.y + along_y - across_y),
        Point::new(c.x + along_x + across_x, c.y + along_y + across_y),
        Point::new(d.x - along_x + across_x, d.y - along_y + across_y),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Rect;

    fn map(width: usize, height: usize, inked: impl Fn(f32, f32) -> bool) -> Map {
        let values =
            (0..width * height).map(|at| if inked((at % width) as f32 + 0.5, (at / width) as f32 + 0.5) { 230 } else { 10 });
        Map { width, values: values.collect() }
    }

    #[test]
    fn a_level_core_becomes_a_level_box_grown_on_all_sides() {
        let (found, slope) = boxes(&map(300, 100, |x, y| (50.0..250.0).contains(&x) && (40.0..50.0).contains(&y)));
        assert_eq!((found.len(), slope), (1, 0.0));
        let grown = 200.0 * 10.0 * 1.5 / 420.0;
        let bounds = found[0].0.bounds();
        assert!((bounds.left - (50.0 - grown)).abs() < 0.01 && (bounds.bottom - (50.0 + grown)).abs() < 0.01, "{bounds:?}");
    }

    #[test]
    fn sloping_lines_give_sloping_boxes_and_the_page_its_slope() {
        let (sin, cos) = 5.0_f32.to_radians().sin_cos();
        let line = |x: f32, y: f32, at: f32| {
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            (60.0..360.0).contains(&along) && (at..at + 12.0).contains(&across)
        };
        let (found, slope) = boxes(&map(500, 250, |x, y| line(x, y, 40.0) || line(x, y, 90.0)));
        assert_eq!(found.len(), 2);
        assert!((slope - 5.0).abs() < 0.5, "{slope}");
        assert!(found.iter().all(|(quad, _)| (quad.angle() - 5.0).abs() < 0.6));
    }

    #[test]
    fn thin_and_faint_cores_are_none() {
        assert!(boxes(&map(100, 50, |x, y| x < 80.0 && (20.0..22.0).contains(&y))).0.is_empty(), "two pixels thin");
        let faint = Map { width: 60, values: (0..60 * 40).map(|at| if at % 60 < 40 { 100 } else { 0 }).collect() };
        assert!(boxes(&faint).0.is_empty(), "0.39 sure");
    }

    #[test]
    fn growing_keeps_the_middle_and_the_angle() {
        let quad = Quad([Point::new(10.0, 0.0), Point::new(20.0, 10.0), Point::new(15.0, 15.0), Point::new(5.0, 5.0)]);
        let grown = grow(&quad, 2.0);
        assert!((grown.width() - quad.width() - 4.0).abs() < 1e-3 && (grown.height() - quad.height() - 4.0).abs() < 1e-3);
        assert!(grown.centre().distance(quad.centre()) < 1e-3 && (grown.angle() - 45.0).abs() < 1e-3);
        assert_eq!(unclip(&Quad::from_rect(Rect::new(0.0, 0.0, 20.0, 20.0)), 1.0).bounds(), Rect::new(-5.0, -5.0, 25.0, 25.0));
    }
}
