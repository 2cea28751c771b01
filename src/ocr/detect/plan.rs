//! At what size an image is shown to the detector, and in which tiles.
//! It looks at pixels only to learn the paper's colour.

use image::RgbImage;

/// The model's strides: sides of its input are multiples of this.
const STEP: usize = 32;
/// The long side of what the detector sees, in pixels, when the image is about a page.
const LONG_SIDE: f32 = 1600.0;
/// Small images are shown larger, up to this.
const LARGEST_SCALE: f32 = 2.0;
/// Letters shown lower than this are missed, in scaled pixels.
const LOWEST_LETTERS: f32 = 8.0;
/// Letters shown higher than this cost time for nothing.
const HIGHEST_LETTERS: f32 = 20.0;
/// Paper added around the image, so that text at its border has some.
const MARGIN: usize = 16;
/// A tile's sides at most: bounds the model's memory (about 100 bytes a pixel).
const TILE: usize = 1600;
/// How much neighbouring tiles share; each answers for its half.
const OVERLAP: usize = 192;
/// The scaled image at most, in pixels: bounds the time for giant images.
const LARGEST_AREA: f32 = 24e6;

/// How an image is shown to the detector. Lengths are in scaled pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The scaled image with its margins, up to multiples of 32.
    pub width: usize,
    /// See `width`.
    pub height: usize,
    /// The scaled image alone.
    pub inner_width: usize,
    /// See `inner_width`.
    pub inner_height: usize,
    /// Paper on the left and above.
    pub margin: usize,
    /// The paper's colour: red, green, blue.
    pub paper: [u8; 3],
    image: (u32, u32),
}

/// One look of the model. The fields named `own` bound the part of the map that it answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Where it starts.
    pub left: usize,
    /// Where it starts.
    pub top: usize,
    /// A multiple of 32.
    pub width: usize,
    /// A multiple of 32.
    pub height: usize,
    /// From here,
    pub own_left: usize,
    /// and here,
    pub own_top: usize,
    /// to here
    pub own_right: usize,
    /// and here.
    pub own_bottom: usize,
}

impl Plan {
    /// For an image of at least one pixel; `letters` is how high its letters are, in pixels, if known.
    pub fn of(image: &RgbImage, letters: Option<f32>) -> Self {
        Self::at(image, scale(image.width(), image.height(), letters))
    }

    /// At a given scale.
    pub fn at(image: &RgbImage, scale: f32) -> Self {
        let (width, height) = image.dimensions();
        let side = |length: u32| ((length as f32 * scale).round() as usize).max(1);
        let (inner_width, inner_height) = (side(width), side(height));
        let whole = |inner: usize| (inner + 2 * MARGIN).next_multiple_of(STEP);
        Self {
            width: whole(inner_width),
            height: whole(inner_height),
            inner_width,
            inner_height,
            margin: MARGIN,
            paper: border_colour(image),
            image: (width, height),
        }
    }

    /// Scaled pixels to a pixel of the image, across.
    pub fn scale_x(&self) -> f32 {
        self.inner_width as f32 / self.image.0 as f32
    }

    /// Scaled pixels to a pixel of the image, downwards.
    pub fn scale_y(&self) -> f32 {
        self.inner_height as f32 / self.image.1 as f32
    }

    /// Tiles that together answer for every pixel once.
    pub fn tiles(&self) -> Vec<Tile> {
        let (across, down) = (cuts(self.width), cuts(self.height));
        let mut tiles = Vec::new();
        for &(top, bottom, own_top, own_bottom) in &down {
            for &(left, right, own_left, own_right) in &across {
                tiles.push(Tile {
                    left,
                    top,
                    width: right - left,
                    height: bottom - top,
                    own_left,
                    own_top,
                    own_right,
                    own_bottom,
                });
            }
        }
        tiles
    }
}

