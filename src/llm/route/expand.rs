//! From the entries of the settings to models: names are checked against the providers' lists, `auto:` entries filled in.
//! It asks no provider; the lists were fetched before.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::RouteModel;
use crate::config::{LOCAL_PROVIDER, Provider};
use crate::domain::ModelKey;
use crate::llm::wire::Listing;

/// Most models an `auto:` entry stands for.
const AUTO_MODELS: usize = 5;
/// Context below which a model is only taken when there is no other.
const ROOMY: u64 = 8_000;
/// Ids offered in place of one that is gone.
const SUGGESTIONS: usize = 3;
/// What OpenRouter lets one put behind an id without listing it.
const VARIANTS: [&str; 4] = [":nitro", ":floor", ":online", ":exacto"];

/// The route as it can be walked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// In order, none twice.
    pub models: Vec<RouteModel>,
    /// Entries that stand for nothing today.
    pub gone: Vec<Gone>,
}

/// An entry without a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// As written in the settings.
    pub entry: String,
    /// Entries that could replace it, the nearest first, at most three.
    pub suggestions: Vec<String>,
}

/// `entries`: `MODEL` (of the first provider), `PROVIDER/MODEL`, `auto:free`, `auto:cheap`, `PROVIDER/auto:…`, `local/keywords`.
/// `listings`: by provider; one that is missing could not be asked, and its models are taken on trust.
pub fn expand(entries: &[String], providers: &[Provider], listings: &BTreeMap<String, Vec<Listing>>) -> Expanded {
    let mut out = Expanded::default();
    for entry in entries.iter().map(|entry| entry.trim()) {
        let (provider, model) = split(entry, providers);
        let found = match (provider, model) {
            (LOCAL_PROVIDER, "keywords") => vec![RouteModel { key: key(LOCAL_PROVIDER, model), listing: None }],
            (provider, _) if !providers.iter().any(|known| known.name == provider) => Vec::new(),
            (provider, "auto:free" | "auto:cheap") => {
                let list = listings.get(provider).map_or(&[][..], Vec::as_slice);
                let taken = |id: &str| out.models.iter().any(|m| m.key.provider == provider && m.key.model == id);
                automatic(list, model == "auto:free", taken).into_iter().map(|listing| of(provider, listing)).collect()
            }
            (provider, id) => match listings.get(provider) {
                None => vec![RouteModel { key: key(provider, id), listing: None }],
                // Ids may begin with the provider's own name: `openrouter/auto` is one of OpenRouter's.
                Some(list) => [id, entry]
                    .into_iter()
                    .find_map(|id| Some(RouteModel { key: key(provider, id), listing: Some(listed(list, id)?.clone()) }))
                    .into_iter()
                    .collect(),
            },
        };
        if found.is_empty() {
            out.gone.push(Gone { entry: entry.to_owned(), suggestions: suggestions(entry, provider, model, listings) });
        }
        for model in found {
            if !out.models.iter().any(|known| known.key == model.key) {
                out.models.push(model);
            }
        }
    }
    out
}

/// Provider and model of an entry: model ids hold slashes themselves, so the first segment must be a known name.
pub(crate) fn split<'a>(entry: &'a str, providers: &'a [Provider]) -> (&'a str, &'a str) {
    if let Some((first, rest)) = entry.split_once('/')
        && (first == LOCAL_PROVIDER || providers.iter().any(|provider| provider.name == first))
    {
        return (first, rest);
    }
    (providers.first().map_or("", |provider| provider.name.as_str()), entry)
}

fn key(provider: &str, model: &str) -> ModelKey {
    ModelKey { provider: provider.to_owned(), model: model.to_owned() }
}

fn of(provider: &str, listing: &Listing) -> RouteModel {
    RouteModel { key: key(provider, &listing.id), listing: Some(listing.clone()) }
}

fn listed<'a>(list: &'a [Listing], id: &str) -> Option<&'a Listing> {
    let named = |id: &str| list.iter().find(|listing| listing.id == id);
    named(id).or_else(|| VARIANTS.iter().find_map(|variant| named(id.strip_suffix(variant)?)))
}

/// Structured output first, then room for a post, then — free: the larger context, cheap: the lower price (by context alone
/// the dearest would come first) — then the other of the two, then the id, so that two engines agree.
fn automatic(list: &[Listing], free: bool, taken: impl Fn(&str) -> bool) -> Vec<&Listing> {
    let is_free = |model: &Listing| model.id.ends_with(":free") || model.costs_nothing();
    let price =
        |model: &Listing| model.prompt_micros_per_mtok.zip(model.completion_micros_per_mtok).map(|(a, b)| a.saturating_add(b));
    let fits = |model: &&Listing| {
        model.text && !taken(&model.id) && if free { is_free(model) } else { !is_free(model) && price(model).is_some() }
    };
    let mut chosen: Vec<&Listing> = list.iter().filter(fits).collect();
    chosen.sort_by_cached_key(|model| {
        let context = model.context.unwrap_or(0);
        let (room, price) = (-i128::from(context), i128::from(price(model).unwrap_or(0)));
        let (first, second) = if free { (room, price) } else { (price, room) };
        (Reverse(model.structured), Reverse(context >= ROOMY), first, second, model.id.clone())
    });
    chosen.dedup_by(|a, b| a.id == b.id);
    chosen.truncate(AUTO_MODELS);
    chosen
}

