//! TIFF: every page, whatever its depth, colours and compression.
//! `directory` finds the pages; the decoder of the `tiff` crate unpacks them; their samples become RGB here.

mod directory;

use image::RgbImage;
use image::metadata::Orientation;
use tiff::decoder::{BufferLayoutPreference, Decoder, Limits as DecoderLimits};
use tiff::tags::SampleFormat;
use tiff::{ColorType, TiffError};

use self::directory::{Directory, Mended, Words, tag};
use super::super::OcrError;
use super::samples::{self, Channels};
use super::still::turned;
use super::{Decoded, Limits, broken, buffer, partly};
use crate::text::Safe;

const PALETTE: u64 = 3;
const BLACK_IS_ZERO: u64 = 1;

/// True for TIFF, with offsets of 4 or 8 bytes.
pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    Words::of(bytes).is_some()
}

/// The pages of a TIFF file.
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    words: Words,
    directories: Vec<Directory>,
    /// Pages that were left out, or at least one.
    left_out: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn find(bytes: &'a [u8], most: u32) -> Result<Self, OcrError> {
        let words = Words::of(bytes).ok_or_else(|| broken("it is no TIFF file"))?;
        let most = most as usize;
        // Each page may bring a thumbnail.
        let all = directory::chain(bytes, words, most.saturating_mul(2).saturating_add(1));
        let mut pages: Vec<_> = all.iter().filter(|page| page.is_page(bytes, words)).cloned().collect();
        if pages.is_empty() {
            pages = all;
        }
        if pages.is_empty() {
            return Err(broken("the TIFF file names no page; it is cut short or damaged, fetch it again"));
        }
        let left_out = pages.len() > most;
        pages.truncate(most.max(1));
        Ok(Self { bytes, words, directories: pages, left_out })
    }

    pub(super) fn count(&self) -> u32 {
        self.directories.len() as u32
    }

    /// Decodes the page with this number, from 1.
    pub(super) fn decode(&self, number: u32, limits: &Limits) -> Decoded {
        let (bytes, words) = (self.bytes, self.words);
        let page = self.directories.get(number as usize - 1).ok_or_else(|| broken("there is no such page"))?;
        let palette = page.value(bytes, words, tag::PHOTOMETRIC) == Some(PALETTE);
        let decoder = Decoder::new(self.mended(page, palette)).map_err(|error| refused(&error))?;
        let mut warnings = Vec::new();
        let raw = Raw::read(decoder, limits, &mut warnings)?;
        let rgb = if palette {
            let map = page.values(bytes, words, tag::COLOR_MAP);
            raw.looked_up(&map)?
        } else {
            let alpha = matches!(page.value(bytes, words, tag::EXTRA_SAMPLES), Some(1 | 2));
            raw.rgb(alpha)?
        };
        let orientation = page.value(bytes, words, tag::ORIENTATION).and_then(|value| u8::try_from(value).ok());
        let orientation = orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
        if self.left_out && number == self.count() {
            let told = format!("the file has more than {number} pages; the others were left out");
            warnings.push(Safe::line(&told));
        }
        Ok((turned(rgb, orientation), warnings))
    }

    /// The file as the decoder can read it: it knows neither palettes nor mirrored bits, and a strip of 2³²-1 rows ("all in one") is too tall for its fax decoder.
    fn mended(&self, page: &Directory, palette: bool) -> Mended<'a> {
        let (bytes, words) = (self.bytes, self.words);
        let mut mended = Mended::page(bytes, words, page);
        if palette {
            mended.set(page, words, tag::PHOTOMETRIC, BLACK_IS_ZERO);
        }
        if page.value(bytes, words, tag::FILL_ORDER) == Some(2) {
            mended.mirror(page, words);
        }
        if let (Some(rows), Some(height)) = (page.value(bytes, words, tag::ROWS_PER_STRIP), page.value(bytes, words, tag::HEIGHT))
            && rows > height
        {
            mended.set(page, words, tag::ROWS_PER_STRIP, height);
        }
        mended
    }
}

/// The samples of one page as the decoder hands them out.
struct Raw {
    width: u32,
    height: u32,
    color: ColorType,
    format: SampleFormat,
    layout: BufferLayoutPreference,
    bytes: Vec<u8>,
}

