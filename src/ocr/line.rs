//! Crops: one line of text cut out of a page and laid level.
//! It neither finds lines nor reads them.

use image::{Rgb, RgbImage, imageops};

use super::geometry::{Point, Quad};

/// A quad leaning less than this share of its height counts as level: the cut is then a copy of rows.
const LEVEL: f32 = 0.06;
/// No crop grows larger than this on a side, whatever the quad says.
const LONGEST: f32 = 16_384.0;

/// The part of `image` inside `quad`, as the quad lies: its first edge becomes the upper one, whatever the direction. A quad standing upright
/// (more than 1.5 times as high as wide) is turned by 90 degrees counter-clockwise: text that runs downwards comes out level.
pub fn crop(image: &RgbImage, quad: &Quad) -> RgbImage {
    if quad.height() > 1.5 * quad.width() { crop_as_is(image, &clockwise_start(quad)) } else { crop_as_is(image, quad) }
}

/// The part of `image` inside `quad`, first edge up, however high it is. Outside the image it repeats the image's border.
pub fn crop_as_is(image: &RgbImage, quad: &Quad) -> RgbImage {
    if level(quad) && inside(image, quad) { copied(image, quad) } else { sampled(image, quad) }
}

/// The same quad for text that runs downwards in it (turned clockwise): it starts at the upper right corner.
#[must_use]
pub const fn clockwise_start(quad: &Quad) -> Quad {
    let [a, b, c, d] = quad.0;
    Quad([b, c, d, a])
}

/// The same quad for text that runs upwards in it: it starts at the lower left corner.
#[must_use]
pub const fn counter_clockwise_start(quad: &Quad) -> Quad {
    let [a, b, c, d] = quad.0;
    Quad([d, a, b, c])
}

fn level(quad: &Quad) -> bool {
    let [a, b, c, d] = quad.0;
    let slack = (LEVEL * quad.height()).max(1.0);
    let close = |p: f32, q: f32| (p - q).abs() <= slack;
    close(a.y, b.y) && close(c.y, d.y) && close(a.x, d.x) && close(b.x, c.x) && a.x < b.x && a.y < d.y
}

fn inside(image: &RgbImage, quad: &Quad) -> bool {
    let bounds = quad.bounds();
    let (width, height) = (image.width() as f32, image.height() as f32);
    bounds.left < width - 1.0 && bounds.top < height - 1.0 && bounds.right > 1.0 && bounds.bottom > 1.0
}

fn copied(image: &RgbImage, quad: &Quad) -> RgbImage {
    let [a, b, c, d] = quad.0;
    let (left, top) = (f32::midpoint(a.x, d.x).max(0.0).round() as u32, f32::midpoint(a.y, b.y).max(0.0).round() as u32);
    let right = (f32::midpoint(b.x, c.x).round().max(0.0) as u32).clamp(left + 1, image.width().max(left + 1));
    let bottom = (f32::midpoint(d.y, c.y).round().max(0.0) as u32).clamp(top + 1, image.height().max(top + 1));
    imageops::crop_imm(image, left, top, right - left, bottom - top).to_image()
}

/// Bilinear along both edges: exact for parallelograms, and rows need only additions.
fn sampled(image: &RgbImage, quad: &Quad) -> RgbImage {
    let [a, b, c, d] = quad.0;
    let side = |length: f32| length.round().clamp(1.0, LONGEST) as u32;
    let (width, height) = (side(quad.width()), side(quad.height()));
    let mut out = RgbImage::new(width, height);
    if image.width() == 0 || image.height() == 0 {
        return out;
    }
    let between = |p: Point, q: Point, share: f32| Point::new(p.x + (q.x - p.x) * share, p.y + (q.y - p.y) * share);
    for (y, row) in out.rows_mut().enumerate() {
        let share = (y as f32 + 0.5) / height as f32;
        let (from, to) = (between(a, d, share), between(b, c, share));
        let (step_x, step_y) = ((to.x - from.x) / width as f32, (to.y - from.y) / width as f32);
        // The centre of the first pixel; a pixel's own centre lies at +0.5.
        let (mut at_x, mut at_y) = (from.x + step_x / 2.0 - 0.5, from.y + step_y / 2.0 - 0.5);
        for pixel in row {
            *pixel = bilinear(image, at_x, at_y);
            at_x += step_x;
            at_y += step_y;
        }
    }
    out
}

