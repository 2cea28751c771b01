//! What is taken away from the screen: searched lines, copies, files.
//! Nothing in the database is changed here, so all of it works with `--read-only`.

use super::act::{refuse, show};
use super::change;
use crate::domain::{BreakerState, Millis};
use crate::text::Safe;
use crate::tui::clipboard;
use crate::tui::effect::{Effect, Export};
use crate::tui::locale::{heard, t, tell};
use crate::tui::model::page::{About, Page};
use crate::tui::model::post::Ink;
use crate::tui::model::prompt::{Prompt, Purpose};
use crate::tui::model::{Model, Pane, Popup, Tone};
use crate::tui::view;
use crate::tui::widget::{outcome, when};

/// Events of a model that its page shows.
const EVENTS: usize = 40;

/// Opens the line for words to look for.
pub fn search(model: &mut Model) -> Vec<Effect> {
    let before = model.log.search.clone().unwrap_or_default();
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Search, &before))));
    Vec::new()
}

/// To the next line that holds the words, or the one before.
pub fn found(model: &mut Model, forward: bool) -> Vec<Effect> {
    if model.log.search.is_none() {
        return refuse(model, t("Nothing is looked for; s asks what."));
    }
    let height = model.list_rows();
    if model.log.find(forward, height) {
        let height = model.list_rows();
        model.log.go(0, height);
        return Vec::new();
    }
    refuse(model, t("No other line holds these words."))
}

/// Copies what is under the cursor.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let text = match model.focus {
        Pane::Failed => model.failed.selected().map(|row| format!("{} {} {}", row.id, row.channel, heard(&row.error))),
        Pane::Log => model.log.selected().map(|event| crate::tui::pane::log::whole(event).to_string()),
        Pane::Ocr => model.images.list.selected().map(|row| row.path.to_string()),
        Pane::Overview | Pane::Outputs => None,
    };
    let Some(text) = text else { return change::none_selected(model) };
    let (text, _) = clipboard::pasteable(&text);
    model.say(Tone::Good, tell!("Copied {}.", Safe::line(&text).clipped(60)));
    vec![Effect::Copy(text)]
}

/// A name with the moment in it, so that no file stands in the way of the next.
fn file_name(what: &str, ending: &str, now: Millis, zone: &jiff::tz::TimeZone) -> String {
    let at: String = when::file_stamp(now, zone).to_string();
    format!("tagdeck-{what}-{at}.{ending}")
}

/// Opens the line for the file a list is written to.
pub fn export(model: &mut Model) -> Vec<Effect> {
    let what = if model.focus == Pane::Log { "log" } else { "posts" };
    let name = file_name(what, "csv", model.now, &model.zone);
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Export(model.focus), &name))));
    Vec::new()
}

/// Writes the list to this file.
pub fn export_to(model: &mut Model, pane: Pane, path: &str) -> Vec<Effect> {
    if path.is_empty() {
        return Vec::new();
    }
    let what = match pane {
        Pane::Log => Export::Events(model.log.shown().cloned().collect()),
        _ => Export::Posts(crate::tui::model::failed::post_filters(&model.failed.filter)),
    };
    vec![Effect::Export(path.to_owned(), what)]
}

/// Writes the screen as it is to a text file.
pub fn screenshot(model: &mut Model) -> Vec<Effect> {
    let name = file_name("screen", "txt", model.now, &model.zone);
    vec![Effect::Export(name, Export::Text(view::text(model)))]
}

/// The model of the scoreboard under the cursor, whole: its numbers, why it rests, and what it did last.
pub fn open_model(model: &mut Model) -> Vec<Effect> {
    let at = model.scored.unwrap_or(0);
    let Some(score) = model.snapshot.models.get(at) else { return refuse(model, t("No model in tagging.route.")) };
    model.scored = Some(at);
    let key = score.model.to_string();
    let state = match score.breaker {
        BreakerState::Closed => t("closed"),
        BreakerState::HalfOpen => t("probing"),
        BreakerState::Open => t("open"),
        BreakerState::Off => t("off"),
    };
    let mut page = vec![(Ink::Text, tell!("state: {}", state))];
    if let Some(until) = score.until.filter(|until| *until > model.now) {
        page.push((Ink::Text, tell!("is asked again in {}", when::left(until - model.now))));
    }
    if let Some(reason) = &score.reason {
        page.push((Ink::Bad, heard(reason).into_owned()));
    }
    page.push((Ink::Text, tell!("calls {} · with tags {} · with any text {}", score.calls, score.successes, score.answers)));
    if let Some(p95) = score.p95_ms {
        page.push((Ink::Text, tell!("19 of 20 calls took at most {}", when::took(i64::try_from(p95).unwrap_or(i64::MAX)))));
    }
    match score.limit_today {
        Some(limit) => page.push((Ink::Text, tell!("calls to its provider today: {} of {}", score.calls_today, limit))),
        None => page.push((Ink::Text, tell!("calls to its provider today: {}", score.calls_today))),
    }
    page.extend([(Ink::Quiet, Safe::default()), (Ink::Heading, Safe::fixed(t("What it did last")))]);
    let events: Vec<_> = model.log.tail(usize::MAX).filter(|event| event.model.as_deref() == Some(key.as_str())).collect();
    if events.is_empty() {
        page.push((Ink::Quiet, Safe::fixed(t("none yet"))));
    }
    for event in events.iter().rev().take(EVENTS) {
        let time = when::clock_with_seconds(event.time, &model.zone);
        let class = event.outcome.map(|outcome| format!("{} · ", t(outcome::outcome(outcome)))).unwrap_or_default();
        let post = event.post.map(|post| format!("{post} · ")).unwrap_or_default();
        page.push((Ink::Quiet, Safe::line(&format!("{time} {post}{class}{}", heard(&event.text)))));
    }
    let about = About::Model(score.model.clone());
    let title = Safe::line(&key);
    show(model, Page::new(about, title, page));
    Vec::new()
}
