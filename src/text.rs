//! The gate for foreign text: posts, model output, error bodies and file names become [`Safe`] here before any terminal, log or header.
//! It is not a formatter: it only removes what could act on a terminal or lie about what stands where.

use std::error::Error;
use std::fmt::{self, Write};
use std::io::{self, Read};
use std::ops::Deref;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks kept on one base character; more of them climb over the lines above ("zalgo").
const MAX_MARKS: usize = 3;

/// Text in which no byte acts on a terminal: no control character but `\n`, no bidi override, no invisible character.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Safe(String);

impl Safe {
    /// One line: line breaks and tabs become spaces, runs of white space are folded, both ends trimmed.
    pub fn line(foreign: &str) -> Self {
        let mut out = String::with_capacity(foreign.len());
        let mut gap = false;
        for c in sanitised(foreign) {
            if c.is_whitespace() {
                gap = !out.is_empty();
            } else {
                if gap {
                    out.push(' ');
                    gap = false;
                }
                out.push(c);
            }
        }
        Self(out)
    }

    /// Several lines: `\n` stays, every other line break becomes `\n`, tabs become four spaces.
    pub fn block(foreign: &str) -> Self {
        let mut out = String::with_capacity(foreign.len());
        for c in sanitised(foreign) {
            match c {
                '\t' => out.push_str("    "),
                c if c.is_whitespace() && c != '\n' => out.push(' '),
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// Text written in this program's own source.
    pub fn fixed(own: &'static str) -> Self {
        Self(own.to_owned())
    }

    /// At most `cells` terminal cells wide, an ellipsis at the end when something was cut off.
    #[must_use]
    pub fn clipped(&self, cells: usize) -> Self {
        if self.0.width() <= cells {
            return self.clone();
        }
        let mut out = String::new();
        let mut used = 0;
        for cluster in self.0.graphemes(true) {
            let width = cluster.width();
            if used + width + 1 > cells {
                break;
            }
            used += width;
            out.push_str(cluster);
        }
        if cells > 0 {
            out.push('…');
        }
        Self(out)
    }

    /// Width in terminal cells of the longest line.
    pub fn cells(&self) -> usize {
        self.0.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
    }
}

impl Deref for Safe {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Safe {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Safe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<Safe> for String {
    fn from(safe: Safe) -> Self {
        safe.0
    }
}

/// `\n` and `\t` stay; other characters come out as themselves, as a visible stand-in, or not at all.
fn sanitised(foreign: &str) -> impl Iterator<Item = char> + '_ {
    let mut marks = 0;
    let mut after_return = false;
    foreign.chars().filter_map(move |c| {
        let return_before = std::mem::replace(&mut after_return, c == '\r');
        let shown = match c {
            '\n' if return_before => None,
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\n' | '\t' => Some(c),
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
            '\u{7f}' => Some('\u{2421}'),
            '\u{80}'..='\u{9f}' => Some('\u{fffd}'),
            c if is_private_or_noncharacter(c) => Some('\u{fffd}'),
            c if is_invisible(c) => None,
            c if is_combining_mark(c) => {
                marks += 1;
                return (marks <= MAX_MARKS).then_some(c);
            }
            c if c.width().unwrap_or(0) == 0 => None,
            c => Some(c),
        };
        if shown.is_some() {
            marks = 0;
        }
        shown
    })
}

/// True when the character passes [`Safe::block`] unchanged wherever it stands (combining marks are limited by place).
fn passes(c: char) -> bool {
    match c {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => false,
        c => !is_private_or_noncharacter(c) && !is_invisible(c) && (is_combining_mark(c) || c.width().unwrap_or(0) > 0),
    }
}

fn is_private_or_noncharacter(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..='\u{10ffff}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Characters without a picture of their own: joiners, bidi controls, variation selectors, fillers, TAG characters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Bytes in lower-case hexadecimal, as hashes are written everywhere here.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

/// Bytes read to the end, and their SHA-256 in lower-case hexadecimal.
pub fn sha256(mut from: impl Read) -> io::Result<(u64, String)> {
    let (mut sha256, mut size, mut part) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match from.read(&mut part)? {
            0 => return Ok((size, hex(&sha256.finalize()))),
            read => {
                sha256.update(&part[..read]);
                size += read as u64;
            }
        }
    }
}

/// One line of JSON that loses nothing and acts on no terminal: what [`Safe`] would change is written as `\uXXXX`.
pub fn json_line<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let plain = serde_json::to_string(value)?;
    if plain.chars().all(passes) {
        return Ok(plain);
    }
    let mut out = String::with_capacity(plain.len() + 64);
    for c in plain.chars() {
        if passes(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Ok(out)
}

/// The error and its causes; an `io::Error` hides the error it wraps from `source`, so it is opened.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// The first `max` characters of a text, never cutting a character in two.
pub fn first_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

/// A number with thin groups of three, as the dashboard and the commands print it: `5 054`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    if number < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun, in English: `1 post`, `5 054 posts`. What follows the noun may follow its number too: `1 post is`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_of_something_is_not_several() {
        let posts = |n| counted(n, "post is", "posts are");
        assert_eq!(
            [posts(1), posts(0), posts(21), posts(5_054)],
            ["1 post is", "0 posts are", "21 posts are", "5 054 posts are"]
        );
    }

    #[test]
    fn escape_sequences_stay_readable_and_powerless() {
        assert_eq!(&*Safe::line("a\u{1b}[31mred\u{9b}2J\u{7}"), "a␛[31mred�2J␇");
        assert_eq!(&*Safe::block("one\r\ntwo\rthree\u{2028}four"), "one\ntwo\nthree\nfour");
    }

    #[test]
    fn bidi_joiners_and_tags_are_dropped() {
        assert_eq!(&*Safe::line("ab\u{202e}cd\u{200d}e\u{fe0f}\u{e0041}f"), "abcdef");
    }

    #[test]
    fn marks_are_limited_per_base() {
        let zalgo = format!("a{}b\u{301}", "\u{301}".repeat(50));
        assert_eq!(&*Safe::line(&zalgo), "a\u{301}\u{301}\u{301}b\u{301}");
    }

    #[test]
    fn clipping_counts_cells_not_characters() {
        assert_eq!(&*Safe::line("漢字かな").clipped(5), "漢字…");
        assert_eq!(&*Safe::line("абв").clipped(3), "абв");
        assert_eq!(&*Safe::line("абвг").clipped(3), "аб…");
        assert_eq!(&*Safe::line("абвг").clipped(0), "");
    }

    #[test]
    fn json_lines_keep_every_character_and_show_none_that_acts() {
        let hostile = "\u{1b}[2J\u{9b}x\u{202e}\u{e0041}я";
        let line = json_line(hostile).unwrap();
        assert!(line.chars().all(passes), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(5_054), "5 054");
        assert_eq!(grouped(-1_000_000), "-1 000 000");
        assert_eq!(grouped(7), "7");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_survives(text in any::<String>()) {
            for c in Safe::block(&text).chars() {
                prop_assert!(c == '\n' || !c.is_control());
                prop_assert!(!is_invisible(c));
            }
            prop_assert!(!Safe::line(&text).contains('\n'));
            let again = Safe::block(&Safe::block(&text)).to_string();
            prop_assert_eq!(again, Safe::block(&text).to_string());
            let line = json_line(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
