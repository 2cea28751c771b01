//! What answers of effects change in the model, and what is said about them.
//! It asks for nothing but what an answer makes necessary.

use super::change::{self, cost};
use crate::domain::{ImageId, ImageKey, PostFilter, PostId, PostPlace, Status};
use crate::ops::WhichImages;
use crate::ops::doctor::Check;
use crate::text::Safe;
use crate::tui::effect::{Done, Effect, ImageChange, Reckoning, Retry};
use crate::tui::locale::{count, t, tell};
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::list::Came;
use crate::tui::model::page::About;
use crate::tui::model::post::{Known, Post};
use crate::tui::model::verdict::Verdict;
use crate::tui::model::{Choice, Gate, Model, Popup, Tone, images};
use crate::tui::popup;
use crate::tui::widget::outcome;

/// A page of failed posts.
pub fn page(model: &mut Model, wanted: &Wanted, page: Result<Came<Row, PostPlace>, Safe>) -> Vec<Effect> {
    model.failed.list.take(&wanted.fetch, page, model.now);
    let rows = model.list_rows();
    let next = model.failed.list.go(0, rows);
    model.dirty = true;
    next.map(|fetch| Effect::Page(model.failed.wanted(fetch))).into_iter().collect()
}

/// A page of images.
pub fn images(model: &mut Model, wanted: &images::Wanted, page: Result<Came<images::Row, ImageKey>, Safe>) -> Vec<Effect> {
    model.images.list.take(&wanted.fetch, page, model.now);
    let rows = model.list_rows();
    let next = model.images.list.go(0, rows);
    model.dirty = true;
    model.images.next(next).map(Effect::Images).into_iter().collect()
}

/// An image, for the lines under the list and for an open window.
pub fn image(model: &mut Model, id: ImageId, image: Result<Option<Box<images::Known>>, Safe>) -> Vec<Effect> {
    if model.images.asked == Some(id) {
        model.images.asked = None;
    }
    model.dirty = true;
    let mut known = match image {
        Ok(Some(known)) => *known,
        Ok(None) => {
            model
                .popups
                .retain(|open| !matches!(open, Popup::Page(page) if matches!(page.about, About::Image(about, _) if about == id)));
            model.say(Tone::Bad, tell!("Image {} is no longer in the database.", id));
            return vec![Effect::Images(model.images.reload())];
        }
        Err(error) => {
            model.say(Tone::Bad, error);
            return Vec::new();
        }
    };
    let (paragraphs, known_post) = (known.paragraphs(model.now, &model.zone), known.row.post);
    // The list may know a newer state than this answer; asking again at once could go round in circles.
    if let Some(row) = model.images.list.selected().filter(|row| row.id == id) {
        known.row.updated_at = known.row.updated_at.max(row.updated_at);
        model.images.known = Some(known);
    }
    let width = popup::post::width(model.size);
    for open in &mut model.popups {
        if let Popup::Page(page) = open
            && let About::Image(about, post) = &mut page.about
            && *about == id
        {
            *post = known_post;
            page.fill(paragraphs.clone(), width);
        }
    }
    Vec::new()
}

