//! One post, whole and `Safe`: its text, tags and every call, and the wrapped lines of an open window.
//! It is made once when the post arrives, never while drawing.

use crate::domain::{Call, CallId, ImageId, Millis, Outcome, PostDetail, PostId, PostImage, Status, Why};
use crate::text::Safe;
use crate::tui::locale::{count, dollars, heard, t, tell};
use crate::tui::model::failed::Row;
use crate::tui::widget::{outcome, when, why, wrap};

/// A post as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Which.
    pub id: PostId,
    /// When its job changed last.
    pub updated_at: Millis,
    /// What has come of it; `None` while it is loaded.
    pub known: Option<Known>,
    /// The window's lines, wrapped for `width`.
    pub lines: Vec<(Ink, Safe)>,
    /// Width the lines are wrapped for.
    width: u16,
    /// Lines scrolled past.
    pub scroll: usize,
}

/// How a line of the window is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A heading.
    Heading,
    /// The post's own words.
    Text,
    /// About the post.
    Quiet,
    /// A call that went well.
    Good,
    /// A call that did not.
    Bad,
}

/// What is known of a post.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// As in the list.
    pub row: Row,
    /// The whole text.
    pub text: Safe,
    /// When it was posted.
    pub posted_at: Option<Millis>,
    /// Its link.
    pub url: Option<Safe>,
    /// Its images.
    pub images: Vec<Picture>,
    /// Its tags.
    pub tags: Vec<Safe>,
    /// Passes allowed.
    pub max_attempts: i64,
    /// The model that an operator asked for.
    pub asked_model: Option<Safe>,
    /// The worker that makes a pass over it just now.
    pub worker: Option<Safe>,
    /// Every call, oldest first.
    pub calls: Vec<CallLine>,
}

/// One image as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Which.
    pub id: ImageId,
    /// Its path.
    pub path: Safe,
    /// State of its reading.
    pub status: Option<Status>,
    /// Why it was not read, if so.
    pub error: Safe,
    /// What it says; `None` while that is not known.
    pub text: Option<Safe>,
}

impl From<&PostImage> for Picture {
    fn from(image: &PostImage) -> Self {
        Self {
            id: image.id,
            path: Safe::line(&image.path),
            status: image.status,
            error: Safe::line(image.error.as_deref().unwrap_or_default()),
            text: image.text.as_deref().map(Safe::block),
        }
    }
}

impl Picture {
    /// Path and state, then the error or the text.
    fn lines(&self) -> Vec<(Ink, Safe)> {
        let state = match (self.status, &self.text) {
            (Some(Status::Success), _) | (None, Some(_)) => "read",
            (Some(Status::Pending), _) => "to be read",
            (Some(Status::Retrying), _) => "to be read again",
            (Some(Status::Failed), _) => "could not be read",
            (Some(Status::Skipped), _) => "reading cancelled",
            (None, None) => "not to be read",
        };
        let mut lines = vec![(Ink::Quiet, tell!("image {} · {}", self.path, t(state)))];
        if !self.error.is_empty() {
            lines.push((Ink::Bad, heard(&self.error).into_owned()));
        }
        match &self.text {
            Some(text) if text.trim().is_empty() => lines.push((Ink::Quiet, Safe::fixed(t("it holds no text")))),
            Some(text) => lines.push((Ink::Text, text.clone())),
            None => {}
        }
        lines
    }
}

/// One call as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct CallLine {
    /// Number of its pass.
    pub pass: i64,
    /// Provider and model.
    pub model: Safe,
    /// The model's last name: `gemini-2.5-flash`.
    pub short: Safe,
    /// When it was sent.
    pub sent_at: Millis,
    /// How long it took; `None` while in flight.
    pub took_ms: Option<i64>,
    /// What it came to.
    pub outcome: Option<Outcome>,
    /// HTTP status.
    pub status: Option<i64>,
    /// Tokens of request and answer.
    pub tokens: Option<(i64, i64)>,
    /// Price, millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// Cause in words.
    pub reason: Option<Safe>,
    /// Which call.
    pub id: CallId,
    /// Why this model was asked.
    pub why: Option<Why>,
}

impl CallLine {
    /// Why this model was asked, in words.
    pub fn because(&self) -> Option<Safe> {
        self.why.as_ref().map(|why| tell!("why: {}", why::words(why)))
    }

    /// What it came to in one word: `ok`, `502`, `not tags`, `…` while in flight.
    pub fn verdict(&self) -> Safe {
        match (self.outcome, self.status) {
            (None, _) => Safe::fixed("…"),
            (Some(Outcome::Success), _) => Safe::fixed(t("ok")),
            (Some(_), Some(status)) if status >= 400 => Safe::line(&status.to_string()),
            (Some(other), _) => Safe::fixed(t(outcome::outcome(other))),
        }
    }
}

