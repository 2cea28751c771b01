//! A line that is typed: its keys, what is offered for it, and what it does when it is accepted.
//! Every character is text here, whatever it means as a command.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{act, answers, change, keep, list, other_model, outputs};
use crate::domain::{EventKind, Level, Status};
use crate::text::Safe;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Chord, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::filter::{Field, Filter, Scope};
use crate::tui::model::prompt::{Does, Offer, Prompt, Purpose};
use crate::tui::model::{Model, Pane, Popup};

/// Opens the line that narrows the list in focus; from the overview that is the list of posts.
pub fn filter(model: &mut Model) -> Vec<Effect> {
    let mut effects = if model.focus == Pane::Overview { act::focus(model, Pane::Failed) } else { Vec::new() };
    if model.focus == Pane::Outputs {
        return outputs::filter(model);
    }
    let filter = match model.focus {
        Pane::Ocr => &model.images.filter,
        Pane::Log => &model.log.filter,
        Pane::Failed | Pane::Overview | Pane::Outputs => &model.failed.filter,
    };
    let mut typed = filter.typed();
    if !typed.is_empty() {
        typed.push(' ');
    }
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Filter(model.focus), &typed))));
    effects.extend(changed(model));
    effects
}

/// Opens the line that names images to be read.
pub fn submit(model: &mut Model) -> Vec<Effect> {
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Submit, ""))));
    changed(model)
}

/// Opens the palette.
pub fn palette(model: &mut Model) -> Vec<Effect> {
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Palette, ""))));
    changed(model)
}

/// Takes a key as text or as an edit of it; `None`: it is neither.
pub fn typed(model: &mut Model, key: KeyEvent) -> Option<Vec<Effect>> {
    let Some(Popup::Prompt(prompt)) = model.popups.last_mut() else { return None };
    let editor = &mut prompt.editor;
    let command = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match (Chord::pressed(key).code, key.code) {
        (_, KeyCode::Char(c)) if !command => editor.insert(c.encode_utf8(&mut [0; 4])),
        (KeyCode::Char('w'), _) => editor.delete_word(),
        (KeyCode::Char('u'), _) => editor.delete_to_start(),
        (KeyCode::Backspace, _) => editor.backspace(),
        (KeyCode::Delete, _) => editor.delete(),
        (KeyCode::Left, _) => editor.left(),
        (KeyCode::Right, _) => editor.right(),
        (KeyCode::Char('a') | KeyCode::Home, _) => editor.home(),
        (KeyCode::Char('e') | KeyCode::End, _) => editor.end(),
        _ => return None,
    }
    Some(changed(model))
}

/// Takes a paste as text; without a line to type it is dropped: it must never run as commands.
pub fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(Popup::Prompt(prompt)) = model.popups.last_mut() else { return Vec::new() };
    prompt.editor.insert(text);
    changed(model)
}

/// Brings what is offered to what is typed; paths have to be asked for.
fn changed(model: &mut Model) -> Vec<Effect> {
    model.dirty = true;
    let Some(Popup::Prompt(prompt)) = model.popups.last() else { return Vec::new() };
    let (typed, purpose) = (prompt.editor.text().to_owned(), prompt.purpose.clone());
    let (offers, error) = match purpose {
        Purpose::Palette => (commands(model, &typed), None),
        Purpose::Filter(pane) => {
            (completions(model, prompt.editor.before(), scope(pane)), Filter::parse(&typed, scope(pane)).err())
        }
        Purpose::Submit => return vec![Effect::Paths(typed)],
        Purpose::Model(_) => {
            other_model::changed(model);
            return Vec::new();
        }
        Purpose::Tags(_)
        | Purpose::Sure { .. }
        | Purpose::Search
        | Purpose::Export(_)
        | Purpose::Names
        | Purpose::Folder { .. } => (Vec::new(), None),
    };
    if let Some(Popup::Prompt(prompt)) = model.popups.last_mut() {
        (prompt.offers, prompt.marked) = (offers, 0);
        // While a word is being typed it is not wrong yet.
        prompt.error = error.filter(|_| typed.ends_with(' '));
    }
    Vec::new()
}

/// Paths that begin with what was typed, unless something else is typed by now.
pub fn paths(model: &mut Model, begun: &str, found: Vec<String>) {
    if let Some(Popup::Prompt(prompt)) = model.popups.last_mut()
        && prompt.purpose == Purpose::Submit
        && prompt.editor.text() == begun
    {
        let offer = |path: String| Offer { label: Safe::line(&path), note: Safe::default(), does: Does::Type(path) };
        (prompt.offers, prompt.marked) = (found.into_iter().map(offer).collect(), 0);
        model.dirty = true;
    }
}

const fn scope(pane: Pane) -> Scope {
    match pane {
        Pane::Log => Scope::Events,
        Pane::Ocr => Scope::Images,
        Pane::Overview | Pane::Failed | Pane::Outputs => Scope::Posts,
    }
}

/// The commands that work under the palette, best match first.
fn commands(model: &Model, typed: &str) -> Vec<Offer> {
    let mut found: Vec<(u32, Offer)> = Vec::new();
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    for section in model.sections_below() {
        if matches!(section, Section::Motion) {
            continue;
        }
        for action in Action::ALL.iter().filter(|action| **action != Action::Palette) {
            let keys = model.keymap.keys(*section, *action);
            if keys.is_empty() || found.iter().any(|(_, offer)| offer.does == Does::Act(*action)) {
                continue;
            }
            let label = tell!("{}: {}", t(action.short()), t(action.long()));
            let words = format!("{label} {} {}", action.as_str(), action.long());
            let Some(score) = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher) else { continue };
            let note = keys.iter().map(|key| key.shown().to_string()).collect::<Vec<_>>().join(" ");
            found.push((score, Offer { label, note: Safe::line(&note), does: Does::Act(*action) }));
        }
    }
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, offer)| offer).collect()
}

