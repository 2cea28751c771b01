//! Which key does what where: the embedded `assets/keymap.toml`, checked as it is read, and the Cyrillic layouts beside it.
//! It decides nothing about what an action means; that is `update`.

mod action;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::config::KeySetting;
use crate::text::Safe;
pub use action::{Action, Section};

/// The embedded file.
const EMBEDDED: &str = include_str!("../../assets/keymap.toml");

/// What is wrong with a keymap.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Not TOML, or not sections of lists of words.
    #[error("the keymap cannot be read: {0}")]
    Syntax(String),
    /// A section that is none.
    #[error("the keymap has a section `{0}`, which is none; one of: {known}", known = names(Section::ALL.iter().map(|s| s.as_str())))]
    Section(Safe),
    /// An action that is none.
    #[error("the keymap has an action `{0}`, which is none; one of: {known}", known = names(Action::ALL.iter().map(|a| a.as_str())))]
    Action(Safe),
    /// A key that is none.
    #[error("the keymap has a key `{0}`, which is none; write one character or a name such as enter, pageup, ctrl-l, f1")]
    Key(Safe),
    /// One key with two meanings in one section.
    #[error("the keymap gives `{0}` two meanings in one section")]
    Twice(Safe),
    /// An action that nothing reaches.
    #[error("the keymap has no key for `{0}`")]
    Unbound(&'static str),
}

fn names(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// A key with its modifiers; with a character Shift is in the character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control held.
    pub ctrl: bool,
    /// Alt held.
    pub alt: bool,
    /// Shift held, with a key that is no character.
    pub shift: bool,
}

impl Chord {
    fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// As written in the file.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(rest) = word.strip_prefix("ctrl-") {
            return Self::parse(rest).map(|chord| Self { ctrl: true, ..chord });
        }
        if let Some(rest) = word.strip_prefix("alt-") {
            return Self::parse(rest).map(|chord| Self { alt: true, ..chord });
        }
        if let Some(rest) = word.strip_prefix("shift-") {
            let named = Self::parse(rest).filter(|chord| !matches!(chord.code, KeyCode::Char(_)));
            return named.map(|chord| Self { shift: true, ..chord });
        }
        let mut characters = word.chars();
        if let (Some(only), None) = (characters.next(), characters.next()) {
            return (!only.is_control() && !only.is_whitespace()).then(|| Self::plain(KeyCode::Char(only)));
        }
        NAMED.iter().find(|(name, _, _)| *name == word).map(|(_, _, code)| Self::plain(*code)).or_else(|| {
            let number = word.strip_prefix('f')?.parse::<u8>().ok()?;
            (1..=12).contains(&number).then(|| Self::plain(KeyCode::F(number)))
        })
    }

    /// As pressed, a Cyrillic letter replaced by the Latin key in the same place.
    pub fn pressed(key: KeyEvent) -> Self {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let code = match key.code {
            KeyCode::Char(c) => {
                let latin = latin_key(c);
                KeyCode::Char(if ctrl { latin.to_ascii_lowercase() } else { latin })
            }
            code => code,
        };
        let shift = key.modifiers.contains(KeyModifiers::SHIFT) && !matches!(code, KeyCode::Char(_) | KeyCode::BackTab);
        Self { code, ctrl, alt: key.modifiers.contains(KeyModifiers::ALT), shift }
    }

    /// The Latin letter on the key of a Cyrillic one; any other character as it is.
    pub fn latin(c: char) -> char {
        latin_key(c)
    }

    /// As shown to a person: `Enter`, `^L`, `R`.
    pub fn shown(&self) -> Safe {
        let named = NAMED.iter().find(|(_, _, code)| *code == self.code).map(|(_, shown, _)| *shown);
        let key = match (named, self.code) {
            (Some(named), _) if self.ctrl => format!("^{named}"),
            (Some(named), _) => named.to_owned(),
            (None, KeyCode::Char(c)) if self.ctrl => format!("^{}", c.to_uppercase()),
            (None, KeyCode::Char(c)) => c.to_string(),
            (None, KeyCode::F(number)) => format!("F{number}"),
            (None, _) => String::new(),
        };
        let key = if self.shift { format!("Shift-{key}") } else { key };
        Safe::line(&if self.alt { format!("Alt-{key}") } else { key })
    }
}

/// Name in the file, name on the screen, key.
const NAMED: &[(&str, &str, KeyCode)] = &[
    ("tab", "Tab", KeyCode::Tab),
    ("backtab", "Shift-Tab", KeyCode::BackTab),
    ("enter", "Enter", KeyCode::Enter),
    ("esc", "Esc", KeyCode::Esc),
    ("backspace", "Backspace", KeyCode::Backspace),
    ("space", "Space", KeyCode::Char(' ')),
    ("up", "↑", KeyCode::Up),
    ("down", "↓", KeyCode::Down),
    ("left", "←", KeyCode::Left),
    ("right", "→", KeyCode::Right),
    ("pageup", "PgUp", KeyCode::PageUp),
    ("pagedown", "PgDn", KeyCode::PageDown),
    ("home", "Home", KeyCode::Home),
    ("end", "End", KeyCode::End),
    ("backspace", "Backspace", KeyCode::Backspace),
    ("delete", "Del", KeyCode::Delete),
];

