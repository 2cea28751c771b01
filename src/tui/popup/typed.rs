//! A line being typed: what for, what will happen, and the line with its cursor.
//! What was typed is foreign like everything else, and passes the gate before it is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::text::Safe;
use crate::tui::model::Model;
use crate::tui::model::outputs::shown;
use crate::tui::model::typed::{DELETE, Purpose, Typed};
use crate::tui::widget::paint::{self, Words, line, safe};
use crate::tui::widget::{frame, wrap};

const WIDTH: u16 = 72;

/// Draws the window.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, typing: &Typed) {
    let theme = model.theme;
    let (title, told, does) = words(model, typing);
    let width = WIDTH.min(screen.width.saturating_sub(4));
    let mut told = wrap::wrapped(&told, width.saturating_sub(4));
    told.truncate(usize::from(screen.height.saturating_sub(8)));
    let lines = u16::try_from(told.len()).unwrap_or(u16::MAX);
    let inside = frame::window(buffer, screen, (width, lines + 6), &Safe::fixed(title), theme.accent());
    for (row, text) in (0..).zip(&told) {
        paint::left(buffer, line(inside, row), text, Style::new());
    }
    let place = line(inside, lines + 1);
    let typed = typing.shown(usize::from(place.width));
    let used = paint::left(buffer, place, &typed, theme.strong());
    buffer.set_style(
        Rect { x: place.x + used.min(place.width.saturating_sub(1)), width: 1, ..place },
        Style::new().add_modifier(Modifier::REVERSED),
    );
    let keys = Words::new().word("Enter", theme.accent()).word(does, theme.quiet());
    let keys = keys.spaced(3, "Esc", theme.accent()).word("changes nothing", theme.quiet());
    keys.paint(buffer, line(inside, lines + 3));
}

/// Title, what is said, what Enter does.
fn words(model: &Model, typing: &Typed) -> (&'static str, Safe, &'static str) {
    match &typing.purpose {
        Purpose::Filter => (
            "Filter",
            Safe::fixed("Only names that hold this text; upper and lower case are one. Empty: all names."),
            "shows them",
        ),
        Purpose::Folder { key } => {
            let told = safe!("{} goes into this folder, under its own name; no file is overwritten.", shown(key).clipped(300));
            ("Download", told, "downloads")
        }
        Purpose::Delete { key } => {
            let place = model.outputs.place.clone().unwrap_or_default();
            let told =
                safe!("{} is deleted from {place}. This cannot be undone. Type the word {DELETE}:", shown(key).clipped(300));
            ("Delete", told, "deletes once the word is there")
        }
    }
}
