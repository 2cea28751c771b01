//! What the service, or the gateway before it, answered, judged: a result, lost, busy, refused.
//! It sends nothing; a judgement is about one answer alone.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

use super::below_http;
use super::lookout::Keys;
use crate::ocr::remote::{quoted, seconds};
use crate::text::Safe;

/// Most bytes of an answer: a page with its JSON is below 1 MB.
const BODY_CAP: usize = 32 << 20;
/// Longest wait that a server can ask for.
const LONGEST_WAIT: u64 = 120;

/// See the module. Words say what came, never what follows from it.
#[derive(Debug)]
pub(super) enum Answer {
    /// The image was read.
    Result(Box<Result>),
    /// No answer; the work may go on behind it.
    Lost(Safe),
    /// Not taken on now; with the wait it asks for.
    Busy(Safe, Option<Duration>),
    /// A success that cannot be understood.
    Unreadable(Safe),
    /// The service could not do it.
    Failed(Safe),
    /// It does not want this image.
    BadImage(Safe),
    /// It will not or cannot be asked like this: key, address.
    Wrong(Safe),
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Result {
    pub markdown: String,
    pub json: Option<Value>,
    /// It was not sent and lies there.
    pub keys: Option<Keys>,
}

/// The reply, as far as it matters here.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    markdown_text: Option<String>,
    #[serde(default)]
    json_data: Option<Value>,
    #[serde(default)]
    s3_files: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    detail: Option<Value>,
}

/// A request that got no status line.
pub(super) fn unsent(error: &reqwest::Error, after: Duration) -> Answer {
    let (cause, after) = (below_http(error), seconds(after));
    if error.is_connect() || error.is_builder() {
        return Answer::Wrong(Safe::line(&format!("it is not reachable ({cause}); check ocr.service.url and whether it runs")));
    }
    let why = if error.is_timeout() {
        format!("no answer within {after}")
    } else {
        format!("the connection was cut after {after} ({cause})")
    };
    Answer::Lost(Safe::line(&why))
}

/// A connection that ended within the body.
pub(super) fn cut(status: u16, cause: &Safe, after: Duration) -> Answer {
    Answer::Lost(Safe::line(&format!("the answer (HTTP {status}) was cut off after {} ({cause})", seconds(after))))
}

/// Seconds, or nothing that we understand; a date is not worth its parser.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(value.min(LONGEST_WAIT)))
}

/// The whole body, up to its cap; the error is why it is not whole.
pub(super) async fn body(mut response: reqwest::Response) -> std::result::Result<Bytes, Safe> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_CAP => {
                return Err(Safe::line(&format!("over {} MB", BODY_CAP >> 20)));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(below_http(&error)),
        }
    }
}

/// What a whole answer means.
pub(super) fn judge(status: u16, again: Option<Duration>, body: &[u8], after: Duration, secrets: &[String]) -> Answer {
    let text = String::from_utf8_lossy(body);
    let words = || said(&text, secrets);
    let line = |told: String| Safe::line(&told);
    match status {
        200..=299 => success(&text, secrets),
        408 | 502 | 504 | 520 | 522 | 523 | 524 => Answer::Lost(line(format!("HTTP {status} after {}", seconds(after)))),
        429 | 503 => Answer::Busy(line(format!("it is busy or starting (HTTP {status}{})", words())), again),
        401 | 403 => {
            let remedy = "check the key in the variable that ocr.service.api_key_env names";
            Answer::Wrong(line(format!("it does not accept the key (HTTP {status}{}); {remedy}", words())))
        }
        300..=399 | 404 | 405 | 410 => {
            Answer::Wrong(line(format!("there is no /ocr at this address (HTTP {status}{}); check ocr.service.url", words())))
        }
        413 => Answer::BadImage(line(format!("the image is too large for it (HTTP 413{})", words()))),
        400..=499 => Answer::BadImage(line(format!("it refused the image (HTTP {status}{})", words()))),
        _ => Answer::Failed(line(format!("it failed (HTTP {status}{})", words()))),
    }
}

