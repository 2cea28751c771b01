//! The list of outputs as a window on a store of any size: a few pages are held, further ones are asked for as one scrolls.
//! It loads nothing itself: it says which page it wants and takes what comes.

use std::collections::VecDeque;

use crate::ops::outputs::{After, Ask, Entry, Listed, Order};
use crate::text::Safe;
use crate::tui::locale::t;
use crate::tui::model::list::Place;
use crate::tui::model::reading::Reading;

/// Rows of a page as asked for.
pub const PAGE: usize = 1000;

/// Rows held at once, in pages.
const HELD: usize = 3 * PAGE;

/// The next page is asked for when so few rows are left.
const NEAR: usize = 200;

/// One row, its words `Safe`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is; its name is foreign and goes to no screen.
    pub entry: Entry,
    /// What is shown of its name.
    pub name: Safe,
}

impl Row {
    /// Of an entry of a list under this prefix.
    pub fn new(entry: Entry, prefix: &str) -> Self {
        let key = entry.key();
        let name = shown(key.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(key));
        Self { entry, name }
    }
}

/// A foreign name on one line; one without anything to see says so.
pub fn shown(name: &str) -> Safe {
    let line = Safe::line(name);
    if line.is_empty() { Safe::fixed(t("(nothing to see)")) } else { line }
}

/// A page that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of which names.
    pub ask: Ask,
    /// Where it goes.
    pub place: Place,
    /// Which list it belongs to; an answer for an older list is dropped.
    pub generation: u64,
}

/// A page as it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Where to go on; `None`: that was all.
    pub next: Option<After>,
    /// Names looked at for it.
    pub looked: usize,
}

impl Came {
    /// Makes the rows of a page.
    pub fn new(listed: Listed, prefix: &str) -> Self {
        let rows = listed.entries.into_iter().map(|entry| Row::new(entry, prefix)).collect();
        Self { rows, next: listed.next, looked: listed.looked }
    }
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Where the outputs lie; `None`: nowhere in this process.
    pub place: Option<Safe>,
    /// Names begin so.
    pub prefix: String,
    /// In this order.
    pub order: Order,
    /// Only names that hold this.
    pub filter: Option<String>,
    /// The rows held.
    pub rows: Vec<Row>,
    /// The row the cursor is on.
    pub cursor: usize,
    /// The first row on the screen.
    pub top: usize,
    /// A first page has come.
    pub loaded: bool,
    /// What went wrong with the last page.
    pub error: Option<Safe>,
    /// Names looked at so far, where only some are wanted.
    pub looked: usize,
    /// What is known of the object under the cursor, or of the one in the open window.
    pub reading: Option<Reading>,
    /// The object that was asked for and has not come.
    pub asked: Option<String>,
    /// The image is shown beside what was read from it.
    pub pictures: bool,
    /// The folder of the last download.
    pub folder: String,
    /// Where each page up to the last one held starts, and how many rows stand before it.
    starts: Vec<(Option<After>, usize)>,
    /// Lengths of the pages held.
    lengths: VecDeque<usize>,
    /// What comes behind the rows held.
    next: Option<After>,
    generation: u64,
    waiting: bool,
}

