//! Which key does what where: the embedded `assets/keymap.toml`, checked as it is read, and the Cyrillic layouts beside it.
//! It decides nothing about what an action means; that is `update`.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::text::Safe;

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

/// A closed list whose entries have a name in the file and words for the help.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal, $short:literal, $long:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $long] $variant,)* }

        impl $name {
            /// All of them, in the order of the help.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in the file.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// One or two words, for the footer.
            pub const fn short(self) -> &'static str {
                match self { $(Self::$variant => $short),* }
            }

            /// A phrase, for the help.
            pub const fn long(self) -> &'static str {
                match self { $(Self::$variant => $long),* }
            }

            fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|entry| entry.as_str() == word)
            }
        }
    };
}

named! {
    /// Where a key works.
    Section {
        Overview = "overview", "Overview", "On the overview";
        Failed = "failed", "Failed", "On the failed posts";
        Log = "log", "Log", "On the log";
        Outputs = "outputs", "Outputs", "On the outputs";
        Object = "object", "Output", "On one output";
        Detail = "detail", "Post", "On an open post";
        Confirm = "confirm", "Question", "Answering a question";
        Popup = "popup", "Window", "In a window";
        Motion = "motion", "Moving", "Moving about";
        Panes = "panes", "Everywhere", "On every pane";
        Always = "always", "Always", "Always";
    }
}

named! {
    /// What a key can ask for.
    Action {
        Retry = "retry", "retry", "retry this post, if it has passes left";
        RetryAll = "retry_all", "retry all", "retry all failed posts with passes left; asks first";
        Force = "force", "force", "retry with all passes given back; asks first";
        Regenerate = "regenerate", "regenerate", "tag this post anew; asks first when it has tags";
        Open = "open", "open", "show the post whole, with its tags and every call";
        CycleStatus = "cycle_status", "status", "show failed and retrying, only failed, only retrying";
        CycleClass = "cycle_class", "class", "show one class of errors after the other";
        CycleKind = "cycle_kind", "kind", "show one kind of events after the other";
        ClearFilter = "clear_filter", "clear", "show everything again";
        Follow = "follow", "follow", "follow the newest event, or hold still";
        Reload = "reload", "reload", "list again from the beginning";
        Parent = "parent", "folder up", "one folder up";
        Order = "order", "order", "in folders, the newest first, or all by name";
        Filter = "filter", "filter", "only what holds a text";
        Verify = "verify", "verify", "compare database and blob store, or stop that";
        CopyKey = "copy_key", "copy key", "copy its key to the clipboard";
        CopyLink = "copy_link", "copy link", "copy a link that works for an hour";
        Download = "download", "download", "download it; asks for the folder";
        Delete = "delete", "delete", "delete it; the word has to be typed";
        Picture = "picture", "image", "show the image it was read from";
        Fold = "fold", "fold", "fold JSON less or more";
        OpenPost = "open_post", "post", "to the post of the image";
        OutputsOf = "outputs_of", "outputs", "to what was stored of its image";
        Accept = "accept", "yes", "do the marked thing";
        Close = "close", "close", "close, changing nothing";
        Up = "up", "up", "one up";
        Down = "down", "down", "one down";
        PageUp = "page_up", "page up", "one page up";
        PageDown = "page_down", "page down", "one page down";
        First = "first", "first", "to the newest post, to the top of a text";
        Last = "last", "last", "to the end of what is loaded; in the log: follow";
        Pause = "pause", "pause", "pause the engine, or let it go on";
        Resume = "resume", "resume", "end every pause now, those of quotas too";
        Overview = "overview", "overview", "the overview";
        Failed = "failed", "failed", "the failed posts";
        Log = "log", "log", "the log";
        Outputs = "outputs", "outputs", "the outputs";
        NextPane = "next_pane", "next", "the next pane";
        PreviousPane = "previous_pane", "previous", "the pane before";
        Help = "help", "help", "these keys";
        Quit = "quit", "quit", "leave; what is in flight is finished or given back";
        QuitAtOnce = "quit_at_once", "quit", "leave, from any window too";
        Redraw = "redraw", "redraw", "draw the whole screen again";
        Suspend = "suspend", "suspend", "back to the shell; `fg` returns";
    }
}

/// A key with its modifiers; Shift is in the character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control held.
    pub ctrl: bool,
    /// Alt held.
    pub alt: bool,
}

impl Chord {
    fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// As written in the file.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(rest) = word.strip_prefix("ctrl-") {
            return Self::parse(rest).map(|chord| Self { ctrl: true, ..chord });
        }
        if let Some(rest) = word.strip_prefix("alt-") {
            return Self::parse(rest).map(|chord| Self { alt: true, ..chord });
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
        Self { code, ctrl, alt: key.modifiers.contains(KeyModifiers::ALT) }
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
];

/// The letter printed on the same key of a Latin layout; terminals report no base key, so `й` must do what `q` does.
fn latin_key(c: char) -> char {
    const CYRILLIC: &str = "йцукенгшщзхъфывапролджэячсмитьбюёіїєґў";
    const LATIN: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`s]'\\o";
    let lower = c.to_lowercase().next().unwrap_or(c);
    match CYRILLIC.chars().zip(LATIN.chars()).find(|(cyrillic, _)| *cyrillic == lower) {
        Some((_, latin)) if lower == c => latin,
        Some((_, latin)) => latin.to_ascii_uppercase(),
        None => c,
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
                let keys: Vec<_> = keymap.keys(*section, *action).iter().map(|key| format!("`{}`", key.shown())).collect();
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
    fn a_cyrillic_layout_gives_the_same_commands() {
        assert_eq!(key('й', KeyModifiers::NONE), key('q', KeyModifiers::NONE));
        assert_eq!(key('К', KeyModifiers::SHIFT), key('R', KeyModifiers::SHIFT));
        assert_eq!(key('с', KeyModifiers::CONTROL), key('c', KeyModifiers::CONTROL));
        assert_eq!(key('Я', KeyModifiers::CONTROL | KeyModifiers::SHIFT), key('z', KeyModifiers::CONTROL));
        assert_eq!(key('і', KeyModifiers::NONE), key('s', KeyModifiers::NONE));
    }

    #[test]
    fn every_letter_bound_has_a_cyrillic_twin() {
        let keymap = Keymap::embedded().unwrap();
        for (_, action, chord) in keymap.bindings() {
            let KeyCode::Char(latin) = chord.code else { continue };
            if !latin.is_ascii_alphabetic() {
                continue;
            }
            let twin = "йцукенгшщзфывапролдячсмитьЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ".chars().find(|c| latin_key(*c) == latin);
            assert!(twin.is_some(), "{action:?} has no Cyrillic key");
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
