//! PNG, JPEG, WebP, BMP and GIF: one picture a file, of an animation its first frame.
//! Several pages are for `tiff`.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::super::OcrError;
use super::samples::{self, Channels};
use super::{Decoded, Limits, broken, buffer, partly};
use crate::text::Safe;

/// What a decoder leaves where it did not come: white.
const UNTOUCHED: u8 = 0xff;

/// Decodes the one picture of a file.
pub(super) fn decode(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Decoded {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.max_bytes);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let pixels = u64::from(width) * u64::from(height);
    let size = pixels.saturating_mul(u64::from(color.bytes_per_pixel()));
    let expanded = if color.channel_count() < 3 { pixels.saturating_mul(3) } else { 0 };
    // A progressive JPEG keeps the coefficients of the whole picture, 16 bits each.
    let coefficients = if format == ImageFormat::Jpeg && is_progressive(bytes) { pixels.saturating_mul(6) } else { 0 };
    limits.check(width, height, size.saturating_add(expanded.max(coefficients)))?;
    // A damaged tag must not cost the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut samples = buffer(size, UNTOUCHED)?;
    let mut warnings = Vec::new();
    match decoder.read_image(&mut samples) {
        Ok(()) if format == ImageFormat::Jpeg && is_cut_jpeg(bytes) => warnings.push(partly("its end is missing")),
        Ok(()) => {}
        Err(error) if samples.iter().all(|&sample| sample == UNTOUCHED) => return Err(refused(&error)),
        Err(error) => {
            if format == ImageFormat::Png
                && matches!(color, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16)
            {
                // The decoder turns bytes into the native order only at its end, which it did not reach.
                for pair in samples.as_chunks_mut::<2>().0 {
                    *pair = u16::from_be_bytes(*pair).to_ne_bytes();
                }
            }
            warnings.push(partly(&reason(&error)));
        }
    }
    let (channels, deep) = match color {
        ColorType::L8 => (Channels::Grey, false),
        ColorType::La8 => (Channels::GreyAlpha, false),
        ColorType::Rgb8 => (Channels::Rgb, false),
        ColorType::Rgba8 => (Channels::RgbAlpha, false),
        ColorType::L16 => (Channels::Grey, true),
        ColorType::La16 => (Channels::GreyAlpha, true),
        ColorType::Rgb16 => (Channels::Rgb, true),
        ColorType::Rgba16 => (Channels::RgbAlpha, true),
        _ => return Err(broken("its colours are of a kind that is not read; save it as PNG")),
    };
    let samples = if deep { samples::narrowed(samples, channels) } else { samples };
    let rgb = samples::rgb(width, height, channels, samples)?;
    Ok((turned(rgb, orientation), warnings))
}

/// The picture as its tag says it is to be looked at.
pub(super) fn turned(rgb: image::RgbImage, orientation: Orientation) -> image::RgbImage {
    let mut picture = DynamicImage::ImageRgb8(rgb);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

fn refused(error: &ImageError) -> OcrError {
    match error {
        ImageError::Limits(_) => OcrError::TooLarge(Safe::line("decoding it takes more memory than is allowed; make it smaller")),
        _ => broken(&format!("{}; open and save it anew, or fetch it again", reason(error))),
    }
}

/// The decoder's words without its name and its innards.
fn reason(error: &ImageError) -> String {
    let told = error.to_string();
    let told =
        told.strip_prefix("Format error decoding ").and_then(|told| told.split_once(": ")).map_or(&*told, |(_, told)| told);
    let told =
        told.split("ChunkType").next().unwrap_or_default().trim_end_matches([' ', '.', ':']).trim_end_matches(" while decoding");
    if told.is_empty() { "its structure is broken".to_owned() } else { told.to_owned() }
}

/// Markers of a JPEG up to its first scan: (code, offset after the marker).
fn jpeg_markers(bytes: &[u8]) -> impl Iterator<Item = (u8, usize)> + '_ {
    let mut at = 2;
    let mut over = false;
    std::iter::from_fn(move || {
        while !over && bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let (&0xff, &code) = (bytes.get(at)?, bytes.get(at + 1)?) else { return None };
        if over {
            return None;
        }
        let found = (code, at + 2);
        over = code == 0xda;
        at += 2 + usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        Some(found)
    })
}

fn is_progressive(bytes: &[u8]) -> bool {
    jpeg_markers(bytes).any(|(code, _)| code == 0xc2)
}

/// The decoder fills what is missing with grey and calls it done; the marker of the end tells. It cannot stand in the data of a scan.
fn is_cut_jpeg(bytes: &[u8]) -> bool {
    let Some((_, scan)) = jpeg_markers(bytes).find(|(code, _)| *code == 0xda) else { return true };
    !bytes[scan..].windows(2).any(|pair| pair == [0xff, 0xd9])
}
