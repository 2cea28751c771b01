//! What was found out about the blob store, or about everything that is needed, as lines of a window.
//! It is found out in `ops`.

use crate::ops::doctor::{Check, State};
use crate::ops::outputs::{Trouble, Verified};
use crate::text::{Safe, grouped};
use crate::tui::locale::{t, tell};
use crate::tui::model::Tone;
use crate::tui::model::outputs::shown;
use crate::tui::widget::wrap::wrapped;

/// Cells of the word before each check.
const WORD: u16 = 6;

/// The lines, and how far they are scrolled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Of the window.
    pub title: Safe,
    /// From the summary to single things.
    pub lines: Vec<(Option<Tone>, Safe)>,
    /// Lines scrolled past.
    pub scroll: usize,
}

impl Verdict {
    /// Says what was found.
    pub fn new(verified: &Verified, troubles: &[Trouble]) -> Self {
        let mut lines = Vec::new();
        let mut say = |tone, text: Safe| lines.push((tone, text));
        if verified.is_right() {
            say(Some(Tone::Good), tell!("All stored documents are there, with the right content: {}.", of(verified.right)));
        } else {
            say(None, tell!("There, with the right content: {}", of(verified.right)));
        }
        let counted = [
            (verified.missing, Tone::Bad, t("Said to be stored, and not there")),
            (verified.differing, Tone::Bad, t("There with another content")),
            (verified.failed, Tone::Warn, t("Could not be uploaded; the log says why")),
            (verified.waiting, Tone::Warn, t("Waiting for their upload")),
            (verified.elsewhere, Tone::Warn, t("Stored in another place than the one of the settings")),
            (verified.removed, Tone::Good, t("Removed by somebody")),
            (verified.unsent, Tone::Warn, t("Read while nothing was to be stored")),
            (verified.orphaned, Tone::Warn, t("Objects that this database knows nothing of")),
        ];
        for (number, tone, words) in counted.into_iter().filter(|(number, ..)| *number > 0) {
            say(Some(tone), Safe::line(&format!("{words}: {}", of(number))));
        }
        if !verified.complete {
            say(Some(Tone::Warn), Safe::fixed(t("It was ended before everything was compared.")));
        }
        if verified.missing + verified.differing > 0 {
            say(None, Safe::fixed(t("`tagdeck outputs verify --repair` enqueues what is missing or different again.")));
        }
        for (at, trouble) in troubles.iter().enumerate() {
            if at == 0 {
                say(None, Safe::default());
            }
            let (tone, word) = match trouble {
                Trouble::Missing { .. } => (Tone::Bad, t("missing")),
                Trouble::Differs { .. } => (Tone::Bad, t("differs")),
                Trouble::Orphan { .. } => (Tone::Warn, t("orphan")),
            };
            say(Some(tone), Safe::line(&format!("{word} · {}", shown(trouble.key()))));
        }
        let found = verified.missing + verified.differing + verified.orphaned;
        if found > troubles.len() as u64 && !troubles.is_empty() {
            say(None, Safe::fixed(t("… `tagdeck outputs verify` lists all of them.")));
        }
        Self { title: Safe::fixed(t("Database and blob store")), lines, scroll: 0 }
    }

    /// Says how each check ended and what to do, on a window of so many columns.
    pub fn checkup(checks: &[Check], columns: u16) -> Self {
        let mut lines = Vec::new();
        for check in checks {
            let tone = match check.state {
                State::Ok => Tone::Good,
                State::Warn => Tone::Warn,
                State::Fail => Tone::Bad,
            };
            let said = format!("{}: {}", check.check, check.saw);
            let remedy = check.remedy.as_ref().map(|remedy| format!("→ {remedy}"));
            let mut word = check.state.word();
            for (tone, text) in [(Some(tone), Some(said)), (None, remedy)] {
                for line in wrapped(&Safe::line(&text.unwrap_or_default()), columns.saturating_sub(WORD)) {
                    lines.push((tone, Safe::block(&format!("{word:<width$}{line}", width = usize::from(WORD)))));
                    word = "";
                }
            }
        }
        Self { title: Safe::fixed(t("Doctor")), lines, scroll: 0 }
    }

    /// Scrolls by lines, on a window of `height` lines.
    pub fn scroll_by(&mut self, by: isize, height: usize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.lines.len().saturating_sub(height));
    }
}

fn of(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_stand_in_columns_with_what_to_do_below_them() {
        let check = |state, saw, remedy: Option<&'static str>| Check {
            check: "clock",
            state,
            saw: Safe::fixed(saw),
            remedy: remedy.map(Safe::fixed),
        };
        let checks =
            [check(State::Ok, "right", None), check(State::Fail, "one hour behind the server", Some("start a time service"))];
        let verdict = Verdict::checkup(&checks, 26);
        let lines: Vec<_> = verdict.lines.iter().map(|(tone, text)| (*tone, &**text)).collect();
        let (good, bad) = (Some(Tone::Good), Some(Tone::Bad));
        let wanted = [
            (good, "ok    clock: right"),
            (bad, "fail  clock: one hour"),
            (bad, "      behind the server"),
            (None, "      → start a time"),
            (None, "      service"),
        ];
        assert_eq!(lines, wanted);
    }
}
