//! What the rows above and below say of a row: `б.` between 5 and 7 is 6, a lone word of capitals among small words is small.
//! It moves nothing and touches no other letters.

use super::marker::{Marker, marker};
use super::rows::Row;
use crate::ocr::document::Line;
use crate::text::Safe;

/// Small letters whose capitals have the same shape: in one word alone nothing but its height tells them apart.
pub(in crate::ocr) const SHAPES: &str = "вгжзийклмнопстуфхцчшщъыьэюя";

/// Corrects the rows of one column.
pub(super) fn settle(rows: &mut [Row]) {
    let texts: Vec<String> = rows.iter().map(text).collect();
    for (at, row) in rows.iter_mut().enumerate() {
        let near = [at.checked_sub(1), Some(at + 1)].map(|near| near.and_then(|near| texts.get(near)).map(String::as_str));
        let Some(own) = texts.get(at) else { continue };
        if is_six(own, near) {
            each_line(row, 1, |line| line.replacen('б', "6", 1));
        }
        if is_small(own, near) {
            each_line(row, usize::MAX, str::to_lowercase);
        }
    }
}

fn text(row: &Row) -> String {
    row.items.iter().map(|(_, line)| &*line.text).collect::<Vec<_>>().join(" ")
}

/// `б.` after `5.` or before `7.`, with the same sign.
fn is_six(own: &str, [above, below]: [Option<&str>; 2]) -> bool {
    let Some(sign) = own.strip_prefix('б').and_then(|rest| rest.chars().next()).filter(|sign| matches!(sign, '.' | ')')) else {
        return false;
    };
    let is =
        |text: Option<&str>, number: u32| text.and_then(marker).is_some_and(|(mark, _)| mark == Marker::Number(number, sign));
    is(above, 5) || is(below, 7)
}

/// One word of capitals that look like small letters, between items that are words in small letters.
fn is_small(own: &str, near: [Option<&str>; 2]) -> bool {
    let word = word_of(own);
    let twins = word.chars().count() > 2
        && word.chars().all(|c| c.is_uppercase() && c.to_lowercase().all(|small| SHAPES.contains(small)));
    let small =
        |text: Option<&str>| text.map(word_of).is_some_and(|word| !word.is_empty() && word.chars().all(char::is_lowercase));
    twins && near.into_iter().any(small) && near.into_iter().flatten().all(|text| small(Some(text)) || is_twins(text))
}

fn is_twins(text: &str) -> bool {
    word_of(text).chars().all(|c| c.to_lowercase().all(|small| SHAPES.contains(small)))
}

/// The only word of an item, without its number.
fn word_of(text: &str) -> &str {
    let rest = marker(text).map_or(text, |(_, rest)| rest).trim();
    if rest.chars().all(char::is_alphabetic) { rest } else { "" }
}

/// Changes the first `count` lines of a row, and the words in them alike.
fn each_line(row: &mut Row, count: usize, change: impl Fn(&str) -> String) {
    for (_, line) in row.items.iter_mut().take(count) {
        let Line { text, words, .. } = line;
        *text = Safe::line(&change(text));
        for (word, new) in words.iter_mut().zip(text.split(' ')) {
            word.text = Safe::line(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_between_five_and_seven_is_six() {
        assert!(is_six("б. июнь", [Some("5. май"), Some("7. июль")]));
        assert!(is_six("б)", [None, Some("7) июль")]));
        assert!(!is_six("б) жалоба", [Some("а) заявление"), Some("в) иск")]));
    }

    #[test]
    fn capitals_alone_among_small_words_are_small() {
        assert!(is_small("6. ИЮНЬ", [Some("5. май"), Some("7. ИЮЛЬ")]));
        assert!(!is_small("6. ИЮНЬ", [Some("ВЕСНА"), Some("7. ИЮЛЬ")]), "nothing small beside it");
        assert!(!is_small("НДС", [Some("Итого"), Some("всего")]));
        assert!(!is_small("6. МАЙ", [Some("5. апрель"), Some("7. июнь")]), "an А is not an а");
    }
}
