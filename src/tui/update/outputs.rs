//! What keys and answers do to the outputs pane, the window on one output, and the lines typed there.
//! Pure, like all of `update`: it says what has to be done and does none of it.

use crate::ops::outputs::{Entry, Order, Progress};
use crate::text::Safe;
use crate::tui::clipboard;
use crate::tui::effect::Effect;
use crate::tui::effect::outputs::{Told, Wish};
use crate::tui::keymap::Action;
use crate::tui::locale::{t, tell};
use crate::tui::model::outputs::{Wanted, shown};
use crate::tui::model::prompt::{Prompt, Purpose};
use crate::tui::model::reading::{Reading, Shape};
use crate::tui::model::{Model, Pane, Popup, Tone};
use crate::tui::{pane, popup};

/// The word that has to be typed before something is deleted.
const DELETE: &str = "delete";

/// Does one action of the pane or of the window on one output.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Reload => reload(model),
        Action::Parent => match model.outputs.parent() {
            Some(parent) => enter(model, parent),
            None => say(model, Tone::Warn, t("This is the top: there is no folder above.")),
        },
        Action::Order => {
            model.outputs.order = match model.outputs.order {
                Order::Folders => Order::Newest,
                Order::Newest => Order::Flat,
                Order::Flat => Order::Folders,
            };
            reload(model)
        }
        Action::Verify => verify(model),
        Action::Picture => picture(model),
        Action::Fold => {
            if let Some(reading) = &mut model.outputs.reading {
                reading.want.fold = reading.want.fold.next();
            }
            Vec::new()
        }
        Action::CopyKey | Action::CopyLink | Action::Download | Action::Delete | Action::OpenPost => match object(model) {
            Some(key) => with_object(model, action, key),
            None => say(model, Tone::Warn, t("There is no output under the cursor: folders have neither content nor link.")),
        },
        _ => Vec::new(),
    }
}

fn with_object(model: &mut Model, action: Action, key: String) -> Vec<Effect> {
    match action {
        Action::CopyKey => {
            let (text, changed) = clipboard::pasteable(&key);
            let name = shown(&key).clipped(60);
            let told = if changed {
                tell!("Copied {}, with %XX for what would act on a terminal.", name)
            } else {
                tell!("Copied {}.", name)
            };
            model.say(Tone::Good, told);
            vec![Effect::Copy(text)]
        }
        Action::CopyLink => vec![Effect::Outputs(Wish::Link(key))],
        Action::Download => {
            let folder = if model.outputs.folder.is_empty() { "." } else { &model.outputs.folder }.to_owned();
            model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Folder { key }, &folder))));
            Vec::new()
        }
        Action::Delete if model.options.read_only => {
            say(model, Tone::Warn, t("Nothing was changed: the dashboard runs with --read-only."))
        }
        Action::Delete => {
            let place = model.outputs.place.clone().unwrap_or_default();
            let what = tell!("Delete {} from {}", shown(&key).clipped(60), place.clipped(40));
            let effect = Box::new(Effect::Outputs(Wish::Delete(key)));
            let sure = Purpose::Sure { word: DELETE.to_owned(), what, effect };
            model.popups.push(Popup::Prompt(Box::new(Prompt::new(sure, ""))));
            Vec::new()
        }
        _ => origin(model),
    }
}

/// To the post of the image that the output was read from.
fn origin(model: &mut Model) -> Vec<Effect> {
    let known = model.outputs.reading.as_ref().and_then(|reading| reading.known.as_ref().ok());
    match known.map(|known| known.origin.as_ref().map(|origin| origin.post)) {
        None => say(model, Tone::Warn, t("It is still being looked into.")),
        Some(None) => say(model, Tone::Warn, t("This database has not read it: no post is known.")),
        Some(Some(None)) => say(model, Tone::Warn, t("Its image was handed in without a post.")),
        Some(Some(Some(id))) => super::act::open_post(model, id),
    }
}

/// Shows what was stored of the image under the cursor, or of the open post's first one.
pub fn of_image(model: &mut Model) -> Vec<Effect> {
    let image = match model.popups.last() {
        Some(Popup::Post(post)) => post.known.as_ref().and_then(|known| known.images.first()).map(|image| image.id),
        _ => super::act::image(model),
    };
    match image {
        Some(image) => vec![Effect::Outputs(Wish::Of(image))],
        None => say(model, Tone::Warn, t("There is no image here.")),
    }
}

