//! What answers of effects change in the model, and what is said about them.
//! It asks for nothing but what an answer makes necessary.

use crate::domain::PostId;
use crate::text::{Safe, grouped};
use crate::tui::effect::{Effect, Reckoning, Retry};
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::post::{Known, Post};
use crate::tui::model::{Choice, Confirm, Model, Popup, Tone};
use crate::tui::popup;

/// A page of failed posts.
pub fn page(model: &mut Model, wanted: &Wanted, page: Result<Vec<Row>, Safe>) -> Vec<Effect> {
    model.failed.take(wanted, page, model.now);
    let rows = super::super::pane::failed::rows(model.size);
    let next = model.failed.go(0, rows);
    model.dirty = true;
    next.map(Effect::Page).into_iter().collect()
}

/// A post, for the lines under the list and for an open window.
pub fn post(model: &mut Model, id: PostId, post: Result<Option<Box<Known>>, Safe>) -> Vec<Effect> {
    if model.failed.asked == Some(id) {
        model.failed.asked = None;
    }
    model.dirty = true;
    let known = match post {
        Ok(Some(known)) => *known,
        Ok(None) => return lost(model, id, Safe::line(&format!("Post {id} is no longer in the database."))),
        Err(error) => return lost(model, id, error),
    };
    let mut fresh = Post::new(known);
    // The list may know a newer state than this answer; asking again at once could go round in circles.
    if let Some(row) = model.failed.selected().filter(|row| row.id == id) {
        fresh.updated_at = fresh.updated_at.max(row.updated_at);
        model.failed.post = Some(fresh.clone());
    }
    let (width, now) = (popup::post::width(model.size), model.now);
    for open in &mut model.popups {
        if let Popup::Post(open) = open
            && open.id == id
        {
            let scroll = open.scroll;
            **open = fresh.clone();
            open.wrap(width, now, &model.zone);
            open.scroll = scroll.min(open.lines.len());
        }
    }
    Vec::new()
}

/// A post that could not be had: said once, and its empty window closed.
fn lost(model: &mut Model, id: PostId, why: Safe) -> Vec<Effect> {
    model.popups.retain(|open| !matches!(open, Popup::Post(post) if post.id == id && post.known.is_none()));
    if let Some(row) = model.failed.selected().filter(|row| row.id == id) {
        model.failed.post = Some(Post::missing(id, row.updated_at));
    }
    model.say(Tone::Bad, why);
    Vec::new()
}

/// Failed posts by class.
pub fn classes(model: &mut Model, classes: Result<Vec<(String, i64)>, Safe>) -> Vec<Effect> {
    match classes {
        Ok(mut classes) => {
            classes.retain(|(_, count)| *count > 0);
            classes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            model.classes = classes;
            model.dirty = true;
        }
        Err(error) => model.say(Tone::Bad, error),
    }
    if model.failed.class.as_ref().is_some_and(|class| model.classes.iter().all(|(c, _)| c != class)) {
        // The last post of the class shown was retried; its empty list would look like a fault.
        model.failed.class = None;
        return vec![Effect::Page(model.failed.reload())];
    }
    Vec::new()
}

/// What retries would do becomes a question, or a sentence when they would do nothing.
pub fn asked(model: &mut Model, answers: Result<Vec<(Retry, Reckoning)>, Safe>) -> Vec<Effect> {
    let answers = match answers {
        Ok(answers) => answers,
        Err(error) => {
            model.say(Tone::Bad, error);
            return Vec::new();
        }
    };
    if matches!(model.popups.last(), Some(Popup::Confirm(_))) {
        // Asked twice in a hurry: one question is enough.
        return Vec::new();
    }
    let force = answers.iter().any(|(retry, _)| retry.force);
    let choices: Vec<Choice> = answers.into_iter().filter(|(_, r)| r.matched > 0).map(|(retry, r)| choice(retry, r)).collect();
    if choices.is_empty() {
        let why = nothing_to_retry(model, force);
        model.say(Tone::Warn, why);
        return Vec::new();
    }
    let title = if force { "Retry with all passes given back" } else { "Retry" };
    model.popups.push(Popup::Confirm(Confirm { title: Safe::fixed(title), choices, marked: 0 }));
    model.dirty = true;
    Vec::new()
}

fn choice(retry: Retry, reckoning: Reckoning) -> Choice {
    // Only counted, nothing is enqueued yet: what fits is what would be.
    let label = match (retry.post, reckoning.matched) {
        (Some(id), _) => format!("only post {id}"),
        (None, 1) => "the 1 post that matches".to_owned(),
        (None, count) => format!("all {} posts that match", grouped(count)),
    };
    let calls = grouped(i64::try_from(reckoning.calls).unwrap_or(i64::MAX));
    Choice { label: Safe::line(&label), cost: Safe::line(&format!("at most {calls} calls")), effect: Effect::Retry(retry) }
}

fn nothing_to_retry(model: &Model, force: bool) -> Safe {
    let counts = &model.snapshot.counts;
    match (counts.failed + counts.retrying, force) {
        (0, _) => Safe::fixed("Nothing to retry: no post is failed or retrying."),
        (_, true) => Safe::fixed("Nothing to retry: no failed or retrying post with a text matches."),
        (_, false) => Safe::fixed("Nothing to retry: the posts that match have used up their passes. F gives them back."),
    }
}

/// What a retry has done.
pub fn retried(model: &mut Model, retry: &Retry, done: Result<Reckoning, Safe>) -> Vec<Effect> {
    match done {
        Err(error) => model.say(Tone::Bad, error),
        Ok(Reckoning { queued: 0, .. }) => {
            let why = match retry.post {
                Some(id) if !retry.force => {
                    Safe::line(&format!("Post {id} has no pass left, or no text. F gives its passes back."))
                }
                _ => nothing_to_retry(model, retry.force),
            };
            model.say(Tone::Warn, why);
        }
        Ok(Reckoning { queued, .. }) => {
            let what = match (retry.post, queued) {
                (Some(id), _) => format!("Post {id} is due again."),
                (None, 1) => "1 post is due again.".to_owned(),
                (None, count) => format!("{} posts are due again.", grouped(count)),
            };
            model.say(Tone::Good, Safe::line(&what));
        }
    }
    look_again(model)
}

/// Something else was done, or not.
pub fn done(model: &mut Model, done: Result<Safe, Safe>) -> Vec<Effect> {
    match done {
        Ok(what) => model.say(Tone::Good, what),
        Err(why) => model.say(Tone::Bad, why),
    }
    look_again(model)
}

/// After a change the list and the open post are no longer what they were.
fn look_again(model: &mut Model) -> Vec<Effect> {
    (model.failed.stale, model.failed.loaded_at) = (true, 0);
    (model.classes_stale, model.classes_at) = (true, 0);
    let open = model.popups.iter().filter_map(|open| match open {
        Popup::Post(post) => Some(Effect::Post(post.id)),
        _ => None,
    });
    open.collect::<Vec<_>>().into_iter().chain(super::catch_up(model)).collect()
}
