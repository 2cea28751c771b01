//! A window on a list of any length, newest first: at most three pages are held, further ones are asked for by key.
//! It loads nothing and knows no row: it says which page it wants and takes what comes.

use std::collections::VecDeque;

use crate::domain::Millis;
use crate::text::Safe;

/// Rows of a page as asked for.
pub const PAGE: usize = 200;

/// Pages held at once.
const WINDOW: usize = 3;

/// Rows held while they are sorted by something no index knows: no pages then, only the newest.
pub const SORTED: usize = 2_000;

/// Place in a list ordered by time and id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// When it changed last.
    pub at: Millis,
    /// Which row.
    pub id: i64,
}

/// A row that has such a place.
pub trait Keyed {
    /// Its place.
    fn key(&self) -> Key;
}

/// A page that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// Rows behind this one; `None`: from the newest.
    pub after: Option<Key>,
    /// How many.
    pub limit: usize,
    /// Where it goes.
    pub place: Place,
    /// Which list it belongs to; an answer for an older list is dropped.
    pub generation: u64,
}

/// Where a page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In place of the whole window.
    Window,
    /// Before it.
    Before,
    /// Behind it.
    Behind,
}

/// The list.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each says one thing, in any mixture")]
pub struct List<R> {
    /// The rows held.
    pub rows: Vec<R>,
    /// The row the cursor is on.
    pub cursor: usize,
    /// The first row on the screen.
    pub top: usize,
    /// A first page has come.
    pub loaded: bool,
    /// What went wrong with the last page.
    pub error: Option<Safe>,
    /// Something changed in the database since the window was loaded.
    pub stale: bool,
    /// When the window was loaded.
    pub loaded_at: Millis,
    /// One long page instead of a window, for rows that are put in another order here.
    pub whole: bool,
    /// Where each page up to the window's last starts, and how many rows stand before it.
    starts: Vec<(Option<Key>, usize)>,
    /// Lengths of the pages held.
    lengths: VecDeque<usize>,
    /// There may be more rows behind the window.
    more: bool,
    generation: u64,
    /// Generation of the page that is on its way.
    waiting: Option<u64>,
}

impl<R> Default for List<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            cursor: 0,
            top: 0,
            loaded: false,
            error: None,
            stale: false,
            loaded_at: 0,
            whole: false,
            starts: Vec::new(),
            lengths: VecDeque::new(),
            more: false,
            generation: 0,
            waiting: None,
        }
    }
}

impl<R: Keyed> List<R> {
    /// The row under the cursor.
    pub fn selected(&self) -> Option<&R> {
        self.rows.get(self.cursor)
    }

    /// Place of the cursor in the whole list, from 1.
    pub fn position(&self) -> usize {
        self.before() + self.cursor + 1
    }

    /// True when rows behind the window may exist.
    pub const fn has_more(&self) -> bool {
        self.more
    }

    fn first_page(&self) -> usize {
        self.starts.len() - self.lengths.len().min(self.starts.len())
    }

    fn before(&self) -> usize {
        self.starts.get(self.first_page()).map_or(0, |(_, before)| *before)
    }

