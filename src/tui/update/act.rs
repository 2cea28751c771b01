//! What each action of the keymap does, depending on what has the focus.
//! Keys are not known here, only actions.

use super::outputs;
use crate::domain::{PostFilter, PostId, Status};
use crate::text::Safe;
use crate::tui::effect::{Effect, Retry};
use crate::tui::keymap::Action;
use crate::tui::model::failed::Shown;
use crate::tui::model::post::Post;
use crate::tui::model::{Choice, Confirm, Model, Pane, Popup, Tone};
use crate::tui::popup;

/// Does one action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit | Action::QuitAtOnce => vec![Effect::Quit],
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Help => open(model, |model| Popup::Help { of: model.sections(), scroll: 0 }),
        Action::Close => {
            model.popups.pop();
            Vec::new()
        }
        Action::Overview => focus(model, Pane::Overview),
        Action::Failed => focus(model, Pane::Failed),
        Action::Log => focus(model, Pane::Log),
        Action::Outputs => focus(model, Pane::Outputs),
        Action::NextPane => focus(model, neighbour(model.focus, 1)),
        Action::PreviousPane => focus(model, neighbour(model.focus, Pane::ALL.len() - 1)),
        Action::Up => go(model, Step::By(-1)),
        Action::Down => go(model, Step::By(1)),
        Action::PageUp => go(model, Step::Pages(-1)),
        Action::PageDown => go(model, Step::Pages(1)),
        Action::First => go(model, Step::First),
        Action::Last => go(model, Step::Last),
        Action::Open if model.focus == Pane::Outputs => outputs::open(model),
        Action::Open => open_post(model),
        Action::CycleStatus => filter(model, |model| model.failed.shown = model.failed.shown.next()),
        Action::CycleClass if model.classes.is_empty() && model.failed.class.is_none() => {
            model.say(Tone::Warn, Safe::fixed("There is no class to choose: no post has failed."));
            Vec::new()
        }
        Action::CycleClass => filter(model, |model| model.failed.class = next_class(model)),
        Action::ClearFilter => clear(model),
        Action::CycleKind => {
            model.log.cycle_kind();
            Vec::new()
        }
        Action::Follow => {
            follow(model);
            Vec::new()
        }
        Action::Accept => accept(model),
        Action::OutputsOf => outputs_of(model),
        Action::Reload
        | Action::Parent
        | Action::Order
        | Action::Filter
        | Action::Verify
        | Action::Picture
        | Action::Fold
        | Action::CopyKey
        | Action::CopyLink
        | Action::Download
        | Action::Delete
        | Action::OpenPost => outputs::act(model, action),
        Action::Retry | Action::RetryAll | Action::Force | Action::Regenerate | Action::Pause | Action::Resume => {
            if model.options.read_only {
                model.say(Tone::Warn, Safe::fixed("Nothing was changed: the dashboard runs with --read-only."));
                return Vec::new();
            }
            change(model, action)
        }
    }
}

/// The actions that change something outside the dashboard.
fn change(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Pause if model.paused_by_operator() => vec![Effect::Resume],
        Action::Pause => vec![Effect::Pause],
        Action::Resume => vec![Effect::ResumeAll],
        Action::RetryAll => vec![Effect::Ask(vec![Retry { filter: wide(model), post: None, force: false }])],
        Action::Force => force(model),
        Action::Retry => match selected(model) {
            Some(id) => vec![Effect::Retry(Retry { post: Some(id), ..Retry::default() })],
            None => none_selected(model),
        },
        Action::Regenerate => regenerate(model),
        _ => Vec::new(),
    }
}

fn focus(model: &mut Model, pane: Pane) -> Vec<Effect> {
    model.focus = pane;
    if pane == Pane::Outputs {
        return outputs::focus(model);
    }
    if pane == Pane::Failed && !model.failed.loaded {
        return model.failed.refresh().map(Effect::Page).into_iter().collect();
    }
    super::catch_up(model)
}

fn neighbour(pane: Pane, steps: usize) -> Pane {
    let at = Pane::ALL.iter().position(|p| *p == pane).unwrap_or(0);
    Pane::ALL[(at + steps) % Pane::ALL.len()]
}

