//! A window on a list of any length: a few pages are held, further ones are asked for as one scrolls.
//! It loads nothing and knows no row: it says which page it wants and takes what comes.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

use crate::domain::Millis;
use crate::text::Safe;

/// Pages held at least before the farthest is let go.
const HELD: usize = 3;

/// A row of such a list.
pub trait Held {
    /// Where a page goes on: whatever whoever loads the pages gives as one's end.
    type Key: Clone;
    /// What tells a row from every other.
    type Id<'a>: Eq + Hash
    where
        Self: 'a;
    /// Rows of a page as asked for.
    const PAGE: usize;

    /// Which row it is.
    fn id(&self) -> Self::Id<'_>;
}

/// A page that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch<K> {
    /// Rows behind this place; `None`: from the beginning.
    pub after: Option<K>,
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

/// A page as it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Came<R, K> {
    /// Its rows.
    pub rows: Vec<R>,
    /// Where to go on; `None`: that was all.
    pub next: Option<K>,
}

/// The list.
#[derive(Clone, Debug)]
pub struct List<R: Held> {
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
    /// Where each page up to the window's last starts, and how many rows stand before it.
    starts: Vec<(Option<R::Key>, usize)>,
    /// Lengths of the pages held.
    lengths: VecDeque<usize>,
    /// What comes behind the rows held.
    next: Option<R::Key>,
    generation: u64,
    waiting: bool,
}

impl<R: Held> Default for List<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            cursor: 0,
            top: 0,
            loaded: false,
            error: None,
            stale: false,
            loaded_at: 0,
            starts: Vec::new(),
            lengths: VecDeque::new(),
            next: None,
            generation: 0,
            waiting: false,
        }
    }
}

impl<R: Held> List<R> {
    /// The row under the cursor.
    pub fn selected(&self) -> Option<&R> {
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

    /// Starts over from the beginning; what is on its way is for an older list.
    pub fn reload(&mut self) -> Fetch<R::Key> {
        self.generation += 1;
        self.starts = vec![(None, 0)];
        self.lengths = VecDeque::from([0]);
        self.rows.clear();
        (self.loaded, self.error, self.next) = (false, None, None);
        (self.cursor, self.top) = (0, 0);
        self.want(None, R::PAGE, Place::Window)
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Fetch<R::Key>> {
        if self.waiting {
            return None;
        }
        if self.starts.is_empty() {
            return Some(self.reload());
        }
        let after = self.starts.get(self.first_page()).and_then(|(after, _)| after.clone());
        let limit = self.rows.len().clamp(R::PAGE, R::PAGE * HELD);
        Some(self.want(after, limit, Place::Window))
    }

    fn want(&mut self, after: Option<R::Key>, limit: usize, place: Place) -> Fetch<R::Key> {
        self.waiting = true;
        self.stale = false;
        Fetch { after, limit, place, generation: self.generation }
    }

    /// The page the cursor is about to need, if any. Nothing is loaded that nobody scrolls to.
    fn neighbour(&mut self, height: usize) -> Option<Fetch<R::Key>> {
        if self.waiting || !self.loaded || self.error.is_some() {
            return None;
        }
        let (first, near) = (self.first_page(), (R::PAGE / 4).max(height));
        if self.cursor + near >= self.rows.len()
            && let Some(next) = self.next.clone()
        {
            return Some(self.want(Some(next), R::PAGE, Place::Behind));
        }
        if self.cursor < near && first > 0 {
            let (after, before) = self.starts[first - 1].clone();
            let limit = self.starts[first].1 - before;
            return Some(self.want(after, limit, Place::Before));
        }
        None
    }

    /// Takes a page; `false`: it was for an older list, and is dropped.
    pub fn take(&mut self, wanted: &Fetch<R::Key>, page: Result<Came<R, R::Key>, Safe>, now: Millis) -> bool {
        if wanted.generation != self.generation {
            return false;
        }
        self.waiting = false;
        match page {
            Err(error) => self.error = Some(error),
            Ok(page) => {
                self.error = None;
                match wanted.place {
                    Place::Window => self.take_window(page),
                    Place::Behind => self.take_behind(wanted.after.clone(), page),
                    Place::Before => self.take_before(page.rows),
                }
                (self.loaded, self.loaded_at) = (true, now);
            }
        }
        true
    }

    fn take_window(&mut self, page: Came<R, R::Key>) {
        let screen_row = self.cursor.saturating_sub(self.top);
        // The cursor stays on its row, on its line of the screen; when the row has gone, on its place.
        let found = self.rows.get(self.cursor).and_then(|on| page.rows.iter().position(|row| row.id() == on.id()));
        self.starts.truncate(self.first_page() + 1);
        self.lengths = VecDeque::from([page.rows.len()]);
        (self.rows, self.next) = (page.rows, page.next);
        self.cursor = found.unwrap_or(self.cursor).min(self.rows.len().saturating_sub(1));
        self.top = self.cursor.saturating_sub(screen_row);
    }

    /// A row that changed meanwhile may come a second time; the list holds it once.
    fn new_to_it(&self, rows: Vec<R>) -> Vec<R> {
        let new: Vec<bool> = {
            let held: HashSet<R::Id<'_>> = self.rows.iter().map(R::id).collect();
            rows.iter().map(|row| !held.contains(&row.id())).collect()
        };
        rows.into_iter().zip(new).filter_map(|(row, new)| new.then_some(row)).collect()
    }

    fn take_behind(&mut self, start: Option<R::Key>, page: Came<R, R::Key>) {
        self.next = page.next;
        let mut rows = self.new_to_it(page.rows);
        if rows.is_empty() {
            return;
        }
        self.starts.push((start, self.known()));
        self.lengths.push_back(rows.len());
        self.rows.append(&mut rows);
        while let Some(gone) = self.spare(self.lengths.front().copied()) {
            self.lengths.pop_front();
            self.rows.drain(..gone);
            self.cursor = self.cursor.saturating_sub(gone);
            self.top = self.top.saturating_sub(gone);
        }
    }

    fn take_before(&mut self, rows: Vec<R>) {
        let mut rows = self.new_to_it(rows);
        let added = rows.len();
        rows.append(&mut self.rows);
        self.rows = rows;
        self.lengths.push_front(added);
        self.cursor += added;
        self.top += added;
        while let Some(gone) = self.spare(self.lengths.back().copied()) {
            self.lengths.pop_back();
            self.next = self.starts.pop().and_then(|(after, _)| after);
            self.rows.truncate(self.rows.len() - gone);
            self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        }
    }

    /// Rows of the page at one end, when enough are held without it.
    fn spare(&self, page: Option<usize>) -> Option<usize> {
        page.filter(|rows| self.lengths.len() > 1 && self.rows.len() - rows >= HELD * R::PAGE)
    }

    /// Moves the cursor by rows, keeps it on a screen of `height` rows, and says which page is needed next.
    pub fn go(&mut self, by: isize, height: usize) -> Option<Fetch<R::Key>> {
        if by != 0 && self.loaded {
            // Whoever moves on asks again for what could not be had.
            self.error = None;
        }
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.scroll(height);
        self.neighbour(height)
    }

    /// To the first row, or to the end of what is held.
    pub fn go_to_edge(&mut self, end: bool, height: usize) -> Option<Fetch<R::Key>> {
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

    /// Takes a row off that is no more.
    pub fn forget(&mut self, gone: impl Fn(&R) -> bool) {
        let Some(at) = self.rows.iter().position(gone) else { return };
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
}

#[cfg(test)]
mod tests;
