//! Moving about: in the pane in focus, or in what lies over it.
//! Nothing is changed but places; a list may ask for its next page.

use crate::tui::effect::Effect;
use crate::tui::model::list::{Fetch, Held, List};
use crate::tui::model::{Model, Pane, Popup};
use crate::tui::popup;

/// How far.
#[derive(Clone, Copy)]
pub enum Step {
    /// Lines.
    By(isize),
    /// Screens, but for one line.
    Pages(isize),
    /// To the beginning.
    First,
    /// To the end.
    Last,
    /// To this line, from 1.
    Line(usize),
}

impl Step {
    /// In lines, on a screen of so many, from the line at this place (from 0).
    fn from(self, place: usize, height: usize) -> isize {
        let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
        match self {
            Self::Line(line) => signed(line.max(1)) - 1 - signed(place),
            other => other.lines(height),
        }
    }

    /// In lines, on a screen of so many.
    fn lines(self, height: usize) -> isize {
        let page = isize::try_from(height.max(2) - 1).unwrap_or(1);
        match self {
            Self::By(lines) => lines,
            Self::Pages(pages) => pages.saturating_mul(page),
            Self::First => isize::MIN + 1,
            Self::Last => isize::MAX,
            Self::Line(line) => isize::try_from(line).unwrap_or(isize::MAX),
        }
    }
}

/// Moves what is in front.
pub fn go(model: &mut Model, step: Step) -> Vec<Effect> {
    if in_front(model, step) {
        return Vec::new();
    }
    let height = model.list_rows();
    let effects = match (model.focus, step) {
        (Pane::Overview, _) => {
            let last = model.snapshot.models.len().saturating_sub(1);
            // The first move brings the cursor in sight; it stands on the scoreboard.
            let from = model.scored.map_or(0, |at| at.saturating_add_signed(step.from(at, height)));
            model.scored = (!model.snapshot.models.is_empty()).then_some(from.min(last));
            Vec::new()
        }
        (Pane::Outputs, _) => {
            let lines = step.from(model.outputs.list.position() - 1, height);
            super::outputs::go(model, lines, matches!(step, Step::First | Step::Last))
        }
        (Pane::Log, Step::Last) => {
            model.log.follow();
            Vec::new()
        }
        (Pane::Log, Step::Line(line)) => {
            // Counted from the oldest line shown.
            model.log.go(isize::MIN + 1, height);
            model.log.go(isize::try_from(line.max(1) - 1).unwrap_or(isize::MAX), height);
            let height = model.list_rows();
            model.log.go(0, height);
            Vec::new()
        }
        (Pane::Log, _) => {
            model.log.go(step.lines(height), height);
            // Standing still the pane has fewer lines, for the words of the line under the cursor.
            let height = model.list_rows();
            model.log.go(0, height);
            Vec::new()
        }
        (Pane::Failed, _) if model.failed.grouped.is_some() => {
            let last = model.classes.len().saturating_sub(1);
            model.failed.grouped = model.failed.grouped.map(|at| at.saturating_add_signed(step.from(at, height)).min(last));
            Vec::new()
        }
        (Pane::Failed, _) => {
            let fetch = in_list(&mut model.failed.list, step, height);
            fetch.map(|fetch| Effect::Page(model.failed.wanted(fetch))).into_iter().collect()
        }
        (Pane::Ocr, _) => {
            let fetch = in_list(&mut model.images.list, step, height);
            model.images.next(fetch).map(Effect::Images).into_iter().collect()
        }
    };
    if let Some((marks, ids, cursor)) = model.marking() {
        marks.stretch(&ids, cursor);
    }
    effects
}

fn in_list<R: Held>(list: &mut List<R>, step: Step, height: usize) -> Option<Fetch<R::Key>> {
    match step {
        Step::First | Step::Last => list.go_to_edge(matches!(step, Step::Last), height),
        Step::By(_) | Step::Pages(_) | Step::Line(_) => list.go(step.from(list.position() - 1, height), height),
    }
}

/// Moves in what lies over the panes; `false`: nothing does.
fn in_front(model: &mut Model, step: Step) -> bool {
    let size = model.size;
    match model.popups.last_mut() {
        Some(Popup::Help { of, scroll }) => {
            let height = popup::help::rows(size);
            let most = popup::help::length(&model.keymap, of).saturating_sub(height);
            *scroll = scroll.saturating_add_signed(step.from(*scroll, height)).min(most);
        }
        Some(Popup::Post(post)) => {
            let height = popup::post::rows(size);
            post.scroll_by(step.from(post.scroll, height), height);
        }
        Some(Popup::Page(page)) => {
            let height = popup::post::rows(size);
            page.scroll_by(step.from(page.scroll, height), height);
        }
        Some(Popup::Confirm(confirm)) => {
            confirm.marked = confirm.marked.saturating_add_signed(step.lines(2)).min(confirm.choices.len() - 1);
        }
        Some(Popup::Kinds(at)) => *at = at.saturating_add_signed(step.lines(2)).min(popup::kinds::ENTRIES - 1),
        Some(Popup::Prompt(prompt)) => prompt.choose(step.lines(popup::prompt::OFFERS)),
        Some(Popup::Verdict(verdict)) => {
            let height = popup::verdict::rows(size);
            verdict.scroll_by(step.lines(height), height);
        }
        Some(Popup::Reading) => {
            let height = popup::reading::rows(size);
            if let Some(reading) = &mut model.outputs.reading {
                reading.scroll_by(step.lines(height), height);
            }
        }
        None => return false,
    }
    true
}
