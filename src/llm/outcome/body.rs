//! Tells what kind of body came back: an answer, a failure, an event stream, a web page, nothing, or rubble.
//! It does not judge the answer; that is `classify`.

use serde_json::Value;

use super::completion::Answer;
use super::failure::{Failure, is_failure};
use super::stream;
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
            Value::Object(fields) => Answer::from_object(&fields),
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
                let read = |length: usize| {
                    text.get(at..at + length).and_then(|escape| serde_json::from_str::<String>(&format!("\"{escape}\"")).ok())
                };
                let surrogate = text[at + 1..].starts_with("ud") || text[at + 1..].starts_with("uD");
                let next = text[at + 1..].chars().next().map_or(0, char::len_utf8);
                let (kept, length) = match surrogate {
                    true if read(12).is_some() => (&text[at..at + 12], 12),
                    true if read(6).is_none() => {
                        ("\\ufffd", text[at..].char_indices().nth(6).map_or(text.len() - at, |(length, _)| length))
                    }
                    true | false => (&text[at..=at + next], 1 + next),
                };
                mended.push_str(kept);
                while chars.offset() < at + length && chars.next().is_some() {}
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
    use crate::llm::Usage;
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
