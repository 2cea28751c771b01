//! Rows of one column become paragraphs, headings and lists.
//! It keeps the order it is given. What it cannot see: bold and italic letters.

mod title;

use super::marker::{Marker, marker};
use super::rows::Row;
use super::{block, median};
use crate::ocr::document::{Block, BlockKind, Line};
use crate::ocr::geometry::Rect;
use crate::text::Safe;

/// Lines stand further apart than usual by this factor: a new paragraph. Word processors set 6 pt after lines of 14 pt: 1.4.
const APART: f32 = 1.33;
/// Rows, from which on their median distance is that of the column and not an accident.
const ENOUGH: usize = 6;
/// Mean rows of an item, above which numbered items are clauses of a contract and not a list.
const CLAUSE: usize = 3;

/// What is usual on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    /// Height of a row of body text, in pixels.
    pub height: f32,
    /// Distance from row to row, in heights.
    pub pitch: f32,
    /// How many rows there are.
    pub rows: usize,
}

impl Sheet {
    pub fn of(regions: &[Vec<Row>]) -> Self {
        let heights: Vec<f32> = regions.iter().flatten().map(|row| row.rect.height()).collect();
        let rows = heights.len();
        let height = median(heights).max(1.0);
        let steps: Vec<f32> = regions.iter().flat_map(|rows| steps(rows)).filter(|step| *step < 3.0 * height).collect();
        // Few rows: what printers do, single spacing with room for a paragraph's gap.
        let pitch = if steps.len() < ENOUGH { median(steps).clamp(0.8 * height, 1.4 * height) } else { median(steps) };
        Self { height, pitch: (pitch / height).max(0.5), rows }
    }
}

fn steps(rows: &[Row]) -> impl Iterator<Item = f32> + '_ {
    rows.windows(2).filter_map(|pair| match pair {
        [above, below] => Some(below.rect.centre().y - above.rect.centre().y),
        _ => None,
    })
}

/// A row and what is known of it.
struct Fact {
    rect: Rect,
    line: Line,
    /// Width of a letter, in pixels.
    advance: f32,
    marker: Option<Marker>,
    caps: bool,
}

impl Fact {
    fn of(row: Row) -> Self {
        let rect = row.rect;
        let line = row.line();
        let letters = line.text.chars().count().max(1) as f32;
        let caps = title::is_caps(&line.text);
        Self { rect, advance: rect.width() / letters, marker: marker(&line.text).map(|(sign, _)| sign), caps, line }
    }

    /// Begins in the midst of a sentence.
    fn goes_on(&self) -> bool {
        self.line.text.starts_with(|c: char| c.is_lowercase() || c == ',' || c == ')')
    }

    fn ends(&self, signs: &[char]) -> bool {
        self.line.text.trim_end_matches(['»', '"', ')']).ends_with(signs)
    }
}

/// The rows of a region as a whole.
struct Column {
    /// Where most rows begin.
    left: f32,
    /// Where the longest row ends.
    right: f32,
    sheet: Sheet,
}

/// Appends the blocks of one column's rows.
pub(super) fn split(sheet: Sheet, rows: Vec<Row>, out: &mut Vec<Block>) {
    let mut sheet = sheet;
    if rows.len() > ENOUGH {
        sheet.pitch = (median(steps(&rows).collect()) / sheet.height).clamp(0.5, 3.0);
    }
    let lefts: Vec<f32> = rows.iter().map(|row| row.rect.left).collect();
    let right = rows.iter().map(|row| row.rect.right).fold(f32::NEG_INFINITY, f32::max);
    let column = Column { left: usual_left(lefts, 0.5 * sheet.height), right, sheet };
    let mut groups: Vec<Vec<Fact>> = Vec::new();
    for row in rows {
        let fact = Fact::of(row);
        match groups.last_mut() {
            Some(group) if !column.breaks(group, &fact) => group.push(fact),
            _ => groups.push(vec![fact]),
        }
    }
    gather(&column, groups, out);
}

/// The left edge that most rows share, within `near` pixels.
fn usual_left(mut lefts: Vec<f32>, near: f32) -> f32 {
    lefts.sort_by(f32::total_cmp);
    let (mut best, mut most, mut end) = (0.0, 0, 0);
    for (at, &left) in lefts.iter().enumerate() {
        while lefts.get(end).is_some_and(|&other| other <= left + near) {
            end += 1;
        }
        if end - at > most {
            (best, most) = (left, end - at);
        }
    }
    best
}