/// The letter printed on the same key of a Latin layout; terminals report no base key, so `й` must do what `q` does.
fn latin_key(c: char) -> char {
    const CYRILLIC: &str = "йцукенгшщзхъфывапролджэячсмитьбюёіїєґў";
    const LATIN: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`s]'\\o";
    let lower = c.to_lowercase().next().unwrap_or(c);
    match CYRILLIC.chars().zip(LATIN.chars()).find(|(cyrillic, _)| *cyrillic == lower) {
        Some((_, latin)) if lower == c => latin,
        Some((_, latin)) => shifted(latin),
        None => c,
    }
}

/// What the key of a Latin layout gives with Shift.
const fn shifted(latin: char) -> char {
    match latin {
        '[' => '{',
        ']' => '}',
        ';' => ':',
        '\'' => '"',
        ',' => '<',
        '.' => '>',
        '`' => '~',
        '\\' => '|',
        letter => letter.to_ascii_uppercase(),
    }
}

/// Every binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap {
    bindings: Vec<(Section, Action, Chord)>,
}

impl Keymap {
    /// The embedded keymap.
    pub fn embedded() -> Result<Self, KeymapError> {
        Self::parse(EMBEDDED)
    }

    /// Reads and checks a keymap: every section, action and key must exist, no key may mean two things in a section.
    pub fn parse(text: &str) -> Result<Self, KeymapError> {
        let file: BTreeMap<String, BTreeMap<String, Vec<String>>> =
            toml::from_str(text).map_err(|error| KeymapError::Syntax(Safe::line(&error.to_string()).into()))?;
        let mut bindings = Vec::new();
        for (section_name, actions) in &file {
            let section = Section::named(section_name).ok_or_else(|| KeymapError::Section(Safe::line(section_name)))?;
            for (action_name, keys) in actions {
                let action = Action::named(action_name).ok_or_else(|| KeymapError::Action(Safe::line(action_name)))?;
                for key in keys {
                    let chord = Chord::parse(key).ok_or_else(|| KeymapError::Key(Safe::line(key)))?;
                    if bindings.iter().any(|(s, _, c)| *s == section && *c == chord) {
                        return Err(KeymapError::Twice(Safe::line(key)));
                    }
                    bindings.push((section, action, chord));
                }
            }
        }
        match Action::ALL.iter().find(|action| !bindings.iter().any(|(_, bound, _)| bound == *action)) {
            Some(unbound) => Err(KeymapError::Unbound(unbound.as_str())),
            None => Ok(Self { bindings }),
        }
    }

    /// The keymap with what the settings say instead: an action named there has the keys named there, in that section, and no others.
    /// An error comes with the line it stands on.
    pub fn with(mut self, settings: &[KeySetting]) -> Result<Self, (usize, KeymapError)> {
        let mut named = Vec::with_capacity(settings.len());
        for setting in settings {
            let wrong = |error| (setting.line, error);
            let section =
                Section::named(&setting.section).ok_or_else(|| wrong(KeymapError::Section(Safe::line(&setting.section))))?;
            let action = Action::named(&setting.action).ok_or_else(|| wrong(KeymapError::Action(Safe::line(&setting.action))))?;
            self.bindings.retain(|(s, a, _)| (*s, *a) != (section, action));
            named.push((section, action, setting));
        }
        for (section, action, setting) in named {
            for key in &setting.keys {
                let chord = Chord::parse(key).ok_or_else(|| (setting.line, KeymapError::Key(Safe::line(key))))?;
                if self.bindings.iter().any(|(s, _, c)| *s == section && *c == chord) {
                    return Err((setting.line, KeymapError::Twice(Safe::line(key))));
                }
                self.bindings.push((section, action, chord));
            }
        }
        Ok(self)
    }

    /// What a key asks for, looked up in these sections in their order.
    pub fn action(&self, sections: &[Section], chord: Chord) -> Option<Action> {
        sections
            .iter()
            .find_map(|section| self.bindings.iter().find(|(s, _, c)| s == section && *c == chord).map(|(_, action, _)| *action))
    }

    /// The first key that asks for an action in these sections.
    pub fn key(&self, sections: &[Section], action: Action) -> Option<Chord> {
        sections.iter().find_map(|section| self.keys(*section, action).first().copied())
    }

