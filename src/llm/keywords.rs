//! `local/keywords`: tags without any network, from the post's own hashtags, the channel's tags and its keyphrases.
//! It is no model: it understands nothing, repeats nothing but the post's own words, and is labelled as what it is.

mod clean;
mod grammar;

use std::collections::HashSet;
use std::sync::LazyLock;

use yake_rust::{Config, StopWords, get_n_best};

use self::clean::{Cleaned, clean};
use super::answer::{MAX_TAGS, normalise, stem_key, stem_word};
use crate::text::first_chars;

/// Characters of a post that are looked at; what it is about stands at its beginning.
const MAX_CHARS: usize = 1500;
/// Channel tags looked for.
const MAX_VOCABULARY: usize = 200;
/// Keyphrases looked at before grammar thins them out.
const CANDIDATES: usize = 60;

/// What is known beside the post itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vocabulary<'a> {
    /// The channel's most used tags, most used first.
    pub channel_tags: &'a [String],
}

/// Up to seven tags in the one form of [`normalise`], surest first.
pub fn tags(text: &str, vocabulary: &Vocabulary) -> Vec<String> {
    let Cleaned { hashtags, prose } = clean(first_chars(text, MAX_CHARS));
    let mut found = Chosen::default();
    for tag in hashtags {
        found.take(tag, MAX_TAGS);
    }
    for tag in known(&prose, vocabulary) {
        found.take(tag, MAX_TAGS);
    }
    // A short post has no seven themes.
    let wanted = match prose.chars().count() {
        0..120 => 3,
        120..400 => 4,
        400..1200 => 5,
        _ => 6,
    };
    for phrase in keyphrases(&prose) {
        found.take(phrase, wanted);
    }
    normalise(found.tags)
}

/// Tags chosen so far; one that says only what another says already is not taken.
#[derive(Default)]
struct Chosen {
    tags: Vec<String>,
    stems: HashSet<String>,
}

impl Chosen {
    fn take(&mut self, tag: String, limit: usize) {
        if self.tags.len() >= limit {
            return;
        }
        let Some(tag) = normalise([tag]).pop() else { return };
        let stems: Vec<String> = stem_key(&tag).split(' ').map(str::to_owned).collect();
        if stems.iter().any(|stem| self.stems.contains(stem)) {
            return;
        }
        self.stems.extend(stems);
        self.tags.push(tag);
    }
}

/// The channel's tags that occur in the text, by stem.
fn known(prose: &str, vocabulary: &Vocabulary) -> Vec<String> {
    if vocabulary.channel_tags.is_empty() {
        return Vec::new();
    }
    let lower = prose.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let text = format!(" {} ", words.map(stem_word).collect::<Vec<_>>().join(" "));
    let occurs = |tag: &&String| {
        let key = stem_key(&tag.to_lowercase());
        // One or two letters of a stem ("и", "ми") occur everywhere.
        key.chars().count() >= 3 && text.contains(&format!(" {key} "))
    };
    vocabulary.channel_tags.iter().take(MAX_VOCABULARY).filter(occurs).cloned().collect()
}

/// Words that are no topic, once for YAKE and once for us.
struct Stopped {
    stop: StopWords,
    words: HashSet<String>,
}

static STOPPED: LazyLock<Stopped> = LazyLock::new(stopped);

/// Stop words of both languages: Russian posts are full of English names, and of English small words in them.
fn stopped() -> Stopped {
    let listed =
        ["ru", "en"].into_iter().flat_map(|code| stop_words::lookup(code).unwrap_or_default()).map(|word| (*word).to_owned());
    let noise = [grammar::RUSSIAN_NOISE, grammar::ENGLISH_NOISE].into_iter().flat_map(str::split_whitespace).map(str::to_owned);
    let words: HashSet<String> = listed.chain(noise).collect();
    Stopped { stop: StopWords::custom(words.clone()), words }
}

/// Keyphrases of one or two words, best first; words keep the form they have in the text.
fn keyphrases(prose: &str) -> Vec<String> {
    if prose.trim().is_empty() {
        return Vec::new();
    }
    let cyrillic = prose.chars().filter(|c| matches!(c, '\u{400}'..='\u{52f}')).count();
    let latin = prose.chars().filter(char::is_ascii_alphabetic).count();
    let russian = match whatlang::detect(prose).filter(whatlang::Info::is_reliable).map(|info| info.lang()) {
        Some(whatlang::Lang::Eng) => false,
        Some(whatlang::Lang::Rus) => true,
        Some(_) | None => cyrillic >= latin,
    };
    let config = Config { ngrams: 2, remove_duplicates: false, minimum_chars: 3, ..Config::default() };
    let ranked = get_n_best(CANDIDATES, prose, &STOPPED.stop, &config);
    let mut phrases: Vec<(f64, String)> = ranked
        .into_iter()
        .filter(|item| grammar::could_be_topic(&item.raw, russian, &STOPPED.words))
        .map(|item| (item.score * grammar::weight(&item.raw, prose), item.raw))
        .collect();
    phrases.sort_by(|a, b| a.0.total_cmp(&b.0));
    phrases.into_iter().map(|(_, phrase)| phrase).collect()
}

#[cfg(test)]
mod tests;
