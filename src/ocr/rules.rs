//! Ruling lines of a page: found by run-length morphology, erased before reading, text boxes split at the vertical ones.
//! Which of them make a table is the business of `table`.

use image::RgbImage;

use super::geometry::Quad;

mod erase;
pub(super) mod trace;

use trace::Plane;

/// A run of a line's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Band {
    /// Along the line, pixels; `to` lies just outside.
    from: u32,
    to: u32,
    /// Across it; both are line.
    first: u32,
    last: u32,
}

/// One straight line, nearly upright or level. "Along" is x for a horizontal line, y for a vertical one; "across" the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// Where it begins, along, pixels.
    pub from: f32,
    /// Where it ends, along.
    pub to: f32,
    /// Where it stands at its beginning, across: its middle.
    pub at_from: f32,
    /// Where it stands at its end, across.
    pub at_to: f32,
    /// Pixels.
    pub thickness: f32,
    pub(super) bands: Vec<Band>,
}

impl Ruling {
    /// Pixels.
    pub fn length(&self) -> f32 {
        self.to - self.from
    }

    /// Where it stands, across, at `along`; beyond its ends too.
    pub fn at(&self, along: f32) -> f32 {
        self.at_from + (self.at_to - self.at_from) * (along - self.from) / self.length().max(1.0)
    }

    /// Of each position along the line, the first and the last row that are line; holes take the nearest known one.
    pub(super) fn spans(&self) -> Vec<(u32, u32)> {
        let (start, end) = (self.from as u32, self.to as u32);
        let mut spans = vec![None; (end.saturating_sub(start)) as usize];
        for band in &self.bands {
            for along in band.from.max(start)..band.to.min(end) {
                let span = &mut spans[(along - start) as usize];
                *span =
                    Some(span.map_or((band.first, band.last), |(first, last): (u32, u32)| {
                        (first.min(band.first), last.max(band.last))
                    }));
            }
        }
        let mut known = spans.iter().flatten().next().copied().unwrap_or((self.at_from as u32, self.at_from as u32));
        spans
            .into_iter()
            .map(|span| {
                known = span.unwrap_or(known);
                known
            })
            .collect()
    }

    /// True when a line of the other direction meets it; `slack` pixels may be missing at the ends of either.
    pub fn meets(&self, other: &Self, slack: f32) -> bool {
        let across = self.at(f32::midpoint(other.at_from, other.at_to));
        let along = other.at(across);
        (self.from - slack..=self.to + slack).contains(&along) && (other.from - slack..=other.to + slack).contains(&across)
    }
}

/// The ruling lines of one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rulings {
    /// Level ones.
    pub horizontal: Vec<Ruling>,
    /// Upright ones.
    pub vertical: Vec<Ruling>,
    /// How far apart the ends of lines may lie that should meet, pixels: grows with the page.
    pub slack: f32,
    /// The size of the page, pixels.
    pub page: (u32, u32),
    pub(super) light_on_dark: bool,
}

/// Finds the ruling lines of an upright page: thin, grey or coloured, broken, double or skewed by up to three degrees.
/// A4 at 200 dpi: about 40 ms.
pub fn find(image: &RgbImage) -> Rulings {
    let (width, height) = image.dimensions();
    let mut grey: Vec<u8> = image
        .pixels()
        .map(|pixel| {
            let [r, g, b] = pixel.0.map(u32::from);
            ((r * 77 + g * 150 + b * 29) >> 8) as u8
        })
        .collect();
    let dark = grey.iter().step_by(13).filter(|&&value| value < 110).count();
    let light_on_dark = dark * 26 > grey.len();
    if light_on_dark {
        for value in &mut grey {
            *value = 255 - *value;
        }
    }
    let plane = Plane { width: width as usize, height: height as usize, grey };
    let window = (width.min(height) / 100).clamp(7, 15) as usize;
    let least = if width.min(height) > 1200 { 20 } else { 14 };
    let slack = window as f32;
    let horizontal = trace::strokes(&plane, window, least);
    let vertical = trace::strokes(&plane.transposed(), window, least);
    let (horizontal, vertical) = held(horizontal, vertical, slack, (width, height));
    Rulings { horizontal, vertical, slack, page: (width, height), light_on_dark }
}