    /// Starts over from the newest; what is on its way is for an older list.
    pub fn reload(&mut self) -> Fetch {
        self.generation += 1;
        self.starts = vec![(None, 0)];
        self.lengths = VecDeque::from([0]);
        self.loaded = false;
        self.rows.clear();
        (self.cursor, self.top, self.more) = (0, 0, false);
        self.want(None, if self.whole { SORTED } else { PAGE }, Place::Window)
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Fetch> {
        if self.waiting.is_some() {
            return None;
        }
        if self.starts.is_empty() {
            return Some(self.reload());
        }
        let after = self.starts.get(self.first_page()).and_then(|(after, _)| *after);
        let limit = if self.whole { SORTED } else { self.rows.len().clamp(PAGE, PAGE * WINDOW) };
        Some(self.want(after, limit, Place::Window))
    }

    fn want(&mut self, after: Option<Key>, limit: usize, place: Place) -> Fetch {
        self.waiting = Some(self.generation);
        self.stale = false;
        Fetch { after, limit, place, generation: self.generation }
    }

    /// The page the cursor is about to need, if any.
    fn neighbour(&mut self) -> Option<Fetch> {
        if self.waiting.is_some() || !self.loaded || self.whole {
            return None;
        }
        let first = self.first_page();
        if self.cursor + PAGE / 2 >= self.rows.len() && self.more {
            let after = self.rows.last().map(R::key);
            return Some(self.want(after, PAGE, Place::Behind));
        }
        if self.cursor < PAGE / 4 && first > 0 {
            let (after, before) = self.starts[first - 1];
            let limit = self.starts[first].1 - before;
            return Some(self.want(after, limit, Place::Before));
        }
        None
    }

    /// Takes a page; answers for an older list are dropped.
    pub fn take(&mut self, wanted: &Fetch, page: Result<Vec<R>, Safe>, now: Millis) {
        if wanted.generation != self.generation {
            return;
        }
        self.waiting = None;
        match page {
            Err(error) => self.error = Some(error),
            Ok(rows) => {
                self.error = None;
                self.loaded = true;
                match wanted.place {
                    Place::Window => self.take_window(rows, wanted.limit),
                    Place::Behind => self.take_behind(rows),
                    Place::Before => self.take_before(rows),
                }
                self.loaded_at = now;
            }
        }
    }

    fn take_window(&mut self, rows: Vec<R>, limit: usize) {
        let on = self.selected().map(|row| row.key().id);
        let screen_row = self.cursor.saturating_sub(self.top);
        self.more = rows.len() >= limit;
        self.starts.truncate(self.first_page() + 1);
        self.lengths = VecDeque::from([rows.len()]);
        self.rows = rows;
        // The cursor stays on its row, on its line of the screen; when the row has gone, on its place.
        let found = on.and_then(|id| self.rows.iter().position(|row| row.key().id == id));
        self.cursor = found.unwrap_or(self.cursor).min(self.rows.len().saturating_sub(1));
        self.top = self.cursor.saturating_sub(screen_row);
    }

    fn take_behind(&mut self, mut rows: Vec<R>) {
        self.more = rows.len() >= PAGE;
        // A row that changed meanwhile may come a second time; the list holds it once.
        rows.retain(|row| self.rows.iter().all(|held| held.key().id != row.key().id));
        if rows.is_empty() {
            return;
        }
        let start = self.rows.last().map(R::key);
        let before = self.before() + self.rows.len();
        self.starts.push((start, before));
        self.lengths.push_back(rows.len());
        self.rows.append(&mut rows);
        if self.lengths.len() > WINDOW {
            let gone = self.lengths.pop_front().unwrap_or(0);
            self.rows.drain(..gone);
            self.cursor = self.cursor.saturating_sub(gone);
            self.top = self.top.saturating_sub(gone);
        }
    }

    fn take_before(&mut self, mut rows: Vec<R>) {
        rows.retain(|row| self.rows.iter().all(|held| held.key().id != row.key().id));
        let added = rows.len();
        rows.append(&mut self.rows);
        self.rows = rows;
        self.lengths.push_front(added);
        self.cursor += added;
        self.top += added;
        if self.lengths.len() > WINDOW {
            let gone = self.lengths.pop_back().unwrap_or(0);
            self.starts.pop();
            self.rows.truncate(self.rows.len() - gone);
            self.more = true;
            self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        }
    }

    /// Moves the cursor by rows, keeps it on a screen of `height` rows, and says which page is needed next.
    pub fn go(&mut self, by: isize, height: usize) -> Option<Fetch> {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.scroll(height);
        self.neighbour()
    }

    /// To the newest row, or to the end of what is held.
    pub fn go_to_edge(&mut self, end: bool, height: usize) -> Option<Fetch> {
        if !end && self.first_page() > 0 {
            return Some(self.reload());
        }
        self.go(if end { isize::MAX } else { isize::MIN + 1 }, height)
    }

    /// Keeps the cursor on the screen.
    pub fn scroll(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(height));
        self.top = self.top.min(self.rows.len().saturating_sub(height).max(self.cursor.saturating_sub(height - 1)));
    }

    /// Puts the cursor on a row of the screen, from its top; `false`: there is no such row.
    pub fn point(&mut self, row: usize) -> bool {
        let at = self.top + row;
        if at < self.rows.len() {
            self.cursor = at;
        }
        at < self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Row {
        id: i64,
    }

    impl Keyed for Row {
        fn key(&self) -> Key {
            Key { at: self.id, id: self.id }
        }
    }

    fn row(n: usize) -> Row {
        Row { id: 1_000_000 - n as i64 }
    }

    /// A database of `total` rows, newest first.
    fn answer(wanted: &Fetch, total: usize) -> Vec<Row> {
        let from = wanted.after.map_or(0, |key| usize::try_from(1_000_000 - key.at).unwrap() + 1);
        (from..total.min(from + wanted.limit)).map(row).collect()
    }

    fn settle(list: &mut List<Row>, mut wanted: Option<Fetch>, total: usize) {
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
            assert!(list.rows.len() <= PAGE * WINDOW);
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
        list.take(&first, Ok((10..40).map(row).collect()), 0);
        list.go(5, 20);
        let on = list.selected().unwrap().id;
        let again = list.refresh().unwrap();
        list.take(&again, Ok((0..40).map(row).collect()), 0);
        assert_eq!((list.selected().unwrap().id, list.cursor - list.top), (on, 5));
    }

    #[test]
    fn a_page_of_an_older_list_is_dropped() {
        let mut list = List::default();
        let old = list.reload();
        let new = list.reload();
        list.take(&old, Ok(vec![row(1)]), 0);
        assert!(list.rows.is_empty() && !list.loaded);
        list.take(&new, Ok(vec![row(2)]), 0);
        assert_eq!(list.rows.len(), 1);
    }
}