impl Raw {
    fn read(decoder: Decoder<Mended<'_>>, limits: &Limits, warnings: &mut Vec<Safe>) -> Result<Self, OcrError> {
        let may = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
        let mut allowed = DecoderLimits::default();
        allowed.decoding_buffer_size = may;
        allowed.intermediate_buffer_size = may;
        let mut decoder = decoder.with_limits(allowed);
        let (width, height) = decoder.dimensions().map_err(|error| refused(&error))?;
        limits.check(width, height, 0)?;
        let color = decoder.colortype().map_err(|error| refused(&error))?;
        let layout = decoder.image_buffer_layout().map_err(|error| refused(&error))?;
        // Beside the samples as stored there are the same as RGB, and 8-bit samples on the way there.
        let made = u64::from(width) * u64::from(height) * 4;
        limits.check(width, height, (layout.complete_len as u64).saturating_add(made))?;
        let blank = if matches!(color, ColorType::CMYK(_) | ColorType::CMYKA(_)) { 0 } else { 0xff };
        let mut bytes = buffer(layout.complete_len as u64, blank)?;
        match decoder.read_image_bytes(&mut bytes) {
            Ok(()) => {}
            Err(error) if bytes.iter().all(|&byte| byte == blank) => return Err(refused(&error)),
            Err(error) => warnings.push(partly(&error.to_string())),
        }
        Ok(Self { width, height, color, format: layout.sample_format, layout, bytes })
    }

    /// RGB by what the colour type says; `alpha`: the first extra sample of a grey image is one.
    fn rgb(self, alpha: bool) -> Result<RgbImage, OcrError> {
        let (width, height, color) = (self.width, self.height, self.color);
        let stored = usize::from(color.num_samples());
        let grey = if alpha { Channels::GreyAlpha } else { Channels::Grey };
        let channels = match color {
            ColorType::Gray(_) => Channels::Grey,
            ColorType::GrayA(_) => Channels::GreyAlpha,
            ColorType::Multiband { num_samples: 2, .. } => grey,
            ColorType::RGB(_) | ColorType::CMYK(_) | ColorType::CMYKA(_) | ColorType::YCbCr(_) => Channels::Rgb,
            ColorType::RGBA(_) => Channels::RgbAlpha,
            _ => return Err(broken("its colours are of a kind that is not read; save it as PNG")),
        };
        let samples = self.eight_bit(stored)?;
        let samples = match color {
            ColorType::CMYK(_) | ColorType::CMYKA(_) => samples.chunks_exact(stored).flat_map(from_cmyk).collect(),
            ColorType::YCbCr(_) => samples.chunks_exact(3).flat_map(from_ycbcr).collect(),
            _ if stored > channels.count() => {
                samples.chunks_exact(stored).flat_map(|pixel| &pixel[..channels.count()]).copied().collect()
            }
            _ => samples,
        };
        samples::rgb(width, height, channels, samples)
    }

    /// RGB through a colour map: all reds, all greens, all blues, 16 bits each.
    fn looked_up(self, map: &[u64]) -> Result<RgbImage, OcrError> {
        let size = map.len() / 3;
        let bits = self.color.bit_depth();
        if size == 0 || !matches!(bits, 1 | 2 | 4 | 8) {
            return Err(broken("it has a palette that cannot be read; save it as PNG"));
        }
        // Some writers put 8-bit values into the 16-bit fields.
        let shift = if map.iter().any(|&value| value > 255) { 8 } else { 0 };
        let colour = |index: u8| {
            [0, size, 2 * size]
                .map(|plane| (map.get(plane + usize::from(index).min(size - 1)).copied().unwrap_or(0) >> shift) as u8)
        };
        let (width, height) = (self.width, self.height);
        let indices = unpacked(&self.bytes, width as usize, bits, |value| value);
        samples::rgb(width, height, Channels::Rgb, indices.into_iter().flat_map(colour).collect())
    }

