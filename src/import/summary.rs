//! What an import came to: counts, the reasons for what was left out, and the places of broken records.
//! It is only told; the counting is done where the reading is done.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::fault::Place;
use crate::text::{Safe, counted, grouped};

/// Broken records whose places are kept, per file.
pub const PROBLEMS_KEPT: usize = 20;

/// Different reasons kept per map; a hostile file could otherwise invent one for each record.
const REASONS_KEPT: usize = 40;

/// How often something happened, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Counts `times` more for a reason; past the fortieth different reason all count as "other".
    pub(super) fn add(&mut self, reason: &str, times: u64) {
        if times == 0 {
            return;
        }
        let reason = if self.0.contains_key(reason) || self.0.len() < REASONS_KEPT { reason } else { "other" };
        *self.0.entry(reason.to_owned()).or_default() += times;
    }

    /// How often in all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// How often for one reason.
    pub fn of(&self, reason: &str) -> u64 {
        self.0.get(reason).copied().unwrap_or(0)
    }

    /// Every reason with its count, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, count)| (reason.as_str(), *count))
    }

    fn merge(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self.add(reason, count);
        }
    }
}

/// Reasons as `this (12), that (3)`, the most frequent first.
impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<_> = self.iter().collect();
        sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        for (at, (reason, count)) in sorted.into_iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{reason} ({})", number(count))?;
        }
        Ok(())
    }
}

/// A record that could not be read, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the record begins.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong with it, in words.
    pub what: Safe,
}

/// Counts of one file or of several. Always `read = posts + merged + service + skipped`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records read: messages, lines or rows.
    pub read: u64,
    /// Posts handed to the store.
    pub posts: u64,
    /// Of them, not there before.
    pub new: u64,
    /// Of them, there before with another text or fewer images.
    pub updated: u64,
    /// Of them, there before just so.
    pub unchanged: u64,
    /// Service messages (pins, joins, new titles): no posts.
    pub service: u64,
    /// Messages that became part of another message's post: the further pictures of an album.
    pub merged: u64,
    /// Records that became no post, by reason.
    pub skipped: Reasons,
    /// Chats read.
    pub chats: u64,
    /// Posts that had been edited when they were exported.
    pub edited: u64,
    /// Image files found beside the export.
    pub images: u64,
    /// Images named but not taken, by reason.
    pub images_refused: Reasons,
    /// Photos, videos and files that Telegram Desktop was told to leave out, by reason.
    pub media_not_included: Reasons,
    /// Dates without a zone, taken as this machine's local time.
    pub local_dates: u64,
    /// Dates that could not be read; their posts were kept without one.
    pub unreadable_dates: u64,
}

impl Counts {
    /// Adds another file's counts.
    fn add(&mut self, other: &Self) {
        let Self { read, posts, new, updated, unchanged, service, merged, skipped, chats, edited, images, .. } = other;
        self.read += read;
        self.posts += posts;
        self.new += new;
        self.updated += updated;
        self.unchanged += unchanged;
        self.service += service;
        self.merged += merged;
        self.skipped.merge(skipped);
        self.chats += chats;
        self.edited += edited;
        self.images += images;
        self.images_refused.merge(&other.images_refused);
        self.media_not_included.merge(&other.media_not_included);
        self.local_dates += other.local_dates;
        self.unreadable_dates += other.unreadable_dates;
    }
}

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Its path as given.
    pub file: Safe,
    /// What it turned out to be: `telegram`, `jsonl` or `csv`; `None` when that could not be told.
    pub format: Option<&'static str>,
    /// Bytes read.
    pub bytes: u64,
    /// The zone of dates that name none, such as `Europe/Moscow`.
    pub zone: Safe,
    /// What was found in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// The first 20 broken records; `skipped` counts them all.
    pub problems: Vec<Problem>,
    /// Why the file could not be read to its end, and what to do; what stands before that place is imported.
    pub error: Option<Safe>,
}

impl FileSummary {
    /// Counts a broken record and keeps its place while there is room.
    pub(super) fn broken(&mut self, place: Place, reason: &str, what: &str) {
        self.counts.skipped.add(reason, 1);
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(Problem { place, what: Safe::line(what).clipped(300) });
        }
    }
}

/// What an import of several files came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Each file, in the order given.
    pub files: Vec<FileSummary>,
    /// All files together.
    pub total: Counts,
}

impl Summary {
    /// Adds one file.
    pub(super) fn push(&mut self, file: FileSummary) {
        self.total.add(&file.counts);
        self.files.push(file);
    }

