//! Ruling lines taken off the page before it is read, letters that touch them left as they are.
//! It does not look for lines.

use image::{Rgb, RgbImage};

use super::{Ruling, Rulings};

/// How far from paper a pixel counts as ink.
const INK: i32 = 48;

impl Rulings {
    /// Fills the lines with the paper beside them. Where ink touches from one side the paper of the other is used; where it
    /// touches from both a letter crosses the line, and the pixels stay.
    pub fn erase(&self, image: &mut RgbImage) {
        for ruling in &self.horizontal {
            erase_one(ruling, image, self.light_on_dark, |along, across| (along, across));
        }
        for ruling in &self.vertical {
            erase_one(ruling, image, self.light_on_dark, |along, across| (across, along));
        }
    }
}

fn erase_one(ruling: &Ruling, image: &mut RgbImage, inverted: bool, place: impl Fn(u32, u32) -> (u32, u32)) {
    let spans = ruling.spans();
    let start = ruling.from as u32;
    let (width, height) = image.dimensions();
    let pixel = |image: &RgbImage, along: u32, across: u32| {
        let (x, y) = place(along, across);
        (x < width && y < height).then(|| *image.get_pixel(x, y))
    };
    let brightness = |colour: Option<Rgb<u8>>| {
        colour.map_or(-1, |Rgb([r, g, b])| {
            let grey = (i32::from(r) * 77 + i32::from(g) * 150 + i32::from(b) * 29) >> 8;
            if inverted { 255 - grey } else { grey }
        })
    };
    // Both sides, one pixel beyond the soft edge of the line.
    let sides: Vec<_> = spans
        .iter()
        .enumerate()
        .map(|(offset, &(first, last))| {
            let along = start + offset as u32;
            let before = first.checked_sub(2).and_then(|across| pixel(image, along, across));
            let after = pixel(image, along, last + 2);
            (before, after)
        })
        .collect();
    let bright: Vec<(i32, i32)> = sides.iter().map(|&(before, after)| (brightness(before), brightness(after))).collect();
    for (offset, &(first, last)) in spans.iter().enumerate() {
        let near = &bright[offset.saturating_sub(12)..(offset + 13).min(bright.len())];
        let paper = near.iter().map(|&(a, b)| a.max(b)).max().unwrap_or(255);
        let (before, after) = bright[offset];
        let (clear_before, clear_after) = (before >= 0 && before > paper - INK, after >= 0 && after > paper - INK);
        let colour = if before >= after { sides[offset].0 } else { sides[offset].1 };
        let Some(colour) = colour.filter(|_| clear_before || clear_after) else { continue };
        let from = if clear_before { first.saturating_sub(1) } else { first };
        let to = if clear_after { last + 1 } else { last };
        for across in from..=to {
            let (x, y) = place(start + offset as u32, across);
            if x < width && y < height {
                image.put_pixel(x, y, colour);
            }
        }
    }
}
