//! The list of images: what it is narrowed to, and what is known of the one under its cursor.
//! It loads nothing itself: it says what it wants and takes what comes.

use crate::domain::{ImageFilter, ImageId, ImageKey, ImageLine, ImageReading, Millis, PostId, Status};
use crate::text::{Safe, first_chars};
use crate::tui::locale::{heard, t, tell};
use crate::tui::model::filter::Filter;
use crate::tui::model::list::{Came, Fetch, Held, List};
use crate::tui::model::marks::Marks;
use crate::tui::model::post::Ink;
use crate::tui::widget::when;

/// One row, all of it `Safe`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which image.
    pub id: ImageId,
    /// Its post, if it has one.
    pub post: Option<PostId>,
    /// Its whole path.
    pub path: Safe,
    /// The last part of it.
    pub name: Safe,
    /// State of its reading.
    pub status: Status,
    /// Tries used, and allowed.
    pub attempts: (i64, i64),
    /// When its job changed last.
    pub updated_at: Millis,
    /// When its next try is due, while one is.
    pub next_at: Option<Millis>,
    /// An engine reads it now.
    pub leased: bool,
    /// The last error in words.
    pub error: Safe,
}

impl Held for Row {
    type Key = ImageKey;
    type Id<'a> = ImageId;
    const PAGE: usize = 200;

    fn id(&self) -> ImageId {
        self.id
    }
}

impl From<&ImageLine> for Row {
    fn from(line: &ImageLine) -> Self {
        let error = line.error.as_deref().filter(|error| !error.is_empty()).or(line.error_class.as_deref());
        Self {
            id: line.id,
            post: line.post,
            path: Safe::line(&line.path),
            name: Safe::line(line.path.rsplit(['/', '\\']).next().unwrap_or_default()),
            status: line.status,
            attempts: (line.attempts, line.max_attempts),
            updated_at: line.updated_at,
            next_at: line.next_at,
            leased: line.leased,
            error: Safe::line(first_chars(error.unwrap_or_default(), 300)),
        }
    }
}

/// What is known of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// As in the list.
    pub row: Row,
    /// What it says; `None` while it is not read.
    pub text: Option<Safe>,
    /// What read it.
    pub provider: Option<Safe>,
    /// Stages and their milliseconds.
    pub timings: Vec<(Safe, f64)>,
    /// What the reader had doubts about.
    pub warnings: Vec<Safe>,
}

impl From<&ImageReading> for Known {
    fn from(detail: &ImageReading) -> Self {
        let read = detail.read.as_ref();
        Self {
            row: Row::from(&detail.line),
            text: read.map(|read| Safe::block(&read.text)),
            provider: read.and_then(|read| read.provider.as_deref()).map(Safe::line),
            timings: read
                .map(|read| read.timings_ms.iter().map(|(stage, ms)| (Safe::line(stage), *ms)).collect())
                .unwrap_or_default(),
            warnings: read.map(|read| read.warnings.iter().map(|one| Safe::line(one)).collect()).unwrap_or_default(),
        }
    }
}

