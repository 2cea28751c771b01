//! Samples of any depth and colour to RGB: 16 bits are narrowed, transparency is laid on paper that its ink stands out from.
//! It does not decode.

use image::RgbImage;

use super::super::OcrError;
use super::broken;

/// What the samples of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
}

impl Channels {
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::RgbAlpha => 4,
        }
    }

    const fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::RgbAlpha)
    }
}

/// Above this share of visible pixels the image draws its own paper, and what is transparent are rounded corners.
const OWN_PAPER: f64 = 0.75;

/// Paper under light ink. Not black: pictures of dark screens, which the detector knows, are not either.
const DARK: u8 = 24;

/// Interleaved 8-bit samples to RGB.
pub(super) fn rgb(width: u32, height: u32, channels: Channels, mut samples: Vec<u8>) -> Result<RgbImage, OcrError> {
    let pixels = match channels {
        Channels::Rgb => samples,
        Channels::Grey => samples.iter().flat_map(|&grey| [grey; 3]).collect(),
        Channels::GreyAlpha => {
            let paper = paper(&samples, channels);
            samples.as_chunks().0.iter().flat_map(|&[grey, alpha]| [over(grey, alpha, paper); 3]).collect()
        }
        Channels::RgbAlpha => {
            // In place: 100 Mpx with alpha are 400 MB already.
            let paper = paper(&samples, channels);
            let count = samples.len() / 4;
            for at in 0..count {
                let alpha = samples[at * 4 + 3];
                for channel in 0..3 {
                    samples[at * 3 + channel] = over(samples[at * 4 + channel], alpha, paper);
                }
            }
            samples.truncate(count * 3);
            samples
        }
    };
    RgbImage::from_raw(width, height, pixels).ok_or_else(|| broken("its pixels are fewer than its size says"))
}

/// One sample with alpha on paper of one grey.
fn over(sample: u8, alpha: u8, paper: u8) -> u8 {
    let (sample, alpha, paper) = (u32::from(sample), u32::from(alpha), u32::from(paper));
    ((sample * alpha + paper * (255 - alpha) + 127) / 255) as u8
}

/// The grey of the paper to lay an image with alpha on: white under dark ink, dark under light ink.
fn paper(samples: &[u8], channels: Channels) -> u8 {
    let (mut weight, mut light) = (0_u64, 0_u64);
    for pixel in samples.chunks_exact(channels.count()) {
        let (luma, alpha) = match *pixel {
            [grey, alpha] => (u64::from(grey), u64::from(alpha)),
            [red, green, blue, alpha] => {
                ((u64::from(red) * 77 + u64::from(green) * 150 + u64::from(blue) * 29) >> 8, u64::from(alpha))
            }
            _ => continue,
        };
        weight += alpha;
        light += luma * alpha;
    }
    let mean = light.checked_div(weight).unwrap_or(0);
    let visible = weight as f64 / (255.0 * (samples.len() / channels.count()).max(1) as f64);
    if visible > OWN_PAPER {
        // Most of what is seen is paper then, so its mean is close to the paper's own grey.
        mean as u8
    } else if mean > 140 {
        DARK
    } else {
        255
    }
}

/// 16-bit samples, native byte order, to 8 bits, in place. An image that uses 10, 12 or 14 of its 16 bits (scanners, X-rays) would come
/// out nearly black by its high bytes alone, so the bits in use decide.
pub(super) fn narrowed(mut samples: Vec<u8>, channels: Channels) -> Vec<u8> {
    let count = channels.count();
    let alpha_at = |at: usize| channels.has_alpha() && at % count == count - 1;
    let pairs = samples.as_chunks::<2>().0;
    let values = pairs.iter().enumerate().filter(|(at, _)| !alpha_at(*at));
    let largest = values.map(|(_, pair)| u16::from_ne_bytes(*pair)).max().unwrap_or(0);
    let used = 16 - largest.leading_zeros();
    let shift = if used > 14 { 8 } else { used.saturating_sub(8) };
    let len = pairs.len();
    for at in 0..len {
        let value = u16::from_ne_bytes([samples[at * 2], samples[at * 2 + 1]]);
        samples[at] = (value >> if alpha_at(at) { 8 } else { shift }) as u8;
    }
    samples.truncate(len);
    samples.shrink_to_fit();
    samples
}
