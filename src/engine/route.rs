//! Makes the route: expands `auto:free` and `auto:cheap`, checks every entry against the providers' `/models`, says what is gone.
//! What then happens on the route is `llm::route`'s business.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::event::Draft;
use super::shared::Shared;
use crate::domain::EventKind;
use crate::llm::route::{expand, split};
use crate::llm::wire::{Listing, Wire};
use crate::text::Safe;

/// Longest wait for a provider's `/models`.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the providers on the route what they have, and puts the route up accordingly.
pub async fn resolve(shared: Arc<Shared>) {
    let entries = &shared.tagging.route;
    let wanted = shared
        .wires
        .iter()
        .filter(|(name, _)| entries.iter().any(|entry| split(entry, &shared.provider_list).0 == name.as_str()));
    let asked = wanted.map(|(name, wire)| async move { (name.clone(), listing(wire).await) });
    let mut listings: BTreeMap<String, Vec<Listing>> = BTreeMap::new();
    let mut silent = Vec::new();
    for (name, answer) in join_all(asked).await {
        match answer {
            Ok(listing) => {
                listings.insert(name, listing);
            }
            Err(error) => {
                let text =
                    format!("provider {name}: its list of models could not be read, the route is taken unchecked: {error}");
                shared.log.publish(Draft::new(EventKind::Engine, Safe::line(&text)));
                silent.push(name);
            }
        }
    }
    let expanded = expand(entries, &shared.provider_list, &listings);
    for gone in &expanded.gone {
        let suggestions =
            if gone.suggestions.is_empty() { String::new() } else { format!("; near to it: {}", gone.suggestions.join(", ")) };
        let provider = split(&gone.entry, &shared.provider_list).0;
        let text = if silent.iter().any(|name| name == provider) {
            format!("{} stands for nothing until {provider} lists its models", gone.entry)
        } else {
            format!("{} is not among its provider's models{suggestions}", gone.entry)
        };
        shared.log.publish(Draft::new(EventKind::Engine, Safe::line(&text)));
    }
    let empty_because = expanded.models.is_empty().then(|| {
        let cause = if silent.is_empty() {
            "none of its entries exists".to_owned()
        } else {
            format!("no list of models from {}", silent.join(", "))
        };
        Safe::line(&format!("the route ({}) has no model: {cause}; see `tagdeck config show`", entries.join(", ")))
    });
    let names: Vec<String> = expanded.models.iter().map(|model| model.key.to_string()).collect();
    if !names.is_empty() {
        let text = format!("route: {}", names.join(" → "));
        shared.log.publish(Draft::new(EventKind::Engine, Safe::line(&text)));
    }
    shared.offer_route(expanded.models, listings, empty_because);
}

/// What a provider lists; why it does not tell, in words.
pub async fn listing(wire: &Wire) -> Result<Vec<Listing>, String> {
    match tokio::time::timeout(PATIENCE, wire.models()).await {
        Ok(Ok(listing)) => Ok(listing),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
