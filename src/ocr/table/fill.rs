//! Read lines into the cells of a grid: by overlap, words one by one where a line lies over several cells, rows that are not
//! drawn told apart. It does not look at pixels.

use super::{Grid, GridCell};
use crate::ocr::document::{Cell, Line, Table};
use crate::ocr::geometry::Rect;
use crate::text::Safe;

/// A line, or the words of one that lie in one cell.
#[derive(Clone, Debug)]
struct Piece {
    rect: Rect,
    text: String,
}

/// Pieces that stand beside each other, left to right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// Around them.
    pub(crate) rect: Rect,
    /// Joined by spaces.
    pub(crate) text: String,
}

/// The table of a grid, and which of `lines` (indexes) went into it; those stand in no other block.
pub fn fill(grid: &Grid, lines: &[Line]) -> (Table, Vec<usize>) {
    let mut pieces: Vec<Vec<Piece>> = vec![Vec::new(); grid.cells.len()];
    let mut used = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let bounds = line.quad.bounds();
        let centre = bounds.centre();
        if !grid.bounds.holds(centre) || bounds.meet(&grid.bounds).area() < 0.5 * bounds.area() {
            continue;
        }
        used.push(index);
        place(line, &bounds, &grid.cells, &mut pieces);
    }
    let rows: Vec<Vec<Row>> = pieces.into_iter().map(visual_rows).collect();
    (split_rows(grid, &rows), used)
}

fn place(line: &Line, bounds: &Rect, cells: &[GridCell], pieces: &mut [Vec<Piece>]) {
    let share = |rect: &Rect, cell: &GridCell| rect.meet(&cell.rect).area() / rect.area().max(1.0);
    let best = |rect: &Rect| {
        let shares = cells.iter().map(|cell| share(rect, cell)).enumerate();
        shares.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share > 0.0)
    };
    let Some((cell, share)) = best(bounds) else { return };
    // A short word before a long one ("№" and the next heading) is a small share of their line.
    let strays =
        line.words.iter().any(|word| best(&word.quad.bounds()).is_some_and(|(other, share)| other != cell && share >= 0.9));
    if share >= 0.8 && !strays || line.words.len() < 2 {
        pieces[cell].push(Piece { rect: *bounds, text: line.text.to_string() });
        return;
    }
    let mut last: Option<usize> = None;
    for word in &line.words {
        let rect = word.quad.bounds();
        let target = best(&rect).map_or(cell, |(cell, _)| cell);
        match pieces[target].last_mut().filter(|_| last == Some(target)) {
            Some(piece) => {
                piece.rect = piece.rect.join(&rect);
                piece.text.push(' ');
                piece.text.push_str(&word.text);
            }
            None => pieces[target].push(Piece { rect, text: word.text.to_string() }),
        }
        last = Some(target);
    }
}

/// Pieces in reading order, those beside each other joined.
fn visual_rows(mut pieces: Vec<Piece>) -> Vec<Row> {
    pieces.sort_by(|a, b| a.rect.centre().y.total_cmp(&b.rect.centre().y));
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        let beside = rows.last().and_then(|row| row.last()).is_some_and(|last| {
            let least = last.rect.height().min(piece.rect.height());
            let shared = last.rect.bottom.min(piece.rect.bottom) - last.rect.top.max(piece.rect.top);
            shared > 0.5 * least
        });
        match rows.last_mut().filter(|_| beside) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    rows.into_iter()
        .map(|mut row| {
            row.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
            let rect = row.iter().map(|p| p.rect).reduce(|a, b| a.join(&b)).unwrap_or_default();
            Row { rect, text: row.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join(" ") }
        })
        .collect()
}

/// The table, each drawn row cut into the rows its text shows.
fn split_rows(grid: &Grid, rows: &[Vec<Row>]) -> Table {
    let bands: Vec<Vec<f32>> = (0..grid.rows).map(|row| implicit(grid, rows, row)).collect();
    let starts: Vec<u32> = bands
        .iter()
        .scan(0, |next, bands| {
            let start = *next;
            *next += bands.len().max(1) as u32;
            Some(start)
        })
        .collect();
    let total = bands.iter().map(|bands| bands.len().max(1) as u32).sum();
    let mut cells = Vec::new();
    for (cell, rows) in grid.cells.iter().zip(rows) {
        let (from, to) = (cell.row as usize, (cell.row + cell.row_span) as usize);
        let text = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|r| r.text.as_str()).collect::<Vec<_>>().join("\n");
        let Some(cuts) = bands.get(from).filter(|bands| cell.row_span == 1 && bands.len() > 1) else {
            let end = starts.get(to).copied().unwrap_or(total);
            let start = starts.get(from).copied().unwrap_or_default();
            let text = Safe::block(&text(&mut rows.iter()));
            cells.push(Cell { row: start, col: cell.col, row_span: end - start, col_span: cell.col_span, text });
            continue;
        };
        for (offset, _) in cuts.iter().enumerate() {
            let mut inside = rows.iter().filter(|row| nearest(cuts, row.rect.centre().y) == offset);
            let text = Safe::block(&text(&mut inside));
            cells.push(Cell { row: starts[from] + offset as u32, col: cell.col, row_span: 1, col_span: cell.col_span, text });
        }
    }
    cells.sort_by_key(|cell| (cell.row, cell.col));
    Table { rows: total, cols: grid.cols, cells }
}

fn nearest(places: &[f32], at: f32) -> usize {
    let distances = places.iter().map(|place| (place - at).abs()).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index)
}

