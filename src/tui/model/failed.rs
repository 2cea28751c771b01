//! The list of failed posts: what it is narrowed to, in which order it stands, and the post under its cursor.
//! It loads nothing itself: it says what it wants and takes what comes.

use crate::domain::{Millis, PageKey, PostFilter, PostId, PostLine, Status};
use crate::text::{Safe, first_chars};
use crate::tui::model::filter::Filter;
use crate::tui::model::list::{Fetch, Key, Keyed, List};
use crate::tui::model::marks::Marks;
use crate::tui::model::post::Post;

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

impl Row {
    /// A person wrote its tags or passed it over.
    pub fn is_by_hand(&self) -> bool {
        self.status == Some(Status::Skipped) && self.class.as_deref() == Some("by_hand")
    }
}

impl Keyed for Row {
    fn key(&self) -> Key {
        Key { at: self.updated_at, id: self.id.0 }
    }
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

/// A page of posts that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the list is narrowed to.
    pub filter: Filter,
    /// Which page of it.
    pub fetch: Fetch,
}

impl Wanted {
    /// The filter of each list that has to be merged for it.
    pub fn filters(&self) -> Vec<PostFilter> {
        post_filters(&self.filter)
    }

    /// Where the page begins.
    pub fn after(&self) -> Option<PageKey> {
        self.fetch.after.map(|key| PageKey { updated_at: key.at, id: PostId(key.id) })
    }
}

/// What a filter means for posts, a list for each status; without a status failed and retrying ones are meant.
pub fn post_filters(filter: &Filter) -> Vec<PostFilter> {
    let of = |status| PostFilter {
        user: filter.user,
        status,
        channel: filter.channel.clone(),
        class: filter.class.clone(),
        query: filter.text.clone(),
        model: filter.model.clone(),
    };
    match filter.statuses.as_slice() {
        [] => vec![of(Some(Status::Failed)), of(Some(Status::Retrying))],
        all if all.len() == Status::ALL.len() => vec![of(None)],
        some => some.iter().map(|status| of(Some(*status))).collect(),
    }
}

/// In which order the rows stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Last changed first: the list's own order.
    #[default]
    Newest,
    /// By channel.
    Channel,
    /// Most passes first.
    Passes,
    /// By error.
    Error,
    /// By id.
    Id,
}

impl Order {
    /// The next in the cycle.
    pub const fn next(self) -> Self {
        match self {
            Self::Newest => Self::Channel,
            Self::Channel => Self::Passes,
            Self::Passes => Self::Error,
            Self::Error => Self::Id,
            Self::Id => Self::Newest,
        }
    }

    fn sort(self, rows: &mut [Row]) {
        match self {
            Self::Newest => {}
            Self::Channel => rows.sort_by(|a, b| a.channel.cmp(&b.channel)),
            Self::Passes => rows.sort_by_key(|row| std::cmp::Reverse(row.attempts)),
            Self::Error => rows.sort_by(|a, b| a.error.cmp(&b.error)),
            Self::Id => rows.sort_by_key(|row| row.id),
        }
    }
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Failed {
    /// What it is narrowed to.
    pub filter: Filter,
    /// The rows.
    pub list: List<Row>,
    /// In which order they stand.
    pub order: Order,
    /// The rows marked for an action.
    pub marks: Marks,
    /// The causes are shown instead, and this one is under the cursor.
    pub grouped: Option<usize>,
    /// The post under the cursor.
    pub post: Option<Post>,
    /// The post that was asked for and has not come.
    pub asked: Option<PostId>,
}

impl Failed {
    /// The row under the cursor; none while causes are shown.
    pub fn selected(&self) -> Option<&Row> {
        self.list.selected().filter(|_| self.grouped.is_none())
    }

    /// The page that a fetch of the list means.
    pub fn wanted(&self, fetch: Fetch) -> Wanted {
        Wanted { filter: self.filter.clone(), fetch }
    }

    /// Starts over from the newest, with the filter and order as they are now.
    pub fn reload(&mut self) -> Wanted {
        self.post = None;
        self.marks.clear();
        self.list.whole = self.order != Order::Newest;
        let fetch = self.list.reload();
        self.wanted(fetch)
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Wanted> {
        self.list.refresh().map(|fetch| self.wanted(fetch))
    }

    /// Takes a page, in the order chosen.
    pub fn take(&mut self, wanted: &Wanted, page: Result<Vec<Row>, Safe>, now: Millis) {
        let page = page.map(|mut rows| {
            self.order.sort(&mut rows);
            rows
        });
        self.list.take(&wanted.fetch, page, now);
    }

    /// The post under the cursor, when it has to be loaded: one request at a time, however fast the cursor moves.
    pub fn post_wanted(&mut self) -> Option<PostId> {
        let row = self.list.selected().filter(|_| self.grouped.is_none())?;
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
    use crate::tui::fixture;

    #[test]
    fn one_post_is_asked_for_at_a_time() {
        let mut failed = Failed::default();
        let wanted = failed.reload();
        let rows: Vec<Row> = fixture::failed_posts().iter().map(|post| Row::from(&post.line)).collect();
        let ids: Vec<PostId> = rows.iter().map(|row| row.id).collect();
        failed.take(&wanted, Ok(rows), 0);
        assert_eq!(failed.post_wanted(), Some(ids[0]));
        failed.list.go(3, 20);
        assert_eq!(failed.post_wanted(), None);
        failed.asked = None;
        assert_eq!(failed.post_wanted(), Some(ids[3]));
    }

    #[test]
    fn another_order_is_of_the_rows_that_came() {
        let mut failed = Failed { order: Order::Passes, ..Failed::default() };
        let wanted = failed.reload();
        assert_eq!(wanted.fetch.limit, crate::tui::model::list::SORTED);
        failed.take(&wanted, Ok(fixture::failed_posts().iter().map(|post| Row::from(&post.line)).collect()), 0);
        let passes: Vec<i64> = failed.list.rows.iter().map(|row| row.attempts).collect();
        assert!(passes.is_sorted_by(|a, b| a >= b), "{passes:?}");
    }
}
