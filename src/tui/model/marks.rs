//! Rows marked for an action: single ones, a range under way, or everything that the filter matches.
//! It knows no row, only ids.

use std::collections::BTreeSet;

/// The marks of one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    ids: BTreeSet<i64>,
    /// Everything that the filter matches is meant, seen or not.
    pub all: bool,
    /// Where a range began; it goes from there to the cursor.
    pub anchor: Option<i64>,
    /// What was marked before the range.
    before: BTreeSet<i64>,
}

impl Marks {
    /// True when nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && !self.all
    }

    /// How many are marked one by one.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether this row is marked.
    pub fn has(&self, id: i64) -> bool {
        self.all || self.ids.contains(&id)
    }

    /// The rows marked one by one.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.ids.iter().copied()
    }

    /// Forgets all marks.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Marks a row, or takes its mark away. After "all" only this one is marked.
    pub fn toggle(&mut self, id: i64) {
        self.anchor = None;
        if std::mem::take(&mut self.all) || !self.ids.remove(&id) {
            self.ids.insert(id);
        }
    }

    /// Begins a range at a row, or ends the one under way and keeps it.
    pub fn range(&mut self, id: i64) {
        if self.anchor.take().is_none() {
            self.all = false;
            self.before = self.ids.clone();
            self.anchor = Some(id);
            self.ids.insert(id);
        }
    }

    /// The cursor moved while a range is under way: `ids` are the rows held, in their order, the last the cursor's row.
    pub fn stretch(&mut self, rows: &[i64], cursor: usize) {
        let Some(from) = self.anchor.and_then(|anchor| rows.iter().position(|id| *id == anchor)) else { return };
        let (low, high) = (from.min(cursor), from.max(cursor));
        self.ids.clone_from(&self.before);
        self.ids.extend(rows.iter().skip(low).take(high + 1 - low));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_follows_the_cursor_and_leaves_earlier_marks() {
        let rows = [10, 20, 30, 40, 50];
        let mut marks = Marks::default();
        marks.toggle(50);
        marks.range(20);
        marks.stretch(&rows, 3);
        assert_eq!(marks.ids().collect::<Vec<_>>(), [20, 30, 40, 50]);
        marks.stretch(&rows, 0);
        assert_eq!(marks.ids().collect::<Vec<_>>(), [10, 20, 50]);
        marks.range(10);
        assert_eq!((marks.anchor, marks.len()), (None, 3));
    }

    #[test]
    fn one_mark_after_all_is_that_one_alone() {
        let mut marks = Marks { all: true, ..Marks::default() };
        assert!(marks.has(7));
        marks.toggle(7);
        assert_eq!((marks.all, marks.has(7), marks.has(8)), (false, true, false));
    }
}
