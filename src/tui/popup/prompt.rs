//! A line being typed, with what is offered for it; the palette is the same window with more room.
//! The cursor is a reversed cell: the terminal's own stays hidden and costs no bytes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::model::outputs::shown;
use crate::tui::model::prompt::{Prompt, Purpose};
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line};

const WIDTH: u16 = 78;

/// Offers seen at once.
pub const OFFERS: usize = 10;

/// Draws the line.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, prompt: &Prompt) {
    let theme = model.theme;
    let room = match prompt.purpose {
        Purpose::Palette | Purpose::Model(_) => OFFERS,
        _ => prompt.offers.len().min(OFFERS),
    };
    let height = u16::try_from(room).unwrap_or(u16::MAX) + 5;
    let inside = frame::window(buffer, screen, (WIDTH, height), &title(prompt), theme.accent());
    draw_line(model, buffer, line(inside, 0), prompt);
    match &prompt.error {
        Some(error) => drop(paint::left(buffer, line(inside, 1), error, theme.warn())),
        None => drop(paint::left(buffer, line(inside, 1), &hint(prompt), theme.quiet())),
    }
    let from = (prompt.marked + 1).saturating_sub(OFFERS);
    for (row, (at, offer)) in (2..).zip(prompt.offers.iter().enumerate().skip(from).take(OFFERS)) {
        let place = line(inside, row);
        let style = if at == prompt.marked { theme.selected() } else { Style::new() };
        buffer.set_style(place, style);
        let note = paint::cells(&offer.note);
        // Not by colour alone.
        let mark = if at == prompt.marked { "▸ " } else { "  " };
        buffer.set_stringn(place.x, place.y, mark, 2, style);
        let label = Rect { x: place.x + 2.min(place.width), width: place.width.saturating_sub(note + 3), ..place };
        paint::left(buffer, label, &offer.label, style);
        paint::right(buffer, place, &offer.note, if at == prompt.marked { style } else { theme.accent() });
    }
    if prompt.purpose == Purpose::Palette && prompt.offers.is_empty() {
        paint::left(buffer, line(inside, 2), &Safe::fixed(t("No command of this name.")), theme.quiet());
    }
    let mut keys = Words::new();
    for (action, does) in [(Action::Accept, t("go")), (Action::Complete, t("complete")), (Action::Close, t("leave it"))] {
        let complete = action == Action::Complete;
        if let Some(chord) = model.keymap.key(&[Section::Prompt], action)
            && !(complete && (prompt.offers.is_empty() || prompt.purpose == Purpose::Palette))
        {
            keys = keys.spaced(3, chord.shown(), theme.accent()).word(does, theme.quiet());
        }
    }
    keys.paint(buffer, line(inside, inside.height.saturating_sub(1)));
}

fn title(prompt: &Prompt) -> Safe {
    match &prompt.purpose {
        Purpose::Filter(_) | Purpose::Names => Safe::fixed(t("Filter")),
        Purpose::Folder { key } => tell!("Download {}", shown(key).clipped(50)),
        Purpose::Palette => Safe::fixed(t("Command")),
        Purpose::Search => Safe::fixed(t("Look for")),
        Purpose::Export(_) => Safe::fixed(t("Write to a file")),
        Purpose::Submit => Safe::fixed(t("Have images read")),
        Purpose::Tags(id) => tell!("Tags of post {}", id),
        Purpose::Model(id) => tell!("Tag post {} anew with", id),
        Purpose::Sure { what, .. } => what.clone(),
    }
}

fn hint(prompt: &Prompt) -> Safe {
    match &prompt.purpose {
        Purpose::Filter(_) => Safe::fixed(t("field:value or words; nothing shows everything")),
        Purpose::Names => Safe::fixed(t("what names hold, in upper or lower case; nothing shows all names")),
        Purpose::Folder { .. } => Safe::fixed(t("into this folder; no file is overwritten")),
        Purpose::Palette => Safe::fixed(t("part of its name")),
        Purpose::Search => Safe::fixed(t("words; n and N go to the next and the one before; nothing ends it")),
        Purpose::Export(_) => Safe::fixed(t("the ending says how: .csv, or .jsonl for JSON lines")),
        Purpose::Submit => Safe::fixed(t("a file or a folder; Tab completes")),
        Purpose::Model(_) => Safe::fixed(t("part of a name, or PROVIDER/MODEL; $ a million tokens: prompt/answer")),
        Purpose::Tags(_) => Safe::fixed(t("separated by commas; no model touches them afterwards")),
        Purpose::Sure { word, .. } => tell!("Type {} to go on, or Esc to leave it.", word),
    }
}

fn draw_line(model: &Model, buffer: &mut Buffer, place: Rect, prompt: &Prompt) {
    let theme = model.theme;
    let used = paint::left(buffer, place, &Safe::fixed("> "), theme.accent());
    let place = Rect { x: place.x + used.min(place.width), width: place.width.saturating_sub(used), ..place };
    let (before, after) = prompt.editor.seen(usize::from(place.width));
    let at = paint::left(buffer, place, &before, Style::new());
    let rest = Rect { x: place.x + at, width: place.width.saturating_sub(at), ..place };
    paint::left(buffer, rest, &after, Style::new());
    let cursor = Rect { width: 1.min(rest.width), ..rest };
    buffer.set_style(cursor, theme.selected());
}

#[cfg(test)]
mod tests {
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;

    #[test]
    fn the_palette_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            fixture::press(&mut model, ":");
            fixture::type_text(&mut model, "retry");
            insta::assert_snapshot!(format!("palette_{name}"), fixture::screen(&model));
        }
    }

    #[test]
    fn a_filter_being_typed_as_seen() {
        let mut model = fixture::busy((80, 24));
        model.focus = Pane::Failed;
        fixture::press(&mut model, "/");
        fixture::type_text(&mut model, "кратер class:");
        insta::assert_snapshot!(fixture::screen(&model));
    }
}
