//! The guard against answers that go round: where a text began to repeat itself.
//! Repetition that pages have of their own (dots before page numbers, columns of zeros, empty rows) is not one.

/// Characters at the end of the text that are looked at.
const TAIL: usize = 9_000;

/// When an end that repeats a unit is a loop.
struct Rule {
    /// Characters of it all.
    chars: usize,
    /// Turns.
    turns: usize,
}

/// A unit with letters or digits: a page with 80 equal rows of zeros is below it.
const WORDS: Rule = Rule { chars: 1_200, turns: 10 };
/// Dots, dashes, pipes and spaces: a ruled line or an empty form is below it.
const SIGNS: Rule = Rule { chars: 3_000, turns: 10 };
/// Equal but for their numbers: a numbered form of 200 empty rows, and contents of 100 chapters, are below it.
const COUNTED: Rule = Rule { chars: 7_500, turns: 15 };

/// The byte at which the second turn begins, when the end of the text goes round.
pub(crate) fn repeats_from(text: &str) -> Option<usize> {
    let start = text.char_indices().rev().take(TAIL).last().map_or(0, |(at, _)| at);
    let tail: Vec<(usize, char)> = text[start..].char_indices().map(|(at, c)| (start + at, c)).collect();
    let exact = round(&tail, |unit| if unit.iter().any(|c| c.is_alphanumeric()) { WORDS } else { SIGNS });
    exact.or_else(|| round(&without_numbers(&tail), |_| COUNTED))
}

/// Every number as one `0`.
fn without_numbers(tail: &[(usize, char)]) -> Vec<(usize, char)> {
    let mut out: Vec<(usize, char)> = Vec::with_capacity(tail.len());
    for &(at, c) in tail {
        let digit = c.is_ascii_digit();
        if !(digit && out.last().is_some_and(|(_, before)| *before == '0')) {
            out.push((at, if digit { '0' } else { c }));
        }
    }
    out
}

/// Knuth, Morris and Pratt's table over the text read backwards tells the shortest period of each end of it in one go.
fn round(tail: &[(usize, char)], rule: impl Fn(&[char]) -> Rule) -> Option<usize> {
    let back: Vec<char> = tail.iter().rev().map(|(_, c)| *c).collect();
    let mut border = vec![0usize; back.len()];
    let mut longest = None;
    for at in 1..back.len() {
        let mut length = border[at - 1];
        while length > 0 && back[at] != back[length] {
            length = border[length - 1];
        }
        if back[at] == back[length] {
            length += 1;
        }
        border[at] = length;
        let (chars, period) = (at + 1, at + 1 - length);
        if chars >= WORDS.chars && chars / period >= WORDS.turns {
            let rule = rule(&back[..period]);
            if chars >= rule.chars && chars / period >= rule.turns {
                longest = Some((chars, period));
            }
        }
    }
    let (chars, period) = longest?;
    tail.get(tail.len() - chars + period).map(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_cut_after_its_first_turn() {
        for (unit, turns) in
            [("Итого по разделу: 0,00\n", 70), ("| | | |\n", 400), ("да ", 500), (&"слово и ещё одно ".repeat(20), 12)]
        {
            let text = format!("# Начало\n\nРовный текст страницы.\n\n{}", unit.repeat(turns));
            let at = repeats_from(&text).unwrap_or_else(|| panic!("{unit:?} is not seen"));
            assert!(text[..at].starts_with("# Начало\n\nРовный текст страницы."), "{unit:?}");
            assert!(text[..at].chars().count() < 60 + 2 * unit.chars().count(), "{unit:?}: {}", &text[..at]);
        }
    }

    #[test]
    fn a_loop_that_counts_is_seen_too() {
        let text =
            (1..2000).map(|n| format!("{n}. Настоящий договор составлен в двух экземплярах\n")).collect::<Vec<_>>().concat();
        let early: String = text.chars().take(9000).collect();
        assert!(repeats_from(&early).is_some());
    }

    #[test]
    fn a_half_turn_at_the_end_changes_nothing() {
        let text = format!("начало {}стро", "строка таблицы | 12 |\n".repeat(80));
        assert!(repeats_from(&text).is_some());
    }

    #[test]
    fn what_pages_repeat_themselves_is_no_loop() {
        let zeros = "| 0 | 0 | 0 |\n".repeat(80);
        let form = (1..200).map(|n| format!("| {n} | | | |\n")).collect::<Vec<_>>().concat();
        let contents = (1..60).map(|n| format!("Глава {n} {} {}\n", ".".repeat(60), n * 7)).collect::<Vec<_>>().concat();
        let line = "_".repeat(900);
        for text in [zeros, form, contents, line, "Обычный текст. ".repeat(60)] {
            assert_eq!(repeats_from(&text), None, "{}", &text[..40]);
        }
    }

    #[test]
    fn nothing_is_made_of_an_empty_or_short_text() {
        assert_eq!((repeats_from(""), repeats_from("а"), repeats_from(&"а".repeat(500))), (None, None, None));
    }
}
