//! Tables without lines, on words placed by hand; what must not become a table too. Whole pages are read by the tests in tests/.

use super::*;
use crate::ocr::document::Word;
use crate::ocr::geometry::Quad;
use crate::text::Safe;

/// One word at a place; letters are 10 pixels wide and 20 high.
fn word(text: &str, left: f32, top: f32) -> Line {
    let rect = Rect::new(left, top, left + text.chars().count() as f32 * 10.0, top + 20.0);
    let quad = Quad::from_rect(rect);
    let words = vec![Word { quad, text: Safe::line(text), confidence: 1.0 }];
    Line { quad, text: Safe::line(text), confidence: 1.0, words }
}

/// Words at columns, rows 26 pixels apart; an empty word is none.
fn page(columns: &[f32], rows: &[&[&str]]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (row, words) in rows.iter().enumerate() {
        for (text, &left) in words.iter().zip(columns).filter(|(text, _)| !text.is_empty()) {
            let mut at = left;
            for part in text.split(' ') {
                lines.push(word(part, at, 100.0 + 26.0 * row as f32));
                at += part.chars().count() as f32 * 10.0 + 6.0;
            }
        }
    }
    lines
}

#[test]
fn aligned_figures_are_a_table() {
    let lines = page(
        &[50.0, 200.0, 400.0],
        &[&["Товар", "Цена", "Сумма"], &["Хлеб", "45,00", "90,00"], &["Молоко", "80,00", "80,00"], &["", "Итого", "170,00"]],
    );
    let found = grids(&lines, &Rulings::default());
    assert_eq!(found.iter().map(|g| (g.rows, g.cols, g.cells.len())).collect::<Vec<_>>(), [(4, 3, 12)]);
}

#[test]
fn two_columns_of_prose_are_no_table() {
    let left =
        ["the quick brown fox jumps", "over the lazy dogs and so", "it goes on for many lines", "until the column has ended"];
    let rows: Vec<Vec<&str>> = left.iter().map(|text| vec![*text, *text]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    assert_eq!(grids(&page(&[50.0, 400.0], &rows), &Rulings::default()), []);
}

#[test]
fn a_list_and_contents_are_no_tables() {
    let list = page(&[50.0, 100.0], &[&["1.", "January"], &["2.", "February"], &["3.", "March"], &["4.", "April"]]);
    assert_eq!(grids(&list, &Rulings::default()), []);
    let contents =
        page(&[50.0, 400.0], &[&["Intro.......", "1"], &["Start.......", "5"], &["Middle......", "9"], &["Ends........", "12"]]);
    assert_eq!(grids(&contents, &Rulings::default()), []);
}

#[test]
fn a_heading_over_two_columns_spans_them() {
    let mut lines =
        page(&[50.0, 200.0, 300.0], &[&["", "", ""], &["", "2020", "2021"], &["North", "1,5", "2,5"], &["South", "3,5", "4,5"]]);
    lines.push(word("Region", 50.0, 100.0));
    lines.push(word("Thousand", 220.0, 100.0));
    let found = grids(&lines, &Rulings::default());
    assert_eq!(found.len(), 1);
    let heading = &found[0].cells[1];
    assert_eq!((heading.row, heading.col, heading.col_span), (0, 1, 2));
}
