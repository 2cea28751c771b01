//! Which fault strikes an asking, decided from the seed, the model, the post and how often that model was asked about it.
//! Nothing here knows a clock or a socket, so that two runs with one seed meet the same faults at any concurrency.

use std::ops::Range;
use std::time::Duration;

use super::catalogue::{FAULTS, Fault, When, find};
use super::deal::{Dealt, deal};
use super::draw::{below, name_hash, number, share};
use super::roster::{CONTEXT_CHARS, Model, ROSTER, Temper};

/// Texts that every model refuses, each in its own way.
const MODERATED: [&str; 2] = ["отмычк", "lockpick"];
/// Texts that every model rejects as input.
const UNPROCESSABLE: [&str; 2] = ["Zalgo", "зальго"];
/// Texts that talk a model into forgetting its task, the first time.
const INJECTING: [&str; 2] = ["gnore all previous instructions", "гнорируй предыдущие инструкции"];

/// Texts shorter than this, in characters, are not worth a call to an engine.
const SHORT: usize = 10;

/// Several draws are made about one asking; these keep them apart.
const WHETHER: u64 = 1;
pub(super) const WHICH: u64 = 2;
const LATENCY: u64 = 3;
pub(super) const SHUFFLE: u64 = 4;

/// How often and how the server fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// Where all chance comes from.
    pub seed: u64,
    /// Share of first askings that a draw makes fail, 0 to 1, before a model's calm; half of it for further ones. 0: a perfect server.
    pub share: f64,
    /// Time before an answer begins.
    pub latency: Range<Duration>,
    /// How long a model with a slow start answers 503 after its first request.
    pub loading: Duration,
    /// How long a `free-models-per-min` limit says it lasts.
    pub minute: Duration,
    /// How long the `free-models-per-day` limit lasts: the demo's day is short, so that its night is over soon.
    pub day: Duration,
    /// After that many different posts the daily limit strikes, once, and after it a limit upstream, once; `None`: never.
    pub day_after: Option<usize>,
    /// How long a drip goes on; more than the client's timeout.
    pub drip: Duration,
    /// [`super::text_hash`] of the posts to come, in order, if known: the kinds of faults are then dealt out evenly over them.
    pub posts: Vec<u64>,
}

impl Faults {
    /// A perfect server without any latency.
    pub const fn none() -> Self {
        Self {
            seed: 0,
            share: 0.0,
            latency: Duration::ZERO..Duration::ZERO,
            loading: Duration::from_secs(1),
            minute: Duration::from_millis(1500),
            day: Duration::from_secs(3),
            day_after: None,
            drip: Duration::from_secs(4),
            posts: Vec::new(),
        }
    }

    /// What the demo runs with; `posts` as in [`Faults::posts`].
    pub fn demo(seed: u64, posts: Vec<u64>) -> Self {
        Self {
            seed,
            share: 0.5,
            latency: Duration::from_millis(120)..Duration::from_millis(600),
            day_after: Some(posts.len() / 3),
            posts,
            ..Self::none()
        }
    }
}

/// One asking, as far as faults depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The model as asked for.
    pub model: &'a str,
    /// The post's text.
    pub text: &'a str,
    /// Its hash.
    pub hash: u64,
    /// `response_format.type`, if the request has one.
    pub format: Option<&'a str>,
    /// Whether the request has a `temperature`.
    pub temperature: bool,
}

/// The faults of one run.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    share: f64,
    latency: Range<Duration>,
    /// What strikes, for the posts that are known.
    dealt: Dealt,
}

impl Plan {
    /// Deals the faults out over the posts that are known.
    pub fn new(faults: &Faults) -> Self {
        let dealt = if faults.share > 0.0 { deal(faults) } else { Dealt::new() };
        Self { seed: faults.seed, share: faults.share, latency: faults.latency.clone(), dealt }
    }

    /// True when nothing ever fails by itself.
    pub fn is_perfect(&self) -> bool {
        self.share <= 0.0
    }

