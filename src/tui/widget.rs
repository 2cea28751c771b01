//! The small things panes are made of: painted words, frames, bars, times, wrapped text, words for outcomes.
//! None of them knows a pane, and all text they take is `Safe`.

pub mod bar;
pub mod frame;
pub mod outcome;
pub mod paint;
pub mod rich;
pub mod size;
pub mod when;
pub mod why;
pub mod wrap;