/// Strokes that are lines and not parts of letters: long ones, and short ones that end on lines of the other direction.
fn held(horizontal: Vec<Ruling>, vertical: Vec<Ruling>, slack: f32, (width, height): (u32, u32)) -> (Vec<Ruling>, Vec<Ruling>) {
    // A form's underline is 60 pixels and more; the bar of a large letter at most 15 times as long as thick.
    let level = |r: &Ruling| r.length() >= 60.0_f32.max(25.0 * r.thickness);
    let upright = |r: &Ruling| r.length() >= 60.0_f32.max(40.0 * r.thickness).max(height as f32 * 0.2);
    let (mut rows, mut short_rows): (Vec<_>, Vec<_>) = horizontal.into_iter().partition(level);
    let (mut columns, mut short_columns): (Vec<_>, Vec<_>) = vertical.into_iter().partition(upright);
    for _ in 0..3 {
        let before = rows.len() + columns.len();
        let anchored = |r: &Ruling, others: &[Ruling]| ends_meet(r, others, slack);
        let (more, rest): (Vec<_>, Vec<_>) = short_columns.into_iter().partition(|r| anchored(r, &rows));
        columns.extend(more);
        short_columns = rest;
        let (more, rest): (Vec<_>, Vec<_>) = short_rows.into_iter().partition(|r| anchored(r, &columns));
        rows.extend(more);
        short_rows = rest;
        if rows.len() + columns.len() == before {
            break;
        }
    }
    // The border of a page or a scan's edge is no line of the text.
    let (far_x, far_y) = (width as f32 - 3.0, height as f32 - 3.0);
    rows.retain(|r| r.at_from > 2.0 && r.at_from < far_y);
    columns.retain(|r| r.at_from > 2.0 && r.at_from < far_x);
    (rows, columns)
}

/// True when lines of the other direction hold both ends of it, or one end and another place of a line that goes on.
fn ends_meet(ruling: &Ruling, others: &[Ruling], slack: f32) -> bool {
    let mut met: Vec<f32> = others.iter().filter(|o| o.meets(ruling, slack)).map(|o| f32::midpoint(o.at_from, o.at_to)).collect();
    met.sort_by(f32::total_cmp);
    let (Some(first), Some(last)) = (met.first(), met.last()) else { return false };
    let held = [ruling.from, ruling.to].iter().filter(|&&end| met.iter().any(|at| (at - end).abs() <= 2.0 * slack)).count();
    last - first > 2.0 * slack && held >= 1 && (held == 2 || last - first > 0.5 * ruling.length())
}

impl Rulings {
    /// Cuts text boxes where a line crosses them: level ones at vertical rules, tall ones at horizontal rules. What is left of a
    /// cut and is narrower than a third of the box's height is the line itself and goes.
    pub fn split(&self, quads: Vec<Quad>) -> Vec<Quad> {
        let mut parts = Vec::with_capacity(quads.len());
        for quad in quads {
            let bounds = quad.bounds();
            let tall = bounds.height() > 2.0 * bounds.width();
            let level = quad.angle().abs() < 12.0;
            let (begin, end, low, high) = if tall {
                (bounds.top, bounds.bottom, bounds.left, bounds.right)
            } else {
                (bounds.left, bounds.right, bounds.top, bounds.bottom)
            };
            let cuts = cuts(if tall { &self.horizontal } else { &self.vertical }, (begin, end), (low, high));
            if cuts.is_empty() || !level {
                parts.push(quad);
                continue;
            }
            let mut from = begin;
            for (at, half) in cuts.into_iter().chain([(end, -1.0)]) {
                let to = at - half.max(0.0) * f32::from(u8::from(half >= 0.0));
                if to - from > (high - low) * 0.33 {
                    parts.push(part(&quad, tall, (from - begin) / (end - begin), (to - begin) / (end - begin)));
                }
                from = at + half;
            }
        }
        parts
    }
}

