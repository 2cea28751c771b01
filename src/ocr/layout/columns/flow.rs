//! Which way text flows beside a gutter: down the one side and then the other, or across, row by row.
//! A form, a table of contents and a table without rules have gutters, too; reading them column by column tears their rows apart.

use crate::ocr::layout::Item;

/// Letters in a row of prose, on average; labels and values are shorter.
const PROSE: f32 = 28.0;
/// Letters in a row of an address, on average.
const ADDRESS: f32 = 14.0;

/// Rows that begin with a small letter: half of them or more in prose, few in cells and labels.
const RUNS_ON: f32 = 0.4;
/// Rows of a column of prose beside two others.
const COLUMN: usize = 6;

/// One side of a gutter: its rows from top to bottom.
struct Side<'a> {
    rows: Vec<SideRow<'a>>,
    tables: usize,
}

struct SideRow<'a> {
    /// Middle, in pixels.
    y: f32,
    letters: usize,
    first: &'a str,
    last: &'a str,
    numeric: bool,
}

impl<'a> Side<'a> {
    fn of(items: &[&'a Item], height: f32) -> Self {
        let mut lines: Vec<&Item> = items.iter().copied().filter(|item| !item.is_table()).collect();
        lines.sort_by(|a, b| a.rect.centre().y.total_cmp(&b.rect.centre().y).then(a.rect.left.total_cmp(&b.rect.left)));
        let mut rows: Vec<SideRow> = Vec::new();
        for item in &lines {
            let (y, text) = (item.rect.centre().y, item.text());
            let letters = text.chars().filter(|c| !c.is_whitespace()).count();
            let digits = text.chars().filter(|c| c.is_ascii_digit() || ".,%-–—+₽$€()".contains(*c)).count();
            match rows.last_mut() {
                Some(row) if y - row.y < 0.5 * height => {
                    row.letters += letters;
                    row.numeric &= 2 * digits > letters;
                    row.last = text;
                }
                _ => rows.push(SideRow { y, letters, first: text, last: text, numeric: 2 * digits > letters }),
            }
        }
        Self { rows, tables: items.len() - lines.len() }
    }

    fn letters(&self) -> f32 {
        self.rows.iter().map(|row| row.letters).sum::<usize>() as f32 / self.rows.len().max(1) as f32
    }

    fn share(&self, has: impl Fn(&SideRow) -> bool) -> f32 {
        self.rows.iter().filter(|row| has(row)).count() as f32 / self.rows.len().max(1) as f32
    }

    /// The share of rows that begin in the midst of a sentence.
    fn goes_on(&self) -> f32 {
        self.share(|row| row.first.starts_with(char::is_lowercase))
    }

    /// The share of rows with the next one right below them.
    fn tight(&self, height: f32) -> f32 {
        let close = self.rows.windows(2).filter(|pair| matches!(pair, [a, b] if b.y - a.y < 2.2 * height)).count();
        close as f32 / self.rows.len().saturating_sub(1).max(1) as f32
    }
}

/// True when the left side is read to its end before the right one. `pieces`: strips of text side by side in most rows.
pub(super) fn down(left: &[&Item], right: &[&Item], height: f32, pieces: usize) -> bool {
    let (left, right) = (Side::of(left, height), Side::of(right, height));
    if left.tables + right.tables > 0 {
        return true;
    }
    let (few, many) = if left.rows.len() < right.rows.len() { (&left, &right) } else { (&right, &left) };
    if few.rows.len() < 2 || many.rows.len() < 3 {
        return false;
    }
    if [&left, &right].iter().any(|side| side.letters() <= 4.0 || side.share(|row| row.numeric) > 0.6) {
        return false;
    }
    let pairs = Pairs::of(few, many, height);
    let share = |count: usize| count as f32 / few.rows.len() as f32;
    if share(pairs.beside) < 0.6 {
        return false;
    }
    if share(pairs.level) < 0.5 && few.rows.len() > 2 || left.letters().min(right.letters()) >= PROSE {
        return true;
    }
    if left.tight(height).min(right.tight(height)) < 0.5 || left.share(|row| row.last.ends_with(':')) > 0.5 {
        return false;
    }
    let prose = left.goes_on().min(right.goes_on()) > RUNS_ON && few.rows.len() >= COLUMN;
    pairs.alike > 1 || (pieces < 3 || prose) && left.letters().min(right.letters()) >= ADDRESS
}

/// How rows of both sides stand to each other.
#[derive(Default)]
struct Pairs {
    /// There is a row on the other side within a row's height: not two people who speak in turn.
    beside: usize,
    /// On one level.
    level: usize,
    /// On one level, and they begin with the same word: two parties of a contract.
    alike: usize,
}

impl Pairs {
    fn of(few: &Side, many: &Side, height: f32) -> Self {
        let mut out = Self::default();
        let mut at = 0;
        for row in &few.rows {
            while many
                .rows
                .get(at + 1)
                .is_some_and(|next| (next.y - row.y).abs() <= many.rows.get(at).map_or(f32::MAX, |own| (own.y - row.y).abs()))
            {
                at += 1;
            }
            let Some(other) = many.rows.get(at) else { continue };
            let apart = (other.y - row.y).abs();
            let word = |row: &SideRow| row.first.split(' ').next().map(str::to_lowercase).filter(|word| word.chars().count() > 1);
            out.beside += usize::from(apart < height);
            out.level += usize::from(apart < 0.35 * height);
            out.alike += usize::from(apart < 0.35 * height && word(row).is_some() && word(row) == word(other));
        }
        out
    }
}