/// The nearest ids, written as the entry was: with the provider when it named one.
fn suggestions(entry: &str, provider: &str, model: &str, listings: &BTreeMap<String, Vec<Listing>>) -> Vec<String> {
    if provider == LOCAL_PROVIDER && !listings.contains_key(LOCAL_PROVIDER) {
        return vec![format!("{LOCAL_PROVIDER}/keywords")];
    }
    if model.starts_with("auto:") {
        return Vec::new();
    }
    let wanted = model.to_lowercase();
    let list = listings.get(provider).map_or(&[][..], Vec::as_slice);
    let mut ranked: Vec<(f64, &str)> =
        list.iter().map(|listing| (likeness(&wanted, &listing.id.to_lowercase()), listing.id.as_str())).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let prefix = entry.strip_suffix(model).unwrap_or("");
    ranked.into_iter().take(SUGGESTIONS).map(|(_, id)| format!("{prefix}{id}")).collect()
}

/// 0 to 1; the name counts even when the vendor before the slash differs.
fn likeness(wanted: &str, id: &str) -> f64 {
    let tail = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    f64::midpoint(strsim::jaro_winkler(wanted, id), strsim::jaro_winkler(&tail(wanted), &tail(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str) -> Provider {
        Provider {
            name: name.to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
            key: None,
            headers: BTreeMap::new(),
            requests_per_minute: None,
            requests_per_day: None,
            budget_micros_per_day: None,
        }
    }

    fn listing(id: &str, context: u64, price: i64, structured: bool) -> Listing {
        let price = Some(price);
        Listing {
            context: Some(context),
            prompt_micros_per_mtok: price,
            completion_micros_per_mtok: price,
            structured,
            ..Listing::named(id)
        }
    }

    fn lists() -> BTreeMap<String, Vec<Listing>> {
        let all = vec![
            listing("a/loose:free", 200_000, 0, false),
            listing("a/tiny:free", 4_000, 0, true),
            listing("a/small:free", 32_000, 0, true),
            listing("a/large:free", 128_000, 0, true),
            listing("google/gemini-2.5-flash", 1_000_000, 300_000, true),
            listing("google/gemini-2.0-flash", 1_000_000, 100_000, true),
            listing("x/cheap-but-loose", 64_000, 1, false),
            listing("x/cheap-but-short", 2_000, 1, true),
            Listing { text: false, ..listing("x/paint:free", 500_000, 0, true) },
            Listing::named("openrouter/auto"),
        ];
        [("or".to_owned(), all)].into()
    }

    fn names(entries: &[&str]) -> (Vec<String>, Vec<Gone>) {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        let out = expand(&entries, &[provider("or"), provider("lan")], &lists());
        (out.models.iter().map(|model| model.key.to_string()).collect(), out.gone)
    }

    #[test]
    fn an_entry_without_a_known_provider_means_the_first_one() {
        let (models, gone) = names(&["google/gemini-2.5-flash", "or/google/gemini-2.0-flash", "lan/gemma", "local/keywords"]);
        assert_eq!(models, ["or/google/gemini-2.5-flash", "or/google/gemini-2.0-flash", "lan/gemma", "local/keywords"]);
        assert!(gone.is_empty(), "lan could not be asked, so its model is taken on trust");
    }

    #[test]
    fn free_models_come_by_structure_then_room() {
        let (models, _) = names(&["auto:free"]);
        assert_eq!(models, ["or/a/large:free", "or/a/small:free", "or/a/tiny:free", "or/a/loose:free"]);
    }

    #[test]
    fn cheap_models_come_by_structure_then_enough_room_then_price() {
        let (models, _) = names(&["or/auto:cheap"]);
        let expected =
            ["or/google/gemini-2.0-flash", "or/google/gemini-2.5-flash", "or/x/cheap-but-short", "or/x/cheap-but-loose"];
        assert_eq!(models, expected);
    }

    #[test]
    fn no_model_stands_twice_in_the_route_and_auto_fills_up_to_five() {
        let (models, _) = names(&["a/large:free", "auto:free", "a/large:free", "auto:free"]);
        assert_eq!(models, ["or/a/large:free", "or/a/small:free", "or/a/tiny:free", "or/a/loose:free"]);
        let many: Vec<Listing> = (0..20).map(|n| listing(&format!("m{n:02}:free"), 9_000, 0, true)).collect();
        let out = expand(&["auto:free".to_owned()], &[provider("or")], &[("or".to_owned(), many)].into());
        assert_eq!(out.models.len(), 5);
    }

    #[test]
    fn a_model_that_is_gone_is_told_with_the_nearest_three() {
        let (models, gone) =
            names(&["google/gemini-2.5-flash-preview", "google/gemini-2.5-flash:nitro", "lan/auto:free", "local/x"]);
        assert_eq!(models, ["or/google/gemini-2.5-flash:nitro"]);
        assert_eq!(gone[0].suggestions[..2], ["google/gemini-2.5-flash", "google/gemini-2.0-flash"]);
        assert_eq!((gone[0].suggestions.len(), gone[1].entry.as_str()), (3, "lan/auto:free"));
        assert_eq!(gone[2].suggestions, ["local/keywords"]);
    }

    #[test]
    fn without_any_provider_only_the_built_in_tagger_is_left() {
        let out = expand(&["gpt".to_owned(), "local/keywords".to_owned()], &[], &BTreeMap::new());
        assert_eq!((out.models.len(), out.gone.len()), (1, 1));
    }
}
