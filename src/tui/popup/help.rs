//! The keys that work where the help was asked for, made from the keymap.
//! A key that is not in the keymap cannot be shown, one that is cannot be missing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::text::Safe;
use crate::tui::keymap::{Action, Keymap, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, line};

const WIDTH: u16 = 78;

/// Lines of the help that are seen at once.
pub fn rows(size: (u16, u16)) -> usize {
    usize::from(size.1.saturating_sub(4).max(3))
}

enum Entry {
    Heading(Section),
    Keys(Vec<Safe>, Action),
    Gap,
}

fn entries(keymap: &Keymap, sections: &[Section]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for section in sections {
        let actions: Vec<_> = Action::ALL
            .iter()
            .map(|action| (*action, keymap.keys(*section, *action)))
            .filter(|(_, keys)| !keys.is_empty())
            .collect();
        if actions.is_empty() {
            continue;
        }
        if !entries.is_empty() {
            entries.push(Entry::Gap);
        }
        entries.push(Entry::Heading(*section));
        entries.extend(
            actions
                .into_iter()
                .map(|(action, keys)| Entry::Keys(keys.iter().map(super::super::keymap::Chord::shown).collect(), action)),
        );
    }
    entries
}

/// Lines of the whole help.
pub fn length(keymap: &Keymap, sections: &[Section]) -> usize {
    entries(keymap, sections).len()
}

/// Draws the help.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, sections: &[Section], scroll: usize) {
    let entries = entries(&model.keymap, sections);
    let seen = rows(model.size).min(entries.len());
    let height = u16::try_from(seen).unwrap_or(u16::MAX) + 2;
    let place = sections.first().map_or("", |section| t(section.short()));
    let below = entries.len().saturating_sub(scroll + seen);
    let title = if below > 0 { tell!("Keys · {} · ↓ {} more", place, below) } else { tell!("Keys · {}", place) };
    let inside = frame::window(buffer, screen, (WIDTH, height), &title, model.theme.accent());
    for (row, entry) in (0..).zip(entries.iter().skip(scroll).take(seen)) {
        let place = line(inside, row);
        match entry {
            Entry::Gap => {}
            Entry::Heading(section) => {
                paint::left(buffer, place, &Safe::fixed(t(section.long())), model.theme.strong());
            }
            Entry::Keys(keys, action) => {
                // Ten digits stand for themselves.
                let keys = match keys.as_slice() {
                    [first, .., last] if keys.len() > 6 => format!("{first} … {last}"),
                    some => some.iter().map(|key| &**key).collect::<Vec<_>>().join(" "),
                };
                paint::left(buffer, Rect { width: 20.min(place.width), ..place }, &Safe::line(&keys), model.theme.accent());
                let from = 21.min(place.width);
                let words = Rect { x: place.x + from, width: place.width - from, ..place };
                paint::left(buffer, words, &Safe::fixed(t(action.long())), Style::new());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;

    #[test]
    fn no_line_of_the_help_is_cut_on_eighty_columns() {
        for action in crate::tui::keymap::Action::ALL {
            assert!(action.long().chars().count() <= usize::from(super::WIDTH) - 4 - 21, "{}", action.long());
        }
    }

    #[test]
    fn the_help_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            fixture::press(&mut model, "?");
            insta::assert_snapshot!(format!("help_{name}"), fixture::screen(&model));
        }
    }
}
