//! What needs a person, one line each: cause, remedy, and the key that helps.
//! Most urgent first; what the engine settles by itself is not here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{BreakerState, PauseScope, Phase};
use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{self, Words, safe};
use crate::tui::widget::{outcome, when};

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

/// The lines, never none.
pub fn lines(model: &Model) -> Vec<Need> {
    let mut lines = Vec::new();
    if let Some(why) = &model.observing {
        lines.push(Need::new(Words::new().word(why, model.theme.warn())));
    }
    if let Some(trouble) = &model.snapshot.trouble {
        lines.push(Need::new(Words::new().word(trouble, model.theme.bad())));
    }
    for (pause, name) in model.snapshot.pauses.iter().zip(&model.paused) {
        let until = match pause.until {
            Some(at) => tell!("paused until {} ({})", when::until(model.now, at, &model.zone), when::minutes(at - model.now)),
            None => Safe::fixed(t("paused until you say so")),
        };
        let words = Words::new().word(name, model.theme.warn()).word(until, model.theme.warn());
        let words = words.word("·", model.theme.quiet()).word(&pause.reason, Style::new());
        lines.push(match pause.scope {
            PauseScope::All => Need::new(words).key(model, Action::Pause, "goes on"),
            PauseScope::Provider(_) | PauseScope::Free(_) | PauseScope::Uploads => {
                Need::new(words).key(model, Action::Resume, "ends pauses")
            }
        });
    }
    lines.extend(failures(model));
    for (score, name) in model.snapshot.models.iter().zip(&model.names) {
        if score.breaker == BreakerState::Off {
            let mut words = Words::new().word(name, model.theme.bad()).word(t("is off"), model.theme.bad());
            if let Some(reason) = &score.reason {
                words = words.word("·", model.theme.quiet()).word(reason, Style::new());
            }
            lines.push(Need::new(words.word("·", model.theme.quiet()).word(t("take it off tagging.route"), Style::new())));
        }
    }
    lines.extend(first_steps(model));
    if lines.is_empty() {
        lines.push(Need::new(Words::new().word(t("Nothing needs you."), model.theme.quiet())));
    }
    lines
}

/// What a newcomer does next: bring posts, set a key.
fn first_steps(model: &Model) -> Vec<Need> {
    let (theme, snapshot) = (model.theme, &model.snapshot);
    let mut lines = Vec::new();
    if snapshot.total == 0 && snapshot.phase != Phase::None {
        let words = Words::new().word(t("There is nothing to tag yet:"), Style::new());
        lines.push(Need::new(
            words.word("tagdeck import result.json", theme.accent()).word(t("in another window."), Style::new()),
        ));
    }
    if !snapshot.models.is_empty() && snapshot.models.iter().all(|score| score.model.is_local_keywords()) {
        let words = Words::new().word(t("No key is set: posts are tagged from their own words."), Style::new());
        lines.push(Need::new(words.word("export OPENROUTER_API_KEY=…", theme.accent()).word(t("asks a model."), Style::new())));
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
