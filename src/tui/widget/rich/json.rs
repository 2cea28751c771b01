//! JSON as coloured lines, folded below a depth; also when it is cut off in the middle, holds several values, or is none.
//! It checks nothing: it sets what is there, token by token, in time that grows with the text.

use ratatui::style::Style;

use super::{Fold, Line, MOST_LINES, wrap};
use crate::text::Safe;
use crate::tui::theme::Theme;

/// Bytes of a list of plain values that stays on one line.
const SHORT: usize = 70;

/// Deeper than this nothing is set in any more.
const MOST_INDENT: usize = 20;

/// The lines of a JSON text.
pub(super) fn lay(raw: &str, width: usize, fold: Fold, theme: Theme) -> Vec<Line> {
    let mut setter = Setter { rest: raw, depth: 0, line: Vec::new(), lines: Vec::new(), width, theme };
    while setter.lines.len() <= MOST_LINES && setter.step(fold) {}
    setter.turn();
    setter.lines
}

struct Setter<'a> {
    rest: &'a str,
    depth: usize,
    line: Vec<(String, Style)>,
    lines: Vec<Line>,
    width: usize,
    theme: Theme,
}

impl Setter<'_> {
    /// Sets one token; false at the end.
    fn step(&mut self, fold: Fold) -> bool {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return false };
        match first {
            '{' | '[' => self.open(first, fold),
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                self.turn();
                self.put(1, Style::new());
                self.end_of_value();
            }
            ',' => {
                self.put(1, Style::new());
                self.turn();
            }
            ':' => {
                self.put(1, Style::new());
                self.push(" ".to_owned(), Style::new());
            }
            '"' => {
                let length = string(self.rest);
                let key = self.rest[length..].trim_start().starts_with(':');
                let style = if key { self.theme.accent() } else { self.theme.good() };
                self.put(length, style);
                if !key {
                    self.end_of_value();
                }
            }
            _ => {
                let length = self.rest.find(|c: char| c.is_whitespace() || ",:[]{}\"".contains(c)).unwrap_or(self.rest.len());
                self.put(length.max(first.len_utf8()), self.theme.warn());
                self.end_of_value();
            }
        }
        true
    }

    fn open(&mut self, bracket: char, fold: Fold) {
        let inside = self.rest[1..].trim_start();
        let folded = fold.0 > 0 && self.depth >= usize::from(fold.0);
        if inside.starts_with(['}', ']']) {
            self.push(if bracket == '{' { "{}" } else { "[]" }.to_owned(), Style::new());
            self.rest = &inside[1..];
            self.end_of_value();
        } else if let Some(length) = short(self.rest) {
            let words: Vec<&str> = self.rest[1..length - 1].split(',').map(str::trim).collect();
            self.push(format!("[{}]", words.join(", ")), self.theme.warn());
            self.rest = &self.rest[length..];
            self.end_of_value();
        } else if folded {
            let (length, items, closed) = container(self.rest);
            let close = if bracket == '{' { '}' } else { ']' };
            let more = if closed { "" } else { "+" };
            self.push(format!("{bracket}… {items}{more}{close}"), self.theme.quiet());
            self.rest = &self.rest[length..];
            self.end_of_value();
        } else {
            self.put(1, Style::new());
            self.depth += 1;
            self.turn();
        }
    }

    /// Takes so many bytes onto the line.
    fn put(&mut self, length: usize, style: Style) {
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.push(Safe::block(token).replace('\n', " "), style);
    }

    fn push(&mut self, text: String, style: Style) {
        if self.line.is_empty() {
            self.line.push((" ".repeat(2 * self.depth.min(MOST_INDENT)), Style::new()));
        }
        self.line.push((text, style));
    }

    /// Outside of everything each value has its own line.
    fn end_of_value(&mut self) {
        if self.depth == 0 {
            self.turn();
        }
    }

    fn turn(&mut self) {
        if !self.line.is_empty() {
            wrap(&std::mem::take(&mut self.line), self.width, &mut self.lines);
        }
    }
}

/// Bytes of a string with its quotes; up to the end when it has none.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of a list of a few plain values, brackets and all.
fn short(text: &str) -> Option<usize> {
    let end = text.bytes().take(SHORT).position(|byte| byte == b']')?;
    let plain = text.starts_with('[') && !text[1..end].contains(['[', '{', '"', '}', ':']);
    plain.then_some(end + 1)
}

/// Bytes of a list or an object with everything in it, how many items it has, and whether it is whole.
fn container(text: &str) -> (usize, usize, bool) {
    let (mut at, mut depth, mut commas) = (0, 0_usize, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string(&text[at..]);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return (at + 1, commas + 1, true);
                }
            }
            b',' if depth == 1 => commas += 1,
            _ => {}
        }
        at += 1;
    }
    (text.len(), commas, false)
}
