//! What happens: a key, a number from the engine or an answer changes the model and may ask for effects.
//! Pure: it reads no clock, no terminal, no database.

mod act;
mod answer;
mod answers;
mod change;
mod keep;
mod list;
mod motion;
mod mouse;
mod other_model;
pub mod outputs;
mod prompt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseEvent};

use crate::domain::{Answer, BreakerState, CallId, EventKind, ImageId, ImageKey, Millis, PostId, PostPlace, Snapshot};
use crate::engine::event::Batch;
use crate::ops::doctor::Check;
use crate::ops::{Offered, WhichImages};
use crate::text::Safe;
use crate::tui::effect::outputs::Told;
use crate::tui::effect::{Done, Effect, ImageChange, Reckoning, Retry};
use crate::tui::keymap::{Action, Chord};
use crate::tui::locale;
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::list::Came;
use crate::tui::model::post::Known;
use crate::tui::model::{Model, Pane, Popup, images};
use crate::tui::{pane, popup};

/// Shortest time between two loads of the list because something changed, milliseconds.
const REFRESH_MS: i64 = 2_000;

/// The same while another process does the work, whose events are not heard here.
const REFRESH_UNHEARD_MS: i64 = 5_000;

/// What can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and rows.
    Resize(u16, u16),
    /// It is this time now.
    Tick(Millis),
    /// The engine's numbers.
    Snapshot(Box<Snapshot>),
    /// The log went on.
    Events(Batch),
    /// A page of failed posts came.
    Page(Wanted, Result<Came<Row, PostPlace>, Safe>),
    /// A post came; `None`: there is none of this id.
    Post(PostId, Result<Option<Box<Known>>, Safe>),
    /// A page of images came.
    Images(images::Wanted, Result<Came<images::Row, ImageKey>, Safe>),
    /// An image came; `None`: there is none of this id.
    Image(ImageId, Result<Option<Box<images::Known>>, Safe>),
    /// Paths that begin with what was typed.
    Paths(String, Vec<String>),
    /// Failed posts by class came.
    Classes(Result<Vec<(String, i64)>, Safe>),
    /// What retries would do.
    Asked(Result<Vec<(Retry, Reckoning)>, Safe>),
    /// What a retry has done.
    Retried(Retry, Result<Reckoning, Safe>),
    /// How many posts would be passed over.
    Skippable(Retry, Result<i64, Safe>),
    /// The models that can be asked for by name.
    Models(Vec<Offered>),
    /// A call with its answer came; `None`: there is none of this id.
    Answer(CallId, Result<Option<Box<Answer>>, Safe>),
    /// So many images fit what is to be done to them.
    ImagesCounted(ImageChange, WhichImages, Result<u64, Safe>),
    /// Something about outputs.
    Outputs(Told),
    /// Everything that is needed was looked at.
    Examined(Vec<Check>),
    /// Something was done, or not.
    Done(Result<Done, Safe>),
}

/// Changes the model and says what has to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    locale::speak(model.language);
    let mut effects = match msg {
        Msg::Key(key) => pressed(model, key),
        Msg::Mouse(event) => mouse::used(model, event),
        Msg::Paste(text) => prompt::pasted(model, &text),
        Msg::Paths(begun, found) => {
            prompt::paths(model, &begun, found);
            Vec::new()
        }
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.dirty = true;
            settle(model);
            Vec::new()
        }
        Msg::Tick(now) => tick(model, now),
        Msg::Snapshot(snapshot) => taken(model, *snapshot),
        Msg::Events(batch) => {
            // The counts may be the same before and after: what happened to posts says more.
            if batch.events.iter().any(|event| concerns_list(event.kind)) {
                model.classes_stale = true;
                model.failed.list.stale = true;
            }
            model.images.list.stale |= batch.events.iter().any(|event| concerns_images(event.kind));
            let opened = opened(model, &batch);
            model.log.take(batch);
            model.dirty |= matches!(model.focus, Pane::Overview | Pane::Log);
            opened.into_iter().chain(catch_up(model)).collect()
        }
        Msg::Page(wanted, page) => answer::page(model, &wanted, page),
        Msg::Post(id, post) => answer::post(model, id, post),
        Msg::Images(wanted, page) => answer::images(model, &wanted, page),
        Msg::Image(id, image) => answer::image(model, id, image),
        Msg::Classes(classes) => answer::classes(model, classes),
        Msg::Asked(answers) => answer::asked(model, answers),
        Msg::Retried(retry, done) => answer::retried(model, &retry, done),
        Msg::Skippable(which, counted) => answer::skippable(model, which, counted),
        Msg::Models(models) => other_model::came(model, models),
        Msg::Answer(id, answer) => answers::came(model, id, answer),
        Msg::ImagesCounted(change, which, counted) => answer::images_counted(model, change, which, counted),
        Msg::Outputs(told) => outputs::told(model, told),
        Msg::Examined(checks) => answer::examined(model, &checks),
        Msg::Done(done) => answer::done(model, done),
    };
    if model.focus == Pane::Outputs {
        effects.extend(outputs::follow_up(model));
    }
    if model.focus == Pane::Failed {
        effects.extend(model.failed.post_wanted().map(Effect::Post));
    }
    if model.focus == Pane::Ocr {
        effects.extend(model.images.image_wanted().map(Effect::Image));
    }
    effects
}