impl Known {
    /// `cpu · 1.9 s: detect 0.4 s · recognise 1.2 s`, empty while it is not read.
    pub fn told(&self) -> Safe {
        let total: f64 = self.timings.iter().filter(|(stage, _)| &**stage != "total").map(|(_, ms)| ms).sum();
        let stages = self.timings.iter().filter(|(stage, ms)| *ms >= 1.0 && &**stage != "total");
        let stages: Vec<String> = stages.map(|(stage, ms)| format!("{} {}", heard(stage), when::took(*ms as i64))).collect();
        let provider = self.provider.as_deref().unwrap_or_default();
        let took = if total >= 1.0 { format!("{}: {}", when::took(total as i64), stages.join(" · ")) } else { String::new() };
        Safe::line(&[provider, &took].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "))
    }

    /// What happens to it next, with the key that helps.
    pub fn next(&self, now: Millis) -> Safe {
        let row = &self.row;
        match row.status {
            _ if row.leased => Safe::fixed(t("an engine reads it now · x cancels")),
            Status::Success => Safe::fixed(t("nothing, it is read")),
            Status::Skipped => Safe::fixed(t("nothing, it was cancelled · r reads it after all")),
            Status::Failed => Safe::fixed(t("nothing, it was given up · r reads it again")),
            Status::Pending | Status::Retrying => match row.next_at.filter(|at| *at > now) {
                Some(at) => tell!("try {} in {} · r now · x cancels", row.attempts.0 + 1, when::minutes(at - now)),
                None => tell!("try {}, due now · x cancels", row.attempts.0 + 1),
            },
        }
    }

    /// Everything, for a window.
    pub fn paragraphs(&self, now: Millis, zone: &jiff::tz::TimeZone) -> Vec<(Ink, Safe)> {
        let row = &self.row;
        let mut all = vec![(Ink::Quiet, row.path.clone())];
        let about = tell!(
            "{} · try {} of {} · {}",
            t(row.status.as_str()),
            row.attempts.0,
            row.attempts.1,
            when::date(row.updated_at, zone)
        );
        all.push((Ink::Quiet, about));
        if let Some(post) = row.post {
            all.push((Ink::Quiet, tell!("post {} · o opens it", post)));
        }
        all.push((Ink::Quiet, tell!("next: {}", self.next(now))));
        if !row.error.is_empty() {
            all.push((Ink::Bad, heard(&row.error).into_owned()));
        }
        let told = self.told();
        if !told.is_empty() {
            all.push((Ink::Quiet, told));
        }
        all.extend(self.warnings.iter().map(|warning| (Ink::Bad, warning.clone())));
        if let Some(text) = &self.text {
            all.extend([(Ink::Quiet, Safe::default()), (Ink::Heading, Safe::fixed(t("Text")))]);
            let empty = text.trim().is_empty();
            all.push(if empty { (Ink::Quiet, Safe::fixed(t("it holds no text"))) } else { (Ink::Text, text.clone()) });
        }
        all
    }
}

/// A page of images that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the list is narrowed to.
    pub filter: ImageFilter,
    /// Which page of it.
    pub fetch: Fetch<ImageKey>,
}

impl Wanted {
    /// The page of these rows.
    pub fn page(&self, rows: Vec<Row>) -> Came<Row, ImageKey> {
        let last = rows.last().filter(|_| rows.len() >= self.fetch.limit);
        Came { next: last.map(|row| ImageKey { updated_at: row.updated_at, id: row.id }), rows }
    }
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// What it is narrowed to.
    pub filter: Filter,
    /// The rows.
    pub list: List<Row>,
    /// The rows marked for an action.
    pub marks: Marks,
    /// The image under the cursor.
    pub known: Option<Known>,
    /// The image that was asked for and has not come.
    pub asked: Option<ImageId>,
}

impl Images {
    fn wanted(&self, fetch: Fetch<ImageKey>) -> Wanted {
        Wanted { filter: self.matching(), fetch }
    }

    /// What the filter means for images.
    pub fn matching(&self) -> ImageFilter {
        let Filter { statuses, class, text, .. } = self.filter.clone();
        ImageFilter { statuses, class, query: text }
    }

    /// Starts over from the newest, with the filter as it is now.
    pub fn reload(&mut self) -> Wanted {
        self.known = None;
        self.marks.clear();
        let fetch = self.list.reload();
        self.wanted(fetch)
    }

    /// Loads the window again where it is; `None` while a page is on its way.
    pub fn refresh(&mut self) -> Option<Wanted> {
        self.list.refresh().map(|fetch| self.wanted(fetch))
    }

    /// As a page of the list means.
    pub fn next(&self, fetch: Option<Fetch<ImageKey>>) -> Option<Wanted> {
        fetch.map(|fetch| self.wanted(fetch))
    }

    /// The image under the cursor, when it has to be loaded: one request at a time.
    pub fn image_wanted(&mut self) -> Option<ImageId> {
        let row = self.list.selected()?;
        let fresh = self.known.as_ref().is_some_and(|known| known.row.id == row.id && known.row.updated_at >= row.updated_at);
        if fresh || self.asked.is_some() {
            return None;
        }
        self.asked = Some(row.id);
        self.asked
    }
}
