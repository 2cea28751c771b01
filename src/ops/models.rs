//! The models a person can ask for by name: those of the route, and whatever else the configured providers list.
//! None is called here; a provider is only asked for its list, and that list is kept for an hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::{Ops, OpsError};
use crate::config::{LOCAL_PROVIDER, Provider};
use crate::domain::ModelKey;
use crate::llm::route::{expand, split};
use crate::llm::wire::{Listing, Wire};
use crate::text::Safe;

/// Longest wait for a provider's list: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a list is believed.
const BELIEVED: Duration = Duration::from_hours(1);
/// How soon a provider that did not tell is asked again.
const AGAIN: Duration = Duration::from_secs(30);

/// Longest name that can be a model's with its provider, characters.
const LONGEST: usize = 300;

/// A model that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Which.
    pub model: ModelKey,
    /// Price of a million tokens of prompt and of answer, millionths of a US dollar; `None`: its provider does not say.
    pub price: Option<(i64, i64)>,
    /// It stands in the route.
    pub in_route: bool,
}

/// When a provider was asked, and what it listed, if it did.
type Told = (Instant, Option<Vec<Listing>>);

/// The providers of the settings, and what they listed last.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    providers: Vec<Provider>,
    listed: Mutex<BTreeMap<String, Told>>,
}

impl Catalogue {
    /// Lists that are missing or old are asked for; a provider that does not tell is left out.
    async fn lists(&self) -> BTreeMap<String, Vec<Listing>> {
        let mut listed = self.listed.lock().await;
        let stale = self.providers.iter().filter(|provider| {
            listed.get(&provider.name).is_none_or(|(at, list)| at.elapsed() > if list.is_some() { BELIEVED } else { AGAIN })
        });
        let asked = join_all(stale.map(|provider| async { (provider.name.clone(), list(provider).await) })).await;
        listed.extend(asked.into_iter().map(|(name, list)| (name, (Instant::now(), list))));
        listed.iter().filter_map(|(name, (_, list))| Some((name.clone(), list.clone()?))).collect()
    }
}

async fn list(provider: &Provider) -> Option<Vec<Listing>> {
    let wire = Wire::new(provider, PATIENCE).ok()?;
    wire.models().await.ok()
}

impl Ops {
    /// The same with the providers whose models may be asked for by name.
    #[must_use]
    pub fn with_providers(self, providers: &[Provider]) -> Self {
        Self { catalogue: Arc::new(Catalogue { providers: providers.to_vec(), listed: Mutex::default() }), ..self }
    }

    /// Every model that can be asked for by name, the route's first and in its order.
    pub async fn models(&self) -> Vec<Offered> {
        let lists = self.catalogue.lists().await;
        let route = expand(&self.tagging.route, &self.catalogue.providers, &lists).models;
        let mut all: Vec<Offered> = route
            .into_iter()
            .map(|model| Offered { price: model.listing.as_ref().and_then(price), model: model.key, in_route: true })
            .collect();
        for (provider, list) in &lists {
            for listing in list.iter().filter(|listing| listing.text) {
                let model = ModelKey { provider: provider.clone(), model: listing.id.clone() };
                if !all.iter().any(|known| known.model == model) {
                    all.push(Offered { model, price: price(listing), in_route: false });
                }
            }
        }
        all
    }

    /// The model meant by `MODEL` (of the first provider) or `PROVIDER/MODEL`, as in the route.
    pub(super) async fn named(&self, written: &str) -> Result<ModelKey, OpsError> {
        let providers = &self.catalogue.providers;
        let wrong = |why: String| OpsError::NoModel { written: Safe::line(written).clipped(120), why: Safe::line(&why) };
        let (provider, model) = split(written.trim(), providers);
        if written.chars().count() > LONGEST {
            return Err(wrong(format!("it is longer than {LONGEST} characters")));
        }
        if model.is_empty() || model.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong("write PROVIDER/MODEL, such as openrouter/google/gemini-2.5-flash".to_owned()));
        }
        if model.starts_with("auto:") {
            return Err(wrong("it stands for several models; name one of them".to_owned()));
        }
        if provider == LOCAL_PROVIDER && model != "keywords" {
            return Err(wrong("the only model of `local` is local/keywords".to_owned()));
        }
        if provider.is_empty() {
            return Err(wrong("no provider is in the settings ([[providers]], or OPENROUTER_API_KEY)".to_owned()));
        }
        let lists = if provider == LOCAL_PROVIDER { BTreeMap::new() } else { self.catalogue.lists().await };
        let expanded = expand(&[format!("{provider}/{model}")], providers, &lists);
        match (expanded.models.into_iter().next(), expanded.gone.first()) {
            (Some(found), _) => Ok(found.key),
            (None, Some(gone)) if !gone.suggestions.is_empty() => {
                Err(wrong(format!("{provider} does not list it; near to it: {}", gone.suggestions.join(", "))))
            }
            (None, _) => Err(wrong(format!("{provider} does not list it"))),
        }
    }
}

const fn price(listing: &Listing) -> Option<(i64, i64)> {
    match (listing.prompt_micros_per_mtok, listing.completion_micros_per_mtok) {
        (Some(prompt), Some(answer)) => Some((prompt, answer)),
        _ => None,
    }
}
