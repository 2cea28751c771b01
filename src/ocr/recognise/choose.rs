//! Which of the two recognisers is to be believed, line by line.
//! It reads nothing itself.
//!
//! The two confidences cannot simply be compared: on a Russian line the Latin model is 0.84 sure of look-alikes, on "rapida" for
//! "rápida" ruslat is 1.00 sure. What tells is how much of a line, and of its page, can only be Cyrillic. Measured on 1800 drawn
//! lines of 9 to 32 px (CER %, ruslat alone / latin alone / this rule / the better of both): English 2.3 / 1.5 / 1.5 / 1.1,
//! European 16.9 / 4.4 / 5.0 / 4.3, Russian 3.5 / 84 / 3.6 / 3.5, mixed 3.1 / 44 / 2.9 / 2.7, numbers 6.3 / 13 / 6.3 / 5.6.

use super::{ReadChar, Reading};
use crate::ocr::script::Scripts;

/// A page with less certain Cyrillic than this is a Latin page: ruslat sees a й in ü and a б in ó, some 4 % of the letters.
const LATIN_PAGE: f32 = 0.25;
/// A line with less certain Cyrillic than this is Latin on any page.
const LATIN_LINE: f32 = 0.1;
/// Two spaces closer than this, in mean widths of a letter, are one.
const SAME_SPACE: f32 = 1.2;

/// The share of letters that can only be Cyrillic among those that can only be Cyrillic or only Latin; a half when there are none.
pub fn page_share<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> f32 {
    let mut seen = Scripts::default();
    for reading in readings {
        seen += Scripts::of(reading.text.chars());
    }
    seen.cyrillic_share().unwrap_or(0.5)
}

/// The same of one line; of a line of look-alikes or numbers, what the page has.
fn line_share(reading: &Reading, page: f32) -> f32 {
    Scripts::of(reading.text.chars()).cyrillic_share().unwrap_or(page)
}

/// What may lead to the Latin model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// The line is in Latin letters.
    Latin,
    /// It has no letters; the page is Latin.
    Number,
    /// Its page may be Latin, and the reading is poor.
    Poor,
    /// Nothing at all was read.
    Nothing,
}

/// Why the Latin model may know better, if it may.
fn doubt(reading: &Reading, page: f32) -> Option<Doubt> {
    let line = line_share(reading, page);
    if reading.chars.is_empty() {
        Some(Doubt::Nothing)
    } else if !reading.text.chars().any(char::is_alphabetic) {
        (page < LATIN_PAGE && reading.confidence < 0.999).then_some(Doubt::Number)
    } else if line < LATIN_LINE || (page < LATIN_PAGE && line < 0.5) {
        Some(Doubt::Latin)
    } else {
        (page < 0.6 && reading.confidence < 0.9).then_some(Doubt::Poor)
    }
}

/// True when the line is worth a second look with the Latin model.
pub(super) fn wants_second_look(reading: &Reading, page: f32) -> bool {
    doubt(reading, page).is_some()
}

/// The Latin model's reading when it is to be preferred, with the spaces that only `ruslat` saw.
pub(super) fn surer(ruslat: &Reading, mut latin: Reading, page: f32) -> Option<Reading> {
    if latin.text.chars().any(is_chinese) {
        return is_really_chinese(ruslat, &latin).then_some(latin);
    }
    let margin = match doubt(ruslat, page)? {
        Doubt::Latin => -0.2,
        Doubt::Number => 0.0,
        Doubt::Poor => 0.1,
        Doubt::Nothing => 0.9,
    };
    if latin.confidence <= ruslat.confidence + margin {
        return None;
    }
    for read in &mut latin.chars {
        read.c = narrow(read.c);
    }
    Some(Reading::new(with_spaces_of(ruslat, latin.chars)))
}

