//! Whether aligned words are a table: by figures, lines, and how full the columns are.
//! It changes nothing.

use super::build::Shape;

/// True when the text is a figure: digits with signs, a currency or a short unit; or a dash that stands for none.
pub fn is_figure(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let first_is_letter = text.chars().next().is_some_and(char::is_alphabetic);
    let dash = matches!(text, "-" | "–" | "—" | "−" | "+" | "✓" | "*");
    dash || (digits > 0 && digits >= letters && letters <= 5 && !first_is_letter && text.split(' ').count() <= 4)
}

/// A bullet or a number of a list.
fn is_marker(text: &str) -> bool {
    let short = text.chars().count() <= 4;
    let ends = text.ends_with(['.', ')', '-', '•', '–', '—', '·', '*', '●', '▪', '■', 'o']);
    short && ends
}

fn has_leader(text: &str) -> bool {
    text.contains("....") || text.contains(". . .") || text.contains("…")
}

/// What the cells of one column are like.
struct Column {
    filled: usize,
    figures: usize,
    markers: usize,
    words: f32,
    /// How much of the column's width its texts fill, the mean.
    fullness: f32,
}

fn columns(shape: &Shape) -> Vec<Column> {
    (0..shape.cols())
        .map(|col| {
            let pieces: Vec<_> = shape.rows.iter().flat_map(|row| &row.pieces).filter(|p| p.col == col && p.span == 1).collect();
            let count = pieces.len().max(1) as f32;
            let left = pieces.iter().map(|p| p.rect.left).fold(f32::MAX, f32::min);
            let right = pieces.iter().map(|p| p.rect.right).fold(f32::MIN, f32::max);
            Column {
                filled: pieces.len(),
                figures: pieces.iter().filter(|p| is_figure(&p.text)).count(),
                markers: pieces.iter().filter(|p| is_marker(&p.text)).count(),
                words: pieces.iter().map(|p| p.text.split(' ').count() as f32).sum::<f32>() / count,
                fullness: pieces.iter().map(|p| p.rect.width()).sum::<f32>() / count / (right - left).max(1.0),
            }
        })
        .collect()
}

/// True for a table; prose in columns, lists, contents and forms are none.
pub(super) fn is_table(shape: &Shape) -> bool {
    let (rows, cols) = (shape.rows.len(), shape.cols());
    if rows < 3 || cols < 2 {
        return false;
    }
    let texts = || shape.rows.iter().flat_map(|row| &row.pieces);
    let leaders = shape.rows.iter().filter(|row| row.pieces.iter().any(|p| has_leader(&p.text))).count();
    let columns = columns(shape);
    let body = (rows - 1).max(1);
    // A heading is no figure, so a column of figures has one other cell.
    let figures = columns.iter().filter(|c| c.figures >= 2 && c.figures * 10 >= (c.filled.saturating_sub(1)) * 6).count();
    let ruled = shape.rules.len();
    let list = columns.first().is_some_and(|c| c.markers * 10 >= c.filled * 7);
    let prose = columns.iter().filter(|c| c.words >= 3.0 && c.fullness > 0.75).count();
    let words = texts().map(|p| p.text.split(' ').count()).sum::<usize>() as f32 / texts().count().max(1) as f32;
    let filled = texts().map(|p| p.span).sum::<usize>() as f32 / (rows * cols) as f32;
    if leaders * 2 >= rows || filled < 0.45 || prose * 2 >= cols && ruled < 3 {
        return false;
    }
    if cols == 2 {
        let counted = columns.get(1).is_some_and(|c| c.figures >= 2 && c.figures * 10 >= body * 6)
            || columns.first().is_some_and(|c| c.figures * 10 >= body * 8);
        return !list && (counted && (rows >= 4 || ruled >= 2) || ruled >= 3);
    }
    (figures >= 1 || ruled >= 2 || rows >= 4 && words <= 2.5) && words <= 6.0
}
