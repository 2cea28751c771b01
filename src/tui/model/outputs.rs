//! The list of outputs: where it lies, in which order, what is known of the one under its cursor.
//! It loads nothing itself: it says what it wants and takes what comes.

use crate::ops::outputs::{After, Ask, Entry, Listed, Order};
use crate::text::Safe;
use crate::tui::locale::t;
use crate::tui::model::list::{Came, Fetch, Held, List};
use crate::tui::model::reading::Reading;

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

impl Held for Row {
    type Key = After;
    type Id<'a> = &'a str;
    const PAGE: usize = 1000;

    fn id(&self) -> &str {
        self.entry.key()
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
    /// Which page of them.
    pub fetch: Fetch<After>,
}

/// A page as it comes, and how many names were looked at for it.
pub type Page = (Came<Row, After>, usize);

/// Makes the rows of a page.
pub fn page(listed: Listed, prefix: &str) -> Page {
    let rows = listed.entries.into_iter().map(|entry| Row::new(entry, prefix)).collect();
    (Came { rows, next: listed.next }, listed.looked)
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
    /// The rows.
    pub list: List<Row>,
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
}

impl Outputs {
    /// The outputs of this place; an error says why there is none.
    pub fn new(place: Option<Result<Safe, Safe>>) -> Self {
        let (place, error) = match place {
            Some(Ok(place)) => (Some(place), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let mut outputs = Self { place, ..Self::default() };
        outputs.list.error = error;
        outputs
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
        self.looked = 0;
        let fetch = self.list.reload();
        self.wanted(fetch)
    }

    /// The page that a fetch of the list means.
    pub fn wanted(&self, fetch: Fetch<After>) -> Wanted {
        let (after, limit) = (fetch.after.clone(), fetch.limit);
        let ask = Ask { prefix: self.prefix.clone(), order: self.order, contains: self.filter.clone(), after, limit };
        Wanted { ask, fetch }
    }

    /// Takes a page; answers for an older list are dropped.
    pub fn take(&mut self, wanted: &Wanted, page: Result<Page, Safe>) {
        let (page, looked) = page.map_or_else(|error| (Err(error), 0), |(came, looked)| (Ok(came), looked));
        if self.list.take(&wanted.fetch, page, 0) {
            self.looked += looked;
        }
    }

    /// Takes a row off that has been deleted.
    pub fn forget(&mut self, key: &str) {
        self.list.forget(|row| row.entry.key() == key);
        if self.reading.as_ref().is_some_and(|reading| reading.key == key) {
            self.reading = None;
        }
    }

    /// The object under the cursor, when it has to be looked into: one request at a time, however fast the cursor moves.
    pub fn reading_wanted(&mut self) -> Option<String> {
        let Entry::Object(object) = &self.list.selected()?.entry else { return None };
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
        let from = page * Row::PAGE;
        let count = wanted.ask.limit.min(total - from);
        let more = from + count < total;
        while more && book.len() <= page {
            book.push(After::for_test(book.len()));
        }
        let next = more.then(|| book[page].clone());
        outputs.take(wanted, Ok((Came { rows: rows(from, count), next }, count)));
    }

    #[test]
    fn a_million_names_are_walked_with_three_thousand_held() {
        let (mut outputs, mut book) = (Outputs::default(), Vec::new());
        let first = outputs.enter("a/".to_owned());
        answer(&mut outputs, &first, &mut book, 1_000_000);
        let mut pages = 1;
        while outputs.list.position() < 1_000_000 {
            while let Some(wanted) = outputs.list.go(37, 50).map(|fetch| outputs.wanted(fetch)) {
                answer(&mut outputs, &wanted, &mut book, 1_000_000);
                pages += 1;
            }
            assert!(outputs.list.rows.len() < 4 * Row::PAGE);
            assert_eq!(outputs.list.selected().unwrap().name.parse::<usize>().unwrap() + 1, outputs.list.position());
        }
        assert_eq!(pages, 1000);
        // And back: every row is where it was.
        while outputs.list.position() > 1 {
            while let Some(wanted) = outputs.list.go(-991, 50).map(|fetch| outputs.wanted(fetch)) {
                answer(&mut outputs, &wanted, &mut book, 1_000_000);
            }
            assert!(outputs.list.rows.len() < 4 * Row::PAGE);
            assert_eq!(outputs.list.selected().unwrap().name.parse::<usize>().unwrap() + 1, outputs.list.position());
        }
        assert_eq!(outputs.list.known(), outputs.list.rows.len());
    }

    #[test]
    fn an_answer_for_another_folder_is_dropped() {
        let mut outputs = Outputs::default();
        let old = outputs.enter("a/".to_owned());
        let new = outputs.enter("b/".to_owned());
        outputs.take(&old, Ok((Came { rows: rows(0, 3), next: None }, 3)));
        assert!(!outputs.list.loaded && outputs.list.rows.is_empty());
        outputs.take(&new, Ok((Came { rows: rows(0, 2), next: None }, 2)));
        assert_eq!(outputs.list.rows.len(), 2);
    }

    #[test]
    fn the_folder_above_is_found() {
        let parent = |prefix: &str| Outputs { prefix: prefix.to_owned(), ..Outputs::default() }.parent();
        assert_eq!(parent("a/b/c/"), Some("a/b/".to_owned()));
        assert_eq!(parent("a/"), Some(String::new()));
        assert_eq!(parent("a/scan-1"), Some("a/".to_owned()));
        assert_eq!(parent(""), None);
    }
}
