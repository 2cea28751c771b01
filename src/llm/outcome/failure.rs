//! Gathers what an error body says, however deep it hides it: codes, labels, messages, headers, the provider's name.
//! It does not decide what the error means; that is `words`.

use serde_json::{Map, Value};

use super::Headers;

/// Deepest nesting of errors inside errors that is followed.
const MAX_DEPTH: usize = 10;
/// Values looked at in one body; a hostile body must not cost more than a small one.
const MAX_STEPS: usize = 400;
/// Characters of all messages that are searched for words.
const MAX_WORDS: usize = 16_000;

/// Messages that only name the status; any other message says more.
const SAYS_NOTHING: [&str; 16] = [
    "",
    "error",
    "provider returned error",
    "upstream error",
    "error from provider",
    "bad request",
    "unauthorized",
    "forbidden",
    "not found",
    "too many requests",
    "unprocessable entity",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "zoderror",
];

/// Everything an error body says, outermost first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Failure {
    /// Numeric codes in the range of HTTP, with the depth they stood at.
    pub codes: Vec<(u16, usize)>,
    /// `code`, `type`, `status`, `error_type`, `limit_source`, `reason`…, lower case.
    pub labels: Vec<String>,
    /// Messages in words, outermost first.
    pub messages: Vec<String>,
    /// `provider_name`: the error is that of a provider behind the router.
    pub provider: Option<String>,
    /// `param`: the request parameter it is about.
    pub param: Option<String>,
    /// `metadata.headers`: what the router would have said in its own headers.
    pub headers: Headers,
    /// Seconds until a retry, from a field made for it.
    pub retry_seconds: Option<f64>,
    /// `metadata.reasons`, `flagged_input`, `patterns`: the text was flagged.
    pub flagged: bool,
    /// `failed_generation`: the model's own output was at fault, not the request.
    pub bad_output: bool,
    /// Deepest level at which the provider's raw error began.
    raw_depth: Option<usize>,
}

impl Failure {
    /// An error told in plain words.
    pub fn in_words(text: &str) -> Self {
        let mut found = Self::default();
        found.take_text(text, 0, &mut Vec::new());
        found
    }

