//! The one form of a tag: trimmed, NFC, lower case, no `#`, 2–50 characters, at most seven, none twice.
//! It invents nothing and judges no meaning.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use crate::text::{Safe, first_chars};

/// Most tags of a post.
pub(crate) const MAX_TAGS: usize = 7;
const MIN_CHARS: usize = 2;
const MAX_CHARS: usize = 50;

/// Brings tags into their one form and drops what is none; two tags of one stem, ё or е, count as one.
pub fn normalise(raw: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for raw in raw {
        for part in parts(&cleaned(&raw)) {
            let tag = trim(part);
            let fits = (MIN_CHARS..=MAX_CHARS).contains(&tag.chars().count()) && tag.chars().any(char::is_alphanumeric);
            if !fits {
                continue;
            }
            let key = stem_key(tag);
            if !keys.contains(&key) {
                tags.push(tag.to_owned());
                keys.push(key);
            }
            if tags.len() == MAX_TAGS {
                return tags;
            }
        }
    }
    tags
}

/// Lower case, NFC, one line, nothing invisible; an underscore joins the words of a hashtag.
fn cleaned(raw: &str) -> String {
    // No tag is so long; what a hostile answer puts behind it is not worth looking at.
    let line = Safe::line(&first_chars(raw, 1000).replace('_', " "));
    // Stand-ins that the gate puts in place of control characters are no part of a word.
    let kept: String = line.chars().filter(|c| !matches!(c, '\u{fffd}' | '\u{2400}'..='\u{2421}')).collect();
    let lower = kept.nfc().collect::<String>().to_lowercase();
    Safe::line(&lower).nfc().collect()
}

/// Several tags in one string: `наука, космос` or `#наука #космос`; a decimal comma separates nothing.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    line.split(", ").flat_map(|part| part.split(';')).flat_map(|part| part.split(" #"))
}

/// Characters that stand around a tag and are no part of it.
const AROUND: &str = "\"'`«»“”„‟‘’‚,;:.!?…*|\\/[]{}<>()=~^-–—•·";

/// Without quotes, list marks and punctuation around it; `c++`, `c#` and `3 %` keep their ends.
fn trim(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || AROUND.contains(c);
    // A full stop in front may be part of a name (.net), a bracket behind of an explanation: "сво (война)".
    let starts = |(at, c): &(usize, char)| match c {
        '.' => text[at + 1..].starts_with(char::is_alphabetic),
        '#' | '+' => false,
        c => !around(*c),
    };
    let start = text.char_indices().find(starts).map_or("", |(at, _)| &text[at..]);
    let end = start.trim_end_matches(|c: char| around(c) && c != ')');
    if end.ends_with(')') && !end.contains('(') { end.trim_end_matches(|c: char| around(c)) } else { end }
}

/// What two spellings of one tag share: stems of its words, ё folded to е.
pub(crate) fn stem_key(tag: &str) -> String {
    let words = tag.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    words.map(stem_word).collect::<Vec<_>>().join(" ")
}

/// Stem of one lower-case word, Russian or English by its script, ё folded to е.
pub(crate) fn stem_word(word: &str) -> String {
    thread_local! {
        static RUSSIAN: Stemmer = Stemmer::create(Algorithm::Russian);
        static ENGLISH: Stemmer = Stemmer::create(Algorithm::English);
    }
    let folded = word.replace('ё', "е");
    if folded.chars().count() > MAX_CHARS {
        return folded;
    }
    let cyrillic = folded.chars().any(|c| matches!(c, '\u{400}'..='\u{52f}'));
    let stemmer = if cyrillic { &RUSSIAN } else { &ENGLISH };
    stemmer.with(|stemmer| stemmer.stem(&folded).into_owned())
}
