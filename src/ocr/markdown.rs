//! A document as Markdown and as plain text.
//! What was read from the image stays text: it can open no heading, list, link, tag or table cell of its own.

mod escape;
mod table;

use super::document::{Block, BlockKind, Document};
use super::layout::{Marker, marker, median};
use escape::line;
use table::{tabbed, table};

/// `CommonMark` with GFM pipe tables; tables with merged cells as HTML. Pages are set apart by a rule.
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    let mut page = None;
    let sizes = Sizes::of(document);
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
        block_markdown(block, &sizes, &mut out);
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
    let plain = |block: &Block| block.table.as_ref().map_or_else(|| block.text.to_string(), tabbed);
    let blocks: Vec<String> = document.blocks.iter().map(plain).filter(|text| !text.is_empty()).collect();
    let mut out = blocks.join("\n\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn block_markdown(block: &Block, sizes: &Sizes, out: &mut String) {
    match (&block.table, block.kind) {
        (Some(found), _) => table(found, out),
        (None, BlockKind::Heading) => {
            let title = block.text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
            if !title.is_empty() {
                out.push_str(&"#".repeat(sizes.level(block, &title)));
                out.push(' ');
                out.push_str(&heading(&title));
            }
        }
        (None, BlockKind::List) => list(&block.text, out),
        (None, BlockKind::Paragraph | BlockKind::Table | BlockKind::Figure) => join(block.text.split('\n').map(line), out),
    }
}

/// A heading's lines are higher than those of the body by this factor: a title. Capitals without descenders are lower than body
/// text of the same size, by up to 1.3.
const TITLE: f32 = 1.6;
/// Up to here they are as high as those of the body.
const SAME: f32 = 1.2;

/// Heights of lines, which tell headings apart that have no number.
struct Sizes {
    /// The median of the body's, in pixels; 0: there is no body.
    body: f32,
    /// Some heading is a title by its height.
    has_title: bool,
}

impl Sizes {
    fn of(document: &Document) -> Self {
        let in_body = |block: &&Block| matches!(block.kind, BlockKind::Paragraph | BlockKind::List);
        let body = document.blocks.iter().filter(in_body).flat_map(|block| &block.lines).map(|line| line.quad.height());
        let mut sizes = Self { body: median(body.collect()), has_title: false };
        let mut headings = document.blocks.iter().filter(|block| block.kind == BlockKind::Heading);
        sizes.has_title = headings.any(|block| sizes.ratio(block) >= TITLE);
        sizes
    }

    /// What its reader said. Else `5.` is a section of the document, `5.1` one below it. Without a number, letters much larger than the body's are a title, and
    /// beside such a title letters of the body's size are one below a section.
    fn level(&self, block: &Block, title: &str) -> usize {
        if let Some(level) = block.level {
            return usize::from(level).clamp(1, 6);
        }
        match marker(title) {
            Some((Marker::Section(depth), _)) => (depth + 1).min(6),
            _ if self.ratio(block) >= TITLE => 1,
            _ if self.has_title && self.ratio(block) <= SAME => 3,
            _ => 2,
        }
    }

    /// Between what makes a title and what does not where nothing can be compared.
    fn ratio(&self, block: &Block) -> f32 {
        let own = median(block.lines.iter().map(|line| line.quad.height()).collect());
        if self.body > 0.0 && own > 0.0 { own / self.body } else { f32::midpoint(SAME, TITLE) }
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
