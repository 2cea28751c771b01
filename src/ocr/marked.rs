//! Markdown that a foreign engine wrote, as blocks of our own: headings, lists, paragraphs, tables (pipe or HTML), pictures.
//! It is no full parser of `CommonMark`: marks it does not know stay text, and nothing in it recurses or grows faster than its input.

mod html;
mod inline;
mod pipe;

use super::document::{Block, BlockKind, Line, Table};
use super::geometry::Quad;
use super::layout::marker;
use crate::text::Safe;

pub(super) use inline::words;

/// Bytes of Markdown that are read: a page has some thousand.
const MOST_BYTES: usize = 4 << 20;
/// Blocks that are kept.
const MOST_BLOCKS: usize = 20_000;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// In their order, without places and confidences.
    pub blocks: Vec<Block>,
    /// There was more than is read.
    pub cut: bool,
}

/// A block of text alone; its lines as printed.
pub(super) fn plain(kind: BlockKind, text: &str) -> Block {
    let text = Safe::block(text.trim());
    let line = |line: &str| Line { quad: Quad::default(), text: Safe::line(line), confidence: 0.0, words: Vec::new() };
    let lines = text.split('\n').filter(|line| !line.trim().is_empty()).map(line).collect();
    Block { kind, page: None, level: None, quad: Quad::default(), confidence: 0.0, text, lines, table: None }
}

fn tabular(table: Table) -> Block {
    // As the table's own reader has it: rows as lines, cells set apart by tabs are spaces in a block's text.
    let mut text = String::new();
    let mut row = 0;
    for cell in &table.cells {
        if !text.is_empty() {
            text.push(if cell.row == row { ' ' } else { '\n' });
        }
        row = cell.row;
        text.push_str(&cell.text.replace('\n', " "));
    }
    let text = Safe::block(&text);
    let (kind, quad) = (BlockKind::Table, Quad::default());
    Block { kind, page: None, level: None, quad, confidence: 0.0, text, lines: Vec::new(), table: Some(table) }
}

/// The blocks of a Markdown text.
pub(super) fn blocks(markdown: &str) -> Marked {
    let mut end = markdown.len().min(MOST_BYTES);
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    let mut reading = Reading::default();
    let text = markdown[..end].replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        if reading.done.blocks.len() >= MOST_BLOCKS {
            reading.done.cut = true;
            break;
        }
        if reading.fence(line) {
            continue;
        }
        if let Some(at) = html::opens(line) {
            let (before, from) = line.split_at(at);
            reading.line(before);
            reading.flush();
            let mut source = String::new();
            let (mut part, mut depth) = (from, 0);
            let end = loop {
                let start = source.len();
                source.push_str(part);
                match html::closes(part, depth) {
                    Ok(end) => break start + end,
                    Err(open) => depth = open,
                }
                let Some(next) = lines.next() else { break source.len() };
                source.push('\n');
                part = next;
            };
            let (table, after) = source.split_at(end);
            reading.table(html::table(table));
            reading.line(after);
            continue;
        }
        if pipe::is_row(line) && lines.peek().is_some_and(|next| pipe::is_rule(next)) {
            reading.flush();
            let mut rows = vec![line];
            lines.next();
            while let Some(row) = lines.next_if(|next| pipe::is_row(next)) {
                rows.push(row);
            }
            reading.table(pipe::table(&rows));
            continue;
        }
        reading.line(line);
    }
    reading.flush();
    reading.done.cut |= end < markdown.len();
    reading.done
}

#[derive(Default)]
struct Reading {
    done: Marked,
    kind: Option<BlockKind>,
    level: Option<u8>,
    text: String,
    /// The sign that ends the code we are in.
    fence: Option<&'static str>,
}

impl Reading {
    /// Code blocks: what stands in them is text as it is.
    fn fence(&mut self, line: &str) -> bool {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (self.fence, mark) {
            (None, None) => return false,
            (None, Some(_)) => {
                self.flush();
                self.fence = mark;
            }
            (Some(open), Some(mark)) if open == mark => {
                self.flush();
                self.fence = None;
            }
            (Some(_), _) => self.push(BlockKind::Paragraph, line),
        }
        true
    }

    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() || is_rule(trimmed) {
            return self.flush();
        }
        if let Some((level, title)) = heading(trimmed) {
            self.flush();
            self.push(BlockKind::Heading, &words(title));
            self.level = Some(level);
            return self.flush();
        }
        let quoted = trimmed.trim_start_matches(['>', ' ']);
        let text = words(quoted);
        if text.trim().is_empty() {
            // Nothing but tags: a picture, or nothing.
            if inline::is_picture(quoted) {
                self.flush();
                self.done.blocks.push(plain(BlockKind::Figure, ""));
            }
            return;
        }
        // A star is a bullet in Markdown; in print it would be a sign of its own.
        let item = quoted.strip_prefix("* ").map(|rest| format!("- {}", words(rest)));
        let item = item.unwrap_or(text);
        if is_item(quoted) {
            self.push(BlockKind::List, &item);
        } else if self.kind == Some(BlockKind::List) && line.starts_with([' ', '\t']) {
            // The rest of an item, which is one line of a list.
            self.text.push(' ');
            self.text.push_str(item.trim());
        } else {
            self.push(BlockKind::Paragraph, &item);
        }
    }

    fn push(&mut self, kind: BlockKind, line: &str) {
        if self.kind != Some(kind) {
            self.flush();
            self.kind = Some(kind);
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
    }

    fn table(&mut self, table: Option<Table>) {
        self.flush();
        self.done.blocks.extend(table.map(tabular));
    }

    fn flush(&mut self) {
        let (text, level) = (std::mem::take(&mut self.text), self.level.take());
        if let Some(kind) = self.kind.take()
            && !text.trim().is_empty()
        {
            self.done.blocks.push(Block { level, ..plain(kind, &text) });
        }
    }
}

/// `---`, `***`, `===` and the like: a rule, or the line under a title.
fn is_rule(line: &str) -> bool {
    let mut signs = line.chars().filter(|c| !c.is_whitespace());
    let first = signs.next();
    first.is_some_and(|first| matches!(first, '-' | '*' | '_' | '=') && signs.clone().count() >= 2 && signs.all(|c| c == first))
}

/// Level and title.
fn heading(line: &str) -> Option<(u8, &str)> {
    let rest = line.trim_start_matches('#');
    let level = u8::try_from(line.len() - rest.len()).ok().filter(|level| (1..=6).contains(level))?;
    rest.starts_with([' ', '\t']).then(|| (level, rest.trim().trim_end_matches('#').trim_end()))
}

/// An item in Markdown's own sense; other signs that printers use are the page's text.
fn is_item(line: &str) -> bool {
    let first = line.chars().next().unwrap_or(' ');
    (matches!(first, '-' | '*' | '+') && line[1..].starts_with(' '))
        || (first.is_ascii_digit() && matches!(marker(line), Some((super::layout::Marker::Number(..), rest)) if !rest.is_empty()))
}

#[cfg(test)]
mod tests;
