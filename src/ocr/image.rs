//! Bytes to pixels: each page of an image file as an upright-as-stored RGB picture, within limits.
//! It goes by content, never by a name, and does not judge which way a page's text runs: that is `orient`.

mod samples;
mod still;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ImageFormat, RgbImage};

use super::OcrError;
use crate::text::Safe;

/// What is refused before anything is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of one page.
    pub max_pixels: u64,
    /// Bytes that decoding one page may take.
    pub max_bytes: u64,
    /// Pages read of one file; the rest is left out with a warning.
    pub max_pages: u32,
}

impl Default for Limits {
    /// A page of 100 Mpx (A0 at 250 dpi), so that one page stays below 1 GB with everything that is made of it.
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_bytes: 512 << 20, max_pages: 1000 }
    }
}

/// One decoded page.
#[derive(Clone, Debug)]
pub struct PageImage {
    /// 8 bits, EXIF (or TIFF) orientation applied, transparency laid on paper.
    pub pixels: RgbImage,
    /// From 1.
    pub number: u32,
    /// What a reader of the result should know.
    pub warnings: Vec<Safe>,
}

/// The pages of one file, decoded one at a time.
pub struct Pages<'a> {
    source: Source<'a>,
    limits: Limits,
    /// Pages handed out.
    done: u32,
    total: u32,
}

enum Source<'a> {
    Still(&'a [u8], ImageFormat),
    Tiff(tiff::Pages<'a>),
}

/// Looks at the file's head; nothing is decoded before a page is asked for.
pub fn pages<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Pages<'a>, OcrError> {
    let source = match kind(bytes)? {
        Kind::Tiff => Source::Tiff(tiff::Pages::find(bytes, limits.max_pages)?),
        Kind::Still(format) => Source::Still(bytes, format),
    };
    let total = match &source {
        Source::Still(..) => 1,
        Source::Tiff(pages) => pages.count(),
    };
    Ok(Pages { source, limits: *limits, done: 0, total })
}

impl Pages<'_> {
    /// How many pages there are to be read. Called as `Pages::count(&pages)`: the iterator's own `count` would decode them all.
    pub fn count(&self) -> u32 {
        self.total
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<PageImage, OcrError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done == self.total {
            return None;
        }
        self.done += 1;
        let (number, limits) = (self.done, self.limits);
        // Decoders of foreign bytes are the likeliest place of all for a panic: it must cost this page, not the worker.
        let decoded = catch_unwind(AssertUnwindSafe(|| match &self.source {
            Source::Still(bytes, format) => still::decode(bytes, *format, &limits),
            Source::Tiff(pages) => pages.decode(number, &limits),
        }));
        let decoded = decoded.unwrap_or_else(|_| Err(broken("its decoder gave up on it; save it anew as PNG")));
        Some(decoded.map(|(pixels, warnings)| PageImage { pixels, number, warnings }))
    }
}

/// What a page comes to.
type Decoded = Result<(RgbImage, Vec<Safe>), OcrError>;

enum Kind {
    Still(ImageFormat),
    Tiff,
}

/// By the first bytes.
fn kind(bytes: &[u8]) -> Result<Kind, OcrError> {
    if bytes.is_empty() {
        return Err(broken("the file is empty"));
    }
    if tiff::is_tiff(bytes) {
        return Ok(Kind::Tiff);
    }
    let readable = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif];
    match image::guess_format(bytes) {
        Ok(format) if readable.contains(&format) => Ok(Kind::Still(format)),
        Ok(format) => Err(foreign(&format!("{format:?}").to_uppercase())),
        Err(_) if bytes.starts_with(b"%PDF") => {
            Err(broken("it is a PDF; turn its pages into images first (pdftoppm -r 200 -png FILE PAGE)"))
        }
        Err(_) if bytes.get(4..8) == Some(b"ftyp") => Err(foreign("HEIC, AVIF or video")),
        Err(_) => Err(broken("it is none of PNG, JPEG, WebP, TIFF, BMP and GIF by its content")),
    }
}

fn foreign(format: &str) -> OcrError {
    broken(&format!("it is {format}, which is not read; save it as PNG or JPEG"))
}

fn broken(why: &str) -> OcrError {
    OcrError::Image(Safe::line(why).clipped(300))
}

/// A warning on a page of which only a part could be decoded.
fn partly(why: &str) -> Safe {
    Safe::line(&format!("the file is cut short or damaged ({why}); only what could be decoded was read")).clipped(300)
}

impl Limits {
    /// Refuses a page before anything is allocated for it; `bytes` is what decoding takes.
    fn check(&self, width: u32, height: u32, bytes: u64) -> Result<(), OcrError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(broken("it has no pixels"));
        }
        if pixels > self.max_pixels {
            let (has, may) = (pixels / 1_000_000, self.max_pixels / 1_000_000);
            let told = format!("{width}×{height} is {has} million pixels, at most {may} are read; make it smaller or cut it up");
            return Err(OcrError::TooLarge(Safe::line(&told)));
        }
        if bytes > self.max_bytes {
            let (wants, may) = (bytes >> 20, self.max_bytes >> 20);
            let told =
                format!("{width}×{height} takes {wants} MB to decode, at most {may} are allowed; save it with 8 bits a channel");
            return Err(OcrError::TooLarge(Safe::line(&told)));
        }
        Ok(())
    }
}

/// A buffer whose failure to be had is an error and not the end of the process.
fn buffer(bytes: u64, fill: u8) -> Result<Vec<u8>, OcrError> {
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut buffer = Vec::new();
    let refused = |_| OcrError::TooLarge(Safe::line(&format!("there is no memory left for its {} MB", bytes >> 20)));
    buffer.try_reserve_exact(size).map_err(refused)?;
    buffer.resize(size, fill);
    Ok(buffer)
}
