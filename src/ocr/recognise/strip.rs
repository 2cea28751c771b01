//! A line's crop as the recognisers want it: 48 rows, cut where it is longer than they should see at once.
//! It reads nothing.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::OcrError;
use crate::text::Safe;

/// Rows of a strip.
pub(super) const ROWS: u32 = 48;
/// A strip is at most this wide; a longer line is cut in gaps. Printed lines seldom pass 2000.
const LONGEST: u32 = 2400;
/// Longer than this (at 48 rows: some 400 letters) is no line of text; a line image of 1.4 KB once took 16 GB (`RapidOCR` #538).
const NO_LINE: u32 = 9600;
/// Narrower than this the network has nothing left to look at.
const NARROWEST: u32 = 8;

/// A part of a line, 48 rows high.
pub(super) struct Strip {
    /// The crop it belongs to.
    pub(super) line: usize,
    /// Where in the crop it begins, as a share of the crop's width.
    pub(super) from: f32,
    /// Its width as a share of the crop's.
    pub(super) share: f32,
    /// Pixels.
    pub(super) width: u32,
    /// RGB, row-major.
    pixels: Vec<u8>,
}

impl Strip {
    /// Writes it into three planes (blue, green, red) of 48 rows of `stride` values at the head of `planes`, scaled to -1..1;
    /// what lies right of it is left as it is.
    pub(super) fn fill(&self, planes: &mut [f32], stride: usize) {
        let width = self.width as usize;
        let (blue, rest) = planes.split_at_mut(ROWS as usize * stride);
        let (green, red) = rest.split_at_mut(ROWS as usize * stride);
        let rows = blue.chunks_exact_mut(stride).zip(green.chunks_exact_mut(stride)).zip(red.chunks_exact_mut(stride));
        for (source, ((blue, green), red)) in self.pixels.chunks_exact(width * 3).zip(rows) {
            for (((pixel, b), g), r) in source.as_chunks::<3>().0.iter().zip(blue).zip(green).zip(red) {
                let [red, green, blue] = *pixel;
                *b = scaled(blue);
                *g = scaled(green);
                *r = scaled(red);
            }
        }
    }
}

fn scaled(value: u8) -> f32 {
    f32::from(value) / 127.5 - 1.0
}

/// Makes strips; keeps the resizer's buffers.
pub(super) struct Cutter {
    resizer: Resizer,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self { resizer: Resizer::new() }
    }

    /// The strips of crop number `line`, from left to right; none when it cannot be a line of text.
    pub(super) fn strips(&mut self, line: usize, crop: &RgbImage, strips: &mut Vec<Strip>) -> Result<(), OcrError> {
        let (width, height) = crop.dimensions();
        if width == 0 || height == 0 {
            return Ok(());
        }
        let whole = (f64::from(width) * f64::from(ROWS) / f64::from(height)).round() as u32;
        if whole > NO_LINE {
            return Ok(());
        }
        let mut from = 0;
        let longest = (f64::from(LONGEST) * f64::from(height) / f64::from(ROWS)) as u32;
        while from < width {
            let cut = if width - from <= longest { width } else { gap(crop, from + longest / 2, from + longest) };
            let part = f64::from(cut - from);
            let target = ((part * f64::from(ROWS) / f64::from(height)).round() as u32).clamp(NARROWEST, LONGEST);
            let pixels = self.resized(crop, from, cut - from, target)?;
            let share = |x: u32| x as f32 / width as f32;
            strips.push(Strip { line, from: share(from), share: share(cut - from), width: target, pixels });
            from = cut;
        }
        Ok(())
    }

    /// `width` columns of the crop from `left` on, as `target`×48 pixels.
    fn resized(&mut self, crop: &RgbImage, left: u32, width: u32, target: u32) -> Result<Vec<u8>, OcrError> {
        let failed = |error: &dyn std::fmt::Display| OcrError::Run(Safe::line(&error.to_string()).clipped(200));
        let source =
            ImageRef::new(crop.width(), crop.height(), crop.as_raw(), PixelType::U8x3).map_err(|error| failed(&error))?;
        let mut scaled = Image::new(target, ROWS, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            f64::from(left),
            0.0,
            f64::from(width),
            f64::from(crop.height()),
        );
        self.resizer.resize(&source, &mut scaled, &options).map_err(|error| failed(&error))?;
        Ok(scaled.into_vec())
    }
}

/// The column in `from..to` with the least contrast: a gap between words, if there is one.
fn gap(crop: &RgbImage, from: u32, to: u32) -> u32 {
    let contrast = |x: u32| {
        let (mut low, mut high) = (u8::MAX, u8::MIN);
        for y in 0..crop.height() {
            let [_, green, _] = crop.get_pixel(x, y).0;
            low = low.min(green);
            high = high.max(green);
        }
        high.saturating_sub(low)
    };
    // Of equals the last: the longer the part, the fewer the cuts.
    (from.max(1)..to.min(crop.width())).rev().min_by_key(|&x| contrast(x)).unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strips(crop: &RgbImage) -> Vec<Strip> {
        let mut strips = Vec::new();
        Cutter::new().strips(0, crop, &mut strips).unwrap();
        strips
    }

    #[test]
    fn a_crop_keeps_its_aspect_ratio() {
        let found = strips(&RgbImage::new(300, 24));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].width, found[0].pixels.len()), (600, 600 * 48 * 3));
    }

    #[test]
    fn a_long_line_is_cut_in_a_gap_and_nothing_is_lost() {
        let mut crop = RgbImage::from_fn(4000, 48, |x, y| image::Rgb(if (x + y) % 2 == 0 { [0; 3] } else { [255; 3] }));
        for y in 0..48 {
            crop.put_pixel(2000, y, image::Rgb([255; 3]));
        }
        let found = strips(&crop);
        assert_eq!(found.len(), 2);
        assert!((found[1].from - 0.5).abs() < 1e-3, "cut at the gap: {}", found[1].from);
        assert!((found.iter().map(|strip| strip.share).sum::<f32>() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn what_cannot_be_a_line_makes_no_strip_and_no_memory() {
        assert!(strips(&RgbImage::new(0, 10)).is_empty());
        assert!(strips(&RgbImage::new(40_000, 3)).is_empty());
        assert_eq!(
            strips(&RgbImage::new(1, 200)).iter().map(|strip| strip.width).collect::<Vec<_>>(),
            [8],
            "a hair is padded to something"
        );
    }

    #[test]
    fn planes_are_blue_green_red_and_scaled() {
        let found = strips(&RgbImage::from_pixel(16, 48, image::Rgb([255, 0, 127])));
        let mut planes = vec![9.0; 3 * 48 * 20];
        found[0].fill(&mut planes, 20);
        assert!(planes[0].abs() < 0.01 && (planes[48 * 20] + 1.0).abs() < 1e-6 && (planes[2 * 48 * 20] - 1.0).abs() < 1e-6);
        assert!((planes[16] - 9.0).abs() < 1e-6, "right of the strip nothing is touched");
    }
}
