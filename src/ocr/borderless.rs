//! Tables without lines, or with level ones only: columns from gaps that repeat over rows of words, rows from the words' heights.
//! Grids only; `table` puts the text in. Prose in columns, lists, contents with dot leaders and forms are no tables.

use super::document::Line;
use super::geometry::Rect;
use super::rules::Rulings;
use super::table::Grid;

mod accept;
mod build;

pub use accept::is_figure;

/// A word and where it stands.
#[derive(Clone, Debug)]
struct Atom {
    rect: Rect,
    text: String,
}

/// Words that stand beside each other, left to right.
#[derive(Clone, Debug, Default)]
struct TextRow {
    rect: Rect,
    atoms: Vec<Atom>,
}

/// Paper between words, `from` to `to`, pixels.
type Gap = (f32, f32);

/// Rows of the page, first to last, and the gutters that part their words.
#[derive(Clone, Debug)]
struct Candidate {
    first: usize,
    last: usize,
    gutters: Vec<Gap>,
    /// Rows whose words stand over a gutter: headings over several columns, section titles.
    spanning: Vec<usize>,
    score: f32,
}

/// The tables that the alignment of words shows among `lines`, lines of ruled tables left out. `rulings`: all of the page.
pub fn grids(lines: &[Line], rulings: &Rulings) -> Vec<Grid> {
    let atoms = atoms(lines);
    let mut heights: Vec<f32> = atoms.iter().map(|atom| atom.rect.height()).collect();
    heights.sort_by(f32::total_cmp);
    let Some(&height) = heights.get(heights.len() / 2) else { return Vec::new() };
    let rows = text_rows(atoms);
    let mut candidates: Vec<Candidate> = (0..rows.len()).filter_map(|first| grow(&rows, first, height, rulings)).collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.first.cmp(&b.first)));
    let mut taken = vec![false; rows.len()];
    let mut found = Vec::new();
    for candidate in candidates {
        let rows_taken = &mut taken[candidate.first..=candidate.last];
        if rows_taken.iter().any(|&row| row) {
            continue;
        }
        rows_taken.fill(true);
        let table = build::shape(&rows, &candidate, height, rulings);
        if accept::is_table(&table) {
            found.push(table.grid());
        }
    }
    found.sort_by(|a: &Grid, b: &Grid| a.bounds.top.total_cmp(&b.bounds.top));
    found
}

/// The words of level lines; a line without words is one.
fn atoms(lines: &[Line]) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for line in lines {
        let bounds = line.quad.bounds();
        let long = line.text.chars().count() > 2;
        if (long && bounds.height() > 1.5 * bounds.width()) || line.quad.angle().abs() > 12.0 {
            continue;
        }
        if line.words.is_empty() && !line.text.is_empty() {
            atoms.push(Atom { rect: bounds, text: line.text.to_string() });
        }
        atoms.extend(line.words.iter().map(|word| Atom { rect: word.quad.bounds(), text: word.text.to_string() }));
    }
    atoms
}

/// Words at one height, top to bottom.
fn text_rows(mut atoms: Vec<Atom>) -> Vec<TextRow> {
    atoms.sort_by(|a, b| a.rect.centre().y.total_cmp(&b.rect.centre().y));
    let mut rows: Vec<TextRow> = Vec::new();
    for atom in atoms {
        let beside = rows.last().is_some_and(|row| {
            let middle = row.atoms.iter().map(|a| a.rect.centre().y).sum::<f32>() / row.atoms.len() as f32;
            let height = row.atoms.iter().map(|a| a.rect.height()).fold(0.0, f32::max).min(atom.rect.height());
            (middle - atom.rect.centre().y).abs() < 0.45 * height
        });
        match rows.last_mut().filter(|_| beside) {
            Some(row) => {
                row.rect = row.rect.join(&atom.rect);
                row.atoms.push(atom);
            }
            None => rows.push(TextRow { rect: atom.rect, atoms: vec![atom] }),
        }
    }
    for row in &mut rows {
        row.atoms.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    }
    rows
}