fn scale(width: u32, height: u32, letters: Option<f32>) -> f32 {
    let (long, short) = (width.max(height) as f32, width.min(height) as f32);
    // A strip or a scroll is judged by its short side: by its long one its letters would vanish.
    let page = if long > 2.5 * short { short * 2.5 } else { long };
    let usual = (LONG_SIDE / page).min(LARGEST_SCALE);
    let wanted = letters.map_or(usual, |letters| usual.clamp(LOWEST_LETTERS / letters, HIGHEST_LETTERS / letters));
    let affordable = (LARGEST_AREA / (long * short)).sqrt();
    wanted.min(affordable)
}

/// Start, end, own start and own end of each tile along one side.
fn cuts(length: usize) -> Vec<(usize, usize, usize, usize)> {
    if length <= TILE {
        return vec![(0, length, 0, length)];
    }
    let count = (length - OVERLAP).div_ceil(TILE - OVERLAP);
    let side = ((length - OVERLAP).div_ceil(count) + OVERLAP).next_multiple_of(STEP).min(length);
    let start = |index: usize| if index + 1 == count { length - side } else { index * (length - side) / (count - 1) };
    let border = |index: usize| usize::midpoint(start(index), start(index - 1) + side);
    let tile = |index: usize| {
        let own_start = if index == 0 { 0 } else { border(index) };
        let own_end = if index + 1 == count { length } else { border(index + 1) };
        (start(index), start(index) + side, own_start, own_end)
    };
    (0..count).map(tile).collect()
}

/// The middle colour of the image's border, by channel.
fn border_colour(image: &RgbImage) -> [u8; 3] {
    let (width, height) = image.dimensions();
    let mut counts = [[0_u32; 256]; 3];
    let mut count = |x: u32, y: u32| {
        for (counts, value) in counts.iter_mut().zip(image.get_pixel(x, y).0) {
            counts[usize::from(value)] += 1;
        }
    };
    for x in 0..width {
        count(x, 0);
        count(x, height - 1);
    }
    for y in 0..height {
        count(0, y);
        count(width - 1, y);
    }
    counts.map(|counts| {
        let mut below = 0;
        let half = (width + height).max(1);
        (0..=255)
            .find(|&value| {
                below += counts[usize::from(value)];
                below >= half
            })
            .unwrap_or(255)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_answer_for_every_pixel_once() {
        for (width, height) in [(640, 480), (1600, 1600), (1632, 992), (992, 40_000), (5024, 4000)] {
            let image = RgbImage::new(1, 1);
            let plan = Plan { width, height, ..Plan::at(&image, 1.0) };
            let mut seen = vec![0_u8; width * height];
            for tile in plan.tiles() {
                assert!(
                    tile.width <= TILE + STEP && tile.width.is_multiple_of(STEP) && tile.height.is_multiple_of(STEP),
                    "{tile:?}"
                );
                assert!(
                    tile.left <= tile.own_left && tile.own_right <= tile.left + tile.width && tile.top + tile.height <= height
                );
                for y in tile.own_top..tile.own_bottom {
                    seen[y * width + tile.own_left..y * width + tile.own_right].iter_mut().for_each(|n| *n += 1);
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{width}x{height}");
        }
    }

    #[test]
    fn scrolls_keep_their_letters_and_giants_are_bounded() {
        assert!(scale(900, 12_000, None) >= 0.7, "{}", scale(900, 12_000, None));
        assert!(scale(10_000, 10_000, None) * 10_000.0 < 5000.0);
        assert!((scale(100, 40, None) - LARGEST_SCALE).abs() < 1e-6);
        let plan = Plan::at(&RgbImage::new(3, 40_000), scale(3, 40_000, None));
        assert!(plan.width * plan.height < 24_000_000 && plan.width >= STEP, "{plan:?}");
    }

    #[test]
    fn small_print_is_shown_larger_and_posters_smaller() {
        assert!(scale(2480, 3508, Some(10.0)) > scale(2480, 3508, None));
        assert!(scale(1240, 530, Some(60.0)) < scale(1240, 530, None));
    }

    #[test]
    fn paper_is_the_borders_colour() {
        let mut image = RgbImage::from_pixel(40, 30, image::Rgb([20, 30, 40]));
        for x in 0..15 {
            image.put_pixel(x, 0, image::Rgb([255, 255, 255]));
        }
        assert_eq!(border_colour(&image), [20, 30, 40]);
    }
}
