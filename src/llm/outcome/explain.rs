//! What `tagdeck explain` prints about one recorded response.
//! It reads no file and prints nothing; the command does.

use serde::Serialize;
use serde_json::Value;

use super::{Headers, action, classify};
use crate::domain::{Action, Millis, Outcome};
use crate::llm::Wait;
use crate::text::Safe;

/// One line of `explain`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The file as named.
    pub file: Safe,
    /// What the engine would do, as if one other model of the route were healthy.
    pub action: Action,
    /// What the response came to.
    pub outcome: Outcome,
    /// How long the response asks to wait, milliseconds from now.
    pub wait_ms: Option<u64>,
    /// Tags found.
    pub tags: Vec<String>,
    /// Cause in words.
    pub reason: Safe,
}

/// A file that is no recorded response.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Not JSON at all.
    #[error("{file} is not JSON: {why}; expected {{\"http_status\": 200, \"headers\": {{…}}, \"body\": \"…\"}}")]
    NotJson {
        /// The file as named.
        file: Safe,
        /// Line, column and cause.
        why: serde_json::Error,
    },
    /// JSON, but not of the expected shape.
    #[error("{file}: {what}; expected {{\"http_status\": 200, \"headers\": {{…}}, \"body\": \"…\"}}")]
    Shape {
        /// The file as named.
        file: Safe,
        /// What is missing or wrong.
        what: &'static str,
    },
}

/// Judges one recorded response: `{"http_status", "headers", "body"}`, where `body` is a string or a JSON value.
pub fn explain(file_name: &str, content: &[u8], now: Millis) -> Result<Explained, ExplainError> {
    let file = Safe::line(file_name);
    let wrong = |what| ExplainError::Shape { file: file.clone(), what };
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let value: Value = serde_json::from_slice(content).map_err(|why| ExplainError::NotJson { file: file.clone(), why })?;
    let Value::Object(fields) = value else { return Err(wrong("it is not a JSON object")) };
    let status = match fields.get("http_status").or_else(|| fields.get("status")) {
        // A call that got no answer at all.
        Some(Value::Null) => 0,
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| wrong("`http_status` is no HTTP status"))?,
        Some(Value::String(text)) => text.trim().parse().map_err(|_| wrong("`http_status` is no HTTP status"))?,
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return Err(wrong("`http_status` is no HTTP status")),
        None => return Err(wrong("`http_status` is missing")),
    };
    let mut headers = Headers::default();
    match fields.get("headers") {
        Some(Value::Object(pairs)) => headers.extend_from(pairs),
        None | Some(Value::Null) => {}
        Some(_) => return Err(wrong("`headers` is not an object")),
    }
    let body = match fields.get("body").or_else(|| fields.get("error")) {
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(Value::Null) => Vec::new(),
        Some(value) => value.to_string().into_bytes(),
        None => return Err(wrong("`body` is missing")),
    };
    let verdict = classify(status, &headers, &body, now);
    let wait_ms = verdict.wait.map(|wait| match wait {
        Wait::For(wait) => u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        Wait::Until(time) => u64::try_from(time.saturating_sub(now)).unwrap_or(0),
    });
    Ok(Explained {
        file,
        action: action(verdict.outcome, verdict.wait),
        outcome: verdict.outcome,
        wait_ms,
        tags: verdict.tags,
        reason: verdict.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_promised_keys_in_order() {
        let file = br#"{"http_status":200,"headers":{},"body":{"choices":[{"message":{"content":"{\"tags\":[\"\u043d\u0430\u0443\u043a\u0430\"]}"}}]}}"#;
        let line = serde_json::to_string(&explain("a.json", file, 0).unwrap()).unwrap();
        assert_eq!(
            line,
            r#"{"file":"a.json","action":"success","outcome":"success","wait_ms":null,"tags":["наука"],"reason":"tags found: 1"}"#
        );
    }

    #[test]
    fn a_wrong_file_is_named_with_what_is_wrong() {
        assert!(explain("x\u{1b}.json", b"{", 0).unwrap_err().to_string().starts_with("x␛.json is not JSON: EOF"));
        assert!(explain("x.json", b"[]", 0).unwrap_err().to_string().contains("x.json: it is not a JSON object"));
        assert!(explain("x.json", br#"{"body":""}"#, 0).unwrap_err().to_string().contains("`http_status` is missing"));
        assert!(explain("x.json", br#"{"http_status":200}"#, 0).unwrap_err().to_string().contains("`body` is missing"));
    }

    #[test]
    fn a_call_without_an_answer_is_explained_by_its_error() {
        let told =
            |error: &str| explain("x", format!(r#"{{"http_status":null,"error":"{error}"}}"#).as_bytes(), 0).unwrap().action;
        assert_eq!(told("invalid peer certificate"), Action::PauseEngine);
        assert_eq!(told("connection refused"), Action::RetrySameModel);
    }
}
