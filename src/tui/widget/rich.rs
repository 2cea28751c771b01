//! Text in several styles: Markdown rendered, JSON coloured and folded, anything else as it is; laid out for a width, line by line.
//! Slow on long texts, so it is done in a task of its own, never while drawing.

mod json;
mod markdown;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::text::Safe;
use crate::tui::locale::t;
use crate::tui::model::reading::{Kind, Shape, Text};
use crate::tui::theme::Theme;
use crate::tui::widget::paint;

/// Most lines of one text; more is left out with a word about it.
const MOST_LINES: usize = 50_000;

/// One line: pieces set side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line(Vec<(Safe, Style)>);

/// Down to which depth JSON is unfolded; 0: everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold(pub u8);

impl Default for Fold {
    /// The document, its blocks, what each of them says; not every word's place.
    fn default() -> Self {
        Self(3)
    }
}

impl Fold {
    /// The next in the cycle: 3, everything, 1, 2.
    pub const fn next(self) -> Self {
        match self.0 {
            0 => Self(1),
            1 => Self(2),
            2 => Self(3),
            _ => Self(0),
        }
    }
}

/// Lays a text out.
pub fn lay(text: &Text, shape: Shape, theme: Theme) -> Vec<Line> {
    let width = usize::from(shape.width.max(8));
    let mut lines = match text.kind {
        Kind::Markdown => markdown::lay(&text.raw, width, theme),
        Kind::Json => json::lay(&text.raw, width, shape.fold, theme),
        Kind::Plain => plain(&text.raw, width),
        Kind::Binary => vec![Line::of(t("This is no text: d downloads it."), theme.quiet())],
    };
    if lines.is_empty() {
        lines.push(Line::of(t("It is empty."), theme.quiet()));
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        lines.push(Line::of(t("… the rest is left out here: d downloads all of it."), theme.quiet()));
    }
    lines
}

fn plain(raw: &str, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for text in Safe::block(raw).split('\n').take(MOST_LINES + 1) {
        wrap(&[(text.to_owned(), Style::new())], width, &mut lines);
    }
    lines
}

impl Line {
    /// Own words in one style.
    pub fn of(words: &'static str, style: Style) -> Self {
        Self(vec![(Safe::fixed(words), style)])
    }

    fn new(pieces: Vec<(String, Style)>) -> Self {
        // `Safe::block` keeps the spaces that set lines in; there is no line break left to keep.
        Self(pieces.into_iter().map(|(text, style)| (Safe::block(&text), style)).collect())
    }

    /// Paints it from the left edge, cut where the place ends.
    pub fn paint(&self, buffer: &mut Buffer, place: Rect) {
        let mut x = place.x;
        for (text, style) in &self.0 {
            if x >= place.right() {
                break;
            }
            x += paint::left(buffer, Rect { x, width: place.right() - x, ..place }, text, *style);
        }
    }

    /// Its words without their styles.
    #[cfg(test)]
    pub fn words(&self) -> String {
        self.0.iter().map(|(text, _)| &**text).collect()
    }
}

/// Breaks pieces into lines of at most `width` cells, at spaces where it can; what goes on is set in like its beginning.
fn wrap(pieces: &[(String, Style)], width: usize, lines: &mut Vec<Line>) {
    let indent = hanging(pieces).min(width / 2);
    let mut page = Page { width, indent, line: Vec::new(), used: 0, begun: false };
    let mut word: Vec<(String, Style)> = Vec::new();
    let mut gap = 0;
    for (text, style) in pieces {
        for part in text.split_inclusive(' ') {
            let bare = part.strip_suffix(' ').unwrap_or(part);
            if !bare.is_empty() {
                word.push((bare.to_owned(), *style));
            }
            if bare.len() < part.len() {
                if !word.is_empty() {
                    page.set(&mut word, gap, lines);
                    gap = 0;
                }
                gap += 1;
            }
        }
    }
    if !word.is_empty() {
        page.set(&mut word, gap, lines);
    }
    lines.push(Line::new(page.line));
}

/// Cells by which a text is set in, the sign of a list item counted.
fn hanging(pieces: &[(String, Style)]) -> usize {
    let text: String = pieces.iter().map(|(text, _)| text.as_str()).collect::<String>().chars().take(80).collect();
    let inside = text.trim_start_matches(' ');
    let lead = text.len() - inside.len();
    let sign = inside.split(' ').next().unwrap_or_default();
    let numbered =
        sign.ends_with(['.', ')']) && sign.len() > 1 && sign.len() < 6 && sign.bytes().rev().skip(1).all(|b| b.is_ascii_digit());
    if matches!(sign, "-" | "*" | "•" | "+") || numbered { lead + sign.chars().count() + 1 } else { lead }
}

/// The line being filled.
struct Page {
    width: usize,
    indent: usize,
    line: Vec<(String, Style)>,
    used: usize,
    /// Something stands on the line.
    begun: bool,
}

impl Page {
    /// Sets a word, `gap` spaces after the last one, on this line or the next.
    fn set(&mut self, word: &mut Vec<(String, Style)>, gap: usize, lines: &mut Vec<Line>) {
        let cells: usize = word.iter().map(|(text, _)| text.width()).sum();
        if self.begun && self.used + gap + cells > self.width {
            self.turn(lines);
        } else if gap > 0 {
            let gap = gap.min(self.width / 2);
            self.line.push((" ".repeat(gap), Style::new()));
            self.used += gap;
        }
        for (text, style) in word.drain(..) {
            if self.used + text.width() <= self.width {
                self.used += text.width();
                self.line.push((text, style));
                self.begun = true;
                continue;
            }
            let mut part = String::new();
            for cluster in text.graphemes(true) {
                let cells = cluster.width();
                if self.begun && self.used + cells > self.width {
                    self.line.push((std::mem::take(&mut part), style));
                    self.turn(lines);
                }
                part.push_str(cluster);
                self.used += cells;
                self.begun = true;
            }
            self.line.push((part, style));
        }
    }

    fn turn(&mut self, lines: &mut Vec<Line>) {
        lines.push(Line::new(std::mem::take(&mut self.line)));
        self.used = self.indent;
        self.begun = false;
        if self.indent > 0 {
            self.line.push((" ".repeat(self.indent), Style::new()));
        }
    }
}

#[cfg(test)]
mod tests;