fn bilinear(image: &RgbImage, x: f32, y: f32) -> Rgb<u8> {
    let (last_x, last_y) = (image.width() - 1, image.height() - 1);
    let (x, y) = (x.clamp(0.0, last_x as f32), y.clamp(0.0, last_y as f32));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(last_x), (top + 1).min(last_y));
    // In 256ths: integers keep the loop free of conversions.
    let (share_x, share_y) = (((x - left as f32) * 256.0) as u32, ((y - top as f32) * 256.0) as u32);
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| image.get_pixel(x, y).0);
    let weights = [(256 - share_x) * (256 - share_y), share_x * (256 - share_y), (256 - share_x) * share_y, share_x * share_y];
    let mut out = [0; 3];
    for (channel, value) in out.iter_mut().enumerate() {
        let sum: u32 = corners.iter().zip(weights).map(|(corner, weight)| u32::from(corner[channel]) * weight).sum();
        *value = ((sum + 32_768) >> 16) as u8;
    }
    Rgb(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Rect;

    fn gradient() -> RgbImage {
        RgbImage::from_fn(100, 60, |x, y| Rgb([x as u8, y as u8, 0]))
    }

    #[test]
    fn a_level_crop_is_a_copy() {
        let cut = crop(&gradient(), &Quad::from_rect(Rect::new(10.0, 20.0, 50.0, 35.0)));
        assert_eq!((cut.dimensions(), cut.get_pixel(0, 0).0, cut.get_pixel(39, 14).0), ((40, 15), [10, 20, 0], [49, 34, 0]));
    }

    #[test]
    fn a_crop_beyond_the_border_repeats_it_or_stops_there() {
        let cut = crop(&gradient(), &Quad::from_rect(Rect::new(-5.0, -5.0, 20.0, 8.0)));
        assert_eq!((cut.dimensions(), cut.get_pixel(0, 0).0), ((20, 8), [0, 0, 0]));
        let cut = crop(&gradient(), &Quad::from_rect(Rect::new(500.0, 500.0, 540.0, 510.0)));
        assert_eq!(cut.get_pixel(0, 0).0, [99, 59, 0]);
    }

    #[test]
    fn a_leaning_crop_is_laid_level() {
        let (sin, cos) = 20.0_f32.to_radians().sin_cos();
        let at = |along: f32, across: f32| Point::new(20.0 + along * cos - across * sin, 10.0 + along * sin + across * cos);
        let cut = crop(&gradient(), &Quad([at(0.0, 0.0), at(50.0, 0.0), at(50.0, 10.0), at(0.0, 10.0)]));
        assert_eq!(cut.dimensions(), (50, 10));
        let want = at(25.5, 5.5);
        let [x, y, _] = cut.get_pixel(25, 5).0;
        assert!((f32::from(x) - want.x).abs() < 1.1 && (f32::from(y) - want.y).abs() < 1.1, "{x} {y} {want:?}");
    }

    #[test]
    fn standing_text_is_turned_level() {
        let quad = Quad::from_rect(Rect::new(40.0, 10.0, 50.0, 50.0));
        let cut = crop(&gradient(), &quad);
        assert_eq!(cut.dimensions(), (40, 10));
        let first = cut.get_pixel(0, 0).0;
        assert!(first[0] >= 48 && first[1] <= 11, "downward text starts at the upper right: {first:?}");
        assert_eq!(crop_as_is(&gradient(), &counter_clockwise_start(&quad)).get_pixel(0, 0).0[..2], [40, 49]);
    }
}
