//! A text over everything, scrolled by lines: an image and what was read, a model, the words of one event.
//! Wrapped when the text or the width changes, never while drawing.

use crate::domain::{CallId, ImageId, ModelKey, PostId};
use crate::text::Safe;
use crate::tui::model::post::Ink;
use crate::tui::widget::wrap;

/// What a page is about, for an answer that comes later.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// An image, and its post where one is known.
    Image(ImageId, Option<PostId>),
    /// A model of the route.
    Model(ModelKey),
    /// The answer to a call.
    Answer {
        /// The calls of its post, oldest first.
        calls: Vec<CallId>,
        /// Which of them.
        at: usize,
    },
    /// Nothing that changes.
    Event,
}

/// The page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What it is about.
    pub about: About,
    /// What stands on its border.
    pub title: Safe,
    /// Paragraphs, each with how it is meant; empty while they are loaded.
    pub paragraphs: Vec<(Ink, Safe)>,
    /// The paragraphs wrapped for `width`.
    pub lines: Vec<(Ink, Safe)>,
    width: u16,
    /// Lines scrolled past.
    pub scroll: usize,
    /// Lower-case words looked for.
    pub search: Option<String>,
    /// The line that held them last.
    at: Option<usize>,
}

impl Page {
    /// A page with these paragraphs.
    pub fn new(about: About, title: Safe, paragraphs: Vec<(Ink, Safe)>) -> Self {
        Self { about, title, paragraphs, lines: Vec::new(), width: 0, scroll: 0, search: None, at: None }
    }

    /// Takes other paragraphs, staying where it is.
    pub fn fill(&mut self, paragraphs: Vec<(Ink, Safe)>, width: u16) {
        if self.paragraphs != paragraphs {
            (self.paragraphs, self.width) = (paragraphs, 0);
        }
        self.wrap(width);
        self.scroll = self.scroll.min(self.lines.len().saturating_sub(1));
    }

    /// Wraps the paragraphs, unless they are wrapped for this width already.
    pub fn wrap(&mut self, width: u16) {
        if self.width != width {
            let wrapped = self.paragraphs.iter().flat_map(|(ink, text)| lines(*ink, text, width));
            self.lines = wrapped.collect();
            self.width = width;
        }
    }

    /// Looks for these words from the beginning.
    pub fn look_for(&mut self, words: Option<String>) {
        (self.search, self.at) = (words, None);
    }

    /// Whether a line holds the words looked for.
    pub fn holds(&self, line: &Safe) -> bool {
        self.search.as_ref().is_some_and(|words| line.to_lowercase().contains(words.as_str()))
    }

    /// Which of the lines that hold the words looked for was found last, and how many there are.
    pub fn found(&self) -> Option<(usize, usize)> {
        let at = self.at?;
        let holding = || (0..self.lines.len()).filter(|line| self.holds(&self.lines[*line].1));
        Some((holding().take_while(|line| *line <= at).count(), holding().count()))
    }

    /// Scrolls to the next line that holds the words looked for, or the one before; `false`: there is no other.
    pub fn find(&mut self, forward: bool, height: usize) -> bool {
        let mut holding = (0..self.lines.len()).filter(|at| self.holds(&self.lines[*at].1));
        let found = match (forward, self.at) {
            (true, at) => holding.find(|line| at.is_none_or(|at| *line > at)),
            (false, Some(at)) => holding.take_while(|line| *line < at).last(),
            (false, None) => holding.next_back(),
        };
        let Some(found) = found else { return false };
        self.at = Some(found);
        if !(self.scroll..self.scroll + height).contains(&found) {
            self.scroll = found.saturating_sub(height / 3).min(self.lines.len().saturating_sub(height));
        }
        true
    }

    /// Scrolls by lines, on a window of `height` lines.
    pub fn scroll_by(&mut self, by: isize, height: usize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.lines.len().saturating_sub(height));
    }
}

/// An empty paragraph is an empty line.
fn lines(ink: Ink, text: &Safe, width: u16) -> Vec<(Ink, Safe)> {
    if text.is_empty() {
        return vec![(ink, Safe::default())];
    }
    wrap::wrapped(text, width).into_iter().map(|line| (ink, line)).collect()
}
