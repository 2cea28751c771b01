//! What needs a person, one line each: cause, remedy, and the key that helps.
//! Most urgent first; what the engine settles by itself is not here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{BreakerState, PauseScope, Phase};
use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{count, heard, t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, safe};
use crate::tui::widget::{outcome, when};

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// Error classes named in one line.
const CLASSES: usize = 3;

/// One line: what is the matter, and at the right edge the keys that help.
#[derive(Default)]
pub struct Need {
    what: Words,
    keys: Words,
}

impl Need {
    fn new(what: Words) -> Self {
        Self { what, keys: Words::new() }
    }

    fn key(mut self, model: &Model, action: Action, does: &'static str) -> Self {
        if let Some(chord) = model.keymap.key(&[Section::Panes], action) {
            self.keys = self.keys.spaced(2, chord.shown(), model.theme.accent()).word(t(does), model.theme.quiet());
        }
        self
    }

    /// Draws it; the keys keep their place, the words are cut.
    pub fn draw(&self, buffer: &mut Buffer, place: Rect) {
        self.keys.paint_right(buffer, place);
        let keys = if self.keys.is_empty() { 0 } else { self.keys.width() + 2 };
        self.what.paint(buffer, Rect { width: place.width.saturating_sub(keys), ..place });
    }
}

/// The lines for a place so wide, never none.
pub fn lines(model: &Model, width: u16) -> Vec<Need> {
    let mut lines = Vec::new();
    if let Some(why) = &model.observing {
        lines.push(Need::new(Words::new().word(why, model.theme.warn())));
    }
    if let Some(trouble) = &model.snapshot.trouble {
        lines.push(Need::new(Words::new().word(&*heard(trouble), model.theme.bad())));
    }
    for (pause, name) in model.snapshot.pauses.iter().zip(&model.paused) {
        let until = match pause.until {
            Some(at) => tell!("paused until {} ({})", when::until(model.now, at, &model.zone), when::minutes(at - model.now)),
            None => Safe::fixed(t("paused until you say so")),
        };
        let words = Words::new().word(name, model.theme.warn()).word(until, model.theme.warn());
        let words = words.word("·", model.theme.quiet()).word(&*heard(&pause.reason), Style::new());
        lines.push(match pause.scope {
            PauseScope::All => Need::new(words).key(model, Action::Pause, "goes on"),
            PauseScope::Provider(_) | PauseScope::Free(_) | PauseScope::Uploads => {
                Need::new(words).key(model, Action::Resume, "ends pauses")
            }
        });
    }
    lines.extend(uploads(model));
    lines.extend(forecast(model));
    lines.extend(failures(model));
    for (score, name) in model.snapshot.models.iter().zip(&model.names) {
        if score.breaker == BreakerState::Off {
            let mut words = Words::new().word(name, model.theme.bad()).word(t("is off"), model.theme.bad());
            if let Some(reason) = &score.reason {
                words = words.word("·", model.theme.quiet()).word(&*heard(reason), Style::new());
            }
            lines.push(Need::new(words.word("·", model.theme.quiet()).word(t("take it off tagging.route"), Style::new())));
        }
    }
    lines.extend(first_steps(model, width));
    if lines.is_empty() {
        lines.push(Need::new(Words::new().word(t("Nothing needs you."), model.theme.quiet())));
    }
    lines
}

/// `openrouter: 127 calls left of today's, gone by 14:20 at this pace; more at 00:00 UTC`, where the day would not be enough.
fn forecast(model: &Model) -> Option<Need> {
    let (snapshot, totals) = (&model.snapshot, model.snapshot.totals);
    let scores = snapshot.models.iter().filter_map(|score| Some((score, score.limit_today? - score.calls_today)));
    let (score, left) = scores.min_by_key(|(_, left)| *left).filter(|(_, left)| *left > 0)?;
    let seconds = snapshot.finished_per_second.len();
    let finished: u64 = snapshot.finished_per_second.iter().map(|n| u64::from(*n)).sum();
    let ended = totals.success + totals.failed + totals.skipped;
    if finished == 0 || ended == 0 || totals.calls == 0 {
        return None;
    }
    let calls_a_second = finished as f64 / seconds as f64 * (totals.calls as f64 / ended as f64);
    let ends = model.now + (left as f64 / calls_a_second * 1000.0) as i64;
    // The providers' day ends at midnight UTC.
    let midnight = (model.now.div_euclid(DAY) + 1) * DAY;
    let unfinished =
        snapshot.eta_seconds.is_none_or(|eta| model.now + i64::try_from(eta).unwrap_or(i64::MAX / 1000) * 1000 > ends);
    (ends < midnight && unfinished).then(|| {
        let words = tell!(
            "{}: {} left of today's, gone by {} at this pace; more at 00:00 UTC ({})",
            Safe::line(&score.model.provider),
            count("{} call", "{} calls", left),
            when::clock(ends, &model.zone),
            when::clock(midnight, &model.zone)
        );
        Need::new(Words::new().word(words, model.theme.warn()))
    })
}

