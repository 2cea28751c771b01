//! Sentences of the engine in another language: known by their pattern, put together anew from their parts.
//! The engine writes English, for logs and databases; only what a person reads on the screen passes here. Text of others stays as it is.

use std::collections::HashMap;

use serde::Deserialize;

use super::{RUSSIAN_SIGN, fill, russian_form};
use crate::text::Safe;

/// Sentences within sentences; deeper ones stay as they are.
const DEPTH: usize = 6;

/// A sentence in the other language: one, or a form for each plural of its first number.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Phrase {
    One(String),
    Forms([String; 3]),
}

/// What stands between the fixed parts of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// `{}`: text of others, which is left alone.
    Foreign,
    /// `{n}`: a number.
    Number,
    /// `{t}`: a sentence or a word of the engine.
    Sentence,
}

#[derive(Clone)]
struct Pattern {
    /// What it begins with; then each gap with what stands behind it.
    begins: String,
    gaps: Vec<(Gap, String)>,
    phrase: Phrase,
}

/// Sentences by their English patterns.
#[derive(Clone, Deserialize)]
#[serde(from = "HashMap<String, Phrase>")]
pub struct Heard {
    /// Sentences without gaps.
    whole: HashMap<String, String>,
    /// Those that go around another sentence first, then the ones that say most themselves.
    patterns: Vec<Pattern>,
}

impl From<HashMap<String, Phrase>> for Heard {
    fn from(phrases: HashMap<String, Phrase>) -> Self {
        let (mut whole, mut patterns) = (HashMap::new(), Vec::new());
        for (english, phrase) in phrases {
            match (Pattern::read(&english, phrase.clone()), phrase) {
                (Some(pattern), _) => patterns.push(pattern),
                (None, Phrase::One(other)) => drop(whole.insert(english, other)),
                (None, Phrase::Forms(_)) => {}
            }
        }
        patterns.sort_by_key(|pattern| (!pattern.goes_around(), std::cmp::Reverse(pattern.fixed()), pattern.begins.clone()));
        Self { whole, patterns }
    }
}

impl Pattern {
    /// `None`: there is no gap in it.
    fn read(english: &str, phrase: Phrase) -> Option<Self> {
        let (begins, mut rest) = english.split_once('{')?;
        let mut gaps = Vec::new();
        loop {
            let (name, behind) = rest.split_once('}')?;
            let gap = match name {
                "n" => Gap::Number,
                "t" => Gap::Sentence,
                _ => Gap::Foreign,
            };
            let (fixed, next) = behind.split_once('{').map_or((behind, None), |(fixed, next)| (fixed, Some(next)));
            gaps.push((gap, fixed.to_owned()));
            match next {
                Some(next) => rest = next,
                None => return Some(Self { begins: begins.to_owned(), gaps, phrase }),
            }
        }
    }

    /// True where a sentence comes first: a suffix such as `…; again in 2 s`.
    fn goes_around(&self) -> bool {
        self.begins.is_empty() && self.gaps.first().is_some_and(|(gap, _)| *gap == Gap::Sentence)
    }

    fn fixed(&self) -> usize {
        self.begins.len() + self.gaps.iter().map(|(_, fixed)| fixed.len()).sum::<usize>()
    }

    /// What fills the gaps of a sentence; `None`: it is another sentence.
    fn parts<'a>(&self, sentence: &'a str) -> Option<Vec<(Gap, &'a str)>> {
        let mut rest = sentence.strip_prefix(self.begins.as_str())?;
        let mut parts = Vec::with_capacity(self.gaps.len());
        for (at, (gap, fixed)) in self.gaps.iter().enumerate() {
            let part = if at + 1 == self.gaps.len() {
                rest.strip_suffix(fixed.as_str())?
            } else {
                // A sentence may itself hold what comes behind it.
                let end = if *gap == Gap::Sentence { rest.rfind(fixed.as_str())? } else { rest.find(fixed.as_str())? };
                let part = &rest[..end];
                rest = &rest[end + fixed.len()..];
                part
            };
            let fits = match gap {
                Gap::Number => part.starts_with(|c: char| c.is_ascii_digit()) && part.chars().all(is_of_number),
                Gap::Foreign | Gap::Sentence => !part.is_empty(),
            };
            if !fits {
                return None;
            }
            parts.push((*gap, part));
        }
        Some(parts)
    }
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ' ')
}

impl Heard {
    /// The sentence in the other language; what is not known stays as it is.
    pub fn translate(&self, sentence: &Safe) -> Safe {
        self.say(sentence, DEPTH).map_or_else(|| sentence.clone(), |told| Safe::line(&told))
    }

    fn say(&self, sentence: &str, depth: usize) -> Option<String> {
        if let Some(other) = self.whole.get(sentence) {
            return Some(other.clone());
        }
        let deeper = depth.checked_sub(1)?;
        let matched = self.patterns.iter().find_map(|pattern| Some((pattern, pattern.parts(sentence)?)));
        if let Some((pattern, parts)) = matched {
            return Some(self.put_together(pattern, &parts, deeper));
        }
        // Clauses of which one is known: a remedy behind a cause, a cause behind a name.
        let both = sentence.rsplit_once("; ").and_then(|(first, second)| {
            let (one, two) = (self.say(first, deeper), self.say(second, deeper));
            let known = one.is_some() || two.is_some();
            known.then(|| format!("{}; {}", one.as_deref().unwrap_or(first), two.as_deref().unwrap_or(second)))
        });
        both.or_else(|| {
            let (name, cause) = sentence.split_once(": ")?;
            Some(format!("{name}: {}", self.say(cause, deeper)?))
        })
    }

    fn put_together(&self, pattern: &Pattern, parts: &[(Gap, &str)], depth: usize) -> String {
        let told: Vec<String> = parts
            .iter()
            .map(|(gap, part)| match gap {
                Gap::Sentence => self.say(part, depth).unwrap_or_else(|| (*part).to_owned()),
                Gap::Number => part.replace('.', RUSSIAN_SIGN),
                Gap::Foreign => (*part).to_owned(),
            })
            .collect();
        let template = match &pattern.phrase {
            Phrase::One(other) => other,
            Phrase::Forms(forms) => {
                let number = parts.iter().find(|(gap, _)| *gap == Gap::Number).map_or("", |(_, part)| part);
                let digits: String = number.chars().filter(char::is_ascii_digit).collect();
                &forms[russian_form(digits.parse().unwrap_or_default())]
            }
        };
        let parts: Vec<&dyn std::fmt::Display> = told.iter().map(|part| part as &dyn std::fmt::Display).collect();
        fill(template, &parts).into()
    }

    /// Every pattern with its sentences, as the file has them.
    #[cfg(test)]
    fn of_file() -> Vec<(String, Vec<String>)> {
        #[derive(Deserialize)]
        struct File {
            heard: HashMap<String, Phrase>,
        }
        let file: File = toml::from_str(super::FILE).unwrap();
        let forms = |phrase| match phrase {
            Phrase::One(one) => vec![one],
            Phrase::Forms(forms) => forms.to_vec(),
        };
        file.heard.into_iter().map(|(english, phrase)| (english, forms(phrase))).collect()
    }
}

#[cfg(test)]
mod tests;
