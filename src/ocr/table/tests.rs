//! Grids from ruling lines and words into their cells, on lines written down by hand. Whole pages are read by the tests in tests/.

use super::*;

/// Lines as `(from, to, at)`.
fn lines(of: &[(f32, f32, f32)]) -> Vec<Ruling> {
    of.iter().map(|&(from, to, at)| Ruling { from, to, at_from: at, at_to: at, thickness: 2.0, bands: Vec::new() }).collect()
}

fn rulings(horizontal: &[(f32, f32, f32)], vertical: &[(f32, f32, f32)]) -> Rulings {
    Rulings { horizontal: lines(horizontal), vertical: lines(vertical), slack: 8.0, page: (1000, 1000), ..Rulings::default() }
}

fn spans(grid: &Grid) -> Vec<(u32, u32, u32, u32)> {
    grid.cells.iter().map(|c| (c.row, c.col, c.row_span, c.col_span)).collect()
}

#[test]
fn a_missing_line_merges_cells() {
    let found = grids(&rulings(
        &[(100.0, 400.0, 100.0), (100.0, 400.0, 140.0), (100.0, 200.0, 180.0), (300.0, 400.0, 180.0), (100.0, 400.0, 220.0)],
        &[(100.0, 220.0, 100.0), (140.0, 220.0, 200.0), (140.0, 220.0, 300.0), (100.0, 220.0, 400.0)],
    ));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rows, found[0].cols), (3, 3));
    let expected = [(0, 0, 1, 3), (1, 0, 1, 1), (1, 1, 2, 1), (1, 2, 1, 1), (2, 0, 1, 1), (2, 2, 1, 1)];
    assert_eq!(spans(&found[0]), expected);
}

#[test]
fn an_outer_border_may_be_missing() {
    let found = grids(&rulings(
        &[(100.0, 400.0, 100.0), (100.0, 400.0, 140.0), (100.0, 400.0, 180.0)],
        &[(100.0, 180.0, 200.0), (100.0, 180.0, 300.0)],
    ));
    assert_eq!((found[0].rows, found[0].cols, found[0].cells.len()), (2, 3, 6));
}

#[test]
fn two_tables_side_by_side_are_two() {
    let one = |x: f32| [(x, x + 100.0, 100.0), (x, x + 100.0, 150.0), (x, x + 100.0, 200.0)];
    let found =
        grids(&rulings(&[one(50.0), one(500.0)].concat(), &[50.0, 100.0, 150.0, 500.0, 550.0, 600.0].map(|x| (100.0, 200.0, x))));
    assert_eq!(found.iter().map(|g| g.cells.len()).collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn a_box_an_underline_and_a_page_frame_are_no_tables() {
    let boxed = rulings(&[(100.0, 400.0, 100.0), (100.0, 400.0, 200.0)], &[(100.0, 200.0, 100.0), (100.0, 200.0, 400.0)]);
    assert_eq!(grids(&boxed), []);
    assert_eq!(grids(&rulings(&[(100.0, 400.0, 100.0)], &[])), []);
    let stamp = rulings(
        &[(20.0, 980.0, 20.0), (20.0, 980.0, 900.0), (20.0, 980.0, 980.0)],
        &[(20.0, 980.0, 20.0), (900.0, 980.0, 500.0), (20.0, 980.0, 980.0)],
    );
    assert_eq!(grids(&stamp), [], "its large cell is the page");
}

#[test]
fn a_skewed_double_ruled_table_has_no_thin_rows() {
    let skewed =
        |at: f32, x: f32| Ruling { from: x, to: x + 800.0, at_from: at, at_to: at + 8.0, thickness: 1.0, bands: Vec::new() };
    let upright = |at: f32| Ruling { from: 100.0, to: 300.0, at_from: at, at_to: at - 2.0, thickness: 1.0, bands: Vec::new() };
    let rulings = Rulings {
        horizontal: [100.0, 104.0, 150.0, 200.0, 296.0, 300.0].map(|at| skewed(at, 100.0)).to_vec(),
        vertical: [100.0, 500.0, 898.0, 902.0].map(upright).to_vec(),
        slack: 8.0,
        page: (1000, 1000),
        ..Rulings::default()
    };
    let found = grids(&rulings);
    assert_eq!((found[0].rows, found[0].cols, found[0].cells.len()), (3, 2, 6));
}
