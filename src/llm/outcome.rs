//! Tells what a response came to: [`classify`] is FAILURES.md's table as one pure function, [`action`] its second column.
//! It sends nothing and waits for nothing.

mod body;
mod completion;
mod explain;
mod failure;
mod stream;
mod wait;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use self::body::Body;
use self::completion::Answer;
pub use self::explain::{ExplainError, Explained, explain};
use self::failure::Failure;
use super::answer::{self, Found};
use super::{Verdict, Wait};
use crate::domain::{Action, Millis, Outcome};
use crate::text::{Safe, first_chars};

/// The body is capped here while it comes in; what is longer is not read at all.
pub const MAX_BODY: usize = 1 << 20;
/// Characters of a reason.
const MAX_REASON: usize = 300;
/// Characters of an answer kept for the repair prompt.
const MAX_ANSWER: usize = 2000;

/// Headers of a response, looked up without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Adds one pair; earlier pairs of the same name stay first.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// What a person looks for after a failure: how long to wait, what is left of a limit, the ids to quote to a provider, who
    /// answered at all. Short, and none that could carry a secret.
    pub fn telling(&self) -> BTreeMap<String, String> {
        const NAMES: [&str; 9] = [
            "retry-after",
            "x-request-id",
            "request-id",
            "x-generation-id",
            "cf-ray",
            "server",
            "content-type",
            "x-error-code",
            "x-should-retry",
        ];
        let tells = |name: &str| NAMES.contains(&name) || name.starts_with("x-ratelimit-");
        let lower = self.0.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        lower.filter(|(name, _)| tells(name)).map(|(name, value)| (name, first_chars(value, 200).to_owned())).take(24).collect()
    }

    /// Adds the pairs of a JSON object whose values are strings, numbers or arrays of them.
    fn extend_from(&mut self, pairs: &serde_json::Map<String, Value>) {
        for (name, value) in pairs {
            match value {
                Value::String(text) => self.push(name, text),
                Value::Number(number) => self.push(name, number.to_string()),
                Value::Array(values) => values.iter().filter_map(Value::as_str).for_each(|text| self.push(name, text)),
                Value::Null | Value::Bool(_) | Value::Object(_) => {}
            }
        }
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// What a response came to; `status` 0 means that none came. Linear in the body, never panics.
pub fn classify(status: u16, headers: &Headers, body: &[u8], now: Millis) -> Verdict {
    let good = (200..300).contains(&status);
    if good && body.len() > MAX_BODY {
        return Verdict::plain(Outcome::BodyTooLarge, Safe::fixed("the answer is longer than 1 MiB"));
    }
    let body = &body[..body.len().min(MAX_BODY)];
    if status == 0 {
        return no_answer(body);
    }
    let mut verdict = match Body::read(status, body) {
        Body::Answer(answer) => judge(*answer),
        Body::Failure(failure) => {
            let meaning = words::meaning(status, headers, &failure);
            let mut verdict = Verdict::plain(meaning.outcome, reason_of(status, &failure));
            verdict.wait = wait::hint(meaning.outcome, headers, &failure, now);
            verdict.parameter = meaning.parameter;
            verdict
        }
        Body::Empty => Verdict::plain(Outcome::EmptyAnswer, Safe::fixed("the body is empty")),
        Body::Html(title) => Verdict::plain(Outcome::Html, reason(&format!("a web page instead of an answer: {title}"))),
        Body::Cut => Verdict::plain(Outcome::AnswerError, Safe::fixed("the answer was cut off midway")),
        Body::Malformed(start) => {
            Verdict::plain(Outcome::Malformed, reason(&format!("neither JSON nor an event stream: {start}")))
        }
        Body::NotUtf8 => Verdict::plain(Outcome::NotUtf8, Safe::fixed("more than 5 % of the answer is not UTF-8")),
    };
    if verdict.request_id.is_none() {
        let header = ["x-generation-id", "x-request-id", "request-id", "cf-ray"].iter().find_map(|name| headers.get(name));
        verdict.request_id = header.map(|id| Safe::line(id).clipped(200).to_string());
    }
    verdict
}

/// What the engine does about an outcome, as if one other model of the route were healthy (FAILURES.md).
///
/// A limited model is left alone then, however short its limit; `wait` only turns "the same model again" into "after the time it names".
pub const fn action(outcome: Outcome, wait: Option<Wait>) -> Action {
    match outcome {
        Outcome::Success | Outcome::NoTopic => Action::Success,
        Outcome::ServerError | Outcome::Timeout => match wait {
            Some(_) => Action::RetryAfter,
            None => Action::RetrySameModel,
        },
        Outcome::Unreachable
        | Outcome::ContextLength
        | Outcome::FormatUnsupported
        | Outcome::ParameterUnsupported
        | Outcome::TooLarge
        | Outcome::EmptyAnswer
        | Outcome::ReasoningOnly
        | Outcome::Truncated
        | Outcome::AnswerError
        | Outcome::NotTags
        | Outcome::Malformed
        | Outcome::NotUtf8
        | Outcome::Cancelled
        | Outcome::Unknown => Action::RetrySameModel,
        Outcome::InFlightBudget | Outcome::FreePerMinute | Outcome::Loading => Action::RetryAfter,
        Outcome::ModelGone
        | Outcome::BadRequest
        | Outcome::Moderated
        | Outcome::Region
        | Outcome::RateLimited
        | Outcome::ProviderRejected
        | Outcome::Html
        | Outcome::BodyTooLarge => Action::NextModel,
        Outcome::Tls | Outcome::BadKey | Outcome::OutOfCredit | Outcome::KeyLimit | Outcome::FreeDaily => Action::PauseEngine,
    }
}

/// Judges a completion: its finish, then its content.
fn judge(answer: Answer) -> Verdict {
    let cut = is_any(&answer, &["length", "max_tokens", "max_output_tokens", "model_length"]);
    let found = answer::salvage(&answer.content, cut);
    let tags = match &found {
        Found::Tags(raw) => answer::normalise(raw.iter().cloned()),
        Found::NoTopic | Found::Refusal(_) | Found::Nothing => Vec::new(),
    };
    let thought_only = answer::without_thinking(&answer.content).trim().is_empty();
    let (outcome, why): (_, Cow<str>) = if is_any(&answer, &FILTERED) {
        (Outcome::Moderated, format!("the answer was stopped by a filter ({})", finish_of(&answer)).into())
    } else if is_any(&answer, &FAILED) {
        (Outcome::AnswerError, format!("the model broke off with an error ({})", finish_of(&answer)).into())
    } else if !tags.is_empty() {
        (Outcome::Success, format!("tags found: {}", tags.len()).into())
    } else if !answer.refusal.trim().is_empty() {
        (Outcome::Moderated, format!("the model refused: {}", answer.refusal).into())
    } else if let Found::Refusal(words) = &found {
        (Outcome::Moderated, format!("the model refused: {words}").into())
    } else if found == Found::NoTopic {
        (Outcome::NoTopic, "the model found no topic".into())
    } else if thought_only && (answer.has_reasoning || !answer.content.trim().is_empty()) {
        (
            Outcome::ReasoningOnly,
            if cut { "the tokens ran out while the model was still reasoning" } else { "reasoning, but no answer" }.into(),
        )
    } else if cut {
        (Outcome::Truncated, "cut off at the token limit before a complete tag".into())
    } else if thought_only {
        (
            Outcome::EmptyAnswer,
            if answer.has_tool_call { "the model called a tool instead of answering" } else { "the answer is empty" }.into(),
        )
    } else {
        (Outcome::NotTags, format!("no tags in the answer: {}", first_chars(&answer.content, 200)).into())
    };
    let mut verdict = Verdict::plain(outcome, reason(&why));
    verdict.answered = !thought_only;
    if matches!(outcome, Outcome::NotTags) {
        verdict.answer = Some(first_chars(&answer.content, MAX_ANSWER).to_owned());
    }
    if matches!(outcome, Outcome::Success) {
        verdict.tags = tags;
    }
    verdict.usage = answer.usage;
    verdict.request_id = answer.id.map(|id| Safe::line(&id).clipped(200).to_string());
    verdict
}

/// Finish reasons of a filter, in the words of OpenAI, Google, Anthropic and Chinese providers.
const FILTERED: [&str; 11] = [
    "content_filter",
    "safety",
    "prohibited_content",
    "blocklist",
    "recitation",
    "spii",
    "refusal",
    "sensitive",
    "content_filtered",
    "guardrail_intervened",
    "blacklist",
];
/// Finish reasons of an answer that broke.
const FAILED: [&str; 8] = [
    "error",
    "network_error",
    "malformed_function_call",
    "abort",
    "aborted",
    "insufficient_system_resource",
    "engine_overloaded",
    "unexpected_tool_call",
];

fn is_any(answer: &Answer, reasons: &[&str]) -> bool {
    reasons.contains(&answer.finish.as_str()) || reasons.contains(&answer.native_finish.as_str())
}

fn finish_of(answer: &Answer) -> &str {
    if answer.native_finish.is_empty() { &answer.finish } else { &answer.native_finish }
}

/// No status at all: what the transport said, in a recorded response.
fn no_answer(body: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let outcome = if says(&["certificate", "tls", "ssl"]) {
        Outcome::Tls
    } else if says(&["timed out", "timeout", "deadline"]) {
        Outcome::Timeout
    } else {
        Outcome::Unreachable
    };
    Verdict::plain(outcome, if text.trim().is_empty() { Safe::fixed("no answer came") } else { reason(&text) })
}

fn reason_of(status: u16, failure: &Failure) -> Safe {
    let said = failure.message().unwrap_or_default();
    let label = failure.labels.first().map_or("", String::as_str);
    let code = failure.code().unwrap_or(status);
    let words = match (said.is_empty(), label.is_empty()) {
        (false, _) => Cow::from(said),
        (true, false) => Cow::from(format!("{code} {label}")),
        (true, true) => Cow::from(format!("{code} without a reason")),
    };
    match &failure.provider {
        Some(provider) => reason(&format!("{provider}: {words}")),
        None => reason(&words),
    }
}

/// One line in words, safe to show, with nothing in it that looks like a key.
fn reason(words: &str) -> Safe {
    let line = Safe::line(&without_keys(first_chars(words, 2 * MAX_REASON)));
    if line.chars().count() <= MAX_REASON { line } else { Safe::line(&format!("{}…", first_chars(&line, MAX_REASON - 1))) }
}

/// Servers quote the key they refuse; no log or table of ours may keep it.
fn without_keys(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut after_bearer = false;
    for piece in words.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | '(' | ')' | '=' | ':'))
    {
        let body = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*');
        let key = ["sk-", "gsk_", "hf_", "AIza", "xai-", "nvapi-", "pplx-", "csk-"]
            .iter()
            .any(|start| body.starts_with(start) && body.len() > start.len() + 3);
        if key || after_bearer && body.len() > 8 {
            out.push('…');
            out.push_str(&piece[body.len()..]);
        } else {
            out.push_str(piece);
        }
        if !body.is_empty() {
            after_bearer = body.eq_ignore_ascii_case("bearer");
        }
    }
    out
}

#[cfg(test)]
mod tests;
