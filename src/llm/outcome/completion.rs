//! A completion in the shape of any server, and how it is read out of JSON.
//! It does not judge what the model wrote.

use serde_json::{Map, Value};

use super::body::Body;
use super::failure::Failure;
use crate::llm::Usage;

/// A completion, whatever server it came from.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub content: String,
    pub refusal: String,
    pub finish: String,
    pub native_finish: String,
    pub has_reasoning: bool,
    pub has_tool_call: bool,
    pub usage: Usage,
    pub id: Option<String>,
}

impl Answer {
    /// Reads a completion in any server's shape; `choices[0].error` makes it a failure.
    pub fn from_object(fields: &Map<String, Value>) -> Body {
        let mut answer = Self { usage: usage(fields), id: text_of(fields.get("id")), ..Self::default() };
        let choices = fields.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for choice in choices.iter().filter_map(Value::as_object) {
            if choice.get("error").is_some_and(|error| !error.is_null()) {
                return Body::Failure(Box::new(Failure::gathered(&Value::Object(choice.clone()))));
            }
            if answer.content.trim().is_empty() {
                answer.take_choice(choice);
            }
        }
        if choices.is_empty() {
            answer.take_other_shapes(fields);
        }
        Body::Answer(Box::new(answer))
    }

    /// One element of `choices`: whole (`message`), streamed (`delta`) or legacy (`text`).
    pub fn take_choice(&mut self, choice: &Map<String, Value>) {
        for part in ["message", "delta"] {
            if let Some(message) = choice.get(part).and_then(Value::as_object) {
                self.take_message(message);
            }
        }
        if let Some(text) = choice.get("text").and_then(Value::as_str) {
            self.content.push_str(text);
        }
        if let Some(finish) = text_of(choice.get("finish_reason")) {
            self.finish = finish.to_lowercase();
        }
        if let Some(finish) = text_of(choice.get("native_finish_reason")) {
            self.native_finish = finish.to_lowercase();
        }
    }

    fn take_message(&mut self, message: &Map<String, Value>) {
        append(&mut self.content, message.get("content"));
        append(&mut self.refusal, message.get("refusal"));
        let filled = |key: &str| {
            message
                .get(key)
                .is_some_and(|value| !value.is_null() && value != "" && value.as_array().is_none_or(|parts| !parts.is_empty()))
        };
        self.has_reasoning |= ["reasoning", "reasoning_content", "reasoning_details", "thinking"].iter().any(|key| filled(key));
        if filled("tool_calls") || filled("function_call") {
            self.has_tool_call = true;
            // A model that "called" the schema as a tool has answered all the same.
            let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let call = calls.first().and_then(|call| call.get("function")).or_else(|| message.get("function_call"));
            let arguments = call.and_then(|call| call.get("arguments")).and_then(Value::as_str).unwrap_or_default();
            if self.content.trim().is_empty()
                && serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.get("tags").is_some())
            {
                arguments.clone_into(&mut self.content);
            }
        }
    }

    /// Ollama, Anthropic, Google, the Responses API, Hugging Face, and servers that answer with the tags alone.
    fn take_other_shapes(&mut self, fields: &Map<String, Value>) {
        if let Some(message) = fields.get("message").and_then(Value::as_object) {
            self.take_message(message);
        }
        for key in ["response", "generated_text", "output_text", "content", "output"] {
            if self.content.is_empty() {
                append(&mut self.content, fields.get(key));
            }
        }
        let candidate = fields.get("candidates").and_then(|all| all.get(0)).and_then(Value::as_object);
        if let Some(candidate) = candidate {
            append(&mut self.content, candidate.get("content").and_then(|content| content.get("parts")));
            self.native_finish = text_of(candidate.get("finishReason")).unwrap_or_default().to_lowercase();
        }
        if let Some(block) = text_of(fields.get("promptFeedback").and_then(|feedback| feedback.get("blockReason"))) {
            self.native_finish = block.to_lowercase();
        }
        for key in ["done_reason", "stop_reason", "finish_reason"] {
            if let Some(reason) = text_of(fields.get(key)) {
                self.finish = if reason == "max_tokens" { "length".to_owned() } else { reason.to_lowercase() };
            }
        }
        if fields.contains_key("tags") {
            self.content = Value::Object(fields.clone()).to_string();
        }
    }

    /// The next piece of the same answer, as newline-separated JSON sends it.
    pub fn join(&mut self, next: Self) {
        self.content.push_str(&next.content);
        self.refusal.push_str(&next.refusal);
        if !next.finish.is_empty() {
            self.finish = next.finish;
        }
        if !next.native_finish.is_empty() {
            self.native_finish = next.native_finish;
        }
        self.has_reasoning |= next.has_reasoning;
        self.has_tool_call |= next.has_tool_call;
        self.add_usage(next.usage);
        self.id = self.id.take().or(next.id);
    }

    /// Later figures replace earlier ones; what they leave out stays.
    pub fn add_usage(&mut self, later: Usage) {
        self.usage = Usage {
            prompt_tokens: later.prompt_tokens.or(self.usage.prompt_tokens),
            completion_tokens: later.completion_tokens.or(self.usage.completion_tokens),
            cost_micros: later.cost_micros.or(self.usage.cost_micros),
        };
    }
}

/// A string, or the text parts of an array; thinking parts are left out.
fn append(to: &mut String, content: Option<&Value>) {
    match content {
        Some(Value::String(text)) => to.push_str(text),
        Some(Value::Array(parts)) => {
            for part in parts {
                match part {
                    Value::String(text) => to.push_str(text),
                    Value::Object(fields) => {
                        let kind = fields.get("type").and_then(Value::as_str).unwrap_or("text");
                        if kind == "message" {
                            if let Some(Value::Array(inner)) = fields.get("content") {
                                inner
                                    .iter()
                                    .filter_map(|part| part.get("text"))
                                    .filter_map(Value::as_str)
                                    .for_each(|text| to.push_str(text));
                            }
                        } else if matches!(kind, "text" | "output_text") && fields.get("thought") != Some(&Value::Bool(true)) {
                            to.push_str(fields.get("text").and_then(Value::as_str).unwrap_or_default());
                        }
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
                }
            }
        }
        // A server that parsed the JSON it was asked for.
        Some(object @ Value::Object(_)) => to.push_str(&object.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
    }
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Tokens and price; numbers may come as strings.
pub(super) fn usage(fields: &Map<String, Value>) -> Usage {
    let counts = fields.get("usage").or_else(|| fields.get("usageMetadata")).and_then(Value::as_object).unwrap_or(fields);
    let number =
        |names: &[&str]| names.iter().find_map(|name| figure(counts.get(*name)?)).filter(|number| (0.0..1e12).contains(number));
    Usage {
        prompt_tokens: number(&["prompt_tokens", "input_tokens", "promptTokenCount", "prompt_eval_count"])
            .map(|count| count as i64),
        completion_tokens: number(&["completion_tokens", "output_tokens", "candidatesTokenCount", "eval_count"])
            .map(|count| count as i64),
        cost_micros: number(&["cost", "total_cost"]).map(|dollars| (dollars * 1e6).round() as i64),
    }
}

fn figure(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
