//! Points, rectangles and quads, in pixels of the upright page; x grows to the right, y downwards.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// A point, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

impl Point {
    /// From its two numbers.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The distance to another point, in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// An upright rectangle; `right` and `bottom` lie just outside it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Smallest x.
    pub left: f32,
    /// Smallest y.
    pub top: f32,
    /// Largest x.
    pub right: f32,
    /// Largest y.
    pub bottom: f32,
}

impl Rect {
    /// From its four sides.
    pub const fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self { left, top, right, bottom }
    }

    /// In pixels, never negative.
    pub fn width(&self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// In pixels, never negative.
    pub fn height(&self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// In square pixels.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle.
    pub fn centre(&self) -> Point {
        Point::new(f32::midpoint(self.left, self.right), f32::midpoint(self.top, self.bottom))
    }

    /// What both cover; empty (area 0) when they do not meet.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// The smallest rectangle around both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// True when the point lies inside.
    pub fn holds(&self, point: Point) -> bool {
        (self.left..self.right).contains(&point.x) && (self.top..self.bottom).contains(&point.y)
    }
}

/// Four corners, clockwise from the top-left one of the text they hold. JSON: `[[x,y],[x,y],[x,y],[x,y]]`, whole pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The corners of a rectangle.
    pub const fn from_rect(rect: Rect) -> Self {
        Self([
            Point::new(rect.left, rect.top),
            Point::new(rect.right, rect.top),
            Point::new(rect.right, rect.bottom),
            Point::new(rect.left, rect.bottom),
        ])
    }

    /// The upright rectangle around it.
    pub fn bounds(&self) -> Rect {
        let [first, rest @ ..] = &self.0;
        rest.iter().fold(Rect::new(first.x, first.y, first.x, first.y), |rect, point| Rect {
            left: rect.left.min(point.x),
            top: rect.top.min(point.y),
            right: rect.right.max(point.x),
            bottom: rect.bottom.max(point.y),
        })
    }

    /// Along the text: the mean of the upper and the lower edge.
    pub fn width(&self) -> f32 {
        let [a, b, c, d] = self.0;
        f32::midpoint(a.distance(b), d.distance(c))
    }

    /// Across the text: the mean of the left and the right edge.
    pub fn height(&self) -> f32 {
        let [a, b, c, d] = self.0;
        f32::midpoint(a.distance(d), b.distance(c))
    }

    /// The direction of the text, in degrees: 0 is to the right, 90 downwards.
    pub fn angle(&self) -> f32 {
        let [a, b, c, d] = self.0;
        (b.y - a.y + c.y - d.y).atan2(b.x - a.x + c.x - d.x).to_degrees()
    }

    /// The mean of the corners.
    pub fn centre(&self) -> Point {
        let [a, b, c, d] = self.0;
        Point::new((a.x + b.x + c.x + d.x) / 4.0, (a.y + b.y + c.y + d.y) / 4.0)
    }

    /// Each corner changed.
    #[must_use]
    pub fn map(&self, change: impl FnMut(Point) -> Point) -> Self {
        Self(self.0.map(change))
    }

    /// The part between two shares (0 to 1) of its width: where a word stands in a line.
    #[must_use]
    pub fn slice(&self, from: f32, to: f32) -> Self {
        let [a, b, c, d] = self.0;
        let at = |p: Point, q: Point, share: f32| Point::new(p.x + (q.x - p.x) * share, p.y + (q.y - p.y) * share);
        Self([at(a, b, from), at(a, b, to), at(d, c, to), at(d, c, from)])
    }
}

impl Serialize for Quad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut corners = serializer.serialize_seq(Some(4))?;
        for point in &self.0 {
            corners.serialize_element(&[point.x.round() as i64, point.y.round() as i64])?;
        }
        corners.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quad_knows_its_sides_and_its_direction() {
        let quad = Quad([Point::new(10.0, 0.0), Point::new(10.0, 40.0), Point::new(0.0, 40.0), Point::new(0.0, 0.0)]);
        assert!((quad.width() - 40.0).abs() < 1e-4 && (quad.height() - 10.0).abs() < 1e-4);
        assert!((quad.angle() - 90.0).abs() < 1e-4, "its text runs downwards");
        assert_eq!(quad.bounds(), Rect::new(0.0, 0.0, 10.0, 40.0));
    }

    #[test]
    fn a_slice_of_a_line_lies_on_the_line() {
        let line = Quad::from_rect(Rect::new(100.0, 10.0, 300.0, 30.0));
        assert_eq!(line.slice(0.25, 0.5).bounds(), Rect::new(150.0, 10.0, 200.0, 30.0));
    }

    #[test]
    fn json_holds_whole_pixels() {
        let quad = Quad::from_rect(Rect::new(0.4, 1.6, 10.0, 20.0));
        assert_eq!(serde_json::to_string(&quad).unwrap(), "[[0,2],[10,2],[10,20],[0,20]]");
    }
}