impl Outputs {
    /// The outputs of this place; an error says why there is none.
    pub fn new(place: Option<Result<Safe, Safe>>) -> Self {
        let (place, error) = match place {
            Some(Ok(place)) => (Some(place), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        Self { place, error, ..Self::default() }
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<&Row> {
        self.rows.get(self.cursor)
    }

    /// Place of the cursor in the whole list, from 1.
    pub fn position(&self) -> usize {
        self.before() + self.cursor + 1
    }

    /// Rows known so far, up to the last one held.
    pub fn known(&self) -> usize {
        self.before() + self.rows.len()
    }

    /// True when there are more rows behind those held.
    pub const fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// True while a page is on its way.
    pub const fn is_waiting(&self) -> bool {
        self.waiting
    }

    fn first_page(&self) -> usize {
        self.starts.len() - self.lengths.len().min(self.starts.len())
    }

    fn before(&self) -> usize {
        self.starts.get(self.first_page()).map_or(0, |(_, before)| *before)
    }

    /// Goes to a folder, or anywhere names begin so.
    pub fn enter(&mut self, prefix: String) -> Wanted {
        self.prefix = prefix;
        self.filter = None;
        self.reload()
    }

    /// The folder this one lies in; `None` at the root.
    pub fn parent(&self) -> Option<String> {
        let inside = self.prefix.strip_suffix('/').unwrap_or(&self.prefix);
        (!self.prefix.is_empty()).then(|| inside.rfind('/').map_or(String::new(), |at| inside[..=at].to_owned()))
    }

    /// Starts over with the first page.
    pub fn reload(&mut self) -> Wanted {
        self.generation += 1;
        self.starts = vec![(None, 0)];
        self.lengths = VecDeque::from([0]);
        self.rows.clear();
        (self.loaded, self.error, self.next) = (false, None, None);
        (self.cursor, self.top, self.looked) = (0, 0, 0);
        self.want(None, PAGE, Place::Window)
    }

    fn want(&mut self, after: Option<After>, limit: usize, place: Place) -> Wanted {
        self.waiting = true;
        let ask = Ask { prefix: self.prefix.clone(), order: self.order, contains: self.filter.clone(), after, limit };
        Wanted { ask, place, generation: self.generation }
    }

    /// The page the cursor is about to need, if any. Nothing is loaded that nobody scrolls to.
    fn neighbour(&mut self, height: usize) -> Option<Wanted> {
        if self.waiting || !self.loaded || self.error.is_some() {
            return None;
        }
        let first = self.first_page();
        if self.next.is_some() && self.cursor + NEAR.max(height) >= self.rows.len() {
            let next = self.next.clone();
            return Some(self.want(next, PAGE, Place::Behind));
        }
        if self.cursor < NEAR && first > 0 {
            let (after, _) = self.starts[first - 1].clone();
            return Some(self.want(after, PAGE, Place::Before));
        }
        None
    }

    /// Takes a page; answers for an older list are dropped.
    pub fn take(&mut self, wanted: &Wanted, came: Result<Came, Safe>) {
        if wanted.generation != self.generation {
            return;
        }
        self.waiting = false;
        match came {
            Err(error) => self.error = Some(error),
            Ok(came) => {
                self.error = None;
                self.looked += came.looked;
                match wanted.place {
                    Place::Window => {
                        self.lengths = VecDeque::from([came.rows.len()]);
                        (self.rows, self.next) = (came.rows, came.next);
                    }
                    Place::Behind => self.take_behind(wanted, came),
                    Place::Before => self.take_before(came.rows),
                }
                self.loaded = true;
            }
        }
    }

    fn take_behind(&mut self, wanted: &Wanted, mut came: Came) {
        self.next = came.next;
        if came.rows.is_empty() {
            return;
        }
        self.starts.push((wanted.ask.after.clone(), self.before() + self.rows.len()));
        self.lengths.push_back(came.rows.len());
        self.rows.append(&mut came.rows);
        while self.lengths.len() > 1 && self.rows.len() - self.lengths.front().copied().unwrap_or(0) >= HELD {
            let gone = self.lengths.pop_front().unwrap_or(0);
            self.rows.drain(..gone);
            self.cursor = self.cursor.saturating_sub(gone);
            self.top = self.top.saturating_sub(gone);
        }
    }

    fn take_before(&mut self, mut rows: Vec<Row>) {
        let added = rows.len();
        rows.append(&mut self.rows);
        self.rows = rows;
        self.lengths.push_front(added);
        self.cursor += added;
        self.top += added;
        while self.lengths.len() > 1 && self.rows.len() - self.lengths.back().copied().unwrap_or(0) >= HELD {
            let gone = self.lengths.pop_back().unwrap_or(0);
            self.next = self.starts.pop().and_then(|(after, _)| after);
            self.rows.truncate(self.rows.len() - gone);
            self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        }
    }

    /// Moves the cursor by rows, keeps it on a screen of `height` rows, and says which page is needed next.
    pub fn go(&mut self, by: isize, height: usize) -> Option<Wanted> {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.scroll(height);
        self.neighbour(height)
    }

    /// To the first row, or to the end of what is held.
    pub fn go_to_edge(&mut self, end: bool, height: usize) -> Option<Wanted> {
        if !end && self.first_page() > 0 {
            return Some(self.reload());
        }
        self.go(if end { isize::MAX } else { isize::MIN + 1 }, height)
    }

    /// Puts the cursor on a row of the screen; `false`: there is none.
    pub fn point(&mut self, row: usize) -> bool {
        let there = self.top + row < self.rows.len();
        if there {
            self.cursor = self.top + row;
        }
        there
    }

    /// Keeps the cursor on the screen.
    pub fn scroll(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(height));
        self.top = self.top.min(self.rows.len().saturating_sub(height).max(self.cursor.saturating_sub(height - 1)));
    }

    /// Takes a row off that has been deleted.
    pub fn forget(&mut self, key: &str) {
        if let Some(at) = self.rows.iter().position(|row| row.entry.key() == key) {
            self.rows.remove(at);
            let mut end = 0;
            for length in &mut self.lengths {
                end += *length;
                if at < end {
                    *length -= 1;
                    break;
                }
            }
            self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        }
        if self.reading.as_ref().is_some_and(|reading| reading.key == key) {
            self.reading = None;
        }
    }

    /// The object under the cursor, when it has to be looked into: one request at a time, however fast the cursor moves.
    pub fn reading_wanted(&mut self) -> Option<String> {
        let Entry::Object(object) = &self.rows.get(self.cursor)?.entry else { return None };
        if self.asked.is_some() || self.reading.as_ref().is_some_and(|reading| reading.key == object.key) {
            return None;
        }
        self.asked = Some(object.key.clone());
        self.asked.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::outputs::Object;

    fn rows(from: usize, count: usize) -> Vec<Row> {
        let object = |n: usize| Object { key: format!("a/{n:07}"), size: 1, modified: None };
        (from..from + count).map(|n| Row::new(Entry::Object(object(n)), "a/")).collect()
    }

    /// Answers a wanted page of a store of `total` names; the place to go on is read back from the test's own book of pages.
    fn answer(outputs: &mut Outputs, wanted: &Wanted, book: &mut Vec<After>, total: usize) {
        let page = wanted.ask.after.as_ref().map_or(0, |after| book.iter().position(|known| known == after).unwrap() + 1);
        let from = page * PAGE;
        let count = PAGE.min(total - from);
        let more = from + count < total;
        while more && book.len() <= page {
            book.push(After::for_test(book.len()));
        }
        let next = more.then(|| book[page].clone());
        outputs.take(wanted, Ok(Came { rows: rows(from, count), next, looked: count }));
    }

    #[test]
    fn a_million_names_are_walked_with_three_thousand_held() {
        let (mut outputs, mut book) = (Outputs::default(), Vec::new());
        let first = outputs.enter("a/".to_owned());
        answer(&mut outputs, &first, &mut book, 1_000_000);
        let mut pages = 1;
        while outputs.position() < 1_000_000 {
            while let Some(wanted) = outputs.go(37, 50) {
                answer(&mut outputs, &wanted, &mut book, 1_000_000);
                pages += 1;
            }
            assert!(outputs.rows.len() <= HELD + PAGE);
            assert_eq!(outputs.selected().unwrap().name.parse::<usize>().unwrap() + 1, outputs.position());
        }
        assert_eq!(pages, 1000);
        // And back: every row is where it was.
        while outputs.position() > 1 {
            while let Some(wanted) = outputs.go(-991, 50) {
                answer(&mut outputs, &wanted, &mut book, 1_000_000);
            }
            assert!(outputs.rows.len() <= HELD + PAGE);
            assert_eq!(outputs.selected().unwrap().name.parse::<usize>().unwrap() + 1, outputs.position());
        }
        assert_eq!(outputs.known(), outputs.rows.len());
    }

    #[test]
    fn nothing_is_loaded_that_nobody_scrolls_to() {
        let (mut outputs, mut book) = (Outputs::default(), Vec::new());
        let first = outputs.reload();
        answer(&mut outputs, &first, &mut book, 5_000);
        assert_eq!(outputs.go(0, 40), None);
        assert_eq!(outputs.go(700, 40), None);
        assert!(outputs.go(101, 40).is_some());
        assert_eq!(outputs.go(1, 40), None, "one page at a time");
    }

    #[test]
    fn an_answer_for_another_folder_is_dropped() {
        let mut outputs = Outputs::default();
        let old = outputs.enter("a/".to_owned());
        let new = outputs.enter("b/".to_owned());
        outputs.take(&old, Ok(Came { rows: rows(0, 3), next: None, looked: 3 }));
        assert!(!outputs.loaded && outputs.rows.is_empty());
        outputs.take(&new, Ok(Came { rows: rows(0, 2), next: None, looked: 2 }));
        assert_eq!(outputs.rows.len(), 2);
    }

    #[test]
    fn the_folder_above_is_found() {
        let parent = |prefix: &str| Outputs { prefix: prefix.to_owned(), ..Outputs::default() }.parent();
        assert_eq!(parent("a/b/c/"), Some("a/b/".to_owned()));
        assert_eq!(parent("a/"), Some(String::new()));
        assert_eq!(parent("a/scan-1"), Some("a/".to_owned()));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn a_deleted_row_leaves_the_pages_in_order() {
        let (mut outputs, mut book) = (Outputs::default(), Vec::new());
        let first = outputs.reload();
        answer(&mut outputs, &first, &mut book, 10);
        outputs.go(9, 40);
        outputs.forget("a/0000009");
        assert_eq!((outputs.rows.len(), outputs.position()), (9, 9));
    }
}