/// The open posts to which something happened: who reads one sees what comes of it.
fn opened(model: &Model, batch: &Batch) -> Vec<Effect> {
    let open = model.popups.iter().filter_map(|open| match open {
        Popup::Post(post) => Some(post.id),
        _ => None,
    });
    open.filter(|id| batch.events.iter().any(|event| event.post == Some(*id))).map(Effect::Post).collect()
}

/// Whether a post may have come into the list of failed and retrying ones, left it, or changed in it.
fn concerns_list(kind: EventKind) -> bool {
    match kind {
        EventKind::Success | EventKind::PassFailed | EventKind::Failed | EventKind::Skipped | EventKind::PutOff => true,
        EventKind::Retry
        | EventKind::Fallback
        | EventKind::Paused
        | EventKind::Resumed
        | EventKind::Breaker
        | EventKind::OcrStart
        | EventKind::OcrDone
        | EventKind::OcrFailed
        | EventKind::UploadDone
        | EventKind::UploadFailed
        | EventKind::Engine => false,
    }
}

/// Whether an image may have come into the list, left it, or changed in it.
const fn concerns_images(kind: EventKind) -> bool {
    matches!(kind, EventKind::OcrStart | EventKind::OcrDone | EventKind::OcrFailed)
}

/// Brings lists and open windows to the size of the terminal.
fn settle(model: &mut Model) {
    let rows = model.list_rows();
    model.failed.list.scroll(rows);
    model.images.list.scroll(rows);
    let rows = usize::from(pane::outputs::lines(model).height);
    model.outputs.list.scroll(rows);
    if !model.log.following() {
        model.log.go(0, rows);
    }
    let (width, now) = (popup::post::width(model.size), model.now);
    for open in &mut model.popups {
        match open {
            Popup::Post(post) => post.wrap(width, now, &model.zone),
            Popup::Page(page) => page.wrap(width),
            Popup::Help { .. } | Popup::Confirm(_) | Popup::Prompt(_) | Popup::Reading | Popup::Verdict(_) | Popup::Kinds(_) => {}
        }
    }
}

fn pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let toast_gone = model.toast.take().is_some();
    model.dirty |= toast_gone;
    if let Some(effects) = prompt::typed(model, key) {
        return effects;
    }
    let chord = Chord::pressed(key);
    let action = model.keymap.action(model.sections(), chord);
    model.dirty |= action.is_some() || model.count.is_some();
    // Alt-1 Alt-2 j goes down by twelve lines, Alt-1 Alt-2 G to the twelfth.
    if let (Some(Action::Count), KeyCode::Char(digit)) = (action, chord.code) {
        let digit = digit.to_digit(10).unwrap_or(0) as usize;
        model.count = Some((model.count.unwrap_or(0) * 10 + digit).min(999_999));
        return Vec::new();
    }
    if let Some(action) = action {
        act::act(model, action)
    } else {
        model.count = None;
        Vec::new()
    }
}

fn tick(model: &mut Model, now: Millis) -> Vec<Effect> {
    // What is shown depends on the clock by the minute, but for countdowns; everything else would be drawn for nothing.
    let counting = model.snapshot.models.iter().any(|m| m.breaker == BreakerState::Open && m.until.is_some());
    model.dirty |= counting || model.verifying.is_some() || now.div_euclid(60_000) != model.now.div_euclid(60_000);
    model.now = now;
    let rate = model.log.drop_rate;
    model.log.second();
    model.dirty |= model.log.drop_rate != rate && model.focus == Pane::Log;
    model.dirty |= model.pending.is_some();
    let due = model.pending.take_if(|pending| pending.at <= now).map(|pending| pending.effect);
    if model.toast.as_ref().is_some_and(|toast| toast.until <= now) {
        model.toast = None;
        model.dirty = true;
    }
    due.into_iter().chain(catch_up(model)).collect()
}

fn taken(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let (old, new) = (&model.snapshot.counts, &snapshot.counts);
    let changed = (old.failed, old.retrying) != (new.failed, new.retrying);
    if changed {
        model.failed.list.stale = true;
        model.classes_stale = true;
    }
    model.images.list.stale |= model.snapshot.ocr.counts != snapshot.ocr.counts;
    model.dirty = true;
    model.take_snapshot(snapshot);
    change::drained(model).into_iter().chain(catch_up(model)).collect()
}

/// Loads anew what is looked at and has changed, but not more often than it can be read.
fn catch_up(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    let (now, unheard) = (model.now, model.options.observe);
    let due = |stale: bool, loaded_at: Millis| {
        (stale && now - loaded_at >= REFRESH_MS) || (unheard && now - loaded_at >= REFRESH_UNHEARD_MS)
    };
    match model.focus {
        Pane::Failed if due(model.failed.list.stale, model.failed.list.loaded_at) => {
            effects.extend(model.failed.refresh().map(Effect::Page));
        }
        Pane::Ocr if due(model.images.list.stale, model.images.list.loaded_at) => {
            effects.extend(model.images.refresh().map(Effect::Images));
        }
        Pane::Overview | Pane::Failed | Pane::Log | Pane::Ocr | Pane::Outputs => {}
    }
    if matches!(model.focus, Pane::Overview | Pane::Failed) && model.classes_stale && model.now - model.classes_at >= REFRESH_MS {
        model.classes_stale = false;
        model.classes_at = model.now;
        effects.push(Effect::Classes);
    }
    effects
}
