//! Tells what kind of body came back: an answer, a failure, an event stream, a web page, nothing, or rubble.
//! It does not judge the answer; that is `classify`.

use serde_json::{Map, Value};

use super::failure::{Failure, is_failure};
use super::stream;
use crate::llm::Usage;
use crate::text::first_chars;

/// JSON values read from one body; more than two are already a server's mistake.
const MAX_VALUES: usize = 4096;

/// What kind of body it is.
#[derive(Debug)]
pub(super) enum Body {
    /// A completion, possibly without content.
    Answer(Box<Answer>),
    /// An error in whatever dress.
    Failure(Box<Failure>),
    /// Nothing, or nothing but white space and keep-alive comments.
    Empty,
    /// A web page; its title.
    Html(String),
    /// It ended midway.
    Cut,
    /// Neither JSON nor an event stream; how it begins.
    Malformed(String),
    /// More than 5 % of it could not be decoded.
    NotUtf8,
}

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

impl Body {
    /// Reads a body that came under the given status.
    pub fn read(status: u16, bytes: &[u8]) -> Self {
        let good = (200..300).contains(&status);
        let text = String::from_utf8_lossy(bytes);
        if good && matches!(text, std::borrow::Cow::Owned(_)) {
            let lost = text.matches('\u{fffd}').count();
            if lost * 20 > text.chars().count() {
                return Self::NotUtf8;
            }
        }
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
        if text.is_empty() {
            return if good { Self::Empty } else { Self::Failure(Box::default()) };
        }
        if stream::looks_like_one(text) {
            return stream::read(text, !good);
        }
        if text.starts_with(['{', '[', '"']) {
            return Self::read_json(text, !good);
        }
        if let Some(title) = web_page(text) {
            // A page under a bad status counts by its status.
            return if good { Self::Html(title) } else { Self::Failure(Box::new(Failure::in_words(&title))) };
        }
        if good {
            Self::Malformed(first_chars(text, 200).to_owned())
        } else {
            Self::Failure(Box::new(Failure::in_words(first_chars(text, 4000))))
        }
    }

    fn read_json(text: &str, bad_status: bool) -> Self {
        let (values, broken) = match values(text) {
            (values, Some(_)) if values.is_empty() => values_of_mended(text),
            read => read,
        };
        let mut merged: Option<Answer> = None;
        for value in values {
            match Self::from_value(value, bad_status) {
                Self::Answer(answer) => match &mut merged {
                    Some(known) => known.join(*answer),
                    None => merged = Some(*answer),
                },
                // An error wins over whatever it is glued to.
                failure @ Self::Failure(_) => return failure,
                Self::Empty | Self::Html(_) | Self::Cut | Self::Malformed(_) | Self::NotUtf8 => {}
            }
        }
        match (merged, broken) {
            (Some(answer), _) => Self::Answer(Box::new(answer)),
            (None, None) => Self::Empty,
            (None, Some(_)) if bad_status => Self::Failure(Box::new(Failure::in_words(first_chars(text, 4000)))),
            (None, Some(error)) if error.is_eof() => Self::Cut,
            (None, Some(_)) => Self::Malformed(first_chars(text, 200).to_owned()),
        }
    }

    /// One JSON value: an answer or a failure.
    pub fn from_value(value: Value, bad_status: bool) -> Self {
        match value {
            Value::Object(fields) if is_failure(&fields, bad_status) => {
                Self::Failure(Box::new(Failure::gathered(&Value::Object(fields))))
            }
            Value::Object(fields) => Answer::from_object(fields),
            Value::Array(items) => {
                let nested = items.first().and_then(Value::as_object).is_some_and(|fields| {
                    bad_status
                        || is_failure(fields, false)
                        || fields.contains_key("choices")
                        || fields.contains_key("generated_text")
                });
                match items.into_iter().next() {
                    Some(first) if nested => Self::from_value(first, bad_status),
                    Some(Value::Array(_)) | None if !bad_status => Self::Empty,
                    first if bad_status => Self::Failure(Box::new(Failure::gathered(&first.unwrap_or_default()))),
                    _ => Self::Empty,
                }
            }
            // A JSON string: an error in words, or a whole body escaped once more.
            Value::String(text) => match serde_json::from_str::<Value>(&text) {
                Ok(inner) if !inner.is_string() => Self::from_value(inner, bad_status),
                _ => Self::Failure(Box::new(Failure::in_words(&text))),
            },
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => {
                if bad_status {
                    Self::Failure(Box::new(Failure::gathered(&other)))
                } else {
                    Self::Empty
                }
            }
        }
    }
}