/// `12 documents wait for their upload · s3://bucket: no answer`, while something keeps them from the blob store.
fn uploads(model: &Model) -> Option<Need> {
    let (theme, uploads) = (model.theme, &model.snapshot.uploads);
    let paused = model.snapshot.pauses.iter().any(|pause| pause.scope == PauseScope::Uploads);
    let full = Safe::fixed(t("the spool is full: no further image is read until it has drained"));
    let why = match &uploads.trouble {
        _ if uploads.full => Some(&full),
        // The pause stands above with its reason.
        trouble => trouble.as_ref().filter(|_| !paused),
    };
    if why.is_none() && !paused {
        return None;
    }
    let waiting = count("{} document waits for its upload", "{} documents wait for their upload", uploads.waiting.documents);
    let words = Words::new().word(waiting, if uploads.full { theme.bad() } else { theme.warn() });
    Some(Need::new(match why {
        Some(why) => words.word("·", theme.quiet()).word(&*heard(why), Style::new()),
        None => words,
    }))
}

/// What a newcomer does next: bring posts, set a key, start an engine.
fn first_steps(model: &Model, width: u16) -> Vec<Need> {
    let (theme, snapshot) = (model.theme, &model.snapshot);
    // What to do is of no use cut off: where both do not fit, it has the next line.
    let step = |what: &'static str, command: &'static str, does: &'static str| {
        let whole = |begun: Words| begun.word(command, theme.accent()).word(does, Style::new());
        let what = Words::new().word(what, Style::new());
        let both = whole(what.clone());
        if both.width() <= width { vec![Need::new(both)] } else { vec![Need::new(what), Need::new(whole(Words::new()))] }
    };
    let mut lines = Vec::new();
    if snapshot.total == 0 && (snapshot.phase != Phase::None || model.is_deserted()) {
        lines.extend(step(t("There is nothing to tag yet:"), "tagdeck import result.json", t("in another window.")));
    }
    if model.is_deserted() && snapshot.counts.pending + snapshot.counts.retrying > 0 {
        lines.extend(step(t("No engine works on this database:"), "tagdeck run", t("in another window.")));
    }
    if !snapshot.models.is_empty() && snapshot.models.iter().all(|score| score.model.is_local_keywords()) {
        let what = t("No key is set: posts are tagged from their own words.");
        lines.extend(step(what, "export OPENROUTER_API_KEY=…", t("asks a model.")));
    }
    lines
}

/// `14 failed – 9 × server error · 3 × moderated   2 shows  F forces`, and the remedy for the most frequent class.
fn failures(model: &Model) -> Vec<Need> {
    let failed = model.snapshot.counts.failed;
    if failed == 0 {
        return Vec::new();
    }
    let theme = model.theme;
    let mut words = Words::new().word(tell!("{} failed", paint::number(failed)), theme.bad());
    for (at, (class, count)) in model.classes.iter().take(CLASSES).enumerate() {
        words = words.word(if at == 0 { "–" } else { "·" }, theme.quiet());
        words = words.word(safe!("{} × {}", paint::number(*count), outcome::label(class)), Style::new());
    }
    if model.classes.len() > CLASSES {
        words = words.word(tell!("· {} more", model.classes.len() - CLASSES), theme.quiet());
    }
    let mut lines = vec![Need::new(words).key(model, Action::Failed, "shows").key(model, Action::Force, "forces")];
    if let Some((class, _)) = model.classes.first() {
        let remedy = outcome::remedy(class);
        if !remedy.is_empty() {
            let words =
                Words::new().word(outcome::label(class), theme.quiet()).word("→", theme.quiet()).word(remedy, Style::new());
            lines.push(Need::new(words));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use crate::domain::Totals;
    use crate::tui::fixture;

    #[test]
    fn a_quota_that_ends_before_its_day_is_foretold() {
        let mut model = fixture::busy((160, 40));
        model.snapshot.models[0].calls_today = 873;
        model.snapshot.models[0].limit_today = Some(1_000);
        model.snapshot.models[2].limit_today = None;
        model.snapshot.finished_per_second = vec![1; 60];
        model.snapshot.totals = Totals { success: 100, calls: 150, ..Totals::default() };
        model.snapshot.eta_seconds = Some(4_000);
        let screen = fixture::screen(&model);
        assert!(screen.contains("openrouter: 127 calls left of today's, gone by 14:08 at this pace"), "{screen}");
        model.snapshot.eta_seconds = Some(30);
        assert!(!fixture::screen(&model).contains("calls left of today's"));
    }
}