/// Where lines that cover most of a box's thickness (`low` to `high`) cut it: place along the box, half the line's thickness.
fn cuts(lines: &[Ruling], (begin, end): (f32, f32), (low, high): (f32, f32)) -> Vec<(f32, f32)> {
    let middle = f32::midpoint(low, high);
    let mut cuts: Vec<(f32, f32)> = lines
        .iter()
        .filter(|line| line.to.min(high) - line.from.max(low) >= 0.6 * (high - low))
        .map(|line| (line.at(middle), line.thickness * 0.5 + 1.0))
        .filter(|(at, half)| *at > begin + half && *at < end - half)
        .collect();
    cuts.sort_by(|a, b| a.0.total_cmp(&b.0));
    cuts
}

fn part(quad: &Quad, tall: bool, from: f32, to: f32) -> Quad {
    if !tall {
        return quad.slice(from, to);
    }
    let turned = |quad: Quad, by: usize| Quad(std::array::from_fn(|corner| quad.0[(corner + by) % 4]));
    turned(turned(*quad, 3).slice(1.0 - to, 1.0 - from), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Rect;
    use image::Rgb;

    fn page(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([250, 250, 245]))
    }

    fn fill(image: &mut RgbImage, x: std::ops::Range<u32>, y: std::ops::Range<u32>, colour: [u8; 3]) {
        for y in y {
            for x in x.clone() {
                image.put_pixel(x, y, Rgb(colour));
            }
        }
    }

    #[test]
    fn a_grey_skewed_broken_line_is_one_line() {
        let mut image = page(800, 300);
        for x in (50..700).filter(|x| !(300..312).contains(x)) {
            image.put_pixel(x, 100 + x / 150, Rgb([190, 190, 190]));
        }
        let rulings = find(&image);
        assert_eq!((rulings.horizontal.len(), rulings.vertical.len()), (1, 0));
        assert!(rulings.horizontal[0].length() > 640.0, "{:?}", rulings.horizontal[0].length());
    }

    #[test]
    fn stems_and_bars_of_letters_are_no_lines() {
        let mut image = page(600, 200);
        for letter in 0..6 {
            fill(&mut image, 40 + letter * 80..48 + letter * 80, 50..130, [10, 10, 10]);
            fill(&mut image, 20 + letter * 80..70 + letter * 80, 50..58, [10, 10, 10]);
        }
        assert_eq!(find(&image), Rulings { page: (600, 200), slack: 7.0, ..Rulings::default() });
    }

    #[test]
    fn a_line_is_erased_and_a_letter_across_it_stays() {
        let mut image = page(400, 100);
        fill(&mut image, 20..380, 50..52, [0, 0, 0]);
        fill(&mut image, 200..204, 35..70, [0, 0, 0]);
        fill(&mut image, 300..304, 35..51, [0, 0, 0]);
        find(&image).erase(&mut image);
        let dark = |x, y| image.get_pixel(x, y).0[0] < 100;
        assert!(!dark(100, 50) && !dark(100, 51), "the line has gone");
        assert!(dark(201, 50) && dark(201, 51) && dark(201, 65), "the letter across it is whole");
        assert!(dark(301, 45), "the letter on it stands");
    }

    #[test]
    fn a_box_over_two_cells_is_split_at_the_rule() {
        let mut image = page(400, 100);
        fill(&mut image, 20..380, 20..22, [0, 0, 0]);
        fill(&mut image, 20..380, 80..82, [0, 0, 0]);
        fill(&mut image, 200..202, 20..82, [0, 0, 0]);
        let rulings = find(&image);
        assert_eq!((rulings.horizontal.len(), rulings.vertical.len()), (2, 1));
        let parts = rulings.split(vec![Quad::from_rect(Rect::new(40.0, 40.0, 300.0, 60.0))]);
        assert_eq!(parts.len(), 2);
        assert!(parts[0].bounds().right < 201.0 && parts[1].bounds().left > 200.0, "{parts:?}");
    }
}
