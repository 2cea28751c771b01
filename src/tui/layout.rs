//! Where the parts of the screen stand: one reckoning for drawing, for scrolling and for the mouse.
//! It draws nothing.

use ratatui::layout::{Position, Rect};

use crate::text::Safe;
use crate::tui::locale::t;
use crate::tui::model::{Model, Pane, SMALLEST};
use crate::tui::widget::paint::{cells, number as number_of, safe};

/// Lines for the whole words of the event under the cursor, its border with them.
const WORDS: u16 = 4;

/// The parts of a pane that is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What the list is narrowed to.
    pub filter: Rect,
    /// What is under way, borders included; empty where there is nothing of the kind.
    pub top: Rect,
    /// The list, borders included.
    pub list: Rect,
    /// What is known of the line under the cursor, borders included; the upper one is the list's lower one. Empty when zoomed.
    pub detail: Rect,
}

/// The whole screen as panes are laid out, never smaller than the smallest.
fn screen(model: &Model) -> Rect {
    Rect::new(0, 0, model.size.0.max(SMALLEST.0), model.size.1.max(SMALLEST.1))
}

/// What is left for the pane between header, tabs and footer; zoomed there is only the footer.
pub fn body(model: &Model) -> Rect {
    let screen = screen(model);
    let above = if model.zoomed { 0 } else { 2 };
    Rect { y: above, height: screen.height - above - 1, ..screen }
}

/// Lines of the part below the list unless a person chose otherwise.
const fn below(height: u16) -> u16 {
    if height >= 48 {
        16
    } else if height >= 30 {
        11
    } else {
        8
    }
}

/// The parts of the pane in focus.
pub fn parts(model: &Model) -> Parts {
    let body = body(model);
    let filter = Rect { height: 1, ..body };
    let top = match model.focus {
        Pane::Ocr if !model.zoomed => super::pane::ocr::reading_rows(model) + 1,
        Pane::Ocr | Pane::Overview | Pane::Failed | Pane::Log | Pane::Outputs => 0,
    };
    // At least three rows of the list with heading and borders stay.
    let most = (body.height - 1 - top).saturating_sub(6);
    let detail = match model.focus {
        _ if model.zoomed && model.focus != Pane::Log => 0,
        Pane::Log if model.log.following() => 0,
        Pane::Log => WORDS + 1,
        _ => below(model.size.1).saturating_add_signed(model.split).clamp(3, most.max(3)),
    };
    let top = Rect { y: body.y + 1, height: if top > 0 { top + 1 } else { 0 }, ..body };
    // Neighbours overlap by one line, which they share as their border.
    let list_top = if top.height > 0 { top.bottom() - 1 } else { body.y + 1 };
    let list_bottom = if detail > 0 { body.bottom() - detail + 1 } else { body.bottom() };
    let list = Rect { y: list_top, height: list_bottom.saturating_sub(list_top), ..body };
    let detail = Rect { y: list.bottom() - 1, height: detail, ..body };
    Parts { filter, top, list, detail }
}

/// What `split` has to be for the border below the list to stand on this line of the screen.
pub fn split_at(model: &Model, y: u16) -> i16 {
    let wanted = body(model).bottom().saturating_sub(y);
    i16::try_from(i32::from(wanted) - i32::from(below(model.size.1))).unwrap_or_default()
}

/// The tabs with the words on each and the columns it stands in.
pub fn tabs(model: &Model) -> Vec<(Pane, Safe, Rect)> {
    let screen = screen(model);
    let mut x = 1;
    (1..)
        .zip(Pane::ALL)
        .map(|(number, pane)| {
            let count = match pane {
                Pane::Failed => model.snapshot.counts.failed,
                Pane::Ocr => model.snapshot.ocr.unread(),
                Pane::Overview | Pane::Log | Pane::Outputs => 0,
            };
            let title = match count {
                0 => safe!("{number} {}", t(pane.title())),
                some => safe!("{number} {} {}", t(pane.title()), number_of(some)),
            };
            let width = cells(&title);
            let place = Rect { x, y: 1, width: width.min(screen.width.saturating_sub(x)), height: 1 };
            x += width + 3;
            (pane, title, place)
        })
        .collect()
}

/// The tab that stands there.
pub fn tab_at(model: &Model, at: Position) -> Option<Pane> {
    if model.zoomed {
        return None;
    }
    tabs(model).into_iter().find(|(_, _, place)| place.contains(at)).map(|(pane, _, _)| pane)
}

/// The lines of the list: its borders taken off, and the headings where it has some.
pub fn lines(model: &Model) -> Rect {
    if model.focus == Pane::Outputs {
        return super::pane::outputs::lines(model);
    }
    let list = parts(model).list;
    let heading = u16::from(model.focus != Pane::Log);
    Rect {
        x: list.x + 1,
        y: list.y + 1 + heading,
        width: list.width.saturating_sub(2),
        height: list.height.saturating_sub(2 + heading),
    }
}