/// The Latin model drops spaces ("250,5012.07.2019"), most of all between numbers.
fn with_spaces_of(ruslat: &Reading, mut chars: Vec<ReadChar>) -> Vec<ReadChar> {
    let same = SAME_SPACE / ruslat.chars.len().max(1) as f32;
    for space in ruslat.chars.iter().filter(|read| read.c == ' ') {
        let known = chars.iter().any(|read| read.c == ' ' && (read.at - space.at).abs() < same);
        let place = chars.iter().position(|read| read.at > space.at);
        if let (false, Some(place)) = (known, place.filter(|&place| place > 0)) {
            chars.insert(place, *space);
        }
    }
    chars
}

/// Full-width forms of ASCII as ASCII: the Latin model knows both and mixes them.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// Ideographs, and the signs that go with them.
fn is_chinese(c: char) -> bool {
    ('\u{2e80}'..='\u{9fff}').contains(&c)
}

/// A photograph's noise makes lone ideographs; a Chinese line is of them, and ruslat makes nothing sure of it.
fn is_really_chinese(ruslat: &Reading, latin: &Reading) -> bool {
    let seen = latin.chars.iter().filter(|read| is_chinese(read.c)).count();
    seen >= 2 && seen * 2 > latin.chars.len() && latin.confidence > 0.9 && ruslat.confidence < 0.8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str, confidence: f32) -> Reading {
        let count = text.chars().count() as f32;
        Reading::new(text.chars().enumerate().map(|(i, c)| ReadChar { c, at: (i as f32 + 0.5) / count, confidence }).collect())
    }

    fn chosen(ruslat: (&str, f32), latin: (&str, f32), page: f32) -> String {
        let first = reading(ruslat.0, ruslat.1);
        let second = wants_second_look(&first, page).then(|| reading(latin.0, latin.1));
        second.and_then(|second| surer(&first, second, page)).unwrap_or(first).text
    }

    #[test]
    fn a_russian_line_is_not_even_looked_at_again() {
        assert!(!wants_second_look(&reading("города Москвы", 0.7), 1.0));
        assert!(!wants_second_look(&reading("ОТ", 0.93), 1.0), "look-alikes on a Russian page");
        assert!(!wants_second_look(&reading("12,5", 0.7), 1.0), "numbers on a Russian page");
    }

    #[test]
    fn accents_come_from_the_model_that_knows_them() {
        assert_eq!(chosen(("rapida salta", 1.0), ("rápida salta", 0.98), 0.0), "rápida salta");
        assert_eq!(chosen(("fйr Auslander", 0.99), ("für Ausländer", 0.97), 0.05), "für Ausländer");
        assert_eq!(chosen(("rapida", 1.0), ("zp?da", 0.6), 0.0), "rapida", "but not when it is lost itself");
    }

    #[test]
    fn a_mixed_line_stays_russian() {
        assert_eq!(chosen(("сервер NVIDIA рост", 0.95), ("cepBep NVIDIA pocm", 0.96), 0.8), "сервер NVIDIA рост");
    }

    #[test]
    fn spaces_that_only_one_saw_are_kept() {
        assert_eq!(chosen(("PAN 83.8 84.4", 0.9), ("PAN83.8 84.4", 0.99), 0.0), "PAN 83.8 84.4");
        assert_eq!(chosen(("two words", 0.9), ("two words", 0.99), 0.0), "two words");
    }

    #[test]
    fn noise_is_not_chinese_and_chinese_is() {
        assert_eq!(chosen(("R#", 0.5), ("二R", 0.6), 0.0), "R#");
        assert_eq!(chosen(("fXE", 0.4), ("中文字", 0.97), 0.0), "中文字");
        assert_eq!(chosen(("abc", 0.9), ("（abc）", 0.97), 0.0), "(abc)");
    }

    #[test]
    fn the_page_is_what_its_certain_letters_are() {
        assert!((page_share(&[reading("Привет", 0.9), reading("мир", 0.9)]) - 1.0).abs() < 1e-6);
        assert!(page_share(&[reading("quick brown", 0.9)]) < 1e-6);
        assert!((page_share(&[reading("123", 0.9)]) - 0.5).abs() < 1e-6);
    }
}