    /// True when a file could not be read to its end or a record was broken: the exit code is then 3, or 1 if nothing was imported.
    pub fn has_errors(&self) -> bool {
        self.files.iter().any(|file| file.error.is_some() || !file.problems.is_empty())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(f, "{file}")?;
        }
        if self.files.len() > 1 {
            writeln!(f, "{} files together:", self.files.len())?;
            lines(&self.total, &self.files[0].zone, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for FileSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Some(format) => writeln!(f, "{} ({format})", self.file)?,
            None => writeln!(f, "{}", self.file)?,
        }
        if self.format.is_some() {
            lines(&self.counts, &self.zone, f)?;
        }
        for problem in &self.problems {
            writeln!(f, "  broken record at {}: {}", problem.place, problem.what)?;
        }
        let broken = self.counts.skipped.of(BROKEN) + self.counts.skipped.of(TOO_LARGE);
        if broken > self.problems.len() as u64 {
            let more = (broken - self.problems.len() as u64) as i64;
            writeln!(f, "  … and {}", counted(more, "more broken record", "more broken records"))?;
        }
        match &self.error {
            Some(error) => writeln!(f, "  error: {error}"),
            None => Ok(()),
        }
    }
}

/// Reason of a record that could not be parsed.
pub(super) const BROKEN: &str = "broken record";
/// Reason of a record over the size cap.
pub(super) const TOO_LARGE: &str = "record over 16 MiB";
/// Reason of a record with nothing to tag and nothing to read.
pub(super) const EMPTY: &str = "no text, no image";

fn lines(counts: &Counts, zone: &Safe, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "  {} read, {}: {} new, {} updated, {} unchanged",
        number(counts.read),
        counted(counts.posts as i64, "post", "posts"),
        number(counts.new),
        number(counts.updated),
        number(counts.unchanged)
    )?;
    if counts.service + counts.merged + counts.skipped.total() > 0 {
        let mut aside = Reasons::default();
        aside.add("service messages", counts.service);
        aside.add("further messages of albums, joined to their post", counts.merged);
        aside.merge(&counts.skipped);
        writeln!(f, "  no post of their own: {aside}")?;
    }
    if counts.images + counts.images_refused.total() > 0 {
        write!(f, "  images: {} found", number(counts.images))?;
        if counts.images_refused.total() > 0 {
            write!(f, "; not taken: {}", counts.images_refused)?;
        }
        writeln!(f)?;
    }
    if counts.media_not_included.total() > 0 {
        writeln!(f, "  media left out by Telegram Desktop: {}", counts.media_not_included)?;
    }
    if counts.local_dates > 0 {
        let dates = number(counts.local_dates);
        writeln!(f, "  dates without a zone: {dates}; taken as local time of this machine ({zone}; set TZ to change that)")?;
    }
    if counts.unreadable_dates > 0 {
        writeln!(f, "  dates that could not be read: {}; their posts have none", number(counts.unreadable_dates))?;
    }
    Ok(())
}

fn number(count: u64) -> String {
    grouped(count as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_left_out_and_why() {
        let mut file = FileSummary { file: Safe::line("result.json"), format: Some("telegram"), ..FileSummary::default() };
        file.counts = Counts { read: 1_301, posts: 1_295, new: 1_290, unchanged: 5, service: 1, ..Counts::default() };
        file.counts.skipped.add(EMPTY, 4);
        file.counts.images_refused.add("absolute path", 2);
        file.counts.media_not_included.add("not included in the export", 22);
        file.broken(Place { line: 7, byte: 4_096 }, BROKEN, "expected value\u{1b}[2J");
        let mut summary = Summary::default();
        summary.push(file);
        let text = summary.to_string();
        for wanted in [
            "result.json (telegram)\n",
            "1 301 read, 1 295 posts: 1 290 new, 0 updated, 5 unchanged",
            "no post of their own: no text, no image (4), broken record (1), service messages (1)",
            "images: 0 found; not taken: absolute path (2)",
            "left out by Telegram Desktop: not included in the export (22)",
            "broken record at line 7, byte 4 096: expected value␛[2J",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in {text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(summary.has_errors());
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["files"][0]["skipped"][EMPTY], 4);
        assert_eq!(json["files"][0]["problems"][0]["byte"], 4096);
        assert_eq!(json["total"]["new"], 1290);
    }

    #[test]
    fn a_hostile_file_cannot_grow_the_summary() {
        let mut reasons = Reasons::default();
        for kind in 0..10_000 {
            reasons.add(&format!("message of unknown type `{kind}`"), 1);
        }
        assert!(reasons.iter().count() <= REASONS_KEPT + 1);
        assert_eq!(reasons.total(), 10_000);
    }
}