/// A post, for the lines under the list and for an open window.
pub fn post(model: &mut Model, id: PostId, post: Result<Option<Box<Known>>, Safe>) -> Vec<Effect> {
    if model.failed.asked == Some(id) {
        model.failed.asked = None;
    }
    model.dirty = true;
    let known = match post {
        Ok(Some(known)) => *known,
        Ok(None) => return lost(model, id, tell!("Post {} is no longer in the database.", id)),
        Err(error) => return lost(model, id, error),
    };
    let mut fresh = Post::new(known);
    // The list may know a newer state than this answer; asking again at once could go round in circles.
    if let Some(row) = model.failed.list.selected().filter(|row| row.id == id) {
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
    if let Some(row) = model.failed.list.selected().filter(|row| row.id == id) {
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
    let most = model.classes.len().saturating_sub(1);
    model.failed.grouped = model.failed.grouped.filter(|_| !model.classes.is_empty()).map(|at| at.min(most));
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
    let force = answers.iter().any(|(retry, _)| retry.force);
    let by_hand = answers.iter().map(|(_, reckoning)| reckoning.by_hand).max().unwrap_or_default();
    let mut fits: Vec<_> = answers.into_iter().filter(|(_, r)| r.matched > 0).collect();
    if let [(few, of_few), (all, of_all)] = fits.as_slice()
        && of_few.matched == of_all.matched
        && few.is_part_of(all)
    {
        // As many of them as of all: the same posts, which are offered once.
        fits.truncate(1);
    }
    let choices: Vec<Choice> = fits.into_iter().map(|(retry, r)| choice(model, retry, r)).collect();
    if choices.is_empty() {
        let why = if by_hand > 0 { left_out(by_hand) } else { nothing_to_retry(model, force) };
        model.say(Tone::Warn, why);
        return Vec::new();
    }
    let title = if force { t("Retry with all passes given back") } else { t("Retry") };
    let note = if by_hand > 0 { left_out(by_hand) } else { Safe::default() };
    change::ask(model, Safe::fixed(title), choices, note);
    Vec::new()
}

/// What a person decided by hand stays, unless it is regenerated one by one.
fn left_out(by_hand: i64) -> Safe {
    count(
        "{} post decided by hand is left out; g tags it anew",
        "{} posts decided by hand are left out; g tags one anew",
        by_hand,
    )
}

/// How many images would be changed becomes a question.
pub fn images_counted(model: &mut Model, change: ImageChange, which: WhichImages, counted: Result<u64, Safe>) -> Vec<Effect> {
    match counted {
        Err(error) => model.say(Tone::Bad, error),
        Ok(0) if change == ImageChange::Reread => {
            model.say(Tone::Warn, Safe::fixed(t("Nothing to read again: it is read, or being read now.")));
        }
        Ok(0) => model.say(Tone::Warn, Safe::fixed(t("Nothing to cancel: it has ended."))),
        Ok(n) => {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            let (title, gate) = match change {
                ImageChange::Reread => (t("Read again"), Gate::Wait),
                ImageChange::Cancel => (t("Cancel readings"), Gate::Wait),
            };
            let effect = Effect::ChangeImages(change, which);
            let choice = Choice { label: change.told(n), cost: Safe::fixed(t("all that match")), effect, gate };
            change::ask(model, Safe::fixed(title), vec![choice], Safe::default());
        }
    }
    Vec::new()
}

fn choice(model: &Model, retry: Retry, reckoning: Reckoning) -> Choice {
    // Only counted, nothing is enqueued yet: what fits is what would be.
    let matched = reckoning.matched;
    let label = match (retry.only(), &retry.posts) {
        (Some(id), _) => tell!("only post {}", id),
        (None, Some(_)) => count("the {} marked post", "the {} marked posts", matched),
        (None, None) => match &retry.filter {
            filter if *filter == (PostFilter { status: Some(Status::Failed), ..PostFilter::default() }) => {
                count("the {} failed post", "all {} failed posts", matched)
            }
            PostFilter { class: Some(class), .. } => {
                let posts = count("the {} post that matches", "all {} posts that match", matched);
                Safe::line(&format!("{posts} · {}", outcome::label(class)))
            }
            _ => count("the {} post that matches", "all {} posts that match", matched),
        },
    };
    let gate = match (&retry.posts, retry.force) {
        _ if matched == 1 => Gate::None,
        // Everything from the beginning is the dearest thing there is to do by mistake.
        (None, true) => Gate::Typed(matched.to_string()),
        _ => Gate::Wait,
    };
    Choice { label, cost: cost(model, reckoning.calls), effect: Effect::Retry(retry), gate }
}

/// How many posts would be passed over becomes a question.
pub fn skippable(model: &mut Model, which: Retry, counted: Result<i64, Safe>) -> Vec<Effect> {
    match counted {
        Err(error) => model.say(Tone::Bad, error),
        Ok(0) => model.say(Tone::Warn, Safe::fixed(t("There is no post here."))),
        Ok(n) => {
            let label = match which.only() {
                Some(id) => tell!("pass over post {}", id),
                None => count("pass over {} post", "pass over {} posts", n),
            };
            let gate = if n > 1 { Gate::Wait } else { Gate::None };
            let cost = Safe::fixed(t("no calls"));
            change::ask(
                model,
                Safe::fixed(t("Skip")),
                vec![Choice { label, cost, effect: Effect::Skip(which), gate }],
                Safe::default(),
            );
        }
    }
    Vec::new()
}

fn nothing_to_retry(model: &Model, force: bool) -> Safe {
    let counts = &model.snapshot.counts;
    Safe::fixed(match (counts.failed + counts.retrying, force) {
        (0, _) => t("Nothing to retry: no post is failed or retrying."),
        (_, true) => t("Nothing to retry: no failed or retrying post with a text matches."),
        (_, false) => t("Nothing to retry: the posts that match have used up their passes. F gives them back."),
    })
}

/// What a retry has done.
pub fn retried(model: &mut Model, retry: &Retry, done: Result<Reckoning, Safe>) -> Vec<Effect> {
    match done {
        Err(error) => model.say(Tone::Bad, error),
        Ok(Reckoning { queued: 0, .. }) => {
            let why = match retry.only() {
                Some(id) if !retry.force => tell!("Post {} has no pass left, or no text. F gives its passes back.", id),
                _ => nothing_to_retry(model, retry.force),
            };
            model.say(Tone::Warn, why);
        }
        Ok(Reckoning { queued, .. }) => {
            let what = match retry.only() {
                Some(id) => tell!("Post {} is due again.", id),
                None => count("{} post is due again.", "{} posts are due again.", queued),
            };
            model.say(Tone::Good, what);
        }
    }
    model.failed.marks.clear();
    look_again(model)
}

/// Something else was done, or not.
pub fn done(model: &mut Model, done: Result<Done, Safe>) -> Vec<Effect> {
    let done = match done {
        Ok(done) => done,
        Err(why) => {
            model.say(Tone::Bad, why);
            return look_again(model);
        }
    };
    if done == Done::Drained {
        return vec![Effect::Quit];
    }
    if matches!(done, Done::Skipped(_)) {
        model.failed.marks.clear();
    }
    if matches!(done, Done::Reread(_) | Done::Cancelled(_)) {
        model.images.marks.clear();
    }
    let (tone, what) = done_in_words(done);
    model.say(tone, what);
    look_again(model)
}

fn done_in_words(done: Done) -> (Tone, Safe) {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let what = match done {
        Done::Regenerated(id, None) => tell!("Post {} is due again and will be tagged anew.", id),
        Done::Regenerated(id, Some(model)) => tell!("Post {} is due again; {} is asked first.", id, model),
        Done::Tagged(id, tags) => {
            tell!("Post {} has {} by hand now; no model touches it.", id, count("{} tag", "{} tags", tags as i64))
        }
        Done::Skipped(0) => return (Tone::Warn, Safe::fixed(t("Nothing was skipped: these posts are tagged."))),
        Done::Skipped(n) => count("{} post is passed over.", "{} posts are passed over.", number(n)),
        Done::Reread(0) => return (Tone::Warn, Safe::fixed(t("Nothing to read again: it is read, or being read now."))),
        Done::Reread(n) => count("{} image is due again.", "{} images are due again.", number(n)),
        Done::Cancelled(0) => return (Tone::Warn, Safe::fixed(t("Nothing to cancel: it has ended."))),
        Done::Cancelled(n) => count("The reading of {} image is cancelled.", "The reading of {} images is cancelled.", number(n)),
        Done::Submitted(0, _, why) => return (Tone::Bad, tell!("Nothing is to be read: {}", why)),
        Done::Submitted(n, 0, _) => count("{} image is to be read.", "{} images are to be read.", n as i64),
        Done::Submitted(n, refused, why) => {
            let taken = count("{} image is to be read.", "{} images are to be read.", n as i64);
            return (Tone::Warn, tell!("{} Refused: {}, the first: {}", taken, refused, why));
        }
        Done::Paused => Safe::fixed(t("Paused: what is in flight is finished, nothing new is claimed.")),
        Done::Resumed | Done::Drained => Safe::fixed(t("Going on.")),
        Done::ResumedAll => Safe::fixed(t("Going on: every pause has ended.")),
        Done::Written(lines, path) => tell!("{} written to {}.", count("{} line", "{} lines", lines as i64), path),
    };
    (Tone::Good, what)
}

/// A window with a line a check, as `tagdeck doctor` prints them.
pub fn examined(model: &mut Model, checks: &[Check]) -> Vec<Effect> {
    model.toast = None;
    model.dirty = true;
    let checkup = Verdict::checkup(checks, popup::verdict::columns(model.size));
    model.popups.push(Popup::Verdict(Box::new(checkup)));
    Vec::new()
}

/// After a change the list and the open post are no longer what they were.
fn look_again(model: &mut Model) -> Vec<Effect> {
    (model.failed.list.stale, model.failed.list.loaded_at) = (true, 0);
    (model.images.list.stale, model.images.list.loaded_at) = (true, 0);
    (model.classes_stale, model.classes_at) = (true, 0);
    let open = model.popups.iter().filter_map(|open| match open {
        Popup::Post(post) => Some(Effect::Post(post.id)),
        Popup::Page(page) => match page.about {
            About::Image(id, _) => Some(Effect::Image(id)),
            About::Model(_) | About::Answer { .. } | About::Event => None,
        },
        Popup::Help { .. } | Popup::Confirm(_) | Popup::Prompt(_) | Popup::Reading | Popup::Verdict(_) | Popup::Kinds(_) => None,
    });
    open.collect::<Vec<_>>().into_iter().chain(super::catch_up(model)).collect()
}
