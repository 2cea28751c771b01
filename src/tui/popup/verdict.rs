//! What was found out, over everything; scrolled by lines.
//! The lines come from the model.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::verdict::Verdict;
use crate::tui::model::{Model, Tone};
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line};

const WIDTH: u16 = 100;

/// Lines of the window.
pub fn rows(size: (u16, u16)) -> usize {
    usize::from(size.1.saturating_sub(8).max(3))
}

/// Columns of a line in it.
pub fn columns(size: (u16, u16)) -> u16 {
    size.0.min(WIDTH).saturating_sub(6).max(20)
}

/// Draws the window.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, verdict: &Verdict) {
    let theme = model.theme;
    let seen = rows(model.size).min(verdict.lines.len());
    let height = u16::try_from(seen).unwrap_or(u16::MAX) + 4;
    let inside = frame::window(buffer, screen, (WIDTH, height), &verdict.title, theme.accent());
    for (row, (tone, text)) in (0..).zip(verdict.lines.iter().skip(verdict.scroll).take(seen)) {
        let style = match tone {
            Some(Tone::Good) => theme.good(),
            Some(Tone::Warn) => theme.warn(),
            Some(Tone::Bad) => theme.bad(),
            None => Style::new(),
        };
        paint::left(buffer, line(inside, row), text, style);
    }
    let foot = line(inside, inside.height.saturating_sub(1));
    if let Some(chord) = model.keymap.key(&[Section::Popup], Action::Close) {
        Words::new().word(chord.shown(), theme.accent()).word(t(Action::Close.short()), theme.quiet()).paint(buffer, foot);
    }
    let below = verdict.lines.len().saturating_sub(verdict.scroll + seen);
    if below > 0 {
        paint::right(buffer, foot, &tell!("↓ {} more", paint::number(i64::try_from(below).unwrap_or(i64::MAX))), theme.quiet());
    }
}
