//! What the white between letters says of a reading: spaces that the recogniser put inside words or left out, marks that are specks.
//! It reads no letter.
//!
//! In letters of 11 pixels the recogniser sees spaces after a wide т or л. Of 1400 spaces in nine images every true one was either
//! 0.98 sure or at least 0.2 of the line's height wide; every false one was at most 0.97 sure and 0.17 wide.

use image::RgbImage;

use super::ReadChar;

/// Spaces as sure as this stand, however narrow they look: in slanting print no column between words is white.
const SURE: f32 = 0.98;
/// Narrower white, in heights of the crop, is within a word.
const NARROW: f32 = 0.185;
/// The white on one side of a hyphen is a space when it is at least this share of that on the other, where a space was read.
const ALIKE: f32 = 0.8;
/// And at least this wide, in heights of the crop.
const WIDE: f32 = 0.25;
/// A mark at the end of a surely read line that is less sure than this is a speck of a scan: true ones were 0.5 or more.
const SPECK: f32 = 0.46;
/// How sure the rest of such a line must be.
const CLEAR: f32 = 0.97;

/// The reading of `crop` with its spaces put right and without a speck at its end; none when nothing changes.
pub(super) fn settled(crop: &RgbImage, chars: &[ReadChar]) -> Option<Vec<ReadChar>> {
    let speck = ends_in_a_speck(chars);
    let chars = if speck { chars.get(..chars.len() - 1)? } else { chars };
    let doubtful = chars.windows(3).any(|three| is_doubtful(three) || half_spaced(three).is_some());
    if !doubtful {
        return speck.then(|| chars.to_vec());
    }
    let ink = Ink::of(crop);
    let mut out = Vec::with_capacity(chars.len() + 1);
    for (index, &read) in chars.iter().enumerate() {
        let around = index.checked_sub(1).and_then(|from| chars.get(from..index + 2)).unwrap_or_default();
        if let [before, _, after] = around
            && is_doubtful(around)
            && ink.white(before.at, after.at) < NARROW
        {
            continue;
        }
        out.push(read);
        let ahead = chars.get(index..index + 4).unwrap_or_default();
        let behind = index.checked_sub(2).and_then(|from| chars.get(from..index + 2)).unwrap_or_default();
        let missing = missing_before_hyphen(&ink, ahead) || missing_after_hyphen(&ink, behind);
        if let (true, Some(next)) = (missing, chars.get(index + 1)) {
            out.push(ReadChar { c: ' ', at: f32::midpoint(read.at, next.at), confidence: SURE });
        }
    }
    (speck || out.len() != chars.len() || out.iter().zip(chars).any(|(one, other)| one.c != other.c)).then_some(out)
}

/// A space between two letters that the recogniser was not sure of.
fn is_doubtful(three: &[ReadChar]) -> bool {
    matches!(three, [a, space, b] if space.c == ' ' && space.confidence < SURE && a.c.is_alphabetic() && b.c.is_alphabetic())
}

/// A hyphen with a space on one side only: on its right (true) or on its left.
fn half_spaced(three: &[ReadChar]) -> Option<bool> {
    let [a, hyphen, b] = three else { return None };
    (matches!(hyphen.c, '-' | '–' | '—') && (a.c == ' ') != (b.c == ' ')).then_some(b.c == ' ')
}

/// `1- C`, where the white before the hyphen is as wide as after it.
fn missing_before_hyphen(ink: &Ink, four: &[ReadChar]) -> bool {
    let ([a, hyphen, _, c], Some(three)) = (four, four.get(..3)) else { return false };
    half_spaced(three) == Some(true) && ink.alike((a.at, hyphen.at), (hyphen.at, c.at))
}

/// `1 -C`, where the white after the hyphen is as wide as before it. A minus sign stands tight.
fn missing_after_hyphen(ink: &Ink, four: &[ReadChar]) -> bool {
    let ([a, _, hyphen, c], Some(three)) = (four, four.get(1..)) else { return false };
    half_spaced(three) == Some(false) && c.c.is_alphabetic() && ink.alike((hyphen.at, c.at), (a.at, hyphen.at))
}

fn ends_in_a_speck(chars: &[ReadChar]) -> bool {
    let Some((last, rest)) = chars.split_last() else { return false };
    let seen = rest.iter().filter(|read| read.c != ' ').map(|read| read.confidence);
    let (sum, count) = seen.fold((0.0, 0.0_f32), |(sum, count), own| (sum + own, count + 1.0));
    count > 1.0 && !last.c.is_alphanumeric() && last.confidence < SPECK && sum / count >= CLEAR
}