impl From<&Call> for CallLine {
    fn from(call: &Call) -> Self {
        Self {
            pass: call.pass,
            model: Safe::line(&call.model.to_string()),
            short: Safe::line(call.model.model.rsplit('/').next().unwrap_or_default()),
            sent_at: call.sent_at,
            took_ms: call.ended_at.map(|ended| ended.saturating_sub(call.sent_at)),
            outcome: call.outcome,
            status: call.http_status,
            tokens: call.prompt_tokens.zip(call.completion_tokens),
            cost_micros: call.cost_micros,
            reason: call.reason.as_deref().filter(|reason| !reason.is_empty()).map(Safe::line),
            id: call.id,
            why: call.why.clone(),
        }
    }
}

impl From<&PostDetail> for Known {
    fn from(detail: &PostDetail) -> Self {
        Self {
            row: Row::from(&detail.line),
            text: Safe::block(&detail.text),
            posted_at: detail.line.posted_at,
            url: detail.url.as_deref().map(Safe::line),
            images: detail.images.iter().map(Picture::from).collect(),
            tags: detail.line.tags.iter().map(|tag| Safe::line(tag)).collect(),
            max_attempts: detail.max_attempts,
            asked_model: detail.asked_model.as_ref().map(|model| Safe::line(&model.to_string())),
            worker: detail.worker.as_deref().map(Safe::line),
            calls: detail.calls.iter().map(CallLine::from).collect(),
        }
    }
}

impl Post {
    /// A post that is being loaded.
    pub fn loading(id: PostId) -> Self {
        Self { id, updated_at: Millis::MIN, known: None, lines: Vec::new(), width: 0, scroll: 0 }
    }

    /// A post that could not be had in this state; a newer one is worth asking for again.
    pub fn missing(id: PostId, updated_at: Millis) -> Self {
        Self { updated_at, ..Self::loading(id) }
    }

    /// A post as it came.
    pub fn new(known: Known) -> Self {
        Self { updated_at: known.row.updated_at, ..Self::loading(known.row.id) }.with(known)
    }

    fn with(mut self, known: Known) -> Self {
        self.known = Some(known);
        self
    }

    /// Wraps the lines of the window, unless they are wrapped for this width already.
    pub fn wrap(&mut self, width: u16, now: Millis, zone: &jiff::tz::TimeZone) {
        if let Some(known) = self.known.as_ref().filter(|_| self.width != width) {
            self.lines = known.lines(width, now, zone);
            self.width = width;
        }
    }

    /// Scrolls by lines, on a window of `height` lines.
    pub fn scroll_by(&mut self, by: isize, height: usize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.lines.len().saturating_sub(height));
    }
}

impl Known {
    /// A pass an entry, oldest first, each in pieces to be set one after the other:
    /// `gemini-2.5-flash 502 0.9 s`, `· 502 1.1 s`, `⇢ llama-4:free 429 0.2 s`.
    pub fn history(&self) -> Vec<(i64, Vec<Safe>)> {
        let mut passes: Vec<(i64, Vec<Safe>, &Safe)> = Vec::new();
        for call in &self.calls {
            let took = call.took_ms.map_or(String::new(), |ms| format!(" {}", when::took(ms)));
            let verdict = format!("{}{took}", call.verdict());
            match passes.last_mut() {
                Some((pass, pieces, model)) if *pass == call.pass && **model == call.short => {
                    pieces.push(Safe::line(&format!("· {verdict}")));
                }
                Some((pass, pieces, model)) if *pass == call.pass => {
                    pieces.push(Safe::line(&format!("⇢ {} {verdict}", call.short)));
                    *model = &call.short;
                }
                _ => passes.push((call.pass, vec![Safe::line(&format!("{} {verdict}", call.short))], &call.short)),
            }
        }
        passes.into_iter().map(|(pass, pieces, _)| (pass, pieces)).collect()
    }

