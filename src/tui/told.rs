//! What windows of the dashboard tell, for who has none open: the same words, line by line.
//! It draws nothing.

use jiff::tz::TimeZone;

use crate::domain::{Answer, PostDetail};
use crate::engine::event::wall_clock;
use crate::text::Safe;
use crate::tui::model::answer::paragraphs;
use crate::tui::model::post::Known;

/// Columns of a line.
const WIDTH: u16 = 120;

/// A post with every call made for it.
pub fn post(post: &PostDetail) -> Vec<Safe> {
    Known::from(post).lines(WIDTH, wall_clock(), &TimeZone::system()).into_iter().map(|(_, line)| line).collect()
}

/// What came back for a call.
pub fn answer(answer: &Answer) -> Vec<Safe> {
    paragraphs(answer, &TimeZone::system()).into_iter().map(|(_, text)| text).collect()
}