impl TextRow {
    /// The paper left of, between and right of its words.
    fn paper(&self) -> Vec<Gap> {
        let mut from = f32::MIN;
        let mut paper = Vec::new();
        for atom in &self.atoms {
            if atom.rect.left > from {
                paper.push((from, atom.rect.left));
            }
            from = from.max(atom.rect.right);
        }
        paper.push((from, f32::MAX));
        paper
    }

    /// True when paper of at least `width` parts its words.
    fn is_gappy(&self, width: f32) -> bool {
        self.paper().iter().any(|&(from, to)| from > f32::MIN && to < f32::MAX && to - from >= width)
    }
}

fn common(a: &[Gap], b: &[Gap], least: f32) -> Vec<Gap> {
    let meets = a.iter().flat_map(|x| b.iter().map(move |y| (x.0.max(y.0), x.1.min(y.1))));
    meets.filter(|gap| gap.1 - gap.0 >= least).collect()
}

const fn inner(gap: Gap) -> bool {
    gap.0 > f32::MIN && gap.1 < f32::MAX
}

/// The best table that begins with row `first`: longest for the gutters it keeps.
fn grow(rows: &[TextRow], first: usize, height: f32, rulings: &Rulings) -> Option<Candidate> {
    let start = &rows[first];
    if !start.is_gappy(0.8 * height) {
        return None;
    }
    let least = 0.5 * height;
    let mut paper = common(&start.paper(), &[(f32::MIN, f32::MAX)], least);
    let (mut regular, mut spanning) = (1_usize, Vec::new());
    let mut best: Option<Candidate> = None;
    for last in first + 1..rows.len() {
        let (row, before) = (&rows[last], &rows[last - 1]);
        let gap = row.rect.top - before.rect.bottom;
        let (left, right) = (start.rect.left, start.rect.right);
        // Within the rules of one table the rows may stand far apart.
        if gap > 2.5 * height && !(gap < 6.0 * height && ruled_between(rulings, before.rect.bottom, row.rect.top, (left, right)))
        {
            break;
        }
        let narrowed = common(&paper, &row.paper(), least);
        let (had, has) = (wide(&paper, rows, first, last - 1, height), wide(&narrowed, rows, first, last, height));
        let few = spanning.len() < 1 + (last - first) / 4 && spanning.last() != Some(&(last - 1));
        if has.len() < had.len() && regular >= 2 && few && !row.atoms.is_empty() && !row.is_gappy(1.5 * height) {
            spanning.push(last);
            continue;
        }
        if has.is_empty() {
            break;
        }
        (paper, regular) = (narrowed, regular + 1);
        let score = has.len() as f32 * (regular as f32 - 1.0);
        if regular >= 3 && best.as_ref().is_none_or(|best| score >= best.score) {
            best = Some(Candidate { first, last, gutters: has, spanning: spanning.clone(), score });
        }
    }
    best
}

/// Inner gutters wide enough for that many rows, with words on both sides: three rows agree by chance more easily than ten.
fn wide(paper: &[Gap], rows: &[TextRow], first: usize, last: usize, height: f32) -> Vec<Gap> {
    let narrowest = if last - first >= 5 { 0.6 * height } else { 0.9 * height };
    let rows = &rows[first..=last];
    let left = rows.iter().map(|r| r.rect.left).fold(f32::MAX, f32::min);
    let right = rows.iter().map(|r| r.rect.right).fold(f32::MIN, f32::max);
    paper
        .iter()
        .copied()
        .filter(|gap| inner(*gap))
        .filter(|gap| gap.1 - gap.0 >= narrowest && gap.0 >= left && gap.1 <= right)
        .collect()
}

fn ruled_between(rulings: &Rulings, top: f32, bottom: f32, (left, right): (f32, f32)) -> bool {
    rulings.horizontal.iter().any(|rule| {
        let at = f32::midpoint(rule.at_from, rule.at_to);
        (top..=bottom).contains(&at) && rule.to.min(right) - rule.from.max(left) > 0.5 * (right - left)
    })
}

#[cfg(test)]
mod tests;