    /// Interleaved 8-bit samples, `stored` a pixel.
    fn eight_bit(self, stored: usize) -> Result<Vec<u8>, OcrError> {
        let bits = self.color.bit_depth();
        let planar = self.layout.planes > 1;
        let channels = match self.color {
            ColorType::RGBA(_) if !planar => Channels::RgbAlpha,
            _ => Channels::Grey,
        };
        let narrow = match (bits, self.format) {
            (1..=7, _) => {
                let top = (1_u16 << bits) - 1;
                unpacked(&self.bytes, self.width as usize * if planar { 1 } else { stored }, bits, |value| {
                    (u16::from(value) * 255 / top) as u8
                })
            }
            (8, SampleFormat::Int) => self.bytes.into_iter().map(|byte| byte ^ 0x80).collect(),
            (8, _) => self.bytes,
            (16, SampleFormat::Uint) => samples::narrowed(self.bytes, channels),
            (32, SampleFormat::Uint) => {
                let values = self.bytes.as_chunks::<4>().0;
                values.iter().map(|value| (u32::from_ne_bytes(*value) >> 24) as u8).collect()
            }
            (32, SampleFormat::IEEEFP) => from_floats(self.bytes.as_chunks::<4>().0),
            _ => return Err(broken(&format!("its samples of {bits} bits are of a kind that is not read; save it as PNG"))),
        };
        if !planar {
            return Ok(narrow);
        }
        let size = self.width as usize * self.height as usize;
        Ok((0..size)
            .flat_map(|at| (0..stored).map(move |plane| plane * size + at))
            .map(|at| narrow.get(at).copied().unwrap_or(0))
            .collect())
    }
}

/// Samples of 1 to 8 bits; each row begins with a new byte.
fn unpacked(packed: &[u8], row: usize, bits: u8, change: impl Fn(u8) -> u8) -> Vec<u8> {
    if bits == 8 {
        return packed.iter().map(|&value| change(value)).collect();
    }
    let bits = usize::from(bits);
    let mask = (1_u16 << bits) - 1;
    let bytes = (row * bits).div_ceil(8);
    let rows = packed.chunks_exact(bytes);
    let sample = |row: &[u8], at: usize| {
        let (byte, bit) = (at * bits / 8, at * bits % 8);
        let pair = u16::from(row[byte]) << 8 | u16::from(row.get(byte + 1).copied().unwrap_or(0));
        change((pair >> (16 - bits - bit) & mask) as u8)
    };
    rows.flat_map(|packed| (0..row).map(move |at| sample(packed, at))).collect()
}

/// 0 to 1 is the custom; anything else is stretched from its smallest to its largest value.
fn from_floats(values: &[[u8; 4]]) -> Vec<u8> {
    let floats =
        || values.iter().map(|value| f32::from_ne_bytes(*value)).map(|value| if value.is_finite() { value } else { 0.0 });
    let (low, high) = floats().fold((0.0_f32, 1.0_f32), |(low, high), value| (low.min(value), high.max(value)));
    floats().map(|value| ((value - low) / (high - low) * 255.0).round() as u8).collect()
}

fn from_cmyk(pixel: &[u8]) -> [u8; 3] {
    let &[cyan, magenta, yellow, black, ..] = pixel else { return [255; 3] };
    [cyan, magenta, yellow].map(|ink| (u16::from(255 - ink) * u16::from(255 - black) / 255) as u8)
}

/// As JPEG has it (ITU-R BT.601, full range).
fn from_ycbcr(pixel: &[u8]) -> [u8; 3] {
    let &[luma, blue, red] = pixel else { return [255; 3] };
    let (luma, blue, red) = (f32::from(luma), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    [luma + 1.402 * red, luma - 0.344_14 * blue - 0.714_14 * red, luma + 1.772 * blue].map(|value| value.round() as u8)
}

fn refused(error: &TiffError) -> OcrError {
    match error {
        TiffError::LimitsExceeded => {
            OcrError::TooLarge(Safe::line("decoding it takes more memory than is allowed; make it smaller"))
        }
        TiffError::IoError(_) | TiffError::FormatError(_) | TiffError::IntSizeError | TiffError::UsageError(_) => {
            broken(&format!("TIFF: {error}; open and save it anew, or fetch it again"))
        }
        TiffError::UnsupportedError(_) => broken(&format!("TIFF: {error}; save it as PNG")),
    }
}