#[derive(Clone, Copy)]
enum Step {
    By(isize),
    Pages(isize),
    First,
    Last,
}

impl Step {
    /// In lines, on a screen of so many.
    fn lines(self, height: usize) -> isize {
        let page = isize::try_from(height.max(2) - 1).unwrap_or(1);
        match self {
            Self::By(lines) => lines,
            Self::Pages(pages) => pages * page,
            Self::First => isize::MIN + 1,
            Self::Last => isize::MAX,
        }
    }
}

fn go(model: &mut Model, step: Step) -> Vec<Effect> {
    let size = model.size;
    match model.popups.last_mut() {
        Some(Popup::Help { of, scroll }) => {
            let height = popup::help::rows(size);
            let most = popup::help::length(&model.keymap, of).saturating_sub(height);
            *scroll = scroll.saturating_add_signed(step.lines(height)).min(most);
            return Vec::new();
        }
        Some(Popup::Post(post)) => {
            let height = popup::post::rows(size);
            post.scroll_by(step.lines(height), height);
            return Vec::new();
        }
        Some(Popup::Confirm(confirm)) => {
            confirm.marked = confirm.marked.saturating_add_signed(step.lines(2)).min(confirm.choices.len() - 1);
            return Vec::new();
        }
        Some(Popup::Verdict(verdict)) => {
            let height = popup::verdict::rows(size);
            verdict.scroll_by(step.lines(height), height);
            return Vec::new();
        }
        Some(Popup::Reading) => {
            let height = popup::reading::rows(size);
            if let Some(reading) = &mut model.outputs.reading {
                reading.scroll_by(step.lines(height), height);
            }
            return Vec::new();
        }
        Some(Popup::Typed(_)) => return Vec::new(),
        None => {}
    }
    let height = model.list_rows();
    match (model.focus, step) {
        (Pane::Overview, _) => Vec::new(),
        (Pane::Outputs, _) => outputs::go(model, step.lines(height), matches!(step, Step::First | Step::Last)),
        (Pane::Log, Step::Last) => {
            model.log.follow();
            Vec::new()
        }
        (Pane::Log, _) => {
            model.log.go(step.lines(height), height);
            // Standing still the pane has a line less, for the words of the line under the cursor.
            let height = model.list_rows();
            model.log.go(0, height);
            Vec::new()
        }
        (Pane::Failed, Step::First | Step::Last) => {
            model.failed.go_to_edge(matches!(step, Step::Last), height).map(Effect::Page).into_iter().collect()
        }
        (Pane::Failed, _) => model.failed.go(step.lines(height), height).map(Effect::Page).into_iter().collect(),
    }
}

fn follow(model: &mut Model) {
    if model.log.following() {
        let height = model.list_rows();
        model.log.go(0, height);
        let height = model.list_rows();
        model.log.go(0, height);
    } else {
        model.log.follow();
    }
}

fn open(model: &mut Model, popup: impl FnOnce(&Model) -> Popup) -> Vec<Effect> {
    let popup = popup(model);
    model.popups.push(popup);
    Vec::new()
}

/// The post an action on one post means: of the open window, else under the cursor.
fn selected(model: &Model) -> Option<PostId> {
    if let Some(Popup::Post(post)) = model.popups.last() {
        return Some(post.id);
    }
    match model.focus {
        Pane::Overview | Pane::Outputs => None,
        Pane::Failed => model.failed.selected().map(|row| row.id),
        Pane::Log => model.log.selected().and_then(|event| event.post),
    }
}

fn none_selected(model: &mut Model) -> Vec<Effect> {
    let why = match model.focus {
        Pane::Log if model.log.following() => "No line is marked: go up with ↑ to stop at one.",
        Pane::Log => "This line is about no post.",
        Pane::Overview | Pane::Failed | Pane::Outputs => "There is no post here.",
    };
    model.say(Tone::Warn, Safe::fixed(why));
    Vec::new()
}

