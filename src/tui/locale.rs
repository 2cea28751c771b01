//! The language of the interface: English stands in the source, other languages in `assets/locales`, found by the English words.
//! It knows no pane. `update` and `view` say which language they speak before they begin; nothing else is kept here.

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
}

/// A file that cannot be read would be found by the tests of this module; a person would see English.
static RUSSIAN: LazyLock<Option<Catalogue>> = LazyLock::new(|| toml::from_str(include_str!("../../assets/locales/ru.toml")).ok());

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

/// Puts what is filled in into its places: `{}` the next, `{1}` the first. Foreign text comes out `Safe`.
pub fn fill(template: &str, parts: &[&dyn Display]) -> Safe {
    let (mut out, mut next, mut rest) = (String::with_capacity(template.len() + 16), 0, template);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let at = match name.parse::<usize>() {
            Ok(place) => place.saturating_sub(1),
            Err(_) => {
                next += 1;
                next - 1
            }
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
