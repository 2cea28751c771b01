//! What a person changes outside the dashboard: posts tried again or decided by hand, images, pauses.
//! Each asks for an effect, a question first where it costs calls or cannot be taken back.

use super::act::refuse;
use super::{other_model, prompt};
use crate::domain::{ImageId, PostFilter, PostId, Status};
use crate::ops::WhichImages;
use crate::text::Safe;
use crate::tui::effect::{Effect, ImageChange, Retry};
use crate::tui::keymap::Action;
use crate::tui::locale::{count, dollars, t, tell};
use crate::tui::model::failed::post_filters;
use crate::tui::model::prompt::{Prompt, Purpose};
use crate::tui::model::{Choice, Confirm, Gate, Model, Pane, Pending, Popup, Tone, WAIT_MS};

/// Does one of the actions that change something. Nobody comes here with `--read-only`.
pub fn change(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Pause if model.paused_by_operator() => vec![Effect::Resume],
        Action::Pause => vec![Effect::Pause],
        Action::Resume => vec![Effect::ResumeAll],
        Action::Drain => drain(model),
        Action::RetryAll => match wide(model) {
            Some(filter) => vec![Effect::Ask(vec![Retry { filter, ..Retry::default() }])],
            None => refuse(model, t("Only failed and retrying posts are tried again; this filter shows none of them.")),
        },
        Action::Force => force(model),
        Action::Retry => match meant(model) {
            Some(retry) if retry.only().is_some() => vec![Effect::Retry(retry)],
            Some(retry) => vec![Effect::Ask(vec![retry])],
            None => none_selected(model),
        },
        Action::Regenerate => regenerate(model),
        Action::RegenerateWith => other_model::ask(model),
        Action::EditTags => edit_tags(model),
        Action::Skip => match meant(model) {
            Some(retry) => vec![Effect::CountSkip(retry)],
            None => none_selected(model),
        },
        Action::Submit => prompt::submit(model),
        Action::Reread => images(model, ImageChange::Reread),
        Action::CancelReading => images(model, ImageChange::Cancel),
        _ => Vec::new(),
    }
}

/// The post an action on one post means: of the open window, else under the cursor.
pub fn selected(model: &Model) -> Option<PostId> {
    if let Some(Popup::Post(post)) = model.popups.last() {
        return Some(post.id);
    }
    match model.focus {
        Pane::Overview | Pane::Outputs => None,
        Pane::Failed => model.failed.selected().map(|row| row.id),
        Pane::Log => model.log.selected().and_then(|event| event.post),
        Pane::Ocr => model.images.list.selected().and_then(|row| row.post),
    }
}

/// Says why there is no post to do something to.
pub fn none_selected(model: &mut Model) -> Vec<Effect> {
    let why = match model.focus {
        Pane::Log if model.log.following() => t("No line is marked: go up with ↑ to stop at one."),
        Pane::Log => t("This line is about no post."),
        Pane::Overview | Pane::Failed | Pane::Ocr | Pane::Outputs => t("There is no post here."),
    };
    refuse(model, why)
}

/// The posts an action means: the open one, the cause under the cursor, what is marked, else the one under the cursor.
fn meant(model: &Model) -> Option<Retry> {
    let one = selected(model).map(Retry::one);
    if model.focus != Pane::Failed || !model.popups.is_empty() {
        return one;
    }
    if let Some(at) = model.failed.grouped {
        let class = Some(model.classes.get(at)?.0.clone());
        let filter = PostFilter { status: Some(Status::Failed), class, ..PostFilter::default() };
        return Some(Retry { filter, ..Retry::default() });
    }
    let marks = &model.failed.marks;
    if marks.all {
        return wide(model).map(|filter| Retry { filter, ..Retry::default() });
    }
    if marks.is_empty() {
        return one;
    }
    Some(Retry { posts: Some(marks.ids().map(PostId).collect()), ..Retry::default() })
}

