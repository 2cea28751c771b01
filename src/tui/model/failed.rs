//! The list of failed posts: what it is narrowed to, in which order it stands, and the post under its cursor.
//! It loads nothing itself: it says what it wants and takes what comes.

use crate::domain::{Millis, PostFilter, PostId, PostLine, PostOrder, PostPlace, Status};
use crate::text::{Safe, first_chars};
use crate::tui::model::filter::Filter;
use crate::tui::model::list::{Fetch, Held, List};
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

impl Held for Row {
    type Key = PostPlace;
    type Id<'a> = PostId;
    const PAGE: usize = 200;

    fn id(&self) -> PostId {
        self.id
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
    /// In which order.
    pub order: PostOrder,
    /// Which page of it.
    pub fetch: Fetch<PostPlace>,
}

impl Wanted {
    /// What the posts have to fit, but for their status.
    pub fn filter(&self) -> PostFilter {
        PostFilter { status: None, ..post_filters(&self.filter).swap_remove(0) }
    }

    /// The statuses they may have; without one in the filter failed and retrying ones are meant.
    pub fn statuses(&self) -> &[Status] {
        statuses(&self.filter)
    }
}

fn statuses(filter: &Filter) -> &[Status] {
    if filter.statuses.is_empty() { &[Status::Failed, Status::Retrying] } else { &filter.statuses }
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

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Failed {
    /// What it is narrowed to.
    pub filter: Filter,
    /// The rows.
    pub list: List<Row>,
    /// In which order they stand.
    pub order: PostOrder,
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
    pub fn wanted(&self, fetch: Fetch<PostPlace>) -> Wanted {
        Wanted { filter: self.filter.clone(), order: self.order, fetch }
    }

    /// Starts over, with the filter and order as they are now; an order that these statuses cannot be listed in is dropped.
    pub fn reload(&mut self) -> Wanted {
        self.post = None;
        self.marks.clear();
        if !self.offers(self.order) {
            self.order = PostOrder::Newest;
        }
        let fetch = self.list.reload();
        self.wanted(fetch)
    }

    /// Whether the list can stand in this order.
    pub fn offers(&self, order: PostOrder) -> bool {
        statuses(&self.filter).iter().all(|status| order.lists(*status))
    }

    /// The order after this one, among those that the list can stand in.
    pub fn next_order(&self) -> PostOrder {
        let after = PostOrder::ALL.iter().skip_while(|order| **order != self.order).skip(1);
        after.copied().find(|order| self.offers(*order)).unwrap_or_default()
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Wanted> {
        self.list.refresh().map(|fetch| self.wanted(fetch))
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
    use crate::tui::model::list::Came;

    #[test]
    fn one_post_is_asked_for_at_a_time() {
        let mut failed = Failed::default();
        let wanted = failed.reload();
        let rows: Vec<Row> = fixture::failed_posts().iter().map(|post| Row::from(&post.line)).collect();
        let ids: Vec<PostId> = rows.iter().map(|row| row.id).collect();
        failed.list.take(&wanted.fetch, Ok(Came { rows, next: None }), 0);
        assert_eq!(failed.post_wanted(), Some(ids[0]));
        failed.list.go(3, 20);
        assert_eq!(failed.post_wanted(), None);
        failed.asked = None;
        assert_eq!(failed.post_wanted(), Some(ids[3]));
    }

    #[test]
    fn only_orders_that_the_statuses_can_be_listed_in_are_offered() {
        let mut failed = Failed::default();
        let mut seen = vec![failed.order];
        while failed.next_order() != PostOrder::Newest {
            failed.order = failed.next_order();
            seen.push(failed.order);
        }
        assert_eq!(seen, PostOrder::ALL);
        failed.filter.statuses = vec![Status::Success, Status::Failed];
        assert_eq!((failed.reload().order, failed.next_order()), (PostOrder::Newest, PostOrder::Channel));
        failed.order = PostOrder::Channel;
        assert_eq!((failed.reload().order, failed.next_order()), (PostOrder::Channel, PostOrder::Newest));
    }
}
