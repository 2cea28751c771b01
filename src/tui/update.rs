//! What happens: a key, a number from the engine or an answer changes the model and may ask for effects.
//! Pure: it reads no clock, no terminal, no database.

mod act;
mod answer;
pub mod outputs;

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::domain::{BreakerState, EventKind, Millis, PostId, Snapshot};
use crate::engine::event::Batch;
use crate::text::Safe;
use crate::tui::effect::outputs::Told;
use crate::tui::effect::{Effect, Reckoning, Retry};
use crate::tui::keymap::Chord;
use crate::tui::model::failed::{Row, Wanted};
use crate::tui::model::post::Known;
use crate::tui::model::{Model, Pane, Popup};
use crate::tui::popup;

/// Shortest time between two loads of the list because something changed, milliseconds.
const REFRESH_MS: i64 = 2_000;

/// The same while another process does the work, whose events are not heard here.
const REFRESH_UNHEARD_MS: i64 = 5_000;

/// What can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has so many columns and rows.
    Resize(u16, u16),
    /// It is this time now.
    Tick(Millis),
    /// The engine's numbers.
    Snapshot(Box<Snapshot>),
    /// The log went on.
    Events(Batch),
    /// A page of failed posts came.
    Page(Wanted, Result<Vec<Row>, Safe>),
    /// A post came; `None`: there is none of this id.
    Post(PostId, Result<Option<Box<Known>>, Safe>),
    /// Failed posts by class came.
    Classes(Result<Vec<(String, i64)>, Safe>),
    /// What retries would do.
    Asked(Result<Vec<(Retry, Reckoning)>, Safe>),
    /// What a retry has done.
    Retried(Retry, Result<Reckoning, Safe>),
    /// Something about outputs.
    Outputs(Told),
    /// Something was done, or not.
    Done(Result<Safe, Safe>),
}

/// Changes the model and says what has to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Key(key) => pressed(model, key),
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
                (model.failed.stale, model.classes_stale) = (true, true);
            }
            model.log.take(batch);
            model.dirty |= model.focus != Pane::Failed;
            catch_up(model)
        }
        Msg::Page(wanted, page) => answer::page(model, &wanted, page),
        Msg::Post(id, post) => answer::post(model, id, post),
        Msg::Classes(classes) => answer::classes(model, classes),
        Msg::Asked(answers) => answer::asked(model, answers),
        Msg::Retried(retry, done) => answer::retried(model, &retry, done),
        Msg::Outputs(told) => outputs::told(model, told),
        Msg::Done(done) => answer::done(model, done),
    };
    if model.focus == Pane::Outputs {
        effects.extend(outputs::follow_up(model));
    }
    if model.focus == Pane::Failed {
        effects.extend(model.failed.post_wanted().map(Effect::Post));
    }
    effects
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
        | EventKind::Engine => false,
    }
}

/// Brings lists and open windows to the size of the terminal.
fn settle(model: &mut Model) {
    let rows = model.list_rows();
    model.failed.scroll(rows);
    model.outputs.scroll(rows);
    if !model.log.following() {
        model.log.go(0, rows);
    }
    let (width, now) = (popup::post::width(model.size), model.now);
    for open in &mut model.popups {
        if let Popup::Post(post) = open {
            post.wrap(width, now, &model.zone);
        }
    }
}

fn pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let toast_gone = model.toast.take().is_some();
    model.dirty |= toast_gone;
    if let Some(effects) = outputs::typed(model, key) {
        return effects;
    }
    match model.keymap.action(model.sections(), Chord::pressed(key)) {
        Some(action) => {
            model.dirty = true;
            act::act(model, action)
        }
        None => Vec::new(),
    }
}

fn tick(model: &mut Model, now: Millis) -> Vec<Effect> {
    // What is shown depends on the clock by the minute, but for countdowns; everything else would be drawn for nothing.
    let counting = model.snapshot.models.iter().any(|m| m.breaker == BreakerState::Open && m.until.is_some());
    model.dirty |= counting || model.verifying.is_some() || now.div_euclid(60_000) != model.now.div_euclid(60_000);
    model.now = now;
    if model.toast.as_ref().is_some_and(|toast| toast.until <= now) {
        model.toast = None;
        model.dirty = true;
    }
    catch_up(model)
}

fn taken(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let (old, new) = (&model.snapshot.counts, &snapshot.counts);
    let changed = (old.failed, old.retrying) != (new.failed, new.retrying);
    if changed {
        model.failed.stale = true;
        model.classes_stale = true;
    }
    model.dirty = true;
    model.take_snapshot(snapshot);
    catch_up(model)
}

/// Loads anew what is looked at and has changed, but not more often than it can be read.
fn catch_up(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    model.failed.stale |= model.options.observe && model.now - model.failed.loaded_at >= REFRESH_UNHEARD_MS;
    if model.focus == Pane::Failed && model.failed.stale && model.now - model.failed.loaded_at >= REFRESH_MS {
        effects.extend(model.failed.refresh().map(Effect::Page));
    }
    if model.focus != Pane::Log && model.classes_stale && model.now - model.classes_at >= REFRESH_MS {
        model.classes_stale = false;
        model.classes_at = model.now;
        effects.push(Effect::Classes);
    }
    effects
}
