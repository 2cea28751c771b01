//! The entries of a provider's `/models`, read from the shapes that are about: OpenRouter, OpenAI, llama.cpp, vLLM, Groq.
//! It picks no model; `route::expand` does.

use serde_json::Value;

/// One model as its provider lists it; `None` where the provider does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The provider's id.
    pub id: String,
    /// Tokens of context.
    pub context: Option<u64>,
    /// Price of a million prompt tokens, millionths of a US dollar.
    pub prompt_micros_per_mtok: Option<i64>,
    /// Price of a million answer tokens, millionths of a US dollar.
    pub completion_micros_per_mtok: Option<i64>,
    /// Said to take `response_format: json_schema`.
    pub structured: bool,
    /// Answers in text; true unless the provider says otherwise.
    pub text: bool,
}

impl Listing {
    /// A model of which nothing but the id is known.
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            context: None,
            prompt_micros_per_mtok: None,
            completion_micros_per_mtok: None,
            structured: false,
            text: true,
        }
    }

    /// True when both prices are known to be nothing.
    pub fn costs_nothing(&self) -> bool {
        self.prompt_micros_per_mtok == Some(0) && self.completion_micros_per_mtok == Some(0)
    }
}

/// Every entry of `{"data":[…]}`, `{"models":[…]}` or a bare list that has an id; `None` when there is no list at all.
pub(super) fn all(list: &Value) -> Option<Vec<Listing>> {
    let entries = list.as_array().or_else(|| list.get("data")?.as_array()).or_else(|| list.get("models")?.as_array())?;
    Some(entries.iter().filter_map(one).collect())
}

fn one(entry: &Value) -> Option<Listing> {
    let id = ["id", "name", "model"].iter().find_map(|key| entry.get(key)?.as_str()).or_else(|| entry.as_str())?;
    let supports = |name: &str| has(entry.get("supported_parameters"), name);
    let modalities = entry.pointer("/architecture/output_modalities");
    Some(Listing {
        context: context(entry),
        prompt_micros_per_mtok: price(entry.pointer("/pricing/prompt")),
        completion_micros_per_mtok: price(entry.pointer("/pricing/completion")),
        structured: supports("structured_outputs"),
        text: modalities.is_none() || has(modalities, "text"),
        ..Listing::named(id)
    })
}

fn has(list: Option<&Value>, word: &str) -> bool {
    list.and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item.as_str() == Some(word)))
}

fn context(entry: &Value) -> Option<u64> {
    let places =
        ["/context_length", "/context_window", "/max_model_len", "/max_context_length", "/meta/n_ctx", "/meta/n_ctx_train"];
    places.iter().find_map(|place| entry.pointer(place)?.as_u64()).filter(|tokens| *tokens > 0)
}

/// Dollars a token, as a string or a number, to millionths of a dollar a million tokens; OpenRouter writes -1 for "varies".
fn price(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    let dollars = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // A dollar a token is beyond any price list; more would also overflow.
    (0.0..=1.0).contains(&dollars).then(|| (dollars * 1e12).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn openrouters_shape_is_read_whole() {
        let list = json!({"data": [{"id": "google/gemini-2.5-flash", "context_length": 1_048_576,
            "pricing": {"prompt": "0.0000003", "completion": "0.0000025"}, "architecture": {"output_modalities": ["text"]},
            "supported_parameters": ["temperature", "structured_outputs"]},
            {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}, "context_length": null},
            {"id": "x/paint", "architecture": {"output_modalities": ["image"]}}, {"no": "id"}, 7]});
        let models = all(&list).unwrap();
        assert_eq!(models.len(), 3);
        assert_eq!((models[0].prompt_micros_per_mtok, models[0].completion_micros_per_mtok), (Some(300_000), Some(2_500_000)));
        assert_eq!((models[0].context, models[0].structured, models[0].text), (Some(1_048_576), true, true));
        assert_eq!((models[1].prompt_micros_per_mtok, models[1].context), (None, None));
        assert!(!models[2].text);
    }

    #[test]
    fn shapes_without_prices_are_read_too() {
        let llama = json!({"models": [{"name": "old"}], "object": "list",
            "data": [{"id": "gemma-3-270m", "object": "model", "meta": {"n_ctx_train": 32_768}}]});
        assert_eq!(all(&llama).unwrap(), [Listing { context: Some(32_768), ..Listing::named("gemma-3-270m") }]);
        assert_eq!(all(&json!(["a", "b"])).unwrap().len(), 2);
        assert_eq!(all(&json!({"error": "no"})), None);
    }
}
