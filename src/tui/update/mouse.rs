//! The mouse: a click on a tab, a line or a choice, the wheel, and dragging the border below a list.
//! Where things stand is `layout`'s; nothing here cannot be done with a key as well.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::motion::{self, Step};
use super::{act, settle};
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::layout;
use crate::tui::model::{Model, Pane};

/// Lines a turn of the wheel moves.
const WHEEL: isize = 3;

/// Does what was meant.
pub fn used(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let at = Position::new(event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp => moved(model, -WHEEL),
        MouseEventKind::ScrollDown => moved(model, WHEEL),
        MouseEventKind::Down(MouseButton::Left) if model.popups.is_empty() => pressed(model, at),
        MouseEventKind::Drag(MouseButton::Left) if model.dragging => {
            model.split = layout::split_at(model, at.y);
            model.dirty = true;
            settle(model);
            Vec::new()
        }
        MouseEventKind::Up(MouseButton::Left) => {
            model.dragging = false;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn moved(model: &mut Model, by: isize) -> Vec<Effect> {
    model.dirty = true;
    motion::go(model, Step::By(by))
}

fn pressed(model: &mut Model, at: Position) -> Vec<Effect> {
    if let Some(pane) = layout::tab_at(model, at) {
        model.dirty = true;
        return act::focus(model, pane);
    }
    let parts = layout::parts(model);
    if model.focus != Pane::Overview && parts.detail.height > 0 && at.y == parts.detail.y {
        model.dragging = model.focus != Pane::Log;
        return Vec::new();
    }
    let lines = layout::lines(model);
    if !lines.contains(at) {
        return Vec::new();
    }
    model.dirty = true;
    let row = usize::from(at.y - lines.y);
    let (before, there) = match model.focus {
        Pane::Failed if model.failed.grouped.is_some() => {
            let before = model.failed.grouped;
            let there = row < model.classes.len();
            model.failed.grouped = if there { Some(row) } else { before };
            (before == Some(row), there)
        }
        Pane::Failed => {
            let before = model.failed.list.cursor;
            let there = model.failed.list.point(row);
            (before == model.failed.list.cursor, there)
        }
        Pane::Ocr => {
            let before = model.images.list.cursor;
            let there = model.images.list.point(row);
            (before == model.images.list.cursor, there)
        }
        Pane::Log => {
            let before = model.log.selected().map(|event| event.seq);
            let there = model.log.point(row, usize::from(lines.height));
            settle(model);
            (before.is_some() && before == model.log.selected().map(|event| event.seq), there)
        }
        Pane::Outputs => {
            let before = model.outputs.list.cursor;
            let there = model.outputs.list.point(row);
            (before == model.outputs.list.cursor, there)
        }
        Pane::Overview => (false, false),
    };
    // A second click on the same line opens it.
    if before && there { act::act(model, Action::Open) } else { motion::go(model, Step::By(0)) }
}