fn picture(model: &mut Model) -> Vec<Effect> {
    if model.theme.is_colourless() {
        return say(model, Tone::Warn, t("An image cannot be shown without colours."));
    }
    model.outputs.pictures = !model.outputs.pictures;
    let reading = model.outputs.reading.as_mut();
    let known = reading.and_then(|reading| reading.known.as_ref().ok());
    if model.outputs.pictures && known.is_some_and(|known| known.origin.is_none()) {
        return say(model, Tone::Warn, t("Its image is not known here: this database has not read it."));
    }
    if model.outputs.pictures && model.popups.is_empty() {
        return open(model);
    }
    Vec::new()
}

fn verify(model: &mut Model) -> Vec<Effect> {
    if let Some(progress) = &model.verifying {
        progress.cancel();
        return say(model, Tone::Warn, t("The comparison ends."));
    }
    let progress = Progress::default();
    model.verifying = Some(progress.clone());
    vec![Effect::Outputs(Wish::Verify(progress))]
}

/// Enter: into a folder, or into an object.
pub fn open(model: &mut Model) -> Vec<Effect> {
    match model.outputs.list.selected().map(|row| row.entry.clone()) {
        Some(Entry::Folder(prefix)) => enter(model, prefix),
        Some(Entry::Object(_)) => {
            model.popups.push(Popup::Reading);
            Vec::new()
        }
        None => say(model, Tone::Warn, t("There is no output here.")),
    }
}

/// Esc: the filter goes first, then one folder up.
pub fn clear(model: &mut Model) -> Vec<Effect> {
    if model.outputs.filter.take().is_some() {
        return reload(model);
    }
    model.outputs.parent().map_or_else(Vec::new, |parent| enter(model, parent))
}

/// When the pane gets the focus for the first time.
pub fn focus(model: &mut Model) -> Vec<Effect> {
    if model.outputs.list.loaded || model.outputs.list.is_waiting() || model.outputs.place.is_none() {
        return Vec::new();
    }
    reload(model)
}

fn enter(model: &mut Model, prefix: String) -> Vec<Effect> {
    vec![wanted(model.outputs.enter(prefix))]
}

/// Lists again from the beginning.
pub fn reload(model: &mut Model) -> Vec<Effect> {
    vec![wanted(model.outputs.reload())]
}

fn wanted(wanted: Wanted) -> Effect {
    Effect::Outputs(Wish::Page(wanted))
}

/// Moves the cursor by lines, or to an edge.
pub fn go(model: &mut Model, lines: isize, edge: bool) -> Vec<Effect> {
    let height = usize::from(pane::outputs::lines(model).height);
    let list = &mut model.outputs.list;
    let next = if edge { list.go_to_edge(lines > 0, height) } else { list.go(lines, height) };
    next.map(|fetch| wanted(model.outputs.wanted(fetch))).into_iter().collect()
}

/// The object an action on one object means: of the open window, else under the cursor.
fn object(model: &Model) -> Option<String> {
    match &model.outputs.list.selected()?.entry {
        Entry::Object(object) => Some(object.key.clone()),
        Entry::Folder(_) => None,
    }
}

fn say(model: &mut Model, tone: Tone, words: &'static str) -> Vec<Effect> {
    model.say(tone, Safe::fixed(words));
    Vec::new()
}

/// What has to be loaded or laid out for what is seen now; asked after every message.
pub fn follow_up(model: &mut Model) -> Vec<Effect> {
    let open = model.popups.iter().any(|popup| matches!(popup, Popup::Reading));
    let mut effects = Vec::new();
    effects.extend(model.outputs.reading_wanted().map(|key| Effect::Outputs(Wish::Look(key))));
    let (size, theme, width) = (model.size, model.theme, pane::outputs::reading_width(model));
    let Some(reading) = &mut model.outputs.reading else { return effects };
    let pictures = model.outputs.pictures && reading.known.as_ref().is_ok_and(|known| known.origin.is_some());
    reading.want.width = if open { popup::reading::width(size, pictures) } else { width };
    let layout = reading.layout_wanted().map(|(text, shape)| Wish::Lay(reading.key.clone(), text, shape, theme));
    effects.extend(layout.map(Effect::Outputs));
    if open && pictures {
        let place = popup::reading::picture_place(size);
        let picture = reading.picture_wanted(place).map(|path| Wish::Picture(reading.key.clone(), path, place));
        effects.extend(picture.map(Effect::Outputs));
    }
    effects
}

