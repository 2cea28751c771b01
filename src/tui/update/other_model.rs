//! A post tagged anew with a model of a person's choice: the models there are, narrowed by what is typed, each with its state and
//! price.
//! That the choice can be asked is checked in `ops`.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::change;
use crate::domain::{BreakerState, ModelKey, PauseScope, PostId};
use crate::ops::Offered;
use crate::text::Safe;
use crate::tui::effect::Effect;
use crate::tui::locale::{dollars, t, tell};
use crate::tui::model::prompt::{Does, Offer, Prompt, Purpose};
use crate::tui::model::{Model, Popup};

/// Most offers: nobody scrolls through all that a provider lists.
const MOST: usize = 100;

/// Opens the line that names the model for the post under the cursor.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let Some(id) = change::selected(model) else { return change::none_selected(model) };
    model.popups.push(Popup::Prompt(Box::new(Prompt::new(Purpose::Model(id), ""))));
    changed(model);
    vec![Effect::Models]
}

/// What providers list has come.
pub fn came(model: &mut Model, models: Vec<Offered>) -> Vec<Effect> {
    model.offered = models;
    changed(model);
    Vec::new()
}

/// Brings the offers to what is typed.
pub fn changed(model: &mut Model) {
    let Some(Popup::Prompt(prompt)) = model.popups.last() else { return };
    if !matches!(prompt.purpose, Purpose::Model(_)) {
        return;
    }
    let offers = offers(model, prompt.editor.text().trim());
    if let Some(Popup::Prompt(prompt)) = model.popups.last_mut() {
        (prompt.offers, prompt.marked, prompt.error) = (offers, 0, None);
        model.dirty = true;
    }
}

/// The best matches first; what is typed itself last, where no offer is called so.
fn offers(model: &Model, typed: &str) -> Vec<Offer> {
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let (mut matcher, mut buffer) = (Matcher::new(Config::DEFAULT), Vec::new());
    let known = known(model);
    let mut found: Vec<(u32, &Offered)> = known
        .iter()
        .filter_map(|offered| {
            let name = offered.model.to_string();
            Some((pattern.score(Utf32Str::new(&name, &mut buffer), &mut matcher)?, offered))
        })
        .collect();
    found.sort_by_key(|(score, offered)| std::cmp::Reverse((*score, offered.in_route)));
    let mut offers: Vec<Offer> = found.into_iter().take(MOST).map(|(_, offered)| offer(model, offered)).collect();
    if !typed.is_empty() && !offers.iter().any(|offer| offer.does == Does::Type(typed.to_owned())) {
        offers.push(Offer { label: Safe::line(typed), note: Safe::fixed(t("as typed")), does: Does::Type(typed.to_owned()) });
    }
    offers
}

/// The scoreboard's in its order, with what `ops` knows of them, then whatever else there is.
fn known(model: &Model) -> Vec<Offered> {
    let board = &model.snapshot.models;
    let first = board.iter().map(|score| {
        let known = model.offered.iter().find(|offered| offered.model == score.model).cloned();
        known.unwrap_or_else(|| Offered { model: score.model.clone(), price: None, in_route: true })
    });
    let rest = model.offered.iter().filter(|offered| !board.iter().any(|score| score.model == offered.model)).cloned();
    first.chain(rest).collect()
}

fn offer(model: &Model, offered: &Offered) -> Offer {
    let name = offered.model.to_string();
    let note = [state(model, offered), price(offered)].into_iter().filter(|part| !part.is_empty());
    let note = note.map(String::from).collect::<Vec<_>>().join("  ");
    Offer { label: Safe::line(&name), note: Safe::line(&note), does: Does::Type(name) }
}

/// Of a model of the route, as the scoreboard shows it; nothing of another.
fn state(model: &Model, offered: &Offered) -> Safe {
    if is_paused(model, &offered.model) {
        return Safe::fixed(t("paused"));
    }
    let score = model.snapshot.models.iter().find(|score| score.model == offered.model);
    Safe::fixed(match score.map(|score| score.breaker) {
        Some(BreakerState::Closed) => t("closed"),
        Some(BreakerState::HalfOpen) => t("probing"),
        Some(BreakerState::Open) => t("open"),
        Some(BreakerState::Off) => t("off"),
        None if offered.in_route => "",
        None => t("not in the route"),
    })
}

fn is_paused(model: &Model, key: &ModelKey) -> bool {
    model.snapshot.pauses.iter().any(|pause| match &pause.scope {
        PauseScope::Provider(name) => *name == key.provider,
        PauseScope::Free(name) => *name == key.provider && key.is_free(),
        PauseScope::All | PauseScope::Uploads => false,
    })
}

/// `$0.30/$2.50` for a million tokens of prompt and answer.
fn price(offered: &Offered) -> Safe {
    match offered.price {
        None => Safe::default(),
        Some((0, 0)) => Safe::fixed(t("free")),
        Some((prompt, answer)) => Safe::line(&format!("{}/{}", dollars(prompt, 2), dollars(answer, 2))),
    }
}

/// The marked offer is meant; without one nothing is.
pub fn accept(model: &mut Model, id: PostId, prompt: Box<Prompt>) -> Vec<Effect> {
    let Some(Does::Type(name)) = prompt.offers.get(prompt.marked).map(|offer| offer.does.clone()) else {
        model.popups.push(Popup::Prompt(prompt));
        return Vec::new();
    };
    let with = tell!("Regenerate with {}", Safe::line(&name).clipped(44));
    change::regenerate_with(model, id, Some(name), with)
}