    /// What a JSON value says.
    pub fn gathered(value: &Value) -> Self {
        let mut found = Self::default();
        let mut open = vec![Open { value: value.clone(), depth: 0 }];
        let mut steps = 0;
        while let Some(Open { value, depth }) = open.pop() {
            steps += 1;
            if depth > MAX_DEPTH || steps > MAX_STEPS {
                continue;
            }
            match value {
                Value::String(text) => found.take_text(&text, depth, &mut open),
                Value::Array(items) => {
                    open.extend(items.into_iter().take(8).rev().map(|value| Open { value, depth: depth + 1 }));
                }
                Value::Object(fields) => found.take_object(fields, depth, &mut open),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        found
    }

    /// The outermost code.
    pub fn code(&self) -> Option<u16> {
        self.codes.iter().min_by_key(|(_, depth)| *depth).map(|(code, _)| *code)
    }

    /// The code of the provider's own error inside the router's, if both are there.
    pub fn inner_code(&self) -> Option<u16> {
        let from = self.raw_depth?;
        self.codes.iter().find(|(_, depth)| *depth >= from).map(|(code, _)| *code)
    }

    /// The innermost message that says something.
    pub fn message(&self) -> Option<&str> {
        let telling = |text: &&String| {
            let lower = text.to_lowercase();
            !SAYS_NOTHING.contains(&lower.trim_end_matches(['.', ':', ' ']))
        };
        self.messages.iter().rev().find(telling).or_else(|| self.messages.last()).map(String::as_str)
    }

    /// All messages and labels in lower case, for a search by words.
    pub fn haystack(&self) -> String {
        let mut all = String::new();
        for part in self.messages.iter().chain(&self.labels).chain(&self.param) {
            if all.len() + part.len() > MAX_WORDS {
                break;
            }
            all.push_str(&part.to_lowercase().replace('’', "'"));
            all.push('\n');
        }
        all
    }

    fn take_text(&mut self, text: &str, depth: usize, open: &mut Vec<Open>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        // A JSON string, or words with the provider's JSON behind them: "Error from provider: {…}".
        let at = if text.starts_with(['"', '[']) { Some(0) } else { text.find('{') };
        if let Some(at) = at
            && let Some(Ok(value)) = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>().next()
        {
            let nested = match &value {
                Value::Object(fields) => !fields.is_empty(),
                Value::Array(items) => items.iter().any(Value::is_object),
                Value::String(_) => at == 0,
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
            };
            if nested {
                if at > 0 {
                    self.add_message(&text[..at]);
                }
                open.push(Open { value, depth: depth + 1 });
                return;
            }
        }
        self.add_message(text);
    }

    fn add_message(&mut self, text: &str) {
        let text = crate::text::first_chars(text, 2000).trim();
        if self.messages.len() < 32 && !text.is_empty() {
            self.messages.push(text.to_owned());
        }
    }

    fn take_object(&mut self, mut fields: Map<String, Value>, depth: usize, open: &mut Vec<Open>) {
        for key in ["code", "status", "status_code", "statusCode", "http_status", "http_code", "httpCode"] {
            if let Some(value) = fields.get(key) {
                self.take_code(value, depth);
            }
        }
        for key in [
            "type",
            "error_type",
            "limit_source",
            "reason",
            "availability",
            "provider_error_code",
            "name",
            "errorType",
            "blockReason",
        ] {
            if let Some(Value::String(label)) = fields.get(key) {
                self.add_label(label);
            }
        }
        if let Some(name) = fields.get("provider_name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            self.provider = Some(name.to_owned());
        }
        if let Some(param) = fields.get("param").and_then(Value::as_str).filter(|param| !param.is_empty()) {
            self.param = Some(param.to_owned());
        } else if let Some(Value::Array(place)) = fields.get("loc") {
            // FastAPI: {"loc": ["body", "reasoning"], "msg": "Extra inputs are not permitted"}
            self.param = place.last().and_then(Value::as_str).map(str::to_owned).or_else(|| self.param.take());
        }
        for key in ["retry_after_seconds", "retry_after", "retryDelay", "estimated_time"] {
            if let Some(seconds) = fields.get(key).and_then(seconds) {
                self.retry_seconds = Some(seconds);
            }
        }
        if let Some(Value::Object(pairs)) = fields.get("headers") {
            self.headers.extend_from(pairs);
        }
        self.flagged |= ["reasons", "flagged_input", "patterns"].iter().any(|key| fields.get(*key).is_some_and(is_filled));
        self.bad_output |= fields.contains_key("failed_generation");
        self.follow(&mut fields, depth, open);
    }

    /// Puts the parts that may hold further errors on the stack, so that the innermost is met last.
    fn follow(&mut self, fields: &mut Map<String, Value>, depth: usize, open: &mut Vec<Open>) {
        let words = ["message", "msg", "detail", "error_description", "error_message", "errorMessage", "title", "description"];
        let nests =
            ["error", "errors", "metadata", "details", "cause", "innererror", "inner_error", "response", "body", "data", "raw"];
        for key in nests.iter().rev() {
            if let Some(value) = fields.remove(*key) {
                let value = if *key == "raw" {
                    self.raw_depth = Some(self.raw_depth.map_or(depth + 1, |known| known.min(depth + 1)));
                    value
                } else {
                    value
                };
                open.push(Open { value, depth: depth + 1 });
            }
        }
        for key in words.iter().rev() {
            match fields.remove(*key) {
                Some(Value::String(text)) => self.take_text(&text, depth, open),
                Some(value) => open.push(Open { value, depth: depth + 1 }),
                None => {}
            }
        }
    }

    fn take_code(&mut self, value: &Value, depth: usize) {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => {
                let number = text.trim().parse::<f64>().ok();
                if number.is_none() {
                    self.add_label(text);
                }
                number
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if let Some(number) = number.filter(|number| (300.0..600.0).contains(number))
            && self.codes.len() < 32
        {
            self.codes.push((number as u16, depth));
        }
    }

    fn add_label(&mut self, label: &str) {
        if self.labels.len() < 64 {
            self.labels.push(crate::text::first_chars(label, 200).to_lowercase());
        }
    }
}

/// A value still to be looked at.
struct Open {
    value: Value,
    depth: usize,
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// 20, 20.5, "20" or Google's "20s", in seconds.
fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => super::wait::duration(text).map(|wait| wait.as_secs_f64()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// True when a JSON body is an error and not an answer; `bad_status`: the HTTP status says so already.
pub(super) fn is_failure(fields: &Map<String, Value>, bad_status: bool) -> bool {
    if bad_status || fields.get("error").is_some_and(|error| is_filled(error) || error == &Value::Bool(true) || error.is_object())
    {
        return true;
    }
    if ["choices", "candidates", "content", "output", "tags"].iter().any(|key| fields.contains_key(*key)) {
        return false;
    }
    let is = |key: &str, word: &str| fields.get(key).and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case(word));
    let no = |key: &str| fields.get(key) == Some(&Value::Bool(false));
    let filled = |key: &str| fields.get(key).is_some_and(is_filled);
    no("success") || no("ok") || no("status") || is("type", "error") || is("object", "error") || is("status", "error") || is("status", "failure")
        || filled("errors") || filled("detail") || filled("error_message") || filled("msg")
        // Mistral and Cohere: {"message": "Unauthorized"}; Ollama's answer also has a `message`, but as an object.
        || fields.get("message").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn innermost_message_wins_through_every_kind_of_wrapping() {
        let raw = json!({"error": {"code": 400, "message": "User location is not supported"}}).to_string();
        for value in [
            json!({"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": raw, "provider_name": "Google"}}}),
            json!([{"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": {"__kind": "OK", "data": raw}, "provider_name": "Google"}}}]),
            json!({"error": {"code": 502, "message": format!("Error from provider: {raw}"), "metadata": {"provider_name": "Google"}}}),
            json!({"error": {"error": {"error": json!({"error": {"message": "User location is not supported"}}).to_string()}}, "code": "502", "provider_name": "Google"}),
        ] {
            let found = Failure::gathered(&value);
            assert_eq!(found.message(), Some("User location is not supported"), "{value}");
            assert_eq!(found.code(), Some(502), "{value}");
            assert_eq!(found.provider.as_deref(), Some("Google"), "{value}");
        }
    }

    #[test]
    fn a_bare_string_is_a_message() {
        assert_eq!(Failure::gathered(&json!({"error": "model 'x' not found"})).message(), Some("model 'x' not found"));
        assert_eq!(Failure::gathered(&json!({"error": "\"quoted twice\""})).message(), Some("quoted twice"));
    }

    #[test]
    fn a_provider_code_inside_raw_is_told_from_the_router_code() {
        let found = Failure::gathered(&json!({"error": {"code": 502, "metadata": {"raw": "{\"error\":{\"code\":400}}"}}}));
        assert_eq!((found.code(), found.inner_code()), (Some(502), Some(400)));
    }

    #[test]
    fn google_retry_delay_is_read_from_the_details() {
        let found = Failure::gathered(
            &json!({"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"@type": "RetryInfo", "retryDelay": "23.5s"}]}}),
        );
        assert_eq!(found.retry_seconds, Some(23.5));
        assert_eq!(found.labels, ["resource_exhausted"]);
    }
}
