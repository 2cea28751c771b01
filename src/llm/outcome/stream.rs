//! Puts an event stream together, for servers that stream although plain JSON was asked for.
//! It is no streaming client: the whole body is there already.

use serde_json::Value;

use super::body::Body;
use super::completion::{Answer, usage};
use super::failure::{Failure, is_failure};
use crate::text::first_chars;

/// True when the first line is one of an event stream; `: OPENROUTER PROCESSING` is a comment of it.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.starts_with(':') || ["data:", "event:", "id:", "retry:"].iter().any(|field| text.starts_with(field))
}

/// Assembles the chunks of a stream.
pub(super) fn read(text: &str, bad_status: bool) -> Body {
    let mut stream = Assembly::default();
    let mut pending = String::new();
    let mut rest_is_json = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(data) = line.strip_prefix("data:") {
            let data = data.trim();
            if data == "[DONE]" {
                stream.done = true;
            } else if pending.is_empty() && stream.take(data) {
                // One chunk a line, as everyone sends it.
            } else {
                pending.push_str(data);
                pending.push('\n');
            }
        } else if line.trim().is_empty() {
            stream.take_rest(&mut pending);
        } else if line.starts_with(['{', '[']) && !stream.started && pending.is_empty() {
            // Keep-alive comments, then plain JSON.
            rest_is_json = Some(start);
            break;
        }
    }
    if let Some(start) = rest_is_json {
        return Body::read(if bad_status { 500 } else { 200 }, &text.as_bytes()[start..]);
    }
    stream.take_rest(&mut pending);
    stream.end(bad_status)
}

#[derive(Default)]
struct Assembly {
    answer: Answer,
    failure: Option<Failure>,
    broken: Option<String>,
    started: bool,
    done: bool,
}

impl Assembly {
    /// Takes one chunk; false when it is not JSON.
    fn take(&mut self, data: &str) -> bool {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(data) else { return false };
        self.started = true;
        self.broken = None;
        self.answer.add_usage(if fields.get("usage").is_some_and(Value::is_object) {
            usage(&fields)
        } else {
            crate::llm::Usage::default()
        });
        if self.answer.id.is_none() {
            self.answer.id = fields.get("id").and_then(Value::as_str).map(str::to_owned);
        }
        let choice = fields.get("choices").and_then(|choices| choices.get(0)).and_then(Value::as_object).cloned();
        if self.failure.is_none() {
            if is_failure(&fields, false) {
                self.failure = Some(Failure::gathered(&Value::Object(fields)));
            } else if let Some(choice) =
                choice.as_ref().filter(|choice| choice.get("error").is_some_and(|error| !error.is_null()))
            {
                self.failure = Some(Failure::gathered(&Value::Object(choice.clone())));
            }
        }
        if let Some(choice) = choice {
            self.answer.take_choice(&choice);
        }
        true
    }

    /// Takes an event whose data stood on several lines, or notes that it is broken.
    fn take_rest(&mut self, pending: &mut String) {
        let data = std::mem::take(pending);
        if !data.is_empty() && !self.take(&data) {
            self.started = true;
            self.broken = Some(first_chars(&data, 200).to_owned());
        }
    }

    fn end(self, bad_status: bool) -> Body {
        if let Some(failure) = self.failure {
            return Body::Failure(Box::new(failure));
        }
        match self.broken {
            Some(data) if bad_status => Body::Failure(Box::new(Failure::in_words(&data))),
            // The last event broken and no end mark: the connection was lost inside it.
            Some(_) if !self.done && !self.answer.content.is_empty() => Body::Cut,
            Some(data) => Body::Malformed(data),
            None if bad_status => Body::Failure(Box::default()),
            None if !self.started => Body::Empty,
            None if !self.done && self.answer.finish.is_empty() => Body::Cut,
            None => Body::Answer(Box::new(self.answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(content: &str, finish: &str) -> String {
        let finish = if finish.is_empty() { Value::Null } else { Value::from(finish) };
        let value = serde_json::json!({"id": "gen-1", "choices": [{"delta": {"content": content}, "finish_reason": finish}]});
        format!("data: {value}\r\n\r\n")
    }

    #[test]
    fn deltas_are_put_together_past_keep_alive_comments() {
        let text = format!(
            ": OPENROUTER PROCESSING\n\n{}: x\n\n{}{}data: [DONE]\n\n",
            chunk("[\"а\"", ""),
            chunk(",\"б\"]", ""),
            chunk("", "stop")
        );
        let Body::Answer(answer) = read(&text, false) else { panic!("not an answer") };
        assert_eq!(
            (answer.content.as_str(), answer.finish.as_str(), answer.id.as_deref()),
            ("[\"а\",\"б\"]", "stop", Some("gen-1"))
        );
    }

    #[test]
    fn a_stream_without_an_end_is_cut_and_not_an_answer() {
        assert!(matches!(read(&chunk("Hello", ""), false), Body::Cut));
        assert!(matches!(read(&format!("{}data: {{\"choi", chunk("Hello", "")), false), Body::Cut));
        assert!(matches!(read("data: {unparsable}\n\ndata: [DONE]\n\n", false), Body::Malformed(_)));
        assert!(matches!(read(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n", false), Body::Empty));
    }

    #[test]
    fn an_error_chunk_midway_is_a_failure() {
        let text = format!(
            "{}data: {{\"error\":{{\"code\":429,\"message\":\"late\"}},\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"error\"}}]}}\n\n",
            chunk("[\"а\"", "")
        );
        let Body::Failure(failure) = read(&text, false) else { panic!("not a failure") };
        assert_eq!(failure.code(), Some(429));
    }

    #[test]
    fn plain_json_after_comments_is_read_as_json() {
        let Body::Answer(answer) = read(": OPENROUTER PROCESSING\n\n{\"choices\":[\n{\"message\":{\"content\":\"x\"}}]}", false)
        else {
            panic!("not an answer")
        };
        assert_eq!(answer.content, "x");
    }
}