impl Answer {
    /// Reads a completion in any server's shape; `choices[0].error` makes it a failure.
    fn from_object(fields: Map<String, Value>) -> Body {
        let mut answer = Self { usage: usage(&fields), id: text_of(fields.get("id")), ..Self::default() };
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
            answer.take_other_shapes(&fields);
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
    fn join(&mut self, next: Self) {
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

/// All JSON values that stand one after another, and what stopped the reading.
fn values(text: &str) -> (Vec<Value>, Option<serde_json::Error>) {
    let mut read = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>().take(MAX_VALUES) {
        match value {
            Ok(value) => read.push(value),
            Err(error) => return (read, Some(error)),
        }
    }
    (read, None)
}

/// Once more with the two mistakes servers make when they write JSON by hand: raw control characters and lone surrogates.
fn values_of_mended(text: &str) -> (Vec<Value>, Option<serde_json::Error>) {
    let mut mended = String::with_capacity(text.len() + 16);
    let mut chars = text.char_indices();
    let mut quoted = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted => {
                let escape = text[at..].get(..6).filter(|escape| escape.starts_with("\\ud") || escape.starts_with("\\uD"));
                let paired =
                    text[at..].get(..12).is_some_and(|pair| serde_json::from_str::<String>(&format!("\"{pair}\"")).is_ok());
                if escape.is_some()
                    && !paired
                    && serde_json::from_str::<String>(&format!("\"{}\"", escape.unwrap_or_default())).is_err()
                {
                    mended.push_str("\\ufffd");
                    chars.nth(4);
                } else {
                    let run =
                        if escape.is_some() && paired { 12 } else { 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8) };
                    mended.push_str(&text[at..at + run]);
                    while chars.as_str().len() > text.len() - at - run {
                        chars.next();
                    }
                }
            }
            '\n' | '\r' | '\t' if quoted => mended.push(' '),
            '\0'..='\u{1f}' if quoted => {}
            c => {
                quoted ^= c == '"';
                mended.push(c);
            }
        }
    }
    values(&mended)
}

/// The title of a web page, when the text is one.
fn web_page(text: &str) -> Option<String> {
    let head = first_chars(text, 2000);
    let lower = head.to_lowercase();
    let page = text.starts_with('<') || ["<html", "<!doctype", "<head", "<body"].iter().any(|tag| lower.contains(tag));
    page.then(|| {
        // Lower-casing can change lengths outside ASCII, so the title is searched in the original.
        let titled = ["<title>", "<TITLE>", "<h1>", "<H1>", "<Message>"]
            .iter()
            .find_map(|tag| head.split_once(tag))
            .and_then(|(_, rest)| rest.split('<').next());
        titled.unwrap_or_default().trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(value: &Value) -> Answer {
        match Body::read(200, value.to_string().as_bytes()) {
            Body::Answer(answer) => *answer,
            other => panic!("{value} → {other:?}"),
        }
    }

    #[test]
    fn content_is_found_in_every_server_shape() {
        for value in [
            json!({"choices": [{"message": {"content": "a, b"}}]}),
            json!({"choices": [{"message": {"content": [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "a, "}, {"type": "text", "text": "b"}]}}]}),
            json!({"choices": [{"text": "a, b"}]}),
            json!({"choices": [{"message": {"content": ""}}, {"message": {"content": "a, b"}}]}),
            json!({"model": "x", "message": {"role": "assistant", "content": "a, b"}, "done": true}),
            json!({"type": "message", "content": [{"type": "text", "text": "a, b"}]}),
            json!({"candidates": [{"content": {"parts": [{"text": "th", "thought": true}, {"text": "a, b"}]}}]}),
            json!({"output": [{"type": "reasoning", "summary": []}, {"type": "message", "content": [{"type": "output_text", "text": "a, b"}]}]}),
            json!([{"generated_text": "a, b"}]),
        ] {
            assert_eq!(answer(&value).content, "a, b", "{value}");
        }
    }

    #[test]
    fn usage_may_come_as_strings_and_dollars_become_micros() {
        let usage =
            answer(&json!({"choices": [], "usage": {"prompt_tokens": "12", "completion_tokens": 3.0, "cost": "0.00256995"}}))
                .usage;
        assert_eq!(usage, Usage { prompt_tokens: Some(12), completion_tokens: Some(3), cost_micros: Some(2570) });
    }

    #[test]
    fn raw_control_characters_and_lone_surrogates_do_not_lose_an_answer() {
        let text =
            "{\"choices\":[{\"message\":{\"content\":\"[\\\"на\u{b}ука\\\",\n\\\"к\\ud83dот\\\", \\\"\\ud83d\\ude00\\\"]\"}}]}";
        let Body::Answer(answer) = Body::read(200, text.as_bytes()) else { panic!("not an answer") };
        assert_eq!(answer.content, "[\"наука\", \"к\u{fffd}от\", \"😀\"]");
    }

    #[test]
    fn an_answer_in_pieces_is_joined_and_an_error_beside_it_wins() {
        let pieces = r#"{"message":{"content":"a, "},"done":false}
            {"message":{"content":"b"},"done":true,"done_reason":"stop"}"#;
        let Body::Answer(answer) = Body::read(200, pieces.as_bytes()) else { panic!("not an answer") };
        assert_eq!((answer.content.as_str(), answer.finish.as_str()), ("a, b", "stop"));
        let glued = r#"{"choices":[{"message":{"content":"a, b"}}]}{"error":{"message":"late","code":502}}"#;
        assert!(matches!(Body::read(200, glued.as_bytes()), Body::Failure(_)));
    }

    #[test]
    fn rubble_is_told_apart() {
        assert!(matches!(Body::read(200, b" \n \n"), Body::Empty));
        assert!(matches!(Body::read(200, b"\xef\xbb\xbf{}"), Body::Answer(_)));
        assert!(matches!(Body::read(200, b"{\"choices\":[{\"mess"), Body::Cut));
        assert!(matches!(Body::read(200, b"{unparsable}"), Body::Malformed(_)));
        assert!(matches!(Body::read(200, b"<html><title>Login</title>"), Body::Html(title) if title == "Login"));
        assert!(matches!(Body::read(200, &[0x9f, 0xfe, 0xff, 0x80]), Body::NotUtf8));
        assert!(matches!(Body::read(502, b"<html><title>502 Bad Gateway</title>"), Body::Failure(_)));
        let deep = "[".repeat(200_000);
        assert!(matches!(Body::read(200, deep.as_bytes()), Body::Malformed(_) | Body::Cut));
    }
}
