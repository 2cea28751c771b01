//! The language of the interface: English stands in the source, other languages in `assets/locales`, found by the English words.
//! It knows no pane. `update` and `view` say which language they speak before they begin; nothing else is kept here.

mod heard;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::text::Safe;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// From the environment: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that is set.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        if set.is_some_and(|locale| locale.to_lowercase().starts_with("ru")) { Self::Russian } else { Self::English }
    }
}

thread_local! {
    static SPOKEN: Cell<Language> = const { Cell::new(Language::English) };
}

/// The language of everything said from here on, on this thread.
pub fn speak(language: Language) {
    SPOKEN.set(language);
}

/// Words of another language by the English ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    /// Words and sentences; `{}` stands for what is filled in, in its order, `{1}` for the first of it.
    words: HashMap<String, String>,
    /// Forms for 1, for 2 to 4, and for 5 and more, by the English plural.
    plurals: HashMap<String, [String; 3]>,
    /// Sentences of the engine.
    heard: heard::Heard,
}

const FILE: &str = include_str!("../../assets/locales/ru.toml");

/// The decimal sign of Russian.
const RUSSIAN_SIGN: &str = ",";

/// A file that cannot be read would be found by the tests of this module; a person would see English.
static RUSSIAN: LazyLock<Option<Catalogue>> = LazyLock::new(|| toml::from_str(FILE).ok());

fn catalogue() -> Option<&'static Catalogue> {
    match SPOKEN.get() {
        Language::English => None,
        Language::Russian => RUSSIAN.as_ref(),
    }
}

/// English words in the language spoken.
pub fn t(english: &'static str) -> &'static str {
    catalogue().and_then(|known| known.words.get(english)).map_or(english, String::as_str)
}

/// The form of a noun for a number: `one` and `many` are English; `{}` stands for the number.
pub fn count(one: &'static str, many: &'static str, n: i64) -> Safe {
    let form = match catalogue().and_then(|known| known.plurals.get(many)) {
        Some(forms) => forms[russian_form(n)].as_str(),
        None if n == 1 => one,
        None => many,
    };
    fill(form, &[&crate::text::grouped(n)])
}

/// A number with so many decimals, with the decimal sign of the language.
pub fn decimal(number: f64, decimals: usize) -> String {
    let english = format!("{number:.decimals$}");
    if catalogue().is_some() { english.replace('.', RUSSIAN_SIGN) } else { english }
}

/// US dollars, from millionths of one.
pub fn dollars(micros: i64, decimals: usize) -> String {
    format!("${}", decimal(micros as f64 / 1e6, decimals))
}

/// 1, 21, 101: the first; 2 to 4, 22: the second; 5 to 20, 11 to 14 and the rest: the third.
const fn russian_form(n: i64) -> usize {
    let (tens, ones) = ((n % 100).unsigned_abs(), (n % 10).unsigned_abs());
    match ones {
        _ if tens >= 11 && tens <= 14 => 2,
        1 => 0,
        2..=4 => 1,
        _ => 2,
    }
}

/// A sentence of the engine in the language spoken; one that is not known there stays as it is.
pub fn heard(sentence: &Safe) -> Cow<'_, Safe> {
    match catalogue() {
        Some(known) => Cow::Owned(known.heard.translate(sentence)),
        None => Cow::Borrowed(sentence),
    }
}

/// Puts what is filled in into its places: `{}` the next, `{1}` the first. Foreign text comes out `Safe`.
pub fn fill(template: &str, parts: &[&dyn Display]) -> Safe {
    let (mut out, mut next, mut rest) = (String::with_capacity(template.len() + 16), 0, template);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let at = if let Ok(place) = name.parse::<usize>() {
            place.saturating_sub(1)
        } else {
            next += 1;
            next - 1
        };
        if let Some(part) = parts.get(at) {
            out.push_str(&part.to_string());
        }
        rest = behind;
    }
    out.push_str(rest);
    Safe::line(&out)
}