fn open_post(model: &mut Model) -> Vec<Effect> {
    let Some(id) = selected(model) else { return none_selected(model) };
    let held = model.failed.post.clone().filter(|post| post.id == id && post.known.is_some());
    let missing = held.is_none();
    let mut post = held.unwrap_or_else(|| Post::loading(id));
    post.wrap(popup::post::width(model.size), model.now, &model.zone);
    model.popups.push(Popup::Post(Box::new(post)));
    if missing { vec![Effect::Post(id)] } else { Vec::new() }
}

/// What was stored of the images of the open post.
fn outputs_of(model: &mut Model) -> Vec<Effect> {
    let known = match model.popups.last() {
        Some(Popup::Post(post)) => post.known.as_ref(),
        _ => None,
    };
    match known.and_then(|known| known.images.first()) {
        Some(image) => outputs::of_image(image.id),
        None => {
            model.say(Tone::Warn, Safe::fixed("This post has no image."));
            Vec::new()
        }
    }
}

fn filter(model: &mut Model, change: impl FnOnce(&mut Model)) -> Vec<Effect> {
    change(model);
    vec![Effect::Page(model.failed.reload())]
}

fn next_class(model: &Model) -> Option<String> {
    let after = match &model.failed.class {
        None => 0,
        Some(class) => model.classes.iter().position(|(c, _)| c == class).map_or(model.classes.len(), |at| at + 1),
    };
    model.classes.get(after).map(|(class, _)| class.clone())
}

fn clear(model: &mut Model) -> Vec<Effect> {
    match model.focus {
        Pane::Overview => Vec::new(),
        Pane::Outputs => outputs::clear(model),
        Pane::Log => {
            model.log.kind = None;
            model.log.follow();
            Vec::new()
        }
        Pane::Failed if model.failed.class.is_none() && model.failed.shown == Shown::Both => Vec::new(),
        Pane::Failed => filter(model, |model| (model.failed.class, model.failed.shown) = (None, Shown::Both)),
    }
}

/// All posts an action on all posts means: those the failed pane shows, or all when it is not in focus.
fn wide(model: &Model) -> PostFilter {
    if model.focus != Pane::Failed {
        return PostFilter::default();
    }
    let status: Option<Status> = match model.failed.shown {
        Shown::Both => None,
        Shown::Only(status) => Some(status),
    };
    PostFilter { status, class: model.failed.class.clone(), ..PostFilter::default() }
}

fn force(model: &Model) -> Vec<Effect> {
    let one = selected(model).map(|id| Retry { post: Some(id), force: true, ..Retry::default() });
    // An open post stands for itself alone; over a list the question offers both.
    let all = model.popups.is_empty().then(|| Retry { filter: wide(model), post: None, force: true });
    vec![Effect::Ask(one.into_iter().chain(all).collect())]
}

fn regenerate(model: &mut Model) -> Vec<Effect> {
    let Some(id) = selected(model) else { return none_selected(model) };
    let tags = match model.popups.last() {
        Some(Popup::Post(post)) => post.known.as_ref().map_or(0, |known| known.tags.len()),
        _ => model.failed.selected().map_or(0, |row| row.tags),
    };
    let effect = Effect::Regenerate(id);
    if tags == 0 {
        return vec![effect];
    }
    let calls = crate::text::grouped(i64::try_from(model.snapshot.worst_case.calls()).unwrap_or(i64::MAX));
    let choice = Choice {
        label: Safe::line(&format!("tag post {id} anew, its {tags} tags are replaced")),
        cost: Safe::line(&format!("at most {calls} calls")),
        effect,
    };
    model.popups.push(Popup::Confirm(Confirm { title: Safe::fixed("Regenerate"), choices: vec![choice], marked: 0 }));
    Vec::new()
}

fn accept(model: &mut Model) -> Vec<Effect> {
    match model.popups.pop() {
        Some(Popup::Confirm(confirm)) => confirm.choices.into_iter().nth(confirm.marked).map(|c| c.effect).into_iter().collect(),
        other => {
            model.popups.extend(other);
            Vec::new()
        }
    }
}