    /// What strikes whatever the draw, by the model's temper or by the text; it may strike any number of times.
    pub fn certain(&self, model: Option<&Model>, asking: &Asking<'_>) -> Option<&'static Fault> {
        let Some(model) = model else { return find("unknown_model_400") };
        let by_temper = match model.temper {
            Temper::Gone => Some("model_gone_404"),
            Temper::Region => Some("region_403"),
            Temper::PlainOnly if asking.format.is_some() => Some("response_format_400"),
            Temper::SlowStart if asking.temperature => Some("parameter_400"),
            Temper::ShortContext if asking.text.chars().nth(CONTEXT_CHARS).is_some() => Some("context_400"),
            Temper::None | Temper::PlainOnly | Temper::SlowStart | Temper::ShortContext => None,
        };
        by_temper.or_else(|| self.by_text(asking)).and_then(find)
    }

    fn by_text(&self, asking: &Asking<'_>) -> Option<&'static str> {
        const REFUSALS: [&str; 3] = ["moderation_403", "content_filter", "refusal_in_words"];
        if mentions(asking.text, &MODERATED) {
            // In turn over the models that answer at all, so that one run meets each way of refusing.
            let place = serving().position(|model| model.id == asking.model).unwrap_or(0);
            return REFUSALS.get((self.seed as usize).wrapping_add(place) % REFUSALS.len()).copied();
        }
        if mentions(asking.text, &UNPROCESSABLE) {
            return Some("unprocessable_422");
        }
        (!has_topic(asking.text)).then_some("no_topic")
    }

    /// What the draw says when `model` is asked about this post for the `nth` time, from 0.
    pub fn drawn(&self, model: &Model, asking: &Asking<'_>, nth: u32) -> Option<&'static Fault> {
        if nth == 0 && mentions(asking.text, &INJECTING) {
            return find("obeyed_injection");
        }
        let name = name_hash(model.id);
        if let Some(dealt) = self.dealt.get(&(name, asking.hash, nth)) {
            return *dealt;
        }
        // A second try must be worth its while, or no pass would ever end well.
        let chance = self.share * model.calm * if nth == 0 { 1.0 } else { 0.5 };
        if share(number(self.seed, name, asking.hash, nth, WHETHER)) >= chance {
            return None;
        }
        let kinds = kinds(model, nth);
        kinds.get(below(number(self.seed, name, asking.hash, nth, WHICH), kinds.len())).copied()
    }

    /// How long this asking takes to be answered.
    pub fn latency(&self, asking: &Asking<'_>, nth: u32) -> Duration {
        let width = self.latency.end.saturating_sub(self.latency.start);
        if width.is_zero() {
            return self.latency.start;
        }
        self.latency.start + width.mul_f64(share(number(self.seed, name_hash(asking.model), asking.hash, nth, LATENCY)))
    }
}

/// The models that answer at all.
pub(super) fn serving() -> impl Iterator<Item = &'static Model> {
    ROSTER.iter().filter(|model| !matches!(model.temper, Temper::Gone | Temper::Region))
}

/// True for texts about which the draw decides, and neither their length nor their words.
pub fn is_drawn(text: &str) -> bool {
    let length = text.chars().take(CONTEXT_CHARS + 1).count();
    let marked = [&MODERATED, &UNPROCESSABLE, &INJECTING].into_iter().any(|words| mentions(text, words));
    (SHORT..=CONTEXT_CHARS).contains(&length) && !marked && has_topic(text)
}

/// Whether anything but emoji, numbers and links is in it.
fn has_topic(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| !word.contains("://"));
    words.flat_map(str::chars).filter(|c| c.is_alphabetic()).take(4).count() == 4
}

/// What the draw can bring upon a model.
pub(super) fn kinds(model: &Model, nth: u32) -> Vec<&'static Fault> {
    let possible = |fault: &&Fault| match fault.when {
        When::Draw => true,
        When::DrawOnce => nth == 0,
        When::DrawFree => model.is_free(),
        When::Temper | When::Text | When::Run | When::Key | When::Name => false,
    };
    FAULTS.iter().filter(possible).collect()
}

fn mentions(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
