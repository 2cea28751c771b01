//! The checks of the providers that the route calls: is the key taken, what is left on it, do the models exist.
//! Nothing is asked that costs money.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::future::join_all;

use super::clock::Clock;
use super::{Check, PATIENCE, State};
use crate::config::{Config, LOCAL_PROVIDER, OcrEngine, Provider};
use crate::llm::route;
use crate::llm::wire::{Account, Listing, Reply, Wire};

const KEY: &str = "key";
const ROUTE: &str = "route models";
const VISION: &str = "vision model";

/// A key for each provider that is called, then the models of the route, and the vision model if images go to one.
pub(super) async fn checks(config: &Config, offline: bool, clock: &Clock) -> Vec<Check> {
    let called = called(config);
    if offline || called.is_empty() {
        return Vec::new();
    }
    let listings = Mutex::new(BTreeMap::new());
    let asked = join_all(called.iter().map(|provider| provider_checks(provider, clock, &listings))).await;
    let mut checks: Vec<Check> = asked.into_iter().flatten().collect();
    let listings = listings.into_inner().unwrap_or_default();
    if config.tagging.enabled && !listings.is_empty() {
        checks.push(models(config, &listings));
    }
    checks.extend(vision(config, &listings));
    checks
}

/// Providers that are called, and can be: OpenRouter without a key answers nobody, which the check of the route has told.
fn called(config: &Config) -> Vec<&Provider> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    if config.tagging.enabled {
        names.extend(config.tagging.route.iter().map(|entry| route::split(entry, &config.providers).0));
    }
    if config.ocr.engine == OcrEngine::Vlm {
        names.insert(&config.ocr.vlm.provider);
    }
    names.remove(LOCAL_PROVIDER);
    let needs_key = |provider: &Provider| provider.base_url.contains("openrouter.ai");
    config.providers.iter().filter(|p| names.contains(p.name.as_str()) && (p.key.is_some() || !needs_key(p))).collect()
}

/// The list of models is kept where it came; a provider that has no `/key` is judged by it.
async fn provider_checks(provider: &Provider, clock: &Clock, listings: &Mutex<BTreeMap<String, Vec<Listing>>>) -> Option<Check> {
    let name = &provider.name;
    let wire = match Wire::new(provider, PATIENCE) {
        Ok(wire) => wire,
        Err(error) => return Some(Check::new(KEY, State::Fail, &error.to_string(), Some("correct [[providers]]"))),
    };
    let (key, (models, listed)) = tokio::join!(wire.key(), wire.models_with_reply());
    clock.date(name, listed.headers.get("date").or_else(|| key.headers.get("date")));
    let refused = [&key, &listed].into_iter().find(|reply| matches!(reply.status, Some(401 | 403)));
    if let Some(reply) = refused {
        let remedy = "check the key in the variable that providers.key_env names; OpenRouter lists yours at openrouter.ai/keys";
        return Some(Check::new(KEY, State::Fail, &format!("{name} does not accept the key{}", words(reply)), Some(remedy)));
    }
    let unreachable = models.as_ref().err().map(ToString::to_string);
    if let Ok(models) = models
        && let Ok(mut known) = listings.lock()
    {
        known.insert(name.clone(), models);
    }
    Some(match (key.account().filter(|_| key.status == Some(200)), unreachable) {
        (Some(account), _) => quota(name, &account),
        (None, None) => {
            Check::ok(KEY, &format!("{name} answers and accepts {}", if provider.key.is_some() { "the key" } else { "no key" }))
        }
        (None, Some(why)) => {
            Check::new(KEY, State::Warn, &why, Some("check providers.base_url, the network and the proxy (HTTPS_PROXY)"))
        }
    })
}

fn words(reply: &Reply) -> String {
    let verdict = reply.verdict(0);
    let reason = verdict.reason.clipped(160);
    reply.status.map_or_else(String::new, |status| format!(" (HTTP {status}: {reason})"))
}

fn quota(name: &str, account: &Account) -> Check {
    let left = match (account.left, account.limit) {
        (Some(left), Some(limit)) => format!("${left:.2} of its ${limit:.2} left"),
        (Some(left), None) => format!("${left:.2} left"),
        (None, _) => "which has no limit of its own".to_owned(),
    };
    let used = account.used.map(|used| format!(", ${used:.2} used")).unwrap_or_default();
    let mut seen = format!("{name} accepts the key, {left}{used}");
    if account.free_tier == Some(true) {
        seen.push_str("; nothing was paid in, so :free models take 50 calls a day");
    }
    if account.left.is_some_and(|left| left <= 0.0) {
        return Check::new(KEY, State::Warn, &seen, Some("raise the key's limit or add credit; :free models may still answer"));
    }
    Check::ok(KEY, &seen)
}

fn models(config: &Config, listings: &BTreeMap<String, Vec<Listing>>) -> Check {
    let expanded = route::expand(&config.tagging.route, &config.providers, listings);
    let names: Vec<String> = expanded.models.iter().map(|model| model.key.to_string()).collect();
    if expanded.gone.is_empty() {
        return Check::ok(ROUTE, &format!("{}: {}", names.len(), names.join(", ")));
    }
    let gone: Vec<&str> = expanded.gone.iter().map(|gone| gone.entry.as_str()).collect();
    let offered: BTreeSet<&str> = expanded.gone.iter().flat_map(|gone| &gone.suggestions).map(String::as_str).collect();
    let saw = format!(
        "{} stands for no model today; left: {}",
        gone.join(", "),
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    );
    let remedy = if offered.is_empty() {
        "correct tagging.route".to_owned()
    } else {
        format!("correct tagging.route; near it: {}", offered.into_iter().collect::<Vec<_>>().join(", "))
    };
    let state = if names.is_empty() { State::Fail } else { State::Warn };
    Check::new(ROUTE, state, &saw, Some(&remedy))
}

fn vision(config: &Config, listings: &BTreeMap<String, Vec<Listing>>) -> Option<Check> {
    let (vlm, list) = (&config.ocr.vlm, listings.get(&config.ocr.vlm.provider)?);
    if config.ocr.engine != OcrEngine::Vlm {
        return None;
    }
    if list.iter().any(|listing| listing.id == vlm.model) {
        return Some(Check::ok(VISION, &format!("{} of {}; each page is a call that may cost money", vlm.model, vlm.provider)));
    }
    let saw = format!("{} does not list {}", vlm.provider, vlm.model);
    Some(Check::new(VISION, State::Fail, &saw, Some("correct ocr.vlm.model")))
}
