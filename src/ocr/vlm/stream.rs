//! The answer as it streams in: its text, ended at once when it begins to repeat itself; what it cost.
//! A server that does not stream answers with one JSON object, which is read the same.

use bytes::BytesMut;
use serde_json::Value;

use super::turns::repeats_from;

/// Bytes of a stream that are read, and of one line of it.
const MOST_BYTES: usize = 32 << 20;
/// Bytes of an error's body that are looked at.
const SHORT: usize = 16 << 10;
/// New bytes of text between two looks for a repetition.
const LOOK: usize = 400;

/// Tokens of the request and of the answer, and the price in millionths of a dollar.
pub(super) type Usage = (Option<i64>, Option<i64>, Option<i64>);

/// What came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub text: String,
    pub finish: Finish,
    pub usage: Usage,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Finish {
    #[default]
    Whole,
    /// At the token limit.
    Length,
    /// By us; the text is cut where the second turn began.
    Repeats,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    Transport(reqwest::Error),
    /// In the server's words.
    Said(String),
}

/// Reads a 2xx answer to its end, or to where it repeats itself: the connection is then closed, which ends the model's work.
pub(super) async fn read(mut response: reqwest::Response) -> Result<Answer, Broken> {
    let (mut reading, mut buffer, mut total) = (Reading::default(), BytesMut::new(), 0);
    while let Some(chunk) = response.chunk().await.map_err(Broken::Transport)? {
        total += chunk.len();
        if total > MOST_BYTES {
            return Err(Broken::Said(format!("the answer has over {} MB", MOST_BYTES >> 20)));
        }
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(end + 1);
            reading.line(&String::from_utf8_lossy(&line))?;
        }
        if reading.done || reading.repeats() {
            return Ok(reading.answer);
        }
    }
    reading.line(&String::from_utf8_lossy(&buffer))?;
    reading.end()
}

/// The beginning of an error's body.
pub(super) async fn short(mut response: reqwest::Response) -> String {
    let mut body = Vec::new();
    while body.len() < SHORT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// What an error body says.
pub(super) fn error_words(body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let said = parsed.as_ref().and_then(said);
    said.unwrap_or_else(|| if body.trim_start().starts_with('<') { "an HTML page".to_owned() } else { body.to_owned() })
}

fn said(value: &Value) -> Option<String> {
    let error = value.get("error").filter(|error| !error.is_null())?;
    let message = error.get("message").unwrap_or(error);
    Some(message.as_str().map_or_else(|| message.to_string(), str::to_owned))
}

#[derive(Default)]
struct Reading {
    answer: Answer,
    /// Lines that belong to no stream: a JSON object, perhaps over several lines.
    plain: String,
    streamed: bool,
    done: bool,
    looked_at: usize,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), Broken> {
        let line = line.trim_end_matches(['\r', '\n']);
        let Some(payload) = line.strip_prefix("data:") else {
            // `: comment`, `event:`, `id:` and empty lines are the stream's own.
            if !self.streamed && !line.starts_with(':') && !line.starts_with("event:") {
                self.plain.push_str(line);
                self.plain.push('\n');
            }
            return Ok(());
        };
        self.streamed = true;
        match payload.trim() {
            "[DONE]" => self.done = true,
            "" => {}
            payload => {
                let value: Value = serde_json::from_str(payload)
                    .map_err(|error| Broken::Said(format!("a piece of the answer is no JSON: {error}")))?;
                self.take(&value, "delta")?;
            }
        }
        Ok(())
    }

    /// A piece of the stream, or the whole answer; `part`: what its text is in.
    fn take(&mut self, value: &Value, part: &str) -> Result<(), Broken> {
        if let Some(words) = said(value).or_else(|| value.pointer("/choices/0").and_then(said)) {
            return Err(Broken::Said(words));
        }
        if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
            let tokens = |key: &str| usage.get(key).and_then(Value::as_i64);
            let cost = usage.get("cost").and_then(Value::as_f64).filter(|cost| (0.0..=1e6).contains(cost));
            self.answer.usage =
                (tokens("prompt_tokens"), tokens("completion_tokens"), cost.map(|cost| (cost * 1e6).round() as i64));
        }
        let Some(choice) = value.pointer("/choices/0") else { return Ok(()) };
        let content = choice.get(part).or_else(|| choice.get("message")).and_then(|part| part.get("content"));
        match content {
            Some(Value::String(text)) => self.answer.text.push_str(text),
            Some(Value::Array(parts)) => {
                let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
                texts.for_each(|text| self.answer.text.push_str(text));
            }
            _ => {}
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            Some("length") => self.answer.finish = Finish::Length,
            Some("content_filter") => return Err(Broken::Said("the provider's filter ended the answer".to_owned())),
            Some("error") => return Err(Broken::Said("the provider ended the answer with an error".to_owned())),
            _ => {}
        }
        Ok(())
    }

    fn repeats(&mut self) -> bool {
        if self.answer.text.len() < self.looked_at + LOOK {
            return false;
        }
        self.looked_at = self.answer.text.len();
        let Some(at) = repeats_from(&self.answer.text) else { return false };
        self.answer.text.truncate(at);
        self.answer.finish = Finish::Repeats;
        true
    }

    fn end(mut self) -> Result<Answer, Broken> {
        if !self.streamed {
            let plain = std::mem::take(&mut self.plain);
            let value: Value = serde_json::from_str(&plain)
                .map_err(|_| Broken::Said(format!("neither a stream nor JSON: {}", error_words(&plain))))?;
            self.take(&value, "message")?;
        }
        if self.answer.finish == Finish::Whole {
            self.looked_at = 0;
            self.repeats();
        }
        Ok(self.answer)
    }
}