/// Which columns of a crop hold ink.
struct Ink {
    /// Of the crop, in pixels.
    height: f32,
    columns: Vec<bool>,
}

impl Ink {
    fn of(crop: &RgbImage) -> Self {
        let width = crop.width().max(1) as usize;
        let luma = |&[r, g, b]: &[u8; 3]| ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8;
        let grey: Vec<u8> = crop.as_raw().as_chunks::<3>().0.iter().map(luma).collect();
        let mut sorted = grey.clone();
        sorted.sort_unstable();
        let ground = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let mut most = vec![0; width];
        for row in grey.chunks_exact(width) {
            for (most, value) in most.iter_mut().zip(row) {
                *most = (*most).max(value.abs_diff(ground));
            }
        }
        let mut sorted = most.clone();
        sorted.sort_unstable();
        let letters = u32::from(sorted.get(sorted.len() * 4 / 5).copied().unwrap_or_default());
        Self {
            height: crop.height().max(1) as f32,
            columns: most.into_iter().map(|own| u32::from(own) * 5 > letters * 2).collect(),
        }
    }

    /// The widest white between two places (shares of the width), in heights.
    fn white(&self, from: f32, to: f32) -> f32 {
        let place = |share: f32| ((share * self.columns.len() as f32) as usize).min(self.columns.len());
        let between = self.columns.get(place(from)..place(to)).unwrap_or_default();
        between.split(|&inked| inked).map(<[bool]>::len).max().unwrap_or(0) as f32 / self.height
    }

    fn alike(&self, gap: (f32, f32), space: (f32, f32)) -> bool {
        let white = self.white(gap.0, gap.1);
        white >= WIDE && white >= ALIKE * self.white(space.0, space.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crop of 20 rows with a bar of ink 6 columns wide for each letter; `·` in `marks` is 3 columns of white, a blank 8.
    fn line(marks: &str, confidence: f32) -> (RgbImage, Vec<ReadChar>) {
        let mut inked = Vec::new();
        let mut centres = Vec::new();
        for mark in marks.chars() {
            let width = match mark {
                '·' => 2,
                ' ' => 8,
                _ => 6,
            };
            centres.push((mark, inked.len() as f32 + width as f32 / 2.0));
            inked.extend(std::iter::repeat_n(!matches!(mark, '·' | ' '), width));
        }
        let width = inked.len();
        let crop = RgbImage::from_fn(width as u32, 20, |x, y| {
            image::Rgb([if inked[x as usize] && (6..14).contains(&y) { 10 } else { 240 }; 3])
        });
        let sure = |c: char| if c == ' ' { confidence } else { 1.0 };
        let chars = centres.into_iter().map(|(c, at)| ReadChar {
            c: if c == '·' { ' ' } else { c },
            at: at / width as f32,
            confidence: sure(if c == '·' { ' ' } else { c }),
        });
        (crop, chars.collect())
    }

    fn text(crop: &RgbImage, chars: &[ReadChar]) -> String {
        settled(crop, chars).unwrap_or_else(|| chars.to_vec()).iter().map(|read| read.c).collect()
    }

    #[test]
    fn a_doubtful_space_without_white_is_within_a_word() {
        let (crop, chars) = line("сент·ябре две", 0.9);
        assert_eq!(text(&crop, &chars), "сентябре две");
        let (crop, chars) = line("эту·отрасль", 0.99);
        assert_eq!(text(&crop, &chars), "эту отрасль", "the recogniser is sure");
    }

    #[test]
    fn a_hyphen_has_its_spaces_on_both_sides_where_both_are_white() {
        let (crop, mut chars) = line("Line 1 - Col", 0.7);
        chars.remove(6);
        assert_eq!(chars.iter().map(|read| read.c).collect::<String>(), "Line 1- Col");
        assert_eq!(text(&crop, &chars), "Line 1 - Col");
        let (crop, mut chars) = line("Line 1 - Col", 0.7);
        chars.remove(8);
        assert_eq!(text(&crop, &chars), "Line 1 - Col");
        let (crop, chars) = line("теле- и радио", 0.7);
        assert_eq!(text(&crop, &chars), "теле- и радио", "no white before it");
    }

    #[test]
    fn a_speck_after_a_clear_line_is_no_full_stop() {
        let (crop, mut chars) = line("345.", 1.0);
        assert_eq!(text(&crop, &chars), "345.");
        chars[3].confidence = 0.4;
        assert_eq!(text(&crop, &chars), "345");
    }
}
