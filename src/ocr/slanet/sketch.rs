//! The answer of `SLANet`: a sentence of HTML tokens and a box for each cell, made into cells with their rows, columns and spans.
//! It knows no words.

use crate::ocr::geometry::{Point, Rect};

/// The tokens in the model's order: those of its metadata, `<td>` merged with its end and moved last, between start and end.
const TOKENS: [Token; 30] = {
    use Token::{CellBegins, CellEnds, Cols, Nothing, Row, Rows, Whole};
    [
        Nothing,
        Nothing,
        Row,
        CellEnds,
        Nothing,
        Nothing,
        Nothing,
        Nothing,
        CellBegins,
        Cols(5),
        Nothing,
        Cols(2),
        Cols(3),
        Rows(2),
        Cols(4),
        Cols(6),
        Rows(3),
        Cols(9),
        Cols(10),
        Cols(7),
        Rows(4),
        Rows(5),
        Rows(9),
        Cols(8),
        Rows(8),
        Rows(6),
        Rows(7),
        Rows(10),
        Whole,
        Token::End,
    ]
};
/// Answers less sure than this, the mean over tokens, are none: right ones measured 0.97 to 1.
const SURE: f32 = 0.95;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// `<tr>`
    Row,
    /// `<td></td>`
    Whole,
    /// `<td`, spans follow
    CellBegins,
    /// `</td>`
    CellEnds,
    Cols(u32),
    Rows(u32),
    /// End of the sentence.
    End,
    /// Says nothing about cells.
    Nothing,
}

/// A cell as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SketchCell {
    pub(super) row: u32,
    pub(super) col: u32,
    pub(super) row_span: u32,
    pub(super) col_span: u32,
    /// Around its text, pixels of the page.
    pub(super) text: Rect,
}

/// All cells; they cover `rows` × `cols` without overlap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sketch {
    pub(super) rows: u32,
    pub(super) cols: u32,
    pub(super) cells: Vec<SketchCell>,
}

impl Sketch {
    /// The cell whose text stands nearest to a point.
    pub(super) fn nearest(&self, point: Point) -> Option<usize> {
        let far = |rect: &Rect| {
            let outside = |at: f32, from: f32, to: f32| (from - at).max(at - to).max(0.0);
            let (x, y) = (outside(point.x, rect.left, rect.right), outside(point.y, rect.top, rect.bottom));
            // Of overlapping boxes the one whose middle is nearer.
            x.hypot(y) + 0.01 * rect.centre().distance(point)
        };
        let distances = self.cells.iter().map(|cell| far(&cell.text)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

/// The model's sentence: `scores` steps × 30 tokens; `boxes` steps × 4 (left, top, right, bottom as shares of the window).
/// None when it is unsure or no table comes of it.
pub(super) fn decode(scores: &[f32], boxes: &[f32], window: &Rect) -> Option<Sketch> {
    let mut rows: Vec<Vec<SketchCell>> = Vec::new();
    let (mut sure, mut steps, mut ended) = (0.0, 0, false);
    for (step, (scores, place)) in scores.chunks_exact(TOKENS.len()).zip(boxes.chunks_exact(4)).enumerate() {
        let (best, score) = scores.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let token = TOKENS[best];
        if token == Token::End && step > 0 {
            ended = true;
            break;
        }
        (sure, steps) = (sure + score, steps + 1);
        match token {
            Token::Row => rows.push(Vec::new()),
            Token::Whole | Token::CellBegins => {
                let at = |index: usize, from: f32, length: f32| from + place[index] * length;
                let text = Rect::new(
                    at(0, window.left, window.width()),
                    at(1, window.top, window.height()),
                    at(2, window.left, window.width()),
                    at(3, window.top, window.height()),
                );
                rows.last_mut()?.push(SketchCell { row: 0, col: 0, row_span: 1, col_span: 1, text });
            }
            Token::Cols(span) => rows.last_mut()?.last_mut()?.col_span = span,
            Token::Rows(span) => rows.last_mut()?.last_mut()?.row_span = span,
            Token::CellEnds | Token::End | Token::Nothing => {}
        }
    }
    if ended && sure >= SURE * steps as f32 { placed(rows) } else { None }
}

/// Cells at their rows and columns, as HTML places them; none when they leave a hole or overlap.
fn placed(rows: Vec<Vec<SketchCell>>) -> Option<Sketch> {
    let count = rows.len();
    let cols: u32 = rows.first()?.iter().map(|cell| cell.col_span).sum();
    let mut taken = vec![vec![false; cols as usize]; count];
    let mut cells = Vec::new();
    for (row, line) in rows.into_iter().enumerate() {
        for cell in line {
            let col = taken[row].iter().position(|&taken| !taken)?;
            for taken in taken.get_mut(row..row + cell.row_span as usize)? {
                for taken in taken.get_mut(col..col + cell.col_span as usize)? {
                    if std::mem::replace(taken, true) {
                        return None;
                    }
                }
            }
            cells.push(SketchCell { row: row as u32, col: col as u32, ..cell });
        }
    }
    let whole = taken.iter().flatten().all(|&taken| taken) && count >= 2 && cols >= 2;
    whole.then_some(Sketch { rows: count as u32, cols, cells })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scores of a sentence, and a box for each token.
    fn sentence(tokens: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let scores = tokens.iter().flat_map(|&token| (0..30).map(move |index| f32::from(u8::from(index == token)))).collect();
        (scores, tokens.iter().flat_map(|_| [0.1, 0.2, 0.3, 0.4]).collect())
    }

    const WINDOW: Rect = Rect::new(100.0, 50.0, 300.0, 150.0);

    #[test]
    fn spans_push_later_cells_to_their_columns() {
        // tr, td rowspan=2, td colspan=2, /tr; tr, td, td, /tr.
        let (scores, boxes) = sentence(&[2, 8, 13, 10, 3, 8, 11, 10, 3, 4, 2, 28, 28, 4, 29]);
        let sketch = decode(&scores, &boxes, &WINDOW).unwrap();
        let cells: Vec<_> = sketch.cells.iter().map(|c| (c.row, c.col, c.row_span, c.col_span)).collect();
        assert_eq!((sketch.rows, sketch.cols), (2, 3));
        assert_eq!(cells, [(0, 0, 2, 1), (0, 1, 1, 2), (1, 1, 1, 1), (1, 2, 1, 1)]);
        assert_eq!(sketch.cells[0].text, Rect::new(120.0, 70.0, 160.0, 90.0));
    }

    #[test]
    fn rows_that_do_not_agree_are_no_table() {
        let (scores, boxes) = sentence(&[2, 28, 28, 4, 2, 28, 4, 29]);
        assert_eq!(decode(&scores, &boxes, &WINDOW), None);
        let (scores, boxes) = sentence(&[2, 28, 28, 4, 2, 28, 28, 4]);
        assert_eq!(decode(&scores, &boxes, &WINDOW), None, "a sentence without an end is cut off");
    }

    #[test]
    fn an_unsure_answer_is_none() {
        let (mut scores, boxes) = sentence(&[2, 28, 28, 4, 2, 28, 28, 4, 29]);
        scores = scores.iter().map(|score| score * 0.9).collect();
        assert_eq!(decode(&scores, &boxes, &WINDOW), None);
    }
}
