//! The image a document was read from, made small for a terminal, within the limits of OCR and off everybody's path.
//! It draws nothing.

use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::FilterType;

use crate::ocr::image::{Limits, pages};
use crate::text::Safe;

/// Bytes of an image file that is looked at.
const MAX_FILE: u64 = 64 << 20;

/// For a picture of a few thousand cells nobody waits for more.
const LIMITS: Limits = Limits { max_pixels: 50_000_000, max_bytes: 256 << 20, max_pages: 1 };

/// Why an image cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It cannot be read.
    #[error("the image {0} cannot be read: {1}")]
    Unreadable(Safe, Safe),
    /// It is larger than what is shown.
    #[error("the image {0} is too large to be shown: {1} MB, at most 64")]
    TooLarge(Safe, u64),
    /// It is none, or damaged.
    #[error("the image {0} cannot be shown: {1}")]
    Damaged(Safe, Safe),
}

/// A small picture: its pixels fit into what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Which file.
    pub path: PathBuf,
    /// Red, green, blue.
    pub pixels: RgbImage,
}

impl Picture {
    /// Reads and shrinks the first page of an image file. Slow: it goes to a thread that may block.
    pub async fn open(path: PathBuf, width: u32, height: u32) -> Result<Self, PictureError> {
        let shown = Safe::line(&path.to_string_lossy()).clipped(200);
        let gone = PictureError::Damaged(shown, Safe::fixed("its decoder gave up on it"));
        tokio::task::spawn_blocking(move || read(&path, width, height)).await.unwrap_or(Err(gone))
    }
}

fn read(path: &Path, width: u32, height: u32) -> Result<Picture, PictureError> {
    let shown = || Safe::line(&path.to_string_lossy()).clipped(200);
    let unreadable = |error: std::io::Error| PictureError::Unreadable(shown(), Safe::line(&error.to_string()));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(PictureError::TooLarge(shown(), size >> 20));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let damaged = |error: crate::ocr::OcrError| PictureError::Damaged(shown(), Safe::line(&error.to_string()));
    let page = pages(&bytes, &LIMITS).map_err(damaged)?.next().transpose().map_err(damaged)?;
    let Some(page) = page else { return Err(PictureError::Damaged(shown(), Safe::fixed("it has no page"))) };
    let (width, height) = fitted(page.pixels.dimensions(), (width.max(1), height.max(1)));
    let pixels = image::imageops::resize(&page.pixels, width, height, FilterType::Triangle);
    Ok(Picture { path: path.to_owned(), pixels })
}

/// The largest size of the same shape that fits; a picture is never made larger.
fn fitted((width, height): (u32, u32), (most_wide, most_high): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(most_wide) / f64::from(width)).min(f64::from(most_high) / f64::from(height)).min(1.0);
    let side = |pixels: u32, most: u32| ((f64::from(pixels) * scale).round() as u32).clamp(1, most);
    (side(width, most_wide), side(height, most_high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_and_fits() {
        assert_eq!(fitted((4000, 2000), (100, 100)), (100, 50));
        assert_eq!(fitted((2000, 4000), (100, 100)), (50, 100));
        assert_eq!(fitted((10, 10), (100, 100)), (10, 10));
        assert_eq!(fitted((100_000, 1), (50, 50)), (50, 1));
    }

    #[tokio::test]
    async fn what_is_no_image_is_told_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x\u{1b}[2J.png");
        std::fs::write(&path, "this is no image").unwrap();
        let told = Picture::open(path, 10, 10).await.unwrap_err().to_string();
        assert!(told.contains("cannot be shown") && !told.contains('\u{1b}'), "{told}");
        let told = Picture::open(folder.path().join("gone.png"), 10, 10).await.unwrap_err();
        assert!(matches!(told, PictureError::Unreadable(..)), "{told}");
    }
}
