//! The list of failed posts as a window on a list of any length: at most three pages are held, further ones are asked for by key.
//! It loads nothing itself: it says which page it wants and takes what comes.

use std::collections::VecDeque;

use crate::domain::{Millis, PageKey, PostFilter, PostId, PostLine, Status};
use crate::text::{Safe, first_chars};
use crate::tui::model::post::Post;

/// Rows of a page as asked for.
pub const PAGE: usize = 200;

/// Pages held at once.
const WINDOW: usize = 3;

/// One row, all of it `Safe`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which post.
    pub id: PostId,
    /// Title of its channel.
    pub channel: Safe,
    /// Status of its tagging.
    pub status: Option<Status>,
    /// When its job changed last.
    pub updated_at: Millis,
    /// When its next pass is due.
    pub next_at: Option<Millis>,
    /// Passes used.
    pub attempts: i64,
    /// How many tags it has.
    pub tags: usize,
    /// Class of the last error.
    pub class: Option<String>,
    /// The last error in words.
    pub error: Safe,
}

impl From<&PostLine> for Row {
    fn from(line: &PostLine) -> Self {
        let class = line.error_class.as_deref();
        let error = line.error.as_deref().filter(|error| !error.is_empty());
        Self {
            id: line.id,
            channel: Safe::line(&line.channel),
            status: line.status,
            updated_at: line.updated_at,
            next_at: line.next_at,
            attempts: line.attempts,
            tags: line.tags.len(),
            class: line.error_class.clone(),
            error: match (error, class) {
                (Some(error), _) => Safe::line(first_chars(error, 300)),
                (None, Some(class)) => crate::tui::widget::outcome::label(class),
                (None, None) => Safe::default(),
            },
        }
    }
}

/// Which statuses the list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Failed and retrying.
    #[default]
    Both,
    /// One of them.
    Only(Status),
}

impl Shown {
    /// The next in the cycle.
    pub const fn next(self) -> Self {
        match self {
            Self::Both => Self::Only(Status::Failed),
            Self::Only(Status::Failed) => Self::Only(Status::Retrying),
            Self::Only(_) => Self::Both,
        }
    }
}

/// A page that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Statuses and class.
    pub shown: Shown,
    /// Only this error class.
    pub class: Option<String>,
    /// Rows behind this one; `None`: from the newest.
    pub after: Option<PageKey>,
    /// How many.
    pub limit: usize,
    /// Where it goes.
    pub place: Place,
    /// Which list it belongs to; an answer for an older list is dropped.
    pub generation: u64,
}

