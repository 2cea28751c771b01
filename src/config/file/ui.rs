//! The sections `[ui]` and `[keys]`: how the dashboard looks and which keys it takes.
//! Names of keys and actions are the dashboard's to judge; the lines they stand on are kept for its messages.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::super::{KeySetting, UI_EMOJI, UI_LANGUAGES, UI_THEMES, UI_TIMES, Ui};
use super::{ConfigError, Source};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileUi {
    language: Option<Spanned<String>>,
    theme: Option<Spanned<String>>,
    times: Option<Spanned<String>>,
    emoji: Option<Spanned<String>>,
    mouse: Option<bool>,
}

/// Section, action, keys.
pub(super) type FileKeys = BTreeMap<String, BTreeMap<String, Spanned<Vec<String>>>>;

pub(super) fn ui(file: &Source<'_>, raw: &FileUi, keys: FileKeys) -> Result<Ui, ConfigError> {
    let default = Ui::default();
    Ok(Ui {
        language: one_of(file, raw.language.as_ref(), "ui.language", UI_LANGUAGES)?.unwrap_or(default.language),
        theme: one_of(file, raw.theme.as_ref(), "ui.theme", UI_THEMES)?.unwrap_or(default.theme),
        times: one_of(file, raw.times.as_ref(), "ui.times", UI_TIMES)?.unwrap_or(default.times),
        emoji: one_of(file, raw.emoji.as_ref(), "ui.emoji", UI_EMOJI)?.unwrap_or(default.emoji),
        mouse: raw.mouse.unwrap_or(default.mouse),
        keys: settings(file, keys),
    })
}

fn one_of(
    file: &Source<'_>,
    word: Option<&Spanned<String>>,
    key: &str,
    known: &'static [&'static str],
) -> Result<Option<&'static str>, ConfigError> {
    let Some(word) = word else { return Ok(None) };
    match known.iter().find(|one| **one == word.get_ref()) {
        Some(one) => Ok(Some(*one)),
        None => Err(file
            .invalid(word.span().start, &format!("{key} = \"{}\" is not possible; one of {}", word.get_ref(), known.join(", ")))),
    }
}

fn settings(file: &Source<'_>, keys: FileKeys) -> Vec<KeySetting> {
    let mut all = Vec::new();
    for (section, actions) in keys {
        for (action, keys) in actions {
            let line = file.line(keys.span().start);
            all.push(KeySetting { section: section.clone(), action, keys: keys.into_inner(), line });
        }
    }
    all
}