/// A sentence of our own with something filled in, in the language spoken: `tell!("Post {} is due again.", id)`.
macro_rules! tell {
    ($english:literal $(, $part:expr)+ $(,)?) => {
        $crate::tui::locale::fill($crate::tui::locale::t($english), &[$(&$part as &dyn std::fmt::Display),+])
    };
    ($english:literal) => { $crate::text::Safe::fixed($crate::tui::locale::t($english)) };
}
pub(crate) use tell;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::domain::{EventKind, Level, Outcome, Status};
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::keymap::{Action, Section};
    use crate::tui::model::Pane;

    /// Words that are chosen while drawing and stand in no call of `t`, `tell!` or `count`.
    const CHOSEN: &[&str] = &[
        "ok %",
        "parse %",
        "p95",
        "calls",
        "today",
        "state",
        "observing, paused",
        "observing",
        "starting",
        "running",
        "paused",
        "waiting",
        "finishing",
        "stopped",
        "Tagging",
        "Models",
        "Images",
        "Workers",
        "Live",
        "Attention",
        "shows",
        "forces",
        "goes on",
        "ends pauses",
        "read",
        "to be read",
        "to be read again",
        "could not be read",
        "reading cancelled",
        "not to be read",
        "failed",
        "cancelled",
        "no status",
        "B",
        "KB",
        "MB",
        "GB",
        "TB",
        "PB",
        "EB",
    ];

    fn sources(folder: &Path, found: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("locale.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
            }
        }
    }

    /// String literals right behind `call`, the `nth` argument of each.
    fn literals(source: &str, call: &str, nth: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, _) in source.match_indices(call) {
            let before = source[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
                continue;
            }
            let mut rest = source[at + call.len()..].trim_start();
            for _ in 0..nth {
                let Some(next) = literal(rest).and_then(|first| rest[first.len() + 2..].trim_start().strip_prefix(',')) else {
                    break;
                };
                rest = next.trim_start();
            }
            found.extend(literal(rest).map(str::to_owned));
        }
        found
    }

    fn literal(text: &str) -> Option<&str> {
        text.strip_prefix('"').and_then(|inside| inside.split_once('"')).map(|(words, _)| words)
    }

    fn said() -> (BTreeSet<String>, BTreeSet<String>) {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui"), &mut source);
        source.push_str(&std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui.rs")).unwrap());
        let mut words = literals(&source, "t(", 0);
        words.extend(literals(&source, "tell!(", 0));
        let own = Action::ALL.iter().flat_map(|a| [a.short(), a.long()]);
        let own = own.chain(Section::ALL.iter().flat_map(|s| [s.short(), s.long()])).chain(Pane::ALL.iter().map(|p| p.title()));
        let own = own.chain(Status::ALL.iter().map(|s| s.as_str())).chain(EventKind::ALL.iter().map(|k| k.as_str()));
        let own = own.chain(Level::ALL.iter().map(|level| level.as_str()));
        let own = own.chain(Outcome::ALL.iter().flat_map(|o| <[&str; 2]>::from(crate::tui::widget::outcome::words(*o))));
        words.extend(own.chain(CHOSEN.iter().copied()).map(str::to_owned));
        words.retain(|word| word.replace("{}", "").chars().any(char::is_alphabetic));
        let mut plurals = literals(&source, "count(", 1);
        plurals.extend(["read again {} images", "cancel {} readings"].map(str::to_owned));
        (words, plurals)
    }

    fn places(text: &str) -> usize {
        text.matches('{').count()
    }

    #[test]
    fn everything_that_is_said_can_be_said_in_russian_and_nothing_else_is_kept() {
        let catalogue = RUSSIAN.as_ref().expect("assets/locales/ru.toml cannot be read");
        let (words, plurals) = said();
        let known: BTreeSet<String> = catalogue.words.keys().cloned().collect();
        let missing: Vec<_> = words.difference(&known).collect();
        let unsaid: Vec<_> = known.difference(&words).collect();
        assert!(missing.is_empty() && unsaid.is_empty(), "missing: {missing:#?}\nsaid by nobody: {unsaid:#?}");
        let known: BTreeSet<String> = catalogue.plurals.keys().cloned().collect();
        assert_eq!(known, plurals);
        for (english, russian) in &catalogue.words {
            assert_eq!(places(english), places(russian), "{english}");
        }
        for (english, forms) in &catalogue.plurals {
            assert!(forms.iter().all(|form| places(form) == places(english)), "{english}");
        }
    }

    #[test]
    fn plural_forms_are_those_of_the_language() {
        let posts = |n| count("{} post", "{} posts", n).to_string();
        assert_eq!([posts(1), posts(2), posts(0)], ["1 post", "2 posts", "0 posts"]);
        speak(Language::Russian);
        let told = [1, 2, 5, 11, 12, 21, 22, 25, 101, 111, 1_000_001].map(posts);
        speak(Language::English);
        let forms = ["пост", "поста", "постов", "постов", "постов", "пост", "поста", "постов", "пост", "постов", "пост"];
        assert!(told.iter().zip(forms).all(|(told, form)| told.ends_with(&format!(" {form}"))), "{told:?}");
    }

    #[test]
    fn fractions_have_the_sign_of_the_language() {
        let told = || {
            let took = crate::tui::widget::when::took(1_940).to_string();
            let size = crate::tui::widget::size::size(4_100).to_string();
            [decimal(3.66, 1), dollars(130, 6), took, size, heard(&Safe::fixed("502; again in 2.0 s")).to_string()]
        };
        assert_eq!(told(), ["3.7", "$0.000130", "1.9 s", "4.1 KB", "502; again in 2.0 s"]);
        speak(Language::Russian);
        let russian = told();
        speak(Language::English);
        assert_eq!(russian, ["3,7", "$0,000130", "1,9 с", "4,1 КБ", "502; снова через 2,0 с"]);
    }

    #[test]
    fn what_is_filled_in_is_harmless_and_may_change_its_place() {
        assert_eq!(&*fill("{2} of {1}", &[&1, &"a\u{1b}[2J"]), "a␛[2J of 1");
        assert_eq!(&*fill("{} {}, {", &[&1]), "1 ,");
    }

    #[test]
    fn the_language_follows_the_locale() {
        let detect =
            |name: &'static str, value: &'static str| Language::detect(|asked| (asked == name).then(|| value.to_owned()));
        assert_eq!(detect("LANG", "ru_RU.UTF-8"), Language::Russian);
        assert_eq!(detect("LANG", "en_US.UTF-8"), Language::English);
        assert_eq!(detect("LANGUAGE", "ru"), Language::English);
    }

    #[test]
    fn every_pane_in_russian_as_seen() {
        for (name, size) in SIZES {
            for pane in Pane::ALL {
                let mut model = fixture::reading(size);
                (model.language, model.focus) = (Language::Russian, pane);
                insta::assert_snapshot!(format!("russian_{}_{name}", pane.title().to_lowercase()), fixture::screen(&model));
            }
        }
        speak(Language::English);
    }

    #[test]
    fn no_line_of_the_help_is_cut_in_russian() {
        speak(Language::Russian);
        for action in Action::ALL {
            assert!(t(action.long()).chars().count() <= 53, "{}", t(action.long()));
        }
        speak(Language::English);
    }
}
