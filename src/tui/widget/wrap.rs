//! Breaks a text into lines of a width, at spaces where it can, within a word where it must.
//! Done once when a text or the width changes: a wrapped 574 KB post costs 58 ms, too much for every frame.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::text::Safe;

/// The lines of a text, none wider than `width` cells (8 at least); an empty line of the text stays one.
pub fn wrapped(text: &Safe, width: u16) -> Vec<Safe> {
    let width = usize::from(width.max(8));
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        wrap_paragraph(paragraph, width, &mut lines);
    }
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// Pieces set one after the other, a space between; none is broken, so that one wider than `width` makes a line that is.
/// With more than `most` lines the last holds all that is left.
pub fn flowed(pieces: &[Safe], width: u16, most: usize) -> Vec<Safe> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        let last = lines.len() == most;
        match lines.last_mut() {
            Some(line) if last || line.width() + 1 + piece.cells() <= usize::from(width) => line.extend([" ", piece]),
            _ => lines.push(piece.to_string()),
        }
    }
    lines.iter().map(|line| Safe::line(line)).collect()
}

fn wrap_paragraph(paragraph: &str, width: usize, lines: &mut Vec<Safe>) {
    let mut line = String::new();
    let mut used = 0;
    for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
        let cells = word.width();
        if used > 0 && used + 1 + cells > width {
            lines.push(Safe::line(&std::mem::take(&mut line)));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if cells <= width {
            line.push_str(word);
            used += cells;
            continue;
        }
        for cluster in word.graphemes(true) {
            let cells = cluster.width();
            if used > 0 && used + cells > width {
                lines.push(Safe::line(&std::mem::take(&mut line)));
                used = 0;
            }
            line.push_str(cluster);
            used += cells;
        }
    }
    lines.push(Safe::line(&line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, width: u16) -> Vec<String> {
        wrapped(&Safe::block(text), width).into_iter().map(String::from).collect()
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(lines("В Китае нашли ударный кратер", 12), ["В Китае", "нашли", "ударный", "кратер"]);
        assert_eq!(lines("one\n\ntwo\n\n", 10), ["one", "", "two"]);
        assert_eq!(lines("https://example.org/long", 10), ["https://ex", "ample.org/", "long"]);
        assert_eq!(lines("漢字かな漢字", 9), ["漢字かな", "漢字"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_is_lost(text in any::<String>(), width in 8u16..40) {
            let safe = Safe::block(&text);
            let lines = wrapped(&safe, width);
            for line in &lines {
                prop_assert!(line.cells() <= usize::from(width), "{line:?}");
            }
            let told: String = lines.iter().flat_map(|l| l.chars()).filter(|c| !c.is_whitespace()).collect();
            let given: String = safe.chars().filter(|c| !c.is_whitespace()).collect();
            prop_assert_eq!(told, given);
        }
    }
}
