//! What the window on a list promises, whatever is listed.

use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Row {
    id: i64,
}

impl Held for Row {
    type Key = i64;
    type Id<'a> = i64;
    const PAGE: usize = 200;

    fn id(&self) -> i64 {
        self.id
    }
}

const MOST: usize = HELD * Row::PAGE;

fn row(n: usize) -> Row {
    Row { id: 1_000_000 - n as i64 }
}

fn came(rows: std::ops::Range<usize>, more: bool) -> Came<Row, i64> {
    let rows: Vec<Row> = rows.map(row).collect();
    let next = rows.last().map(|last| last.id).filter(|_| more);
    Came { rows, next }
}

/// A database of `total` rows, newest first.
fn answer(wanted: &Fetch<i64>, total: usize) -> Came<Row, i64> {
    let from = wanted.after.map_or(0, |key| usize::try_from(1_000_000 - key).unwrap() + 1);
    let end = total.min(from + wanted.limit);
    came(from..end, end < total)
}

fn settle(list: &mut List<Row>, mut wanted: Option<Fetch<i64>>, total: usize) {
    while let Some(page) = wanted.take() {
        list.take(&page, Ok(answer(&page, total)), 0);
        wanted = list.go(0, 20);
    }
}

#[test]
fn a_list_of_any_length_is_walked_with_three_pages_in_hand() {
    let total = 5_000;
    let mut list = List::default();
    let first = list.reload();
    settle(&mut list, Some(first), total);
    for step in 0..total - 1 {
        assert_eq!((list.position(), list.selected().unwrap().id), (step + 1, row(step).id));
        let wanted = list.go(1, 20);
        settle(&mut list, wanted, total);
        assert!(list.rows.len() < MOST + Row::PAGE);
    }
    assert_eq!(list.position(), total);
    for step in (0..total - 1).rev() {
        let wanted = list.go(-1, 20);
        settle(&mut list, wanted, total);
        assert_eq!((list.position(), list.selected().unwrap().id), (step + 1, row(step).id));
        assert!(list.top <= list.cursor && list.cursor < list.top + 20);
    }
}

#[test]
fn new_failures_do_not_move_the_cursor_off_its_post() {
    let mut list = List::default();
    let first = list.reload();
    list.take(&first, Ok(came(10..40, false)), 0);
    list.go(5, 20);
    let on = list.selected().unwrap().id;
    let again = list.refresh().unwrap();
    list.take(&again, Ok(came(0..40, false)), 0);
    assert_eq!((list.selected().unwrap().id, list.cursor - list.top), (on, 5));
}

#[test]
fn a_page_of_an_older_list_is_dropped() {
    let mut list = List::default();
    let old = list.reload();
    let new = list.reload();
    assert!(!list.take(&old, Ok(came(1..2, false)), 0));
    assert!(list.rows.is_empty() && !list.loaded);
    assert!(list.take(&new, Ok(came(2..3, false)), 0));
    assert_eq!(list.rows.len(), 1);
}

#[test]
fn a_page_that_could_not_be_had_is_asked_for_again_by_who_moves_on_and_by_nobody_else() {
    let mut list = List::default();
    let first = list.reload();
    list.take(&first, Ok(came(0..200, true)), 0);
    let wanted = list.go(199, 20).unwrap();
    list.take(&wanted, Err(Safe::fixed("no answer")), 0);
    assert_eq!((list.go(0, 20), list.error.is_some()), (None, true));
    assert_eq!(list.go(1, 20), Some(wanted));
}

#[test]
fn nothing_is_loaded_that_nobody_scrolls_to() {
    let mut list = List::default();
    let first = list.reload();
    list.take(&first, Ok(came(0..200, true)), 0);
    assert_eq!(list.go(0, 20), None);
    assert_eq!(list.go(149, 20), None);
    assert!(list.go(1, 20).is_some());
    assert_eq!(list.go(1, 20), None, "one page at a time");
}

#[test]
fn a_forgotten_row_leaves_the_pages_in_order() {
    let mut list = List::default();
    let first = list.reload();
    list.take(&first, Ok(came(0..10, false)), 0);
    list.go(9, 40);
    list.forget(|held| *held == row(9));
    assert_eq!((list.rows.len(), list.position()), (9, 9));
}
