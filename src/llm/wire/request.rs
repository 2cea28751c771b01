//! The JSON of one chat request.
//! It decides nothing: what to ask for and what to leave out stands in the [`Ask`].

use serde_json::{Map, Value, json};

use crate::llm::{Ask, Format, Message};

/// Body of `POST /chat/completions`. `without` names parameters to leave out; a model that takes no `max_tokens`
/// gets `max_completion_tokens`, as OpenAI's newer ones want, unless it takes that neither.
pub(super) fn json(model: &str, ask: &Ask, openrouter: bool) -> Value {
    let mut body = Map::new();
    let without = |name: &str| ask.without.iter().any(|w| w == name);
    let mut put = |name: &str, value: Value| {
        if !without(name) {
            body.insert(name.to_owned(), value);
        }
    };
    put("temperature", json!(ask.temperature));
    put("max_tokens", json!(ask.max_tokens));
    if without("max_tokens") {
        put("max_completion_tokens", json!(ask.max_tokens));
    }
    put("stream", json!(false));
    match ask.format {
        Format::JsonSchema => put("response_format", json!({"type": "json_schema", "json_schema": schema()})),
        Format::JsonObject => put("response_format", json!({"type": "json_object"})),
        Format::Plain => {}
    }
    if ask.reasoning_off {
        put("reasoning", json!({"enabled": false}));
    }
    if openrouter {
        put("usage", json!({"include": true}));
    }
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), ask.messages.iter().map(message).collect());
    Value::Object(body)
}

fn message(message: &Message) -> Value {
    json!({"role": message.role, "content": message.content})
}

fn schema() -> Value {
    json!({"name": "tags", "strict": true, "schema": {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 7}},
        "required": ["tags"],
        "additionalProperties": false,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask {
            messages: vec![Message { role: "user", content: "текст".to_owned() }],
            format: Format::JsonSchema,
            max_tokens: 150,
            temperature: 0.3,
            reasoning_off: false,
            without: Vec::new(),
        }
    }

    #[test]
    fn a_request_holds_what_was_asked_for_and_nothing_else() {
        let body = json("m", &Ask { format: Format::Plain, ..ask() }, false);
        let expected = json!({"model": "m", "messages": [{"role": "user", "content": "текст"}], "temperature": 0.3,
            "max_tokens": 150, "stream": false});
        assert_eq!(body, expected);
    }

    #[test]
    fn formats_usage_and_reasoning_are_written_as_the_providers_want_them() {
        let body = json("m", &Ask { reasoning_off: true, ..ask() }, true);
        assert_eq!(body["response_format"]["json_schema"]["schema"]["properties"]["tags"]["maxItems"], 7);
        assert_eq!(body["response_format"]["json_schema"]["strict"], true);
        assert_eq!((&body["usage"], &body["reasoning"]), (&json!({"include": true}), &json!({"enabled": false})));
        let body = json("m", &Ask { format: Format::JsonObject, ..ask() }, false);
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
    }

    #[test]
    fn parameters_a_model_does_not_take_are_left_out() {
        let without = vec!["temperature".to_owned(), "max_tokens".to_owned(), "model".to_owned()];
        let body = json("m", &Ask { without, ..ask() }, false);
        assert_eq!((body.get("temperature"), body.get("max_tokens")), (None, None));
        assert_eq!((&body["max_completion_tokens"], &body["model"]), (&json!(150), &json!("m")));
    }
}