/// The middles of the rows that a drawn row holds though no line parts them; empty when it is one row.
///
/// Wrapped text stands at 1.2 to 1.5 times its height and seldom has equally many lines in all cells.
fn implicit(grid: &Grid, rows: &[Vec<Row>], row: u32) -> Vec<f32> {
    let here = || grid.cells.iter().zip(rows).filter(|(c, _)| (c.row..c.row + c.row_span).contains(&row));
    if here().any(|(cell, text)| cell.row_span > 1 && !text.is_empty()) {
        return Vec::new();
    }
    let filled: Vec<&Vec<Row>> = here().map(|(_, text)| text).filter(|text| !text.is_empty()).collect();
    let most = filled.iter().map(|text| text.len()).max().unwrap_or_default();
    let Some(lead) = filled.iter().find(|text| text.len() == most).filter(|_| most >= 2 && filled.len() >= 2) else {
        return Vec::new();
    };
    let middles: Vec<f32> = lead.iter().map(|row| row.rect.centre().y).collect();
    let height = lead.iter().map(|row| row.rect.height()).sum::<f32>() / most as f32;
    let pitch = middles.windows(2).map(|pair| pair[1] - pair[0]).fold(f32::MAX, f32::min);
    let aligned = filled.iter().all(|text| {
        let near = |row: &Row| middles.iter().any(|at| (at - row.rect.centre().y).abs() < 0.4 * height);
        text.iter().all(near)
    });
    let full = filled.iter().filter(|text| text.len() == most).count();
    let wide = pitch > 1.9 * height && full == filled.len();
    let counted = |text: &Vec<Row>| {
        text.len() * 4 >= most * 3 && text.iter().filter(|row| is_number(&row.text)).count() * 4 >= text.len() * 3
    };
    let numbers = most >= 3 && full >= 2 && filled.iter().filter(|text| counted(text)).count() * 2 >= filled.len();
    if aligned && (wide || numbers) { middles } else { Vec::new() }
}

/// A figure, with its signs and units, or a dash that stands for none.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let others = text.chars().filter(|c| c.is_alphabetic()).count();
    digits > others || matches!(text, "-" | "–" | "—" | "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::document::Word;
    use crate::ocr::geometry::Quad;

    fn line(text: &str, left: f32, top: f32) -> Line {
        let right = left + text.chars().count() as f32 * 10.0;
        let quad = Quad::from_rect(Rect::new(left, top, right, top + 20.0));
        let mut at = 0.0;
        let count = text.chars().count() as f32;
        let words = text
            .split(' ')
            .map(|word| {
                let from = at;
                at += word.chars().count() as f32 + 1.0;
                Word { quad: quad.slice(from / count, (at - 1.0) / count), text: Safe::line(word), confidence: 1.0 }
            })
            .collect();
        Line { quad, text: Safe::line(text), confidence: 1.0, words }
    }

    fn grid(rows: u32, cols: u32, height: f32) -> Grid {
        let cells = (0..rows * cols)
            .map(|index| {
                let (row, col) = (index / cols, index % cols);
                let (x, y) = (col as f32 * 200.0, row as f32 * height);
                GridCell { row, col, row_span: 1, col_span: 1, rect: Rect::new(x, y, x + 200.0, y + height) }
            })
            .collect();
        Grid { bounds: Rect::new(0.0, 0.0, cols as f32 * 200.0, rows as f32 * height), rows, cols, cells }
    }

    fn texts(table: &Table) -> Vec<String> {
        table.cells.iter().map(|cell| cell.text.to_string()).collect()
    }

    #[test]
    fn a_line_over_two_cells_is_parted_by_its_words() {
        let lines = [line("left words right words", 90.0, 10.0), line("far away", 900.0, 10.0)];
        let (table, used) = fill(&grid(1, 2, 40.0), &lines);
        assert_eq!(texts(&table), ["left words", "right words"]);
        assert_eq!(used, [0], "what lies outside stays outside");
    }

    #[test]
    fn a_short_word_of_a_long_line_goes_to_its_own_cell() {
        let mut one = line("№ Наименование", 170.0, 10.0);
        let (short, long) = (Rect::new(170.0, 10.0, 190.0, 30.0), Rect::new(205.0, 10.0, 395.0, 30.0));
        one.quad = Quad::from_rect(short.join(&long));
        for (word, rect) in one.words.iter_mut().zip([short, long]) {
            word.quad = Quad::from_rect(rect);
        }
        assert_eq!(texts(&fill(&grid(1, 2, 40.0), &[one]).0), ["№", "Наименование"]);
    }

    #[test]
    fn wrapped_text_stays_in_one_row() {
        let lines = [line("two", 10.0, 5.0), line("lines", 10.0, 30.0), line("two", 210.0, 5.0), line("lines", 210.0, 30.0)];
        let (table, _) = fill(&grid(1, 2, 60.0), &lines);
        assert_eq!(texts(&table), ["two\nlines", "two\nlines"]);
    }

    #[test]
    fn rows_that_stand_far_apart_are_rows() {
        let lines: Vec<Line> =
            (0..3).flat_map(|row| [0.0, 200.0].map(|x| line("some", x + 10.0, 10.0 + 60.0 * row as f32))).collect();
        let (table, _) = fill(&grid(2, 2, 180.0), &lines);
        assert_eq!((table.rows, table.cells.len()), (4, 8), "three of the first drawn row, one empty");
    }
}
