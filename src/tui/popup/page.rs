//! A text over everything, scrolled by lines: an image, a model, one event.
//! The lines come wrapped from the model.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{count, t, tell};
use crate::tui::model::Model;
use crate::tui::model::page::{About, Page};
use crate::tui::popup::post::{inked, place, rows};
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line, safe};

/// Draws the page.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, page: &Page) {
    let theme = model.theme;
    let (width, most) = place(model.size);
    let lines = u16::try_from(page.lines.len().max(1)).unwrap_or(u16::MAX);
    let inside = frame::window(buffer, screen, (width, lines.saturating_add(4).min(most)), &page.title, theme.accent());
    if page.paragraphs.is_empty() {
        paint::left(buffer, line(inside, 0), &Safe::fixed(t("Loading…")), theme.quiet());
    }
    let seen = rows(model.size).min(usize::from(inside.height.saturating_sub(1)));
    for (row, (ink, text)) in (0..).zip(page.lines.iter().skip(page.scroll).take(seen)) {
        let style = if page.holds(text) { theme.selected() } else { inked(theme, *ink) };
        paint::left(buffer, line(inside, row), text, style);
    }
    let foot = line(inside, inside.height.saturating_sub(1));
    let mut keys = Words::new();
    let here: &[_] = match page.about {
        About::Image(..) => &[Section::Image, Section::Popup],
        About::Answer { .. } => &[Section::Answer, Section::Popup],
        About::Model(_) | About::Event => &[Section::Popup],
    };
    for action in [
        Action::Reread,
        Action::CancelReading,
        Action::OpenPost,
        Action::PreviousAnswer,
        Action::NextAnswer,
        Action::Search,
        Action::Copy,
        Action::Close,
    ] {
        if let Some(chord) = model.keymap.key(here, action) {
            keys = keys.spaced(2, chord.shown(), theme.accent()).word(t(action.short()), theme.quiet());
        }
    }
    if let Some((nth, of)) = page.found() {
        keys = keys.spaced(3, safe!("{nth} {}", count("of {} line", "of {} lines", of as i64)), theme.strong());
    }
    keys.paint(buffer, foot);
    let below = page.lines.len().saturating_sub(page.scroll + seen);
    if below > 0 {
        paint::right(buffer, foot, &tell!("↓ {} more", paint::number(below as i64)), theme.quiet());
    }
}
