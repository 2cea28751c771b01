//! The levels and kinds of events that the log shows, each with a box to tick.
//! Levels are kinds that go together; what is ticked is the pane's filter, at once.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{EventKind, Level};
use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::t;
use crate::tui::model::Model;
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line, number, safe};

const WIDTH: u16 = 54;

/// Lines of the window: every level and every kind.
pub const ENTRIES: usize = Level::ALL.len() + EventKind::ALL.len();

#[derive(Clone, Copy)]
enum Entry {
    Level(Level),
    Kind(EventKind),
}

fn entries() -> impl Iterator<Item = Entry> {
    Level::ALL.iter().flat_map(|level| std::iter::once(Entry::Level(*level)).chain(level.kinds().map(Entry::Kind)))
}

/// The kinds that the entry at this place stands for.
pub fn kinds(at: usize) -> Vec<EventKind> {
    match entries().nth(at) {
        Some(Entry::Level(level)) => level.kinds().collect(),
        Some(Entry::Kind(kind)) => vec![kind],
        None => Vec::new(),
    }
}

/// Draws the window.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, at: usize) {
    let (theme, filter, counts) = (model.theme, &model.log.filter, model.log.counts());
    let height = u16::try_from(ENTRIES).unwrap_or(u16::MAX).saturating_add(4);
    let title = Safe::fixed(t("Levels and kinds of events"));
    let inside = frame::window(buffer, screen, (WIDTH, height), &title, theme.accent());
    let seen = usize::from(inside.height.saturating_sub(2));
    let from = (at + 1).saturating_sub(seen);
    for (row, (nth, entry)) in (0..).zip(entries().enumerate().skip(from).take(seen)) {
        let place = line(inside, row);
        let of: Vec<EventKind> = kinds(nth);
        let shown = of.iter().filter(|kind| filter.shows(**kind)).count();
        let ticked = match shown {
            0 => "[ ]",
            some if some == of.len() => "[x]",
            _ => "[-]",
        };
        let selected = nth == at;
        let style = if selected { theme.selected() } else { Style::new() };
        if selected {
            buffer.set_style(place, style);
        }
        let (word, words) = match entry {
            Entry::Level(level) => {
                (level.as_str(), Words::new().word(ticked, style).word(t(level.as_str()), theme.strong().patch(style)))
            }
            Entry::Kind(kind) => {
                let (sign, colour) = theme.event(kind);
                let colour = if selected { style } else { colour };
                let words = Words::new().word("  ", style).word(ticked, style).word(sign, colour);
                (kind.as_str(), words.word(t(kind.as_str()), style))
            }
        };
        words.paint(buffer, place);
        let count: usize = counts.iter().filter(|(kind, _)| of.contains(kind)).map(|(_, count)| count).sum();
        paint::right(buffer, place, &number(count as i64), style);
        if word != t(word) {
            // What is typed behind `level:` and `kind:`.
            let middle = Rect { x: place.x + 30.min(place.width), width: place.width.saturating_sub(38), ..place };
            paint::left(buffer, middle, &safe!("{word}"), if selected { style } else { theme.quiet() });
        }
    }
    let mut keys = Words::new();
    for (section, action) in [
        (Section::Kinds, Action::ToggleKind),
        (Section::Kinds, Action::OnlyKind),
        (Section::Kinds, Action::EveryKind),
        (Section::Popup, Action::Close),
    ] {
        if let Some(chord) = model.keymap.key(&[section], action) {
            keys = keys.spaced(2, chord.shown(), theme.accent()).word(t(action.short()), theme.quiet());
        }
    }
    keys.paint(buffer, line(inside, inside.height.saturating_sub(1)));
}

#[cfg(test)]
mod tests {
    use crate::tui::fixture::{self, SIZES, press};
    use crate::tui::model::Pane;

    #[test]
    fn levels_and_kinds_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Log;
            for key in ["c", "space", "down", "down", "space"] {
                press(&mut model, key);
            }
            insta::assert_snapshot!(format!("kinds_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn the_log_shows_what_is_ticked_at_once_and_says_so() {
        let mut model = fixture::busy((120, 36));
        model.focus = Pane::Log;
        let shown = |model: &crate::tui::model::Model| model.log.shown().map(|event| event.kind).collect::<Vec<_>>();
        let all = shown(&model).len();
        press(&mut model, "c");
        // The first line is the level of errors: alone, then left out of everything.
        press(&mut model, "o");
        assert!(shown(&model).iter().all(|kind| kind.level() == crate::domain::Level::Error) && !shown(&model).is_empty());
        press(&mut model, "space");
        assert!(model.toast.take().is_some_and(|toast| toast.text.contains("Nothing would be left")));
        press(&mut model, "a");
        assert_eq!(shown(&model).len(), all);
        press(&mut model, "space");
        press(&mut model, "enter");
        assert!(model.popups.is_empty());
        assert!(fixture::screen(&model).contains(" level:warn,info  following"), "{}", fixture::screen(&model));
        press(&mut model, "esc");
        assert_eq!(shown(&model).len(), all);
    }
}
