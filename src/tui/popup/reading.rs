//! One output over everything: its text, scrolled by lines, and beside it the image it was read from.
//! Lines and image come ready from the model; drawing them costs what is seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::model::outputs::shown;
use crate::tui::model::reading::{Reading, Shown};
use crate::tui::pane;
use crate::tui::widget::paint::{self, Words, line};
use crate::tui::widget::{frame, wrap};

fn place(size: (u16, u16)) -> (u16, u16) {
    (size.0.saturating_sub(4), size.1.saturating_sub(2))
}

/// Cells of a line of text, with an image beside it or without.
pub fn width(size: (u16, u16), picture: bool) -> u16 {
    let inside = place(size).0.saturating_sub(4);
    if picture { inside.saturating_sub(picture_place(size).0 + 2).max(8) } else { inside.max(8) }
}

/// Lines of text.
pub fn rows(size: (u16, u16)) -> usize {
    usize::from(place(size).1.saturating_sub(4).max(1))
}

/// Columns and rows of the image.
pub fn picture_place(size: (u16, u16)) -> (u16, u16) {
    (place(size).0.saturating_sub(6) / 2, u16::try_from(rows(size)).unwrap_or(u16::MAX))
}

/// Draws the window.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect) {
    let theme = model.theme;
    let reading = model.outputs.reading.as_ref();
    let title = reading.map_or(Safe::fixed(t("Output")), |reading| shown(&reading.key));
    let title = title.clipped(usize::from(screen.width.saturating_sub(12)));
    let inside = frame::window(buffer, screen, place(model.size), &title, theme.accent());
    draw_foot(model, buffer, line(inside, inside.height.saturating_sub(1)), reading);
    let Some(reading) = reading else {
        paint::left(buffer, line(inside, 0), &Safe::fixed(t("Loading…")), theme.quiet());
        return;
    };
    if let Err(why) = &reading.known {
        for (row, text) in (0..).zip(wrap::wrapped(why, inside.width)) {
            paint::left(buffer, line(inside, row), &text, theme.bad());
        }
        return;
    }
    paint::left(buffer, line(inside, 0), &pane::outputs::about(reading), theme.quiet());
    let picture = reading.picture.as_ref().filter(|_| model.outputs.pictures);
    let text = Rect { width: width(model.size, picture.is_some()).min(inside.width), ..inside };
    for (row, words) in (1..).zip(reading.laid.lines.iter().skip(reading.scroll).take(rows(model.size))) {
        words.paint(buffer, line(text, row));
    }
    if let Some(picture) = picture {
        let from = text.width + 2;
        let beside = Rect {
            x: inside.x + from,
            y: inside.y + 1,
            width: inside.width.saturating_sub(from),
            height: inside.height.saturating_sub(2),
        };
        draw_picture(model, buffer, beside, picture);
    }
}

fn draw_picture(model: &Model, buffer: &mut Buffer, area: Rect, picture: &Shown) {
    match &picture.came {
        None => {
            paint::left(buffer, line(area, 0), &Safe::fixed(t("Loading the image…")), model.theme.quiet());
        }
        Some(Err(why)) => {
            for (row, text) in (0..).zip(wrap::wrapped(why, area.width)) {
                paint::left(buffer, line(area, row), &text, model.theme.warn());
            }
        }
        Some(Ok(cells)) => ratatui_image::Image::new(&cells.0).allow_clipping(true).render(area, buffer),
    }
}

fn draw_foot(model: &Model, buffer: &mut Buffer, place: Rect, reading: Option<&Reading>) {
    let theme = model.theme;
    let below = reading.map_or(0, |reading| reading.laid.lines.len().saturating_sub(reading.scroll + rows(model.size)));
    let more =
        if below > 0 { tell!("↓ {} more", paint::number(i64::try_from(below).unwrap_or(i64::MAX))) } else { Safe::default() };
    paint::right(buffer, place, &more, theme.quiet());
    let room = place.width.saturating_sub(paint::cells(&more) + 1);
    let mut keys = Words::new();
    let actions = [
        Action::Close,
        Action::CopyKey,
        Action::CopyLink,
        Action::Download,
        Action::Picture,
        Action::Fold,
        Action::OpenPost,
        Action::Delete,
    ];
    for action in actions {
        let Some(chord) = model.keymap.key(&[Section::Object, Section::Popup], action) else { continue };
        let longer = keys.clone().spaced(2, chord.shown(), theme.accent()).word(t(action.short()), theme.quiet());
        if longer.width() <= room {
            keys = longer;
        }
    }
    keys.paint(buffer, place);
}
