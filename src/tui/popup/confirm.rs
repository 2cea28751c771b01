//! A question before something that costs calls or replaces tags: what, how many, at most how many calls.
//! `Esc` is always no; the first choice is the smallest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::keymap::{Action, Section};
use crate::tui::locale::t;
use crate::tui::model::{Confirm, Model};
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line};

const WIDTH: u16 = 80;

/// Draws the question.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, confirm: &Confirm) {
    let theme = model.theme;
    let choices = u16::try_from(confirm.choices.len()).unwrap_or(u16::MAX);
    let inside =
        frame::window(buffer, screen, (WIDTH, choices + 6 + u16::from(!confirm.note.is_empty())), &confirm.title, theme.accent());
    for (row, (at, choice)) in (1..).zip(confirm.choices.iter().enumerate()) {
        let place = line(inside, row);
        let marked = at == confirm.marked;
        let style = if marked { theme.selected() } else { Style::new() };
        if marked {
            buffer.set_style(place, style);
        }
        let mark = if marked { "▸" } else { " " };
        let cost = paint::cells(&choice.cost);
        buffer.set_stringn(place.x, place.y, mark, 1, style);
        let from = 2.min(place.width);
        paint::left(
            buffer,
            Rect { x: place.x + from, width: place.width.saturating_sub(from + cost + 1), ..place },
            &choice.label,
            style,
        );
        paint::right(buffer, place, &choice.cost, style);
    }
    let noted = u16::from(!confirm.note.is_empty());
    paint::left(buffer, line(inside, choices + 2), &confirm.note, theme.warn());
    let mut keys = Words::new();
    for (action, does) in [(Action::Accept, t("yes")), (Action::Close, t("no"))] {
        for (at, chord) in model.keymap.keys(Section::Confirm, action).iter().take(2).enumerate() {
            keys = keys.spaced(if at == 0 { 3 } else { 1 }, chord.shown(), theme.accent());
        }
        keys = keys.word(does, theme.quiet());
    }
    if choices > 1 {
        keys = keys.spaced(3, "↑↓", theme.accent()).word(t("choose"), theme.quiet());
    }
    keys.paint(buffer, line(inside, choices + 2 + noted));
}

#[cfg(test)]
mod tests {
    use crate::tui::effect::{Reckoning, Retry};
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;
    use crate::tui::update::{Msg, update};

    #[test]
    fn the_question_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            let one = Retry { force: true, ..Retry::one(fixture::failed_id()) };
            let all = Retry { force: true, ..Retry::default() };
            let counted = |n: i64| Reckoning { matched: n, queued: 0, calls: 40 * n.unsigned_abs(), by_hand: 0 };
            update(&mut model, Msg::Asked(Ok(vec![(one, counted(1)), (all, counted(65))])));
            insta::assert_snapshot!(format!("confirm_{name}"), fixture::screen(&model));
        }
    }
}