    /// Every key of an action in one section, in the file's order.
    pub fn keys(&self, section: Section, action: Action) -> Vec<Chord> {
        self.bindings.iter().filter(|(s, a, _)| *s == section && *a == action).map(|(_, _, chord)| *chord).collect()
    }

    /// Every binding.
    #[cfg(test)]
    pub fn bindings(&self) -> &[(Section, Action, Chord)] {
        &self.bindings
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> Chord {
        Chord::pressed(KeyEvent::new(KeyCode::Char(c), modifiers))
    }

    /// The table of the README, which `tests/readme_is_true.rs` copies from this snapshot.
    #[test]
    fn the_keys_as_the_readme_lists_them() {
        let keymap = Keymap::embedded().unwrap();
        let mut table = String::from("| key | where | what it does |\n|---|---|---|\n");
        for section in Section::ALL {
            for action in Action::ALL {
                let mut keys: Vec<_> = keymap.keys(*section, *action).iter().map(|key| format!("`{}`", key.shown())).collect();
                if keys.len() > 6 {
                    let last = keys.pop().unwrap();
                    keys = vec![keys.swap_remove(0), "…".to_owned(), last];
                }
                if !keys.is_empty() {
                    writeln!(table, "| {} | {} | {} |", keys.join(" "), section.long(), action.long()).unwrap();
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_embedded_keymap_is_sound() {
        assert_eq!(Keymap::embedded().map(|_| ()), Ok(()));
    }

    #[test]
    fn a_typo_in_the_keymap_is_refused() {
        let good = EMBEDDED;
        for (from, to) in [
            ("retry_all", "retry_al"),
            ("[motion]", "[motions]"),
            ("\"pageup\"", "\"pgup\""),
            ("\"ctrl-l\"", "\"control-l\""),
            ("quit = [\"q\"]", "quit = [\"p\"]"),
            ("follow = [\"f\"]\n", ""),
            ("[panes]", "[panes"),
        ] {
            assert!(good.contains(from));
            assert!(Keymap::parse(&good.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }

    #[test]
    fn the_settings_may_give_other_keys_and_a_mistake_is_told_with_its_line() {
        let setting = |section: &str, action: &str, keys: &[&str]| KeySetting {
            section: section.to_owned(),
            action: action.to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            line: 7,
        };
        let keymap = || Keymap::embedded().unwrap();
        let other = keymap().with(&[setting("failed", "retry", &["f5", "x"]), setting("failed", "skip", &["r"])]).unwrap();
        assert_eq!(other.action(&[Section::Failed], key('x', KeyModifiers::NONE)), Some(Action::Retry));
        assert_eq!(other.action(&[Section::Failed], key('r', KeyModifiers::NONE)), Some(Action::Skip));
        assert_eq!(keymap().with(&[]), Ok(keymap()));
        for (wrong, words) in [
            (setting("faild", "retry", &["x"]), "a section `faild`"),
            (setting("failed", "retri", &["x"]), "an action `retri`"),
            (setting("failed", "retry", &["hyper-x"]), "a key `hyper-x`"),
            (setting("failed", "retry", &["g"]), "`g` two meanings"),
        ] {
            let (line, error) = keymap().with(&[wrong]).unwrap_err();
            assert!(line == 7 && error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_cyrillic_layout_gives_the_same_commands() {
        assert_eq!(key('й', KeyModifiers::NONE), key('q', KeyModifiers::NONE));
        assert_eq!(key('К', KeyModifiers::SHIFT), key('R', KeyModifiers::SHIFT));
        assert_eq!(key('с', KeyModifiers::CONTROL), key('c', KeyModifiers::CONTROL));
        assert_eq!(key('Я', KeyModifiers::CONTROL | KeyModifiers::SHIFT), key('z', KeyModifiers::CONTROL));
        assert_eq!(key('і', KeyModifiers::NONE), key('s', KeyModifiers::NONE));
    }

    #[test]
    fn every_command_has_a_key_on_a_cyrillic_layout() {
        const TYPED: &str = "йцукенгшщзхъфывапролджэячсмитьбюёЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ.,!;:?*()-=+ 1234567890";
        let keymap = Keymap::embedded().unwrap();
        for (section, action, _) in keymap.bindings() {
            let reached = keymap.keys(*section, *action).into_iter().any(|chord| match chord.code {
                KeyCode::Char(wanted) => TYPED.chars().any(|typed| latin_key(typed) == wanted),
                _ => true,
            });
            assert!(reached, "{section:?} {action:?}");
        }
    }

    #[test]
    fn the_narrowest_section_wins() {
        let keymap = Keymap::embedded().unwrap();
        let q = key('q', KeyModifiers::NONE);
        assert_eq!(keymap.action(&[Section::Panes, Section::Always], q), Some(Action::Quit));
        assert_eq!(keymap.action(&[Section::Popup, Section::Motion, Section::Always], q), Some(Action::Close));
    }
}
