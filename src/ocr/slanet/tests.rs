//! Promises of the table structure: tokens make cells, and what does not hold together is not taken. No model runs here.

use super::sketch::SketchCell;
use super::*;

fn word(text: &str, left: f32, top: f32) -> Word {
    Word { rect: Rect::new(left, top, left + 10.0 * text.chars().count() as f32, top + 20.0), text: text.to_owned() }
}

/// Cells of 100 by `height`, row by row.
fn sketch(rows: u32, cols: u32, height: f32) -> Sketch {
    let cell = |index: u32| {
        let (row, col) = (index / cols, index % cols);
        let (x, y) = (col as f32 * 100.0, row as f32 * height);
        SketchCell { row, col, row_span: 1, col_span: 1, text: Rect::new(x + 5.0, y + 5.0, x + 90.0, y + height - 5.0) }
    };
    Sketch { rows, cols, cells: (0..rows * cols).map(cell).collect() }
}

#[test]
fn wrapped_cells_whose_neighbours_stand_in_their_middle_are_one_row() {
    let words = [
        word("Head", 0.0, 20.0),
        word("More", 100.0, 20.0),
        word("upper", 0.0, 70.0),
        word("lower", 0.0, 95.0),
        word("12", 100.0, 82.0),
    ];
    let bounds = Rect::new(0.0, 10.0, 200.0, 130.0);
    let grid = fit(&sketch(2, 2, 65.0), &bounds, &words.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!((grid.rows, grid.cols, grid.cells.len()), (2, 2, 4));
    let holds = |cell: usize| words.iter().filter(|word| grid.cells[cell].rect.holds(word.rect.centre())).count();
    assert_eq!([0, 1, 2, 3].map(holds), [1, 1, 2, 1]);
}

#[test]
fn words_contradict_a_sketch_that_is_wrong() {
    let bounds = Rect::new(0.0, 0.0, 200.0, 130.0);
    let two = [
        word("Head", 0.0, 20.0),
        word("Sum", 100.0, 20.0),
        word("Tea", 0.0, 80.0),
        word("12", 100.0, 70.0),
        word("13", 100.0, 95.0),
    ];
    assert_eq!(fit(&sketch(2, 2, 65.0), &bounds, &two.iter().collect::<Vec<_>>()), None, "two lines of figures in a cell");
    let over = [word("Head", 0.0, 20.0), word("Sum", 100.0, 20.0), word("long words", 0.0, 80.0), word("12", 80.0, 80.0)];
    let mut wide = sketch(2, 2, 65.0);
    wide.cells[3].text.left = 60.0;
    assert_eq!(fit(&wide, &bounds, &over.iter().collect::<Vec<_>>()), None, "columns overlap");
    assert_eq!(fit(&sketch(3, 2, 43.0), &bounds, &over[..2].iter().collect::<Vec<_>>()), None, "a row without words");
}

#[test]
fn a_head_close_above_belongs_to_the_picture_and_prose_does_not() {
    let line = |text: &str, left: f32, right: f32, top: f32| Line {
        quad: crate::ocr::geometry::Quad::from_rect(Rect::new(left, top, right, top + 20.0)),
        text: crate::text::Safe::line(text),
        confidence: 1.0,
        words: Vec::new(),
    };
    let bounds = Rect::new(0.0, 100.0, 400.0, 200.0);
    let body = line("body", 10.0, 60.0, 110.0);
    assert!(with_heads(&bounds, &[body.clone(), line("2023", 150.0, 190.0, 75.0)]).top < 75.0);
    assert_eq!(with_heads(&bounds, &[body.clone(), line("prose as wide as the table", 10.0, 390.0, 75.0)]), bounds);
    assert_eq!(with_heads(&bounds, &[body, line("far", 150.0, 190.0, 40.0)]), bounds);
}