fn success(text: &str, secrets: &[String]) -> Answer {
    let reply: Reply = match serde_json::from_str(text) {
        Ok(reply) => reply,
        Err(error) => {
            let looks = if text.trim_start().starts_with('<') { "it is HTML: a gateway or another server" } else { "no JSON" };
            return Answer::Unreadable(Safe::line(&format!(
                "it answered with what is no reply of the service ({looks}, {error})"
            )));
        }
    };
    let status = reply.status.as_deref().unwrap_or("success");
    if matches!(status.to_ascii_lowercase().as_str(), "error" | "failed" | "failure") {
        return Answer::Failed(Safe::line(&format!("it answered \"{}\"{}", quoted(status, secrets), said(text, secrets))));
    }
    let json = reply.json_data.filter(|json| !json.is_null());
    if let Some(markdown) = reply.markdown_text {
        return Answer::Result(Box::new(Result { markdown, json, keys: None }));
    }
    if json.is_some() {
        return Answer::Result(Box::new(Result { markdown: String::new(), json, keys: None }));
    }
    let key = reply.s3_files.as_ref().and_then(|files| files.get("s3_key_markdown")).and_then(Value::as_str);
    if let Some(keys) = key.and_then(Keys::of) {
        Answer::Result(Box::new(Result { keys: Some(keys), ..Result::default() }))
    } else {
        let told = reply.error.or(reply.detail).or(reply.s3_files).map(|error| error.to_string()).unwrap_or_default();
        let told = quoted(&told, secrets);
        Answer::Unreadable(Safe::line(&format!("it answered without a text and without a key in the bucket ({told})")))
    }
}

/// An error body in words: `: …`, or nothing.
fn said(text: &str, secrets: &[String]) -> String {
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let found = parsed.as_ref().and_then(|value| {
        let known = ["detail", "error", "message"].iter().find_map(|key| value.get(key))?;
        let inner = known.get("message").unwrap_or(known);
        Some(inner.as_str().map_or_else(|| inner.to_string(), str::to_owned))
    });
    let text = match found {
        Some(found) => found,
        None if text.trim_start().starts_with('<') => return String::new(),
        None => text.to_owned(),
    };
    let shown = quoted(&text, secrets);
    if shown.is_empty() { String::new() } else { format!(": {shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: &str) -> Answer {
        judge(status, None, body.as_bytes(), Duration::from_secs(2), &["key-1234567".to_owned()])
    }

    #[test]
    fn a_gateway_that_gives_up_is_no_failure() {
        for status in [408, 502, 504, 524] {
            assert!(matches!(answer(status, "<html>Bad Gateway</html>"), Answer::Lost(_)), "{status}");
        }
    }

    #[test]
    fn errors_are_told_apart_and_never_hold_the_key() {
        for (status, wanted) in
            [(401, "wrong"), (404, "wrong"), (302, "wrong"), (413, "image"), (422, "image"), (500, "failed"), (503, "busy")]
        {
            let came = answer(status, r#"{"detail":"key key-1234567 is unknown\u001b[2J"}"#);
            let (kind, words) = match came {
                Answer::Wrong(words) => ("wrong", words),
                Answer::BadImage(words) => ("image", words),
                Answer::Failed(words) => ("failed", words),
                Answer::Busy(words, _) => ("busy", words),
                other => panic!("{status}: {other:?}"),
            };
            assert_eq!(kind, wanted, "{status}");
            assert!(words.contains("*** is unknown␛[2J") && !words.contains("key-1234567"), "{words}");
        }
    }

    #[test]
    fn a_result_is_the_text_or_the_key_under_which_it_lies() {
        let text = json!({"status": "success", "markdown_text": "# Счёт", "json_data": {"width": 1}, "elapsed_sec": 31.2});
        let Answer::Result(result) = answer(200, &text.to_string()) else { panic!() };
        assert_eq!((result.markdown.as_str(), result.json.is_some(), result.keys.is_none()), ("# Счёт", true, true));
        let key = "ocr-results/20261122_101500_page.md";
        let lies = json!({"status": "success", "s3_files": {"status": "uploaded", "s3_key_markdown": key, "s3_key_json": "x"}});
        let Answer::Result(result) = answer(200, &lies.to_string()) else { panic!() };
        assert_eq!(result.keys.unwrap().markdown, key);
    }

    #[test]
    fn what_is_no_reply_is_never_a_result() {
        let hostile = r#"{"status":"success","s3_files":{"s3_key_markdown":"../../etc/passwd"}}"#;
        for body in ["", "null", "<html>login</html>", "{", "[]", "{\"status\":\"success\"}", hostile] {
            assert!(matches!(answer(200, body), Answer::Unreadable(_)), "{body}");
        }
        assert!(matches!(answer(200, r#"{"status":"error","error":"CUDA out of memory"}"#), Answer::Failed(_)));
    }
}