/// What the last word before the cursor may become: a field, or a value of the field it begins with.
fn completions(model: &Model, before: &str, scope: Scope) -> Vec<Offer> {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (kept, word) = before.split_at(start);
    let offer = |word: &str, note: &str| Offer {
        label: Safe::line(word),
        note: Safe::line(note),
        does: Does::Type(format!("{kept}{word}")),
    };
    let Some((name, value)) = word.split_once(':') else {
        let fields = scope.fields().iter().map(|field| format!("{}:", field.as_str())).filter(|field| field.starts_with(word));
        return fields.map(|field| offer(&field, "")).collect();
    };
    let Some(field) = scope.fields().iter().find(|field| field.as_str() == name) else { return Vec::new() };
    let values: Vec<(String, String)> = match field {
        Field::Status => {
            Status::ALL.iter().map(|s| (s.as_str().to_owned(), String::new())).chain([("all".into(), String::new())]).collect()
        }
        Field::Kind => EventKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), t(kind.as_str()).to_owned())).collect(),
        Field::Level => Level::ALL.iter().map(|level| (level.as_str().to_owned(), t(level.as_str()).to_owned())).collect(),
        Field::Class => model.classes.iter().map(|(class, n)| (class.clone(), n.to_string())).collect(),
        Field::Model => model.names.iter().map(|name| (name.to_string(), String::new())).collect(),
        Field::Channel | Field::User => Vec::new(),
    };
    // Behind a comma another one of them begins.
    let (before, value) = match field {
        Field::Status | Field::Kind | Field::Level => value.rfind(',').map_or(("", value), |at| value.split_at(at + 1)),
        Field::Class | Field::Model | Field::Channel | Field::User => ("", value),
    };
    let fits = values.iter().filter(|(word, _)| word.contains(value) && word != value);
    fits.map(|(word, note)| offer(&format!("{name}:{before}{word} "), note)).collect()
}

/// The marked offer becomes what is typed.
pub fn complete(model: &mut Model) -> Vec<Effect> {
    if let Some(Popup::Prompt(prompt)) = model.popups.last_mut() {
        match prompt.offers.get(prompt.marked).map(|offer| offer.does.clone()) {
            Some(Does::Type(text)) => {
                prompt.editor.delete_to_start();
                prompt.editor.insert(&text);
            }
            Some(Does::Act(_)) => {
                prompt.choose(1);
                return Vec::new();
            }
            None => {}
        }
        return changed(model);
    }
    Vec::new()
}

/// The line is meant as it stands.
pub fn accept(model: &mut Model, mut prompt: Box<Prompt>) -> Vec<Effect> {
    match prompt.purpose.clone() {
        Purpose::Palette => match prompt.offers.get(prompt.marked).map(|offer| offer.does.clone()) {
            Some(Does::Act(action)) => act::act(model, action),
            Some(Does::Type(_)) | None => Vec::new(),
        },
        Purpose::Filter(pane) => match Filter::parse(prompt.editor.text(), scope(pane)) {
            Ok(filter) => narrowed(model, filter),
            Err(error) => {
                prompt.error = Some(error);
                model.popups.push(Popup::Prompt(prompt));
                Vec::new()
            }
        },
        Purpose::Search => {
            let words = prompt.editor.text().trim().to_lowercase();
            let words = (!words.is_empty()).then_some(words);
            if let Some(Popup::Page(page)) = model.popups.last_mut() {
                page.look_for(words);
                return answers::found(model, true);
            }
            model.log.search = words;
            keep::found(model, false)
        }
        Purpose::Export(pane) => keep::export_to(model, pane, prompt.editor.text().trim()),
        Purpose::Submit => {
            let path = prompt.editor.text().trim();
            if path.is_empty() { Vec::new() } else { vec![Effect::Submit(path.to_owned())] }
        }
        Purpose::Tags(id) => {
            let tags = prompt.editor.text().split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty());
            vec![Effect::SetTags(id, tags.collect())]
        }
        Purpose::Model(id) => other_model::accept(model, id, prompt),
        Purpose::Names => outputs::named(model, prompt.editor.text().trim()),
        Purpose::Folder { key } => outputs::save(model, key, prompt.editor.text().trim()),
        Purpose::Sure { word, what, effect } => {
            // Typed on a Cyrillic layout the same keys say the same.
            let latin: String = prompt.editor.text().trim().chars().map(Chord::latin).collect();
            if prompt.editor.text().trim() == word || latin.eq_ignore_ascii_case(&word) {
                return change::wait(model, what, *effect);
            }
            prompt.error = Some(tell!("Type {} to go on, or Esc to leave it.", word));
            model.popups.push(Popup::Prompt(prompt));
            Vec::new()
        }
    }
}

fn narrowed(model: &mut Model, filter: Filter) -> Vec<Effect> {
    match model.focus {
        Pane::Failed | Pane::Overview => {
            (model.failed.filter, model.failed.grouped) = (filter, None);
        }
        Pane::Ocr => model.images.filter = filter,
        Pane::Log => model.log.filter = filter,
        Pane::Outputs => {}
    }
    list::reload(model)
}
