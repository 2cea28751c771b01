//! Which rows are a heading: by their words, their letters' size, and where they stand.
//! It knows Russian and English words for parts of a document.

use super::{Column, Fact};
use crate::ocr::layout::marker::{Marker, marker};

/// Words that a part of a document begins with, before its number.
const PARTS: &[&str] = &[
    "глава",
    "раздел",
    "статья",
    "часть",
    "приложение",
    "параграф",
    "пункт",
    "chapter",
    "section",
    "article",
    "appendix",
    "annex",
    "part",
];
/// Words that the line under a picture or over a table begins with.
const CAPTIONS: &[&str] = &["табл", "рис", "table", "tab", "fig", "схема", "график"];
/// Letters of a heading, at most.
const LETTERS: usize = 200;
/// Rows of a heading, at most.
const ROWS: usize = 4;
/// A heading's letters are taller than the page's by this factor; a row of capitals in a box is up to 1.2 taller or lower.
const LARGER: f32 = 1.4;

/// Capitals alone, at least four.
pub(super) fn is_caps(text: &str) -> bool {
    let (mut upper, mut lower) = (0, 0);
    for c in text.chars() {
        upper += usize::from(c.is_uppercase());
        lower += usize::from(c.is_lowercase());
    }
    upper >= 4 && upper >= 6 * lower && upper * 2 > text.chars().filter(|c| !c.is_whitespace()).count()
}

/// `Глава 1`, `Статья 3.`, `Chapter IV`; also `1.2 Ссылки` with its title in the same line.
pub(super) fn begins(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let number = second.trim_start_matches('№').trim_end_matches(['.', ':', ',']);
    let counts = |word: &str| word.starts_with(|c: char| c.is_ascii_digit() || c.is_uppercase()) && word.chars().count() < 6;
    if first.starts_with(char::is_uppercase) && PARTS.contains(&first.to_lowercase().as_str()) {
        return number.is_empty() && second == "№" || counts(number);
    }
    match marker(text) {
        Some((Marker::Section(_), rest)) => names(rest),
        _ => false,
    }
}

/// A title and not a clause: it begins large and is not a sentence.
fn names(rest: &str) -> bool {
    rest.starts_with(char::is_uppercase) && !rest.ends_with(['.', ';', ',', ':']) && rest.chars().count() < 70
}

/// Whether the group is a heading.
pub(super) fn is(column: &Column, group: &[Fact]) -> bool {
    let [first, rest @ ..] = group else { return false };
    let letters: usize = group.iter().map(|fact| fact.line.text.chars().count()).sum();
    if column.sheet.rows < 3 || group.len() > ROWS || letters > LETTERS || is_caption(&first.line.text) {
        return false;
    }
    if !group.iter().any(|fact| fact.line.text.chars().any(char::is_alphabetic)) {
        return false;
    }
    if begins(&first.line.text) && letters < LETTERS / 2 * group.len().min(2) {
        return rest.len() < 3;
    }
    let ended = group.last().is_some_and(|fact| fact.ends(&['.', ';', ',', ':', '!', '?']));
    if ended || letters < 3 {
        return false;
    }
    if group.iter().all(|fact| fact.caps) {
        return !is_code(&first.line.text);
    }
    group.iter().all(|fact| larger(column, fact)) || centred(column, group)
}

/// Taller, and wider too: an ascender makes a box taller, not its letters wider.
fn larger(column: &Column, fact: &Fact) -> bool {
    let height = column.sheet.height;
    fact.rect.height() > LARGER * height && fact.advance > 0.5 * height && column.sheet.rows > 4
}

/// Rows of different length with one middle, which is the column's.
fn centred(column: &Column, group: &[Fact]) -> bool {
    let height = column.sheet.height;
    let middle = f32::midpoint(column.left, column.right);
    let wide = column.right - column.left;
    let [first, ..] = group else { return false };
    let middle = if group.len() > 1 { first.rect.centre().x } else { middle };
    let on_middle = |fact: &Fact| (fact.rect.centre().x - middle).abs() < 0.6 * height;
    let ragged = group.iter().any(|fact| (fact.rect.left - first.rect.left).abs() > height);
    let stands_in = group.iter().all(|fact| fact.rect.left > column.left + 2.0 * height && fact.rect.width() < 0.8 * wide);
    group.iter().all(on_middle)
        && (stands_in || ragged && group.iter().all(|fact| fact.rect.left > column.left - height))
        && first.line.text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
        && first.line.text.split(' ').any(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 3)
}

fn is_caption(text: &str) -> bool {
    let first = text.split([' ', '.']).next().unwrap_or_default().to_lowercase();
    CAPTIONS.contains(&first.as_str())
}

/// Numbers of papers and cars are capitals, too.
fn is_code(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    2 * digits >= text.chars().filter(|c| c.is_alphabetic()).count()
}
