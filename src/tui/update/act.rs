//! What each action of the keymap does, depending on what has the focus.
//! Keys are not known here, only actions.

use super::{answers, change, keep, list, motion, outputs, prompt};
use crate::domain::{ImageId, PostId};
use crate::text::Safe;
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::locale::{t, tell};
use crate::tui::model::page::{About, Page};
use crate::tui::model::post::{Ink, Post};
use crate::tui::model::{Model, Pane, Popup, Tone};
use crate::tui::popup;
use motion::Step;

/// Does one action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let count = model.count.take();
    let times = isize::try_from(count.unwrap_or(1)).unwrap_or(isize::MAX);
    match action {
        Action::Quit | Action::QuitAtOnce => vec![Effect::Quit],
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Help => open(model, |model| Popup::Help { of: model.sections(), scroll: 0 }),
        Action::Doctor => examine(model),
        Action::Close => {
            model.popups.pop();
            Vec::new()
        }
        Action::Overview => focus(model, Pane::Overview),
        Action::Failed => focus(model, Pane::Failed),
        Action::Log => focus(model, Pane::Log),
        Action::Ocr => focus(model, Pane::Ocr),
        Action::Outputs => focus(model, Pane::Outputs),
        Action::NextPane => focus(model, neighbour(model.focus, 1)),
        Action::PreviousPane => focus(model, neighbour(model.focus, Pane::ALL.len() - 1)),
        Action::Up => motion::go(model, Step::By(-times)),
        Action::Down => motion::go(model, Step::By(times)),
        Action::PageUp => motion::go(model, Step::Pages(-times)),
        Action::PageDown => motion::go(model, Step::Pages(times)),
        Action::First => motion::go(model, Step::First),
        Action::Last => motion::go(model, count.map_or(Step::Last, Step::Line)),
        // Taken before an action is looked for; by another key than a digit it counts nothing.
        Action::Count => Vec::new(),
        Action::Grow => resize(model, 1),
        Action::Shrink => resize(model, -1),
        Action::Zoom | Action::Times | Action::Mouse => switch(model, action),
        Action::Kinds => open(model, |_| Popup::Kinds(0)),
        Action::Palette => prompt::palette(model),
        Action::Answers => answers::open(model),
        Action::NextAnswer => answers::step(model, times),
        Action::PreviousAnswer => answers::step(model, -times),
        Action::Search | Action::SearchNext | Action::SearchPrevious | Action::Copy if on_page(model) => on_answer(model, action),
        Action::Search => keep::search(model),
        Action::SearchNext => keep::found(model, true),
        Action::SearchPrevious => keep::found(model, false),
        Action::Copy => keep::copy(model),
        Action::Export => keep::export(model),
        Action::Screenshot => keep::screenshot(model),
        Action::Filter => prompt::filter(model),
        Action::Complete => prompt::complete(model),
        Action::Open => open_line(model),
        Action::OpenPost if model.focus == Pane::Outputs => outputs::act(model, action),
        Action::OpenPost => match (post_of(model), model.focus) {
            (Some(id), _) => open_post(model, id),
            (None, Pane::Log) if model.popups.is_empty() => change::none_selected(model),
            (None, _) if image(model).is_some() => refuse(model, t("This image belongs to no post.")),
            (None, _) => refuse(model, t("There is no image here.")),
        },
        Action::OutputsOf => outputs::of_image(model),
        Action::Reload
        | Action::Parent
        | Action::Order
        | Action::Verify
        | Action::Picture
        | Action::Fold
        | Action::CopyKey
        | Action::CopyLink
        | Action::Download
        | Action::Delete => outputs::act(model, action),
        Action::Mark
        | Action::MarkRange
        | Action::MarkAll
        | Action::CycleStatus
        | Action::CycleClass
        | Action::ToggleKind
        | Action::OnlyKind
        | Action::EveryKind
        | Action::Group
        | Action::Sort
        | Action::ClearFilter
        | Action::Follow => list::act(model, action),
        // No question can be open there; should one be, it stays unanswered.
        Action::Accept if model.options.read_only && matches!(model.popups.last(), Some(Popup::Confirm(_))) => {
            refuse_change(model)
        }
        Action::Accept => change::accept(model),
        Action::Undo => change::undo(model),
        Action::Retry
        | Action::RetryAll
        | Action::Force
        | Action::Regenerate
        | Action::RegenerateWith
        | Action::EditTags
        | Action::Skip
        | Action::Reread
        | Action::CancelReading
        | Action::Submit
        | Action::Pause
        | Action::Resume
        | Action::Drain => {
            if model.options.read_only {
                return refuse_change(model);
            }
            change::change(model, action)
        }
    }
}

fn examine(model: &mut Model) -> Vec<Effect> {
    model.say(Tone::Good, Safe::fixed(t("Looking at everything that is needed…")));
    vec![Effect::Doctor]
}

fn refuse_change(model: &mut Model) -> Vec<Effect> {
    refuse(model, t("Nothing was changed: the dashboard runs with --read-only."))
}

/// What reads a list or the log elsewhere, on an open answer.
fn on_answer(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Search => answers::search(model),
        Action::SearchNext => answers::found(model, true),
        Action::SearchPrevious => answers::found(model, false),
        _ => answers::copy(model),
    }
}

fn on_page(model: &Model) -> bool {
    matches!(model.popups.last(), Some(Popup::Page(_)))
}