/// All posts an action on all posts means: those the failed pane shows that can be tried again, or all when it is not in focus. The
/// causes are those of every failed post, whatever the list behind them is narrowed to.
fn wide(model: &Model) -> Option<PostFilter> {
    if model.focus != Pane::Failed {
        return Some(PostFilter::default());
    }
    if model.failed.grouped.is_some() {
        return Some(PostFilter { status: Some(Status::Failed), ..PostFilter::default() });
    }
    let filters = post_filters(&model.failed.filter);
    let first = filters.first()?.clone();
    let has = |status| filters.iter().any(|filter| filter.status.is_none_or(|s| s == status));
    match (has(Status::Failed), has(Status::Retrying)) {
        (true, true) => Some(PostFilter { status: None, ..first }),
        (true, false) => Some(PostFilter { status: Some(Status::Failed), ..first }),
        (false, true) => Some(PostFilter { status: Some(Status::Retrying), ..first }),
        (false, false) => None,
    }
}

fn force(model: &mut Model) -> Vec<Effect> {
    let some = meant(model).map(|retry| Retry { force: true, ..retry });
    // An open post stands for itself alone; over a list the question offers both.
    let all = model.popups.is_empty().then(|| wide(model)).flatten().map(|filter| Retry { filter, posts: None, force: true });
    let mut asked: Vec<Retry> = some.into_iter().chain(all).collect();
    asked.dedup();
    if asked.is_empty() {
        return none_selected(model);
    }
    vec![Effect::Ask(asked)]
}

fn regenerate(model: &mut Model) -> Vec<Effect> {
    let Some(id) = selected(model) else { return none_selected(model) };
    regenerate_with(model, id, None, Safe::fixed(t("Regenerate")))
}

/// Tags a post anew, with a model that was asked for or with the route; a question first when there are tags to lose.
pub fn regenerate_with(model: &mut Model, id: PostId, with: Option<String>, title: Safe) -> Vec<Effect> {
    let (tags, by_hand) = match model.popups.last() {
        Some(Popup::Post(post)) => post.known.as_ref().map_or((0, false), |known| (known.tags.len(), known.row.is_by_hand())),
        _ => model.failed.selected().map_or((0, false), |row| (row.tags, row.is_by_hand())),
    };
    let effect = Effect::Regenerate(id, with);
    if tags == 0 && !by_hand {
        return vec![effect];
    }
    let calls = model.snapshot.worst_case.calls();
    let choice = Choice {
        label: tell!("tag post {} anew, {}", id, count("its {} tag is replaced", "its {} tags are replaced", tags as i64)),
        cost: cost(model, calls),
        effect,
        gate: Gate::None,
    };
    let note = if by_hand { Safe::fixed(t("A person decided about this post by hand.")) } else { Safe::default() };
    ask(model, title, vec![choice], note);
    Vec::new()
}

/// What so many calls are at worst, with their price where calls have had one today.
pub fn cost(model: &Model, calls: u64) -> Safe {
    let at_most = count("at most {} call", "at most {} calls", i64::try_from(calls).unwrap_or(i64::MAX));
    let mut providers: Vec<(&str, i64)> =
        model.snapshot.models.iter().map(|score| (score.model.provider.as_str(), score.calls_today)).collect();
    providers.sort_unstable();
    providers.dedup_by_key(|(name, _)| *name);
    let made: i64 = providers.iter().map(|(_, calls)| calls).sum();
    if model.snapshot.spent_micros <= 0 || made <= 0 {
        return at_most;
    }
    let micros = model.snapshot.spent_micros as f64 / made as f64 * calls as f64;
    tell!("{}, about {}", at_most, dollars(micros as i64, 2))
}

/// Asks, unless something is asked already: one question is enough for a hurried person.
pub fn ask(model: &mut Model, title: Safe, choices: Vec<Choice>, note: Safe) {
    if !matches!(model.popups.last(), Some(Popup::Confirm(_))) {
        model.popups.push(Popup::Confirm(Confirm { title, choices, marked: 0, note }));
        model.dirty = true;
    }
}

