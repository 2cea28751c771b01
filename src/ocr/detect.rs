//! Where text is: an image in, quads around its lines out (DB: a probability map, its components, their rectangles grown).
//! It neither reads nor orders what it finds.

mod boxes;
mod components;
mod ink;
mod plan;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

pub use boxes::grow;
pub use ink::Ink;

use self::boxes::Map;
use self::plan::{Plan, Tile};
use super::OcrError;
use super::geometry::{Point, Quad};
use super::runtime::Net;
use crate::text::Safe;

/// What the model was trained on, by channel in its order: `ImageNet`'s mean and deviation, of 0 to 255.
const MEAN: [f32; 3] = [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0];
const DEVIATION: [f32; 3] = [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0];

/// Finds text.
pub struct Detector {
    net: Net,
}

/// What was found on one image.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Around each line or piece of one, in pixels of the image; not ordered.
    pub quads: Vec<Quad>,
    /// How the lines slope, in degrees: 0 is level, positive falls to the right.
    pub slope: f32,
}

impl Detector {
    /// On a loaded model.
    pub const fn new(net: Net) -> Self {
        Self { net }
    }

    /// Quads around lines of text, in pixels of `image`, clockwise from the upper left corner as they stand; not ordered.
    pub fn detect(&mut self, image: &RgbImage) -> Result<Vec<Quad>, OcrError> {
        Ok(self.find(image, Ink::of(image).letter_height())?.quads)
    }

    /// The same, and how the lines slope; `letters` is how high letters are, in pixels of `image`, if known.
    pub fn find(&mut self, image: &RgbImage, letters: Option<f32>) -> Result<Found, OcrError> {
        if image.width() == 0 || image.height() == 0 {
            return Ok(Found::default());
        }
        let plan = Plan::of(image, letters);
        let mut map = Map { width: plan.width, values: vec![0; plan.width * plan.height] };
        for tile in plan.tiles() {
            self.look(image, &plan, &tile, &mut map)?;
        }
        let (boxes, slope) = boxes::boxes(&map);
        let back = |point: Point| {
            Point::new((point.x - plan.margin as f32) / plan.scale_x(), (point.y - plan.margin as f32) / plan.scale_y())
        };
        Ok(Found { quads: boxes.into_iter().map(|(quad, _)| quad.map(back)).collect(), slope })
    }

    /// Runs the model on one tile and puts the part of its map that the tile answers for into the whole.
    fn look(&mut self, image: &RgbImage, plan: &Plan, tile: &Tile, map: &mut Map) -> Result<(), OcrError> {
        let input = input(image, plan, tile)?;
        let outputs = self.net.run([1, 3, tile.height, tile.width], &input)?;
        drop(input);
        let output = outputs.first().filter(|output| output.values.len() == tile.width * tile.height);
        let output = output.ok_or_else(|| OcrError::Run(Safe::fixed("the detector's map has another size than its input")))?;
        for y in tile.own_top..tile.own_bottom {
            let from = (y - tile.top) * tile.width + tile.own_left - tile.left;
            let row = &output.values[from..from + tile.own_right - tile.own_left];
            let into = &mut map.values[y * plan.width + tile.own_left..];
            for (into, value) in into.iter_mut().zip(row) {
                *into = (value * 255.0) as u8;
            }
        }
        Ok(())
    }
}

/// A tile's pixels as the model wants them: three planes, blue first, normalised; around the image there is paper.
fn input(image: &RgbImage, plan: &Plan, tile: &Tile) -> Result<Vec<f32>, OcrError> {
    let scaled = scaled(image, plan, tile)?;
    let plane = tile.width * tile.height;
    let mut input = Vec::with_capacity(plane * 3);
    for channel in 0..3 {
        let tone: Vec<f32> = (0..256_u16).map(|value| (f32::from(value) - MEAN[channel]) / DEVIATION[channel]).collect();
        let colour = 2 - channel;
        let paper = tone[usize::from(plan.paper[colour])];
        let start = input.len();
        input.resize(start + plane, paper);
        for (y, row) in scaled.pixels.chunks_exact(scaled.width * 3).enumerate() {
            let from = start + (y + scaled.top) * tile.width + scaled.left;
            for (into, pixel) in input[from..from + scaled.width].iter_mut().zip(row.chunks_exact(3)) {
                *into = tone[usize::from(pixel[colour])];
            }
        }
    }
    Ok(input)
}

/// The part of the scaled image that lies on a tile, and where on it.
struct Scaled {
    left: usize,
    top: usize,
    width: usize,
    pixels: Vec<u8>,
}

fn scaled(image: &RgbImage, plan: &Plan, tile: &Tile) -> Result<Scaled, OcrError> {
    let margin = plan.margin;
    // The tile's part of the image, in scaled pixels without margin.
    let (left, top) = (tile.left.max(margin) - margin, tile.top.max(margin) - margin);
    let right = (tile.left + tile.width).saturating_sub(margin).min(plan.inner_width);
    let bottom = (tile.top + tile.height).saturating_sub(margin).min(plan.inner_height);
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    let at = (margin.saturating_sub(tile.left), margin.saturating_sub(tile.top));
    if width == 0 || height == 0 {
        return Ok(Scaled { left: 0, top: 0, width: 1, pixels: Vec::new() });
    }
    let failed = |error: &dyn std::fmt::Display| OcrError::Run(Safe::line(&error.to_string()).clipped(200));
    let source = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3).map_err(|error| failed(&error))?;
    let mut target = Image::new(width as u32, height as u32, PixelType::U8x3);
    let (across, down) = (f64::from(plan.scale_x()), f64::from(plan.scale_y()));
    let fit = |from: usize, length: usize, scale: f64, whole: u32| {
        let from = (from as f64 / scale).min(f64::from(whole) - 0.01);
        (from, (length as f64 / scale).min(f64::from(whole) - from))
    };
    let (source_left, source_width) = fit(left, width, across, image.width());
    let (source_top, source_height) = fit(top, height, down, image.height());
    let filter = if plan.scale_x() > 1.0 { FilterType::CatmullRom } else { FilterType::Bilinear };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(source_left, source_top, source_width, source_height)
        .use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
    Ok(Scaled { left: at.0, top: at.1, width, pixels: target.into_vec() })
}