/// Turns one thing of the screen on or off.
fn switch(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Zoom => {
            model.zoomed = !model.zoomed;
            super::settle(model);
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            let told = if model.mouse { t("The mouse works here.") } else { t("The mouse is the terminal's: it selects text.") };
            model.say(Tone::Good, Safe::fixed(told));
            return vec![Effect::Mouse(model.mouse)];
        }
        _ => model.absolute_times = !model.absolute_times,
    }
    Vec::new()
}

/// Says why nothing is done.
pub fn refuse(model: &mut Model, why: &'static str) -> Vec<Effect> {
    model.say(Tone::Warn, Safe::fixed(why));
    Vec::new()
}

/// Gives a pane the focus and loads what it has not loaded yet.
pub fn focus(model: &mut Model, pane: Pane) -> Vec<Effect> {
    model.focus = pane;
    let mut effects = match pane {
        Pane::Failed if !model.failed.list.loaded => model.failed.refresh().map(Effect::Page).into_iter().collect(),
        Pane::Ocr if !model.images.list.loaded => model.images.refresh().map(Effect::Images).into_iter().collect(),
        Pane::Outputs => outputs::focus(model),
        Pane::Overview | Pane::Failed | Pane::Log | Pane::Ocr => super::catch_up(model),
    };
    // Another pane has other parts: its cursor may stand outside of them.
    super::settle(model);
    if pane == Pane::Ocr {
        effects.extend(model.images.image_wanted().map(Effect::Image));
    }
    effects
}

fn neighbour(pane: Pane, steps: usize) -> Pane {
    let at = Pane::ALL.iter().position(|p| *p == pane).unwrap_or(0);
    Pane::ALL[(at + steps) % Pane::ALL.len()]
}

fn resize(model: &mut Model, by: i16) -> Vec<Effect> {
    model.split = (model.split + by).clamp(-40, 200);
    super::settle(model);
    Vec::new()
}

fn open(model: &mut Model, popup: impl FnOnce(&Model) -> Popup) -> Vec<Effect> {
    let popup = popup(model);
    model.popups.push(popup);
    Vec::new()
}

/// What stands under the cursor, whole.
fn open_line(model: &mut Model) -> Vec<Effect> {
    match model.focus {
        Pane::Failed if model.failed.grouped.is_some() => list::open_group(model),
        Pane::Overview => keep::open_model(model),
        Pane::Ocr => open_image(model),
        Pane::Outputs => outputs::open(model),
        Pane::Log if model.log.selected().is_some_and(|event| event.image.is_some()) => open_image(model),
        Pane::Log if model.log.selected().is_some_and(|event| event.post.is_none()) => open_event(model),
        Pane::Failed | Pane::Log => match change::selected(model) {
            Some(id) => open_post(model, id),
            None => change::none_selected(model),
        },
    }
}

/// A post whole, from what is known or after asking.
pub fn open_post(model: &mut Model, id: PostId) -> Vec<Effect> {
    let held = model.failed.post.clone().filter(|post| post.id == id && post.known.is_some());
    let missing = held.is_none();
    let mut post = held.unwrap_or_else(|| Post::loading(id));
    post.wrap(popup::post::width(model.size), model.now, &model.zone);
    model.popups.push(Popup::Post(Box::new(post)));
    if missing { vec![Effect::Post(id)] } else { Vec::new() }
}

/// The image that an action on one image means: of the open window, else under the cursor.
pub fn image(model: &Model) -> Option<ImageId> {
    match (model.popups.last(), model.focus) {
        (Some(Popup::Page(page)), _) if let About::Image(id, _) = page.about => Some(id),
        (_, Pane::Ocr) => model.images.list.selected().map(|row| row.id),
        (_, Pane::Log) => model.log.selected().and_then(|event| event.image),
        (_, Pane::Overview | Pane::Failed | Pane::Outputs) => None,
    }
}

/// The post that is behind what is in front.
fn post_of(model: &Model) -> Option<PostId> {
    match model.popups.last() {
        Some(Popup::Page(page)) if let About::Image(_, post) = page.about => post,
        _ => change::selected(model),
    }
}

fn open_image(model: &mut Model) -> Vec<Effect> {
    let Some(id) = image(model) else { return refuse(model, t("There is no image here.")) };
    let row = model.images.list.selected().filter(|row| row.id == id);
    let name = row.map_or_else(|| tell!("Image {}", id), |row| row.name.clone());
    let post = row.map_or_else(|| change::selected(model), |row| row.post);
    let known = model.images.known.as_ref().filter(|known| known.row.id == id);
    let paragraphs = known.map(|known| known.paragraphs(model.now, &model.zone)).unwrap_or_default();
    let missing = paragraphs.is_empty();
    show(model, Page::new(About::Image(id, post), name, paragraphs));
    if missing { vec![Effect::Image(id)] } else { Vec::new() }
}

fn open_event(model: &mut Model) -> Vec<Effect> {
    if let Some(event) = model.log.selected() {
        let words = crate::tui::pane::log::whole(event);
        let title = Safe::fixed(t("Event"));
        show(model, Page::new(About::Event, title, vec![(Ink::Text, words)]));
    }
    Vec::new()
}

/// Opens a page over everything.
pub fn show(model: &mut Model, mut page: Page) {
    page.wrap(popup::post::width(model.size));
    model.popups.push(Popup::Page(Box::new(page)));
}