/// The tags as they are, for a person to change.
fn edit_tags(model: &mut Model) -> Vec<Effect> {
    let Some(id) = selected(model) else { return none_selected(model) };
    let known = match model.popups.last() {
        Some(Popup::Post(post)) => post.known.as_ref(),
        _ => model.failed.post.as_ref().filter(|post| post.id == id).and_then(|post| post.known.as_ref()),
    };
    let Some(known) = known else { return refuse(model, t("The post is still being loaded.")) };
    let tags = known.tags.iter().map(|tag| &**tag).collect::<Vec<_>>().join(", ");
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Tags(id), &tags))));
    Vec::new()
}

/// Marked images, else the one under the cursor; several of them wait a moment, all that match are counted first.
fn images(model: &mut Model, change: ImageChange) -> Vec<Effect> {
    let list = &model.images;
    let open = !model.popups.is_empty();
    if list.marks.all && !open {
        let which = WhichImages::Matching(list.matching());
        return vec![Effect::CountImages(change, which)];
    }
    // An open image stands for itself alone.
    let ids: Vec<ImageId> = if open {
        super::act::image(model).into_iter().collect()
    } else if list.marks.is_empty() {
        list.list.selected().map(|row| row.id).into_iter().collect()
    } else {
        list.marks.ids().map(ImageId).collect()
    };
    match ids.len() {
        0 => refuse(model, t("There is no image here.")),
        1 => vec![Effect::ChangeImages(change, WhichImages::These(ids))],
        n => wait(model, change.told(n as i64), Effect::ChangeImages(change, WhichImages::These(ids))),
    }
}

/// Does it in a moment, unless it is taken back.
pub fn wait(model: &mut Model, what: Safe, effect: Effect) -> Vec<Effect> {
    if model.pending.is_some() {
        return refuse(model, t("Something waits to be done already; u takes it back."));
    }
    model.pending = Some(Pending { what, effect, at: model.now + WAIT_MS });
    model.dirty = true;
    Vec::new()
}

/// Takes back what waits.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    match model.pending.take() {
        Some(pending) => {
            model.say(Tone::Good, tell!("Taken back, nothing was changed: {}.", pending.what));
            Vec::new()
        }
        None => refuse(model, t("Nothing waits to be done.")),
    }
}

/// The marked choice of a question, or the typed line.
pub fn accept(model: &mut Model) -> Vec<Effect> {
    match model.popups.pop() {
        Some(Popup::Confirm(mut confirm)) if confirm.marked < confirm.choices.len() => {
            let choice = confirm.choices.swap_remove(confirm.marked);
            match choice.gate {
                Gate::None => vec![choice.effect],
                Gate::Wait => wait(model, choice.label, choice.effect),
                Gate::Typed(word) => {
                    let sure = Purpose::Sure { word, what: choice.label, effect: Box::new(choice.effect) };
                    model.popups.push(Popup::Prompt(Box::new(Prompt::new(sure, ""))));
                    Vec::new()
                }
            }
        }
        Some(Popup::Prompt(prompt)) => prompt::accept(model, prompt),
        other => {
            model.popups.extend(other);
            Vec::new()
        }
    }
}

/// Claims nothing more and leaves when nothing is in flight; asked again, goes on.
fn drain(model: &mut Model) -> Vec<Effect> {
    if model.draining.take().is_some() {
        return vec![Effect::Resume];
    }
    if model.options.observe {
        return refuse(model, t("There is no engine in this window; q leaves it."));
    }
    let paused = model.paused_by_operator();
    model.draining = Some(!paused);
    model.say(Tone::Warn, Safe::fixed(t("Leaving when what is in flight is done; Q again goes on.")));
    let mut effects = if paused { Vec::new() } else { vec![Effect::Pause] };
    effects.extend(drained(model));
    effects
}

/// The end of a drain, once nothing is in flight.
pub fn drained(model: &Model) -> Option<Effect> {
    let lift = model.draining?;
    let idle = model.paused_by_operator() && model.snapshot.in_flight == 0 && model.snapshot.ocr.busy.is_empty();
    idle.then_some(if lift { Effect::Drained } else { Effect::Quit })
}
