//! LOCAL STAND-IN, NOT TO BE MERGED: the real classifier is written in another worktree.
//! It only lets the wire compile and its tests tell an answer from an error.

use crate::domain::{Millis, Outcome};
use crate::llm::Verdict;
use crate::text::Safe;

/// Response headers, looked up without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first header of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Tells success from failure by the status alone.
pub fn classify(status: u16, _headers: &Headers, body: &[u8], _now: Millis) -> Verdict {
    let outcome = match status {
        200 if body.starts_with(b"<") => Outcome::Html,
        200 if std::str::from_utf8(body).is_err() => Outcome::NotUtf8,
        200 => Outcome::Success,
        _ => Outcome::ServerError,
    };
    Verdict::plain(outcome, Safe::fixed("stand-in"))
}
