//! A document as Markdown and as plain text.
//! What was read from the image stays text: it can open no heading, list, link, tag or table cell of its own.

mod escape;
mod table;

use super::document::{Block, BlockKind, Document};
use super::layout::{Marker, marker};
use escape::line;
use table::table;

/// `CommonMark` with GFM pipe tables; tables with merged cells as HTML. Pages are set apart by a rule.
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    let mut page = None;
    for block in &document.blocks {
        let before = out.len();
        if !out.is_empty() {
            out.push_str("\n\n");
            if block.page != page {
                out.push_str("---\n\n");
            }
        }
        page = block.page;
        let start = out.len();
        block_markdown(block, &mut out);
        if out.len() == start {
            out.truncate(before);
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The words alone: blocks set apart by an empty line, the cells of a table's row by tabs.
pub fn text(document: &Document) -> String {
    let blocks: Vec<&str> = document.blocks.iter().map(|block| &*block.text).filter(|text| !text.is_empty()).collect();
    let mut out = blocks.join("\n\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn block_markdown(block: &Block, out: &mut String) {
    match (&block.table, block.kind) {
        (Some(found), _) => table(found, out),
        (None, BlockKind::Heading) => {
            let title = block.text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
            if !title.is_empty() {
                out.push_str(&"#".repeat(level(&title)));
                out.push(' ');
                out.push_str(&heading(&title));
            }
        }
        (None, BlockKind::List) => list(&block.text, out),
        (None, BlockKind::Paragraph | BlockKind::Table | BlockKind::Figure) => join(block.text.split('\n').map(line), out),
    }
}

/// `5.` is a section of the document, `5.1` one below it; a title without a number is taken for a section.
fn level(title: &str) -> usize {
    match marker(title) {
        Some((Marker::Section(depth), _)) => (depth + 1).min(6),
        _ => 2,
    }
}

/// `# Title #` would lose its last sign.
fn heading(title: &str) -> String {
    let mut out = line(title);
    if title.ends_with('#') && !out.ends_with("\\#") {
        out.insert(out.len() - 1, '\\');
    }
    out
}

/// One line of `text` an item. Markdown counts on by itself: only numbers that do the same may stay numbers.
fn list(text: &str, out: &mut String) {
    let mut before: Option<(u32, char)> = None;
    let items = text.split('\n').filter(|item| !item.trim().is_empty()).map(|item| {
        let found = marker(item);
        let (sign, rest) = match found {
            Some((Marker::Number(number, sign), rest)) if before.is_none_or(|b| b == (number.wrapping_sub(1), sign)) => {
                before = Some((number, sign));
                return format!("{number}{sign} {}", line(rest));
            }
            Some((Marker::Bullet(_), rest)) => ("- ", rest),
            _ => ("- ", item),
        };
        before = None;
        format!("{sign}{}", line(rest))
    });
    join(items, out);
}

fn join(lines: impl Iterator<Item = String>, out: &mut String) {
    let start = out.len();
    for line in lines.filter(|line| !line.is_empty()) {
        if out.len() > start {
            out.push('\n');
        }
        out.push_str(&line);
    }
}

#[cfg(test)]
mod tests;
