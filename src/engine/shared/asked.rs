//! The model that an operator asked for one post: found in the route, or let in beside it for as long as the route stands.
//! When it is asked, and what follows if it fails, is the pass's own.

use std::collections::BTreeMap;

use super::{Shared, locked, rules};
use crate::config::LOCAL_PROVIDER;
use crate::domain::ModelKey;
use crate::engine::route::listing;
use crate::llm::route::{Expanded, RouteModel, expand};
use crate::text::Safe;

impl Shared {
    /// The model's place, in the route or behind it; why it cannot be asked by this engine, in words.
    pub async fn admit(&self, key: &ModelKey) -> Result<usize, Safe> {
        if let Some(place) = self.place(key) {
            return Ok(place);
        }
        let provider = key.provider.as_str();
        if provider != LOCAL_PROVIDER && !self.wires.contains_key(provider) {
            return Err(Safe::line(&format!("provider {provider} is not in the settings of this engine")));
        }
        let known = locked(&self.listings).contains_key(provider);
        if let (false, Some(wire)) = (known, self.wires.get(provider))
            && let Ok(list) = listing(wire).await
        {
            locked(&self.listings).insert(provider.to_owned(), list);
        }
        let model = self.checked(key)?;
        let mut route = self.route();
        // Another pass may have let it in meanwhile.
        if let Some(place) = route.models.iter().position(|known| known.key == *key) {
            return Ok(place);
        }
        let place = route.health.admit(key);
        route.models.push(model);
        let remembered = locked(&self.known_models).get(key).cloned();
        if let Some(state) = remembered {
            route.health.load(&[(key.clone(), rules::kept(state))]);
        }
        Ok(place)
    }

    fn place(&self, key: &ModelKey) -> Option<usize> {
        self.route().models.iter().position(|model| model.key == *key)
    }

    /// As its provider lists it; on trust where the provider tells nothing.
    fn checked(&self, key: &ModelKey) -> Result<RouteModel, Safe> {
        let listings = locked(&self.listings);
        let known: BTreeMap<String, _> =
            listings.get(&key.provider).map(|list| (key.provider.clone(), list.clone())).into_iter().collect();
        let Expanded { mut models, gone } = expand(&[key.to_string()], &self.provider_list, &known);
        match (models.pop(), gone.first()) {
            (Some(model), _) => Ok(RouteModel { key: key.clone(), ..model }),
            (None, Some(gone)) if !gone.suggestions.is_empty() => {
                let near = gone.suggestions.join(", ");
                Err(Safe::line(&format!("it is not among its provider's models; near to it: {near}")))
            }
            (None, _) => Err(Safe::fixed("it is not among its provider's models")),
        }
    }
}