impl Column {
    /// Whether `row` begins something new after the rows of `group`.
    fn breaks(&self, group: &[Fact], row: &Fact) -> bool {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return true };
        let height = self.sheet.height;
        let local = height.max(last.rect.height().min(row.rect.height()));
        if row.rect.centre().y - last.rect.centre().y > APART * self.sheet.pitch * local || self.resized(last, row) {
            return true;
        }
        let room = self.right - last.rect.right;
        let word = row.line.text.split(' ').next().unwrap_or_default().chars().count() as f32;
        // Its next word would have fitted: the row was ended on purpose.
        let short = room > last.advance * (word + 1.0) + height;
        if title::begins(&row.line.text) && (short || last.ends(&['.', ':', ';', '!', '?'])) {
            return true;
        }
        if title::begins(&first.line.text) || first.caps {
            return short || first.caps != row.caps;
        }
        if row.caps && short {
            return true;
        }
        let shift = row.rect.left - last.rect.left;
        if row.marker.is_some() {
            let stopped = short || last.ends(&['.', ':', ';', ',', '!', '?']);
            return stopped || shift.abs() > 0.7 * height || first.marker.is_some_and(|sign| Some(sign) == row.marker);
        }
        if first.marker.is_some() {
            return short && !(row.goes_on() && !last.ends(&['.', ':', ';', '!', '?']));
        }
        if group.len() == 1 && self.is_name(last, row) {
            return true;
        }
        short && last.ends(&['.', ':', ';', '!', '?', '…']) || self.indented(group, last, row) || self.aside(last, row)
    }

    /// The next item of a list, right below the one before: not a title, even if it looks like one.
    fn is_next(&self, items: &[Vec<Fact>], group: &[Fact]) -> bool {
        let (Some(last), Some(first)) = (items.last().and_then(|item| item.last()), group.first()) else { return false };
        let near = first.rect.centre().y - last.rect.centre().y < APART * self.sheet.pitch * self.sheet.height;
        near && first.marker.is_some() && (first.rect.left - last.rect.left).abs() < self.sheet.height
    }

    /// Other letters: boxes differ by ascenders alone up to 1.4, so that either the height or both measures must differ.
    fn resized(&self, last: &Fact, row: &Fact) -> bool {
        let ratio = |a: f32, b: f32| if a > b { a / b } else { b / a };
        let height = ratio(last.rect.height(), row.rect.height());
        let enough = last.line.text.len().min(row.line.text.len()) >= 8 && last.caps == row.caps;
        height > 1.6 || enough && height > 1.25 && ratio(last.advance, row.advance) > 1.25 && self.sheet.rows > 2
    }

    /// The first line of a paragraph stands in.
    fn indented(&self, group: &[Fact], last: &Fact, row: &Fact) -> bool {
        let height = self.sheet.height;
        let inset = |fact: &Fact| fact.rect.left - self.left;
        let stands_in = |fact: &Fact| (0.8 * height..8.0 * height).contains(&inset(fact));
        let margin = self.right - row.rect.right;
        let centred = margin > 0.5 * height && (inset(row) - margin).abs() < (0.3 * inset(row)).max(0.5 * height);
        if !stands_in(row) || centred {
            let settled = group.len() > 1 && group.iter().all(stands_in);
            return settled && inset(row).abs() < 0.5 * height && !centred;
        }
        inset(last).abs() < 0.5 * height || stands_in(last) && group.len() == 1 && last.ends(&['.', ':', ';', '!', '?'])
    }

    /// A short row above a long one that begins anew: who speaks, what the text is called.
    fn is_name(&self, last: &Fact, row: &Fact) -> bool {
        let wide = self.right - self.left;
        let begins = row.line.text.starts_with(|c: char| c.is_uppercase() || "«\"—".contains(c));
        begins && last.rect.right - self.left < 0.4 * wide && row.rect.right - self.left > 0.75 * wide
    }

    /// Pushed to the other side of the column: a date, a signature.
    fn aside(&self, last: &Fact, row: &Fact) -> bool {
        let middle = f32::midpoint(self.left, self.right);
        let far = 4.0 * self.sheet.height;
        row.rect.left > middle && last.rect.left < self.left + far || last.rect.left > middle && row.rect.left < self.left + far
    }
}

/// Groups of rows become blocks; items of a list that follow each other become one.
fn gather(column: &Column, groups: Vec<Vec<Fact>>, out: &mut Vec<Block>) {
    let mut items: Vec<Vec<Fact>> = Vec::new();
    for group in groups {
        let title = title::is(column, &group) && !column.is_next(&items, &group);
        let item = group.first().and_then(|fact| fact.marker).is_some_and(|sign| !matches!(sign, Marker::Section(_)));
        if item && !title {
            items.push(group);
            continue;
        }
        flush(std::mem::take(&mut items), out);
        let kind = if title { BlockKind::Heading } else { BlockKind::Paragraph };
        out.push(block(kind, lines(group), "\n"));
    }
    flush(items, out);
}

fn flush(items: Vec<Vec<Fact>>, out: &mut Vec<Block>) {
    let sign = items.first().and_then(|item| item.first()).and_then(|fact| fact.marker);
    let rows: usize = items.iter().map(Vec::len).sum();
    let is_list = match sign {
        // One dash is somebody who speaks.
        Some(Marker::Bullet('-' | '–' | '—')) => items.len() > 1,
        Some(Marker::Bullet(_)) => true,
        _ => items.len() > 1 && rows <= CLAUSE * items.len(),
    };
    if !is_list {
        out.extend(items.into_iter().map(|item| block(BlockKind::Paragraph, lines(item), "\n")));
        return;
    }
    let mut text = String::new();
    for fact in items.iter().flat_map(|item| item.iter().enumerate()) {
        if !text.is_empty() {
            text.push(if fact.0 == 0 { '\n' } else { ' ' });
        }
        text.push_str(&fact.1.line.text);
    }
    let mut made = block(BlockKind::List, items.into_iter().flat_map(lines).collect(), "\n");
    made.text = Safe::block(&text);
    out.push(made);
}

fn lines(group: Vec<Fact>) -> Vec<Line> {
    group.into_iter().map(|fact| fact.line).collect()
}