impl Wanted {
    /// The filter of each list that has to be merged for it.
    pub fn filters(&self) -> Vec<PostFilter> {
        let of = |status| PostFilter { status: Some(status), class: self.class.clone(), ..PostFilter::default() };
        match self.shown {
            Shown::Both => vec![of(Status::Failed), of(Status::Retrying)],
            Shown::Only(status) => vec![of(status)],
        }
    }
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
#[derive(Clone, Debug, Default)]
pub struct Failed {
    /// Which statuses are shown.
    pub shown: Shown,
    /// Which error class is shown; `None`: all.
    pub class: Option<String>,
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
    /// The post under the cursor.
    pub post: Option<Post>,
    /// The post that was asked for and has not come.
    pub asked: Option<PostId>,
    /// Something changed in the database since the window was loaded.
    pub stale: bool,
    /// When the window was loaded.
    pub loaded_at: Millis,
    /// Where each page up to the window's last starts, and how many rows stand before it.
    starts: Vec<(Option<PageKey>, usize)>,
    /// Lengths of the pages held.
    lengths: VecDeque<usize>,
    /// There may be more rows behind the window.
    more: bool,
    generation: u64,
    /// Generation of the page that is on its way.
    waiting: Option<u64>,
}

impl Failed {
    /// The row under the cursor.
    pub fn selected(&self) -> Option<&Row> {
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

    /// Starts over from the newest, with the filter as it is now.
    pub fn reload(&mut self) -> Wanted {
        self.generation += 1;
        self.starts = vec![(None, 0)];
        self.lengths = VecDeque::from([0]);
        self.loaded = false;
        self.rows.clear();
        (self.cursor, self.top, self.more, self.post) = (0, 0, false, None);
        self.want(None, PAGE, Place::Window)
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Wanted> {
        if self.waiting.is_some() {
            return None;
        }
        if self.starts.is_empty() {
            return Some(self.reload());
        }
        let after = self.starts.get(self.first_page()).and_then(|(after, _)| *after);
        let limit = self.rows.len().clamp(PAGE, PAGE * WINDOW);
        Some(self.want(after, limit, Place::Window))
    }

    fn want(&mut self, after: Option<PageKey>, limit: usize, place: Place) -> Wanted {
        self.waiting = Some(self.generation);
        self.stale = false;
        Wanted { shown: self.shown, class: self.class.clone(), after, limit, place, generation: self.generation }
    }

    /// The page the cursor is about to need, if any.
    fn neighbour(&mut self) -> Option<Wanted> {
        if self.waiting.is_some() || !self.loaded {
            return None;
        }
        let first = self.first_page();
        if self.cursor + PAGE / 2 >= self.rows.len() && self.more {
            let after = self.rows.last().map(|row| PageKey { updated_at: row.updated_at, id: row.id });
            return Some(self.want(after, PAGE, Place::Behind));
        }
        if self.cursor < PAGE / 4 && first > 0 {
            let (after, before) = self.starts[first - 1];
            let limit = self.starts[first].1 - before;
            return Some(self.want(after, limit, Place::Before));
        }
        None
    }

    /// Takes a page; answers for an older filter are dropped.
    pub fn take(&mut self, wanted: &Wanted, page: Result<Vec<Row>, Safe>, now: Millis) {
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

    fn take_window(&mut self, rows: Vec<Row>, limit: usize) {
        let on = self.selected().map(|row| row.id);
        let screen_row = self.cursor.saturating_sub(self.top);
        self.more = rows.len() >= limit;
        self.starts.truncate(self.first_page() + 1);
        self.lengths = VecDeque::from([rows.len()]);
        self.rows = rows;
        // The cursor stays on its post, on its line of the screen; when the post has gone, on its place.
        let found = on.and_then(|id| self.rows.iter().position(|row| row.id == id));
        self.cursor = found.unwrap_or(self.cursor).min(self.rows.len().saturating_sub(1));
        self.top = self.cursor.saturating_sub(screen_row);
    }

    fn take_behind(&mut self, mut rows: Vec<Row>) {
        self.more = rows.len() >= PAGE;
        // A post that changed meanwhile may come a second time; the list holds it once.
        rows.retain(|row| self.rows.iter().all(|held| held.id != row.id));
        if rows.is_empty() {
            return;
        }
        let start = self.rows.last().map(|row| PageKey { updated_at: row.updated_at, id: row.id });
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

    fn take_before(&mut self, mut rows: Vec<Row>) {
        rows.retain(|row| self.rows.iter().all(|held| held.id != row.id));
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
    pub fn go(&mut self, by: isize, height: usize) -> Option<Wanted> {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.scroll(height);
        self.neighbour()
    }

    /// To the newest post, or to the end of what is held.
    pub fn go_to_edge(&mut self, end: bool, height: usize) -> Option<Wanted> {
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

    /// The post under the cursor, when it has to be loaded: one request at a time, however fast the cursor moves.
    pub fn post_wanted(&mut self) -> Option<PostId> {
        let row = self.rows.get(self.cursor)?;
        let fresh = self.post.as_ref().is_some_and(|post| post.id == row.id && post.updated_at >= row.updated_at);
        if fresh || self.asked.is_some() {
            return None;
        }
        self.asked = Some(row.id);
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> Row {
        let at = 1_000_000 - n as i64;
        Row {
            id: PostId(at),
            channel: Safe::fixed("c"),
            status: Some(Status::Failed),
            updated_at: at,
            next_at: None,
            attempts: 5,
            tags: 0,
            class: None,
            error: Safe::default(),
        }
    }

    /// A database of `total` rows, newest first.
    fn answer(wanted: &Wanted, total: usize) -> Vec<Row> {
        let from = wanted.after.map_or(0, |key| usize::try_from(1_000_000 - key.updated_at).unwrap() + 1);
        (from..total.min(from + wanted.limit)).map(row).collect()
    }

    fn settle(failed: &mut Failed, mut wanted: Option<Wanted>, total: usize) {
        while let Some(page) = wanted.take() {
            failed.take(&page, Ok(answer(&page, total)), 0);
            wanted = failed.go(0, 20);
        }
    }

    #[test]
    fn a_list_of_any_length_is_walked_with_three_pages_in_hand() {
        let total = 5_000;
        let mut failed = Failed::default();
        let first = failed.reload();
        settle(&mut failed, Some(first), total);
        for step in 0..total - 1 {
            assert_eq!((failed.position(), failed.selected().unwrap().id), (step + 1, row(step).id));
            let wanted = failed.go(1, 20);
            settle(&mut failed, wanted, total);
            assert!(failed.rows.len() <= PAGE * WINDOW);
        }
        assert_eq!(failed.position(), total);
        for step in (0..total - 1).rev() {
            let wanted = failed.go(-1, 20);
            settle(&mut failed, wanted, total);
            assert_eq!((failed.position(), failed.selected().unwrap().id), (step + 1, row(step).id));
            assert!(failed.top <= failed.cursor && failed.cursor < failed.top + 20);
        }
    }

    #[test]
    fn new_failures_do_not_move_the_cursor_off_its_post() {
        let mut failed = Failed::default();
        let first = failed.reload();
        failed.take(&first, Ok((10..40).map(row).collect()), 0);
        failed.go(5, 20);
        let on = failed.selected().unwrap().id;
        let again = failed.refresh().unwrap();
        failed.take(&again, Ok((0..40).map(row).collect()), 0);
        assert_eq!((failed.selected().unwrap().id, failed.cursor - failed.top), (on, 5));
    }

    #[test]
    fn a_page_of_an_older_filter_is_dropped() {
        let mut failed = Failed::default();
        let old = failed.reload();
        failed.class = Some("not_tags".to_owned());
        let new = failed.reload();
        failed.take(&old, Ok(vec![row(1)]), 0);
        assert!(failed.rows.is_empty() && !failed.loaded);
        failed.take(&new, Ok(vec![row(2)]), 0);
        assert_eq!(failed.rows.len(), 1);
    }

    #[test]
    fn one_post_is_asked_for_at_a_time() {
        let mut failed = Failed::default();
        let first = failed.reload();
        failed.take(&first, Ok((0..40).map(row).collect()), 0);
        assert_eq!(failed.post_wanted(), Some(row(0).id));
        failed.go(7, 20);
        assert_eq!(failed.post_wanted(), None);
        failed.asked = None;
        assert_eq!(failed.post_wanted(), Some(row(7).id));
    }
}