    /// What happens to it next, with the key that helps.
    pub fn next(&self, now: Millis, zone: &jiff::tz::TimeZone) -> Safe {
        // Its next time is the end of a lease then, not of a wait.
        if let Some(worker) = &self.worker {
            return tell!("pass {} is under way on {}", self.row.attempts, worker);
        }
        match (self.row.status, self.row.next_at) {
            (Some(Status::Success), _) => Safe::fixed(t("nothing, it is tagged · g tags it anew")),
            (Some(Status::Skipped), _) => Safe::fixed(t("nothing, it was skipped · g tags it anyway")),
            (Some(Status::Failed), _) if self.row.attempts >= self.max_attempts => {
                Safe::fixed(t("nothing, its passes are used up · F gives them back"))
            }
            (Some(Status::Failed), _) => Safe::fixed(t("nothing, it was given up · r retries")),
            (_, Some(at)) if at > now => {
                tell!("pass {} in {}, at {} · r now", self.row.attempts + 1, when::minutes(at - now), when::until(now, at, zone))
            }
            (_, Some(_)) => tell!("pass {}, due now", self.row.attempts + 1),
            (_, None) => Safe::fixed(t("nothing is due · r retries")),
        }
    }

    /// Everything, for a window of so many cells.
    pub fn lines(&self, width: u16, now: Millis, zone: &jiff::tz::TimeZone) -> Vec<(Ink, Safe)> {
        let mut lines = Vec::new();
        let mut put = |ink: Ink, text: &Safe| lines.extend(wrap::wrapped(text, width).into_iter().map(|line| (ink, line)));
        let status = t(self.row.status.map_or("no status", Status::as_str));
        let posted = self.posted_at.map_or(String::new(), |at| format!(" · {}", tell!("posted {}", when::date(at, zone))));
        let passes = format!(
            "{status} · {} · {}{posted}",
            format_args!("{} {}", self.row.attempts, count("of {} pass", "of {} passes", self.max_attempts)),
            self.row.channel
        );
        put(Ink::Quiet, &Safe::line(&passes));
        if let Some(url) = &self.url {
            put(Ink::Quiet, url);
        }
        put(Ink::Quiet, &tell!("next: {}", self.next(now, zone)));
        if let Some(model) = &self.asked_model {
            put(Ink::Text, &tell!("{} is asked first: an operator asked for it", model));
        }
        if !self.row.error.is_empty() {
            put(Ink::Bad, &tell!("last error: {}", heard(&self.row.error)));
        }
        heading(&mut lines, Safe::fixed(t("Text")));
        let mut put = |ink: Ink, text: &Safe| lines.extend(wrap::wrapped(text, width).into_iter().map(|line| (ink, line)));
        if self.text.trim().is_empty() {
            put(Ink::Quiet, &Safe::fixed(t("no text")));
        } else {
            put(Ink::Text, &self.text);
        }
        for image in &self.images {
            for (ink, text) in image.lines() {
                put(ink, &text);
            }
        }
        heading(&mut lines, Safe::fixed(t("Tags")));
        let tags = self.tags.iter().map(|tag| &**tag).collect::<Vec<_>>().join(" · ");
        let tags = if tags.is_empty() { t("none yet").to_owned() } else { tags };
        lines.extend(wrap::wrapped(&Safe::line(&tags), width).into_iter().map(|line| (Ink::Text, line)));
        heading(&mut lines, tell!("Calls, {}", self.calls.len()));
        if self.calls.is_empty() {
            lines.push((Ink::Quiet, Safe::fixed(t("none yet"))));
        }
        for call in &self.calls {
            let ink = if call.outcome == Some(Outcome::Success) { Ink::Good } else { Ink::Bad };
            let ink = if call.outcome.is_none() { Ink::Quiet } else { ink };
            lines.extend(wrap::wrapped(&call.told(zone), width).into_iter().map(|line| (ink, line)));
            let why = call.because().map(|why| wrap::wrapped(&why, width)).unwrap_or_default();
            lines.extend(why.into_iter().map(|line| (Ink::Quiet, line)));
        }
        lines
    }
}

fn heading(lines: &mut Vec<(Ink, Safe)>, words: Safe) {
    lines.push((Ink::Quiet, Safe::default()));
    lines.push((Ink::Heading, words));
}

impl CallLine {
    /// `2026-11-22 14:04 pass 1 openrouter/google/gemini-2.5-flash 502 0.9 s · 312+24 tokens · $0.000130 · why`
    pub fn told(&self, zone: &jiff::tz::TimeZone) -> Safe {
        let took = self.took_ms.map_or(Safe::default(), when::took);
        let parts = [
            Some(format!(
                "{} {} {} {} {took}",
                when::date(self.sent_at, zone),
                tell!("pass {}", self.pass),
                self.model,
                self.verdict()
            )),
            self.tokens.map(|(prompt, completion)| tell!("{}+{} tokens", prompt, completion).into()),
            self.cost_micros.filter(|micros| *micros > 0).map(|micros| dollars(micros, 6)),
            self.reason.as_ref().map(|reason| heard(reason).to_string()),
        ];
        Safe::line(&parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }
}
