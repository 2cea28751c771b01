//! The answers to a post's calls, one after the other, in a window over the post.
//! They are read from the database when somebody looks, for bodies are large and seldom wanted.

use super::act::{refuse, show};
use crate::domain::{Answer, CallId};
use crate::text::Safe;
use crate::tui::clipboard;
use crate::tui::effect::Effect;
use crate::tui::locale::{t, tell};
use crate::tui::model::page::{About, Page};
use crate::tui::model::prompt::{Prompt, Purpose};
use crate::tui::model::{Model, Popup, Tone, answer};
use crate::tui::popup;

/// Opens the answer to the newest call of the open post.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Post(post)) = model.popups.last() else { return Vec::new() };
    let calls: Vec<CallId> = post.known.iter().flat_map(|known| &known.calls).map(|call| call.id).collect();
    let Some(at) = calls.len().checked_sub(1) else { return refuse(model, t("No model was asked about this post.")) };
    let asked = Effect::Answer(calls[at]);
    let title = title(at, calls.len());
    show(model, Page::new(About::Answer { calls, at }, title, Vec::new()));
    vec![asked]
}

fn title(at: usize, of: usize) -> Safe {
    tell!("Answer {} of {}", at + 1, of)
}

/// To another call of the same post.
pub fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let Some(Popup::Page(page)) = model.popups.last_mut() else { return Vec::new() };
    let About::Answer { calls, at } = &mut page.about else { return Vec::new() };
    let to = at.saturating_add_signed(by).min(calls.len().saturating_sub(1));
    if to == *at {
        return refuse(model, if by < 0 { t("This is the oldest call.") } else { t("This is the newest call.") });
    }
    *at = to;
    let (asked, title) = (Effect::Answer(calls[to]), title(to, calls.len()));
    let search = page.search.take();
    **page = Page::new(page.about.clone(), title, Vec::new());
    page.search = search;
    vec![asked]
}

/// An answer came.
pub fn came(model: &mut Model, id: CallId, came: Result<Option<Box<Answer>>, Safe>) -> Vec<Effect> {
    let paragraphs = match came {
        Ok(Some(came)) => answer::paragraphs(&came, &model.zone),
        Ok(None) => vec![(crate::tui::model::post::Ink::Bad, Safe::fixed(t("This call is no longer in the database.")))],
        Err(why) => vec![(crate::tui::model::post::Ink::Bad, why)],
    };
    let width = popup::post::width(model.size);
    for open in &mut model.popups {
        if let Popup::Page(page) = open
            && let About::Answer { calls, at } = &page.about
            && calls.get(*at) == Some(&id)
        {
            page.fill(paragraphs.clone(), width);
        }
    }
    model.dirty = true;
    Vec::new()
}

/// Copies the whole page as text.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Page(page)) = model.popups.last() else { return Vec::new() };
    let text = page.paragraphs.iter().map(|(_, text)| &**text).collect::<Vec<_>>().join("\n");
    let (text, _) = clipboard::pasteable(&text);
    model.say(Tone::Good, tell!("Copied {}.", Safe::line(&text).clipped(60)));
    vec![Effect::Copy(text)]
}

/// Opens the line for words to look for in the open page.
pub fn search(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Page(page)) = model.popups.last() else { return Vec::new() };
    let before = page.search.clone().unwrap_or_default();
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Search, &before))));
    Vec::new()
}

/// To the next line of the open page that holds the words, or the one before.
pub fn found(model: &mut Model, forward: bool) -> Vec<Effect> {
    let rows = popup::post::rows(model.size);
    let Some(Popup::Page(page)) = model.popups.last_mut() else { return Vec::new() };
    if page.search.is_none() {
        return refuse(model, t("Nothing is looked for; s asks what."));
    }
    if page.find(forward, rows) { Vec::new() } else { refuse(model, t("No other line holds these words.")) }
}