/// Opens the line that narrows the names.
pub fn filter(model: &mut Model) -> Vec<Effect> {
    let typed = model.outputs.filter.clone().unwrap_or_default();
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Names, &typed))));
    Vec::new()
}

/// Only names that hold this.
pub fn named(model: &mut Model, typed: &str) -> Vec<Effect> {
    model.outputs.filter = (!typed.is_empty()).then(|| typed.to_owned());
    reload(model)
}

/// Downloads an object into a folder.
pub fn save(model: &mut Model, key: String, typed: &str) -> Vec<Effect> {
    typed.clone_into(&mut model.outputs.folder);
    let folder = if typed.is_empty() { "." } else { typed }.to_owned();
    vec![Effect::Outputs(Wish::Save { key, folder })]
}

/// What an answer changes.
pub fn told(model: &mut Model, told: Told) -> Vec<Effect> {
    model.dirty = true;
    match told {
        Told::Page(wanted, came) => {
            model.outputs.take(&wanted, came);
            return go(model, 0, false);
        }
        Told::Looked(key, known) => looked(model, key, known),
        Told::Laid(key, laid) => {
            if let Some(reading) = model.outputs.reading.as_mut().filter(|reading| reading.key == key) {
                reading.take(laid);
            }
        }
        Told::Pictured(key, place, cells) => {
            let reading = model.outputs.reading.as_mut().filter(|reading| reading.key == key);
            if let Some(shown) = reading.and_then(|reading| reading.picture.as_mut()).filter(|shown| shown.place == place) {
                shown.came = Some(cells);
            }
        }
        Told::Of(Err(why)) | Told::Link(Err(why)) | Told::Saved(Err(why)) | Told::Deleted(_, Err(why)) => {
            model.say(Tone::Bad, why);
        }
        Told::Of(Ok(None)) => return say(model, Tone::Warn, t("Nothing of this image was stored.")),
        Told::Of(Ok(Some(key))) => {
            model.popups.clear();
            model.focus = Pane::Outputs;
            return enter(model, key);
        }
        Told::Saved(Ok(words)) => model.say(Tone::Good, words),
        Told::Deleted(key, Ok(())) => {
            model.popups.retain(|popup| !matches!(popup, Popup::Reading));
            model.outputs.forget(&key);
            model.say(Tone::Good, tell!("Deleted {}.", shown(&key).clipped(80)));
        }
        Told::Link(Ok(None)) => return say(model, Tone::Warn, t("A folder has no links; y copies the key.")),
        Told::Link(Ok(Some(link))) if link.len() > clipboard::MOST => {
            return say(model, Tone::Warn, t("The link is too long for a clipboard."));
        }
        Told::Link(Ok(Some(link))) => {
            model.say(Tone::Good, Safe::fixed(t("Copied a link that works for an hour; whoever has it can read the output.")));
            return vec![Effect::Copy(link)];
        }
        Told::Verified(verdict) => {
            model.verifying = None;
            match verdict {
                Ok(verdict) => model.popups.push(Popup::Verdict(verdict)),
                Err(why) => model.say(Tone::Bad, why),
            }
        }
    }
    Vec::new()
}

fn looked(model: &mut Model, key: String, known: Result<crate::tui::model::reading::Known, Safe>) {
    if model.outputs.asked.as_ref() == Some(&key) {
        model.outputs.asked = None;
    }
    let wanted = matches!(model.outputs.list.selected().map(|row| &row.entry), Some(Entry::Object(object)) if object.key == key);
    if wanted {
        let fold = model.outputs.reading.as_ref().map(|reading| reading.want.fold).unwrap_or_default();
        model.outputs.reading = Some(Reading::new(key, known, Shape { width: 0, fold }));
    }
}
