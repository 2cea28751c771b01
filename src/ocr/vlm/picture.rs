//! A page as the picture that is sent: upright as stored, not larger than asked for, JPEG.
//! Which way its text runs is for the model to see.

use fast_image_resize::images::Image as Pixels;
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::ocr::OcrError;
use crate::ocr::document::PageSize;
use crate::ocr::image::{Limits, Pages, pages};
use crate::text::Safe;

/// Sharp letters survive it; a page of text at 2048 px has some 600 KB.
const QUALITY: u8 = 88;

/// One page.
pub(super) struct Picture {
    pub jpeg: Vec<u8>,
    /// Of the page, not of what is sent.
    pub size: PageSize,
    /// From 1.
    pub number: u32,
    pub pages: u32,
    pub warnings: Vec<Safe>,
}

/// Page `number` of a file; `None` beyond the last.
pub(super) fn page(bytes: &[u8], number: u32, limits: &Limits, side: u32) -> Result<Option<Picture>, OcrError> {
    let mut found = pages(bytes, limits)?;
    let total = Pages::count(&found);
    let Some(page) = found.nth(number.saturating_sub(1) as usize) else { return Ok(None) };
    let page = page?;
    let size = PageSize { width: page.pixels.width(), height: page.pixels.height(), angle: 0.0 };
    let pixels = smaller(page.pixels, side)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .write_image(pixels.as_raw(), pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
        .map_err(|error| unpainted(&error.to_string()))?;
    Ok(Some(Picture { jpeg, size, number, pages: total, warnings: page.warnings }))
}

/// With at most so many pixels on its longer side.
fn smaller(pixels: RgbImage, side: u32) -> Result<RgbImage, OcrError> {
    let (width, height) = pixels.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return Ok(pixels);
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longest)).max(1) as u32;
    let source = Pixels::from_vec_u8(width, height, pixels.into_raw(), PixelType::U8x3).map_err(|e| unpainted(&e.to_string()))?;
    let mut target = Pixels::new(scaled(width), scaled(height), PixelType::U8x3);
    Resizer::new().resize(&source, &mut target, &ResizeOptions::new()).map_err(|e| unpainted(&e.to_string()))?;
    RgbImage::from_raw(target.width(), target.height(), target.into_vec()).ok_or_else(|| unpainted("its size is wrong"))
}

fn unpainted(why: &str) -> OcrError {
    OcrError::Image(Safe::line(&format!("no picture of it can be made: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbImage::from_pixel(width, height, image::Rgb([250, 250, 250])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_page_is_made_smaller_and_tells_its_own_size() {
        let sent = page(&png(1000, 3000), 1, &Limits::default(), 600).unwrap().unwrap();
        assert_eq!((sent.size.width, sent.size.height, sent.pages), (1000, 3000, 1));
        let decoded = image::load_from_memory(&sent.jpeg).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (200, 600));
        let small = page(&png(50, 40), 1, &Limits::default(), 600).unwrap().unwrap();
        assert_eq!(image::load_from_memory(&small.jpeg).unwrap().width(), 50);
        assert!(page(&png(50, 40), 2, &Limits::default(), 600).unwrap().is_none());
        assert!(matches!(page(b"no image", 1, &Limits::default(), 600), Err(OcrError::Image(_))));
    }
}
