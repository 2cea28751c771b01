//! The models the demo's server offers, with their prices and their tempers.
//! Vendors and models are made up; no line says anything about a real one.

use serde_json::{Value, json};

use super::draw::name_hash;

/// Longest text the first model of the route takes, characters.
pub const CONTEXT_CHARS: usize = 1200;

/// What a model always does, whatever the draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Nothing of its own.
    None,
    /// 400 for texts over [`CONTEXT_CHARS`].
    ShortContext,
    /// 400 for any `response_format`.
    PlainOnly,
    /// 503 for a while after its first request, and 400 for `temperature`.
    SlowStart,
    /// Listed, but nobody serves it any more.
    Gone,
    /// 403: not served where this client is.
    Region,
}

/// One model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// As the route names it.
    pub id: &'static str,
    /// As `/models` shows it; one is hostile.
    pub name: &'static str,
    /// `context_length`, tokens.
    pub context: u32,
    /// US dollars for a million tokens of the prompt and of the answer.
    pub prices: (f64, f64),
    /// Takes `response_format` of the kind `json_schema`, as `/models` says.
    pub structured: bool,
    /// Part of [`super::Faults::share`] that falls on this model, 0 to 1.
    pub calm: f64,
    /// What it always does.
    pub temper: Temper,
}

const fn model(
    id: &'static str,
    name: &'static str,
    context: u32,
    prices: (f64, f64),
    structured: bool,
    calm: f64,
    temper: Temper,
) -> Model {
    Model { id, name, context, prices, structured, calm, temper }
}

/// Every model of the server.
pub const ROSTER: [Model; 13] = [
    model("demo/astra-large", "Astra Large", 8_192, (0.80, 2.40), true, 1.0, Temper::ShortContext),
    model("demo/comet-mini:free", "Comet Mini (free)", 32_768, (0.0, 0.0), true, 0.8, Temper::PlainOnly),
    model("demo/nova-classic", "Nova Classic", 16_384, (0.20, 0.60), true, 0.5, Temper::Gone),
    model("demo/tortoise-steady", "Tortoise Steady", 65_536, (0.10, 0.30), true, 0.15, Temper::SlowStart),
    model("demo/borealis-arctic", "Borealis Arctic", 131_072, (0.50, 1.50), true, 0.5, Temper::Region),
    model("demo/comet-mini", "Comet Mini", 32_768, (0.05, 0.15), true, 0.5, Temper::None),
    model("demo/pebble-1b:free", "Pebble 1B (free)", 4_096, (0.0, 0.0), false, 1.0, Temper::None),
    model("demo/heron-7b:free", "Heron 7B (free)", 131_072, (0.0, 0.0), true, 0.5, Temper::None),
    model("demo/heron-70b", "Heron 70B", 131_072, (0.35, 0.40), true, 0.3, Temper::None),
    model("tin-can/echo-2", "Echo 2", 8_000, (0.02, 0.04), false, 0.7, Temper::None),
    model("tin-can/echo-2-thinking", "Echo 2 Thinking", 64_000, (0.30, 1.20), true, 0.7, Temper::None),
    model("lighthouse/beam-vision", "Beam Vision", 200_000, (3.0, 15.0), true, 0.3, Temper::None),
    // Names of models are foreign text too: colour, a title change and a right-to-left override.
    model(
        "odd/gl\u{1b}[31mitch",
        "Gl\u{1b}[5m\u{1b}]0;owned\u{7}itch \u{202e}evil\u{2069}",
        2_048,
        (1.0, 1.0),
        false,
        1.0,
        Temper::None,
    ),
];

/// The model of that id.
pub fn find(id: &str) -> Option<&'static Model> {
    ROSTER.iter().find(|model| model.id == id)
}

impl Model {
    /// One of OpenRouter's free variants, which share the account's quota.
    pub fn is_free(&self) -> bool {
        self.id.ends_with(":free")
    }

    fn listed(&self) -> Value {
        let mut parameters = vec!["max_tokens", "stop", "response_format"];
        if self.temper != Temper::SlowStart {
            parameters.push("temperature");
        }
        if self.structured {
            parameters.push("structured_outputs");
        }
        let per_token = |dollars: f64| if dollars == 0.0 { "0".to_owned() } else { format!("{:.9}", dollars / 1e6) };
        json!({
            "id": self.id,
            "canonical_slug": self.id.trim_end_matches(":free"),
            "name": self.name,
            "created": 1_760_000_000 + name_hash(self.id) % 10_000_000,
            "description": "A made-up model of the demo.",
            "context_length": self.context,
            "architecture": {"modality": "text->text", "input_modalities": ["text"], "output_modalities": ["text"], "tokenizer": "Other"},
            "pricing": {"prompt": per_token(self.prices.0), "completion": per_token(self.prices.1), "request": "0", "image": "0"},
            "top_provider": {"context_length": self.context, "max_completion_tokens": 2048, "is_moderated": false},
            "per_request_limits": null,
            "supported_parameters": parameters,
        })
    }
}

/// Body of `GET /models`.
pub fn listing() -> String {
    json!({"data": ROSTER.iter().map(Model::listed).collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_has_prices_as_strings_and_several_free_models() {
        let listing: Value = serde_json::from_str(&listing()).unwrap();
        let models = listing["data"].as_array().unwrap();
        assert_eq!(models.len(), ROSTER.len());
        for model in models {
            assert!(model["pricing"]["prompt"].as_str().unwrap().parse::<f64>().is_ok(), "{model}");
            assert!(model["context_length"].is_u64() && model["supported_parameters"].is_array());
        }
        assert!(
            models.iter().filter(|m| m["id"].as_str().unwrap().ends_with(":free") && m["pricing"]["prompt"] == "0").count() >= 3
        );
    }

    #[test]
    fn the_route_of_the_demo_is_in_the_roster() {
        for id in crate::demo::ROUTE {
            assert!(find(id).is_some(), "{id}");
        }
    }
}
