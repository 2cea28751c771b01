//! Decides what a gathered failure means: by its code, its labels, and, where servers tell it only there, its words.
//! It reads no bytes and computes no waits.

mod phrases;

use self::phrases::{
    ABSENT, BUDGET, CONTEXT, CREDIT, FORMAT, GONE, KEY, KEY_LIMIT, KEY_PERHAPS, LOADING, MODERATED, NO_ACCESS, NOT_TAKEN, RATE,
    REGION, TIMEOUT, TROUBLE, WALL, is_one_of, says,
};
use super::{Failure, Headers};
use crate::domain::Outcome;

/// What a failure means, and the request parameter it is about.
pub(super) struct Meaning {
    pub outcome: Outcome,
    pub parameter: Option<String>,
}

impl From<Outcome> for Meaning {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, parameter: None }
    }
}

/// A failure and all it says, in one lower-case text.
struct Case<'a> {
    failure: &'a Failure,
    headers: &'a Headers,
    hay: String,
}

/// The meaning of a failure under an HTTP status; `200` when the status said success.
pub(super) fn meaning(status: u16, headers: &Headers, failure: &Failure) -> Meaning {
    let case = Case { failure, headers, hay: failure.haystack() };
    let code = case.effective_code(status);
    match code {
        402 => case.payment().into(),
        408 | 499 | 504 | 524 => Outcome::Timeout.into(),
        // "413 Request too large … on tokens per minute" is Groq's word for a text that never fits this model.
        413 if case.says("tokens|context") => Outcome::ContextLength.into(),
        413 => Outcome::TooLarge.into(),
        429 | 498 => case.rate_limit().into(),
        404 | 410 => Outcome::ModelGone.into(),
        451 => Outcome::Region.into(),
        500.. => case.server(code),
        _ => case.request(code),
    }
}

impl Case<'_> {
    fn says(&self, list: &str) -> bool {
        says(&self.hay, list)
    }

    fn labelled(&self, list: &str) -> bool {
        self.failure.labels.iter().any(|label| is_one_of(label, list))
    }

    /// The provider's own error behind a router: its key and its credit are not ours.
    fn wrapped(&self) -> bool {
        self.failure.provider.is_some()
    }

    /// `error.code` beats the HTTP status; labels and words stand in when both say success.
    fn effective_code(&self, status: u16) -> u16 {
        if let Some(code) = self.failure.code().filter(|code| *code >= 400) {
            return code;
        }
        if status >= 300 {
            return status;
        }
        // An error of unknown kind after a good status: something broke while answering, and asking again is right.
        let unknown = if self.is_refusal_in_words() { 400 } else { 500 };
        let by_label = IN_WORDS.iter().find(|(_, labels, _)| self.labelled(labels));
        by_label.or_else(|| IN_WORDS.iter().find(|(_, _, words)| self.says(words))).map_or(unknown, |(code, _, _)| *code)
    }

    fn is_refusal_in_words(&self) -> bool {
        [CONTEXT, KEY, KEY_PERHAPS, CREDIT, REGION].iter().any(|list| self.says(list))
            || self.says_gone()
            || self.says_moderated()
    }

    fn says_gone(&self) -> bool {
        self.says(GONE) || self.hay.contains("model") && self.says(ABSENT)
    }

    fn says_moderated(&self) -> bool {
        self.failure.flagged || self.says(MODERATED) && !self.says("no endpoints|data policy")
    }

    fn payment(&self) -> Outcome {
        let said = self.headers.get("retry-after").or_else(|| self.failure.headers.get("retry-after"));
        if said.is_some() || self.says("in_flight|in-flight|in flight|weight_exceeds_budget") {
            Outcome::InFlightBudget
        } else if self.says("key_limit|key limit") {
            Outcome::KeyLimit
        } else if self.wrapped() {
            Outcome::ProviderRejected
        } else {
            Outcome::OutOfCredit
        }
    }

    fn rate_limit(&self) -> Outcome {
        // OpenAI's "Request too large … tokens must be reduced" is a limit that no wait lifts.
        if self.says("request too large|tokens must be reduced") {
            return Outcome::ContextLength;
        }
        // Behind a provider's name, or per model ("limit_rpm/MODEL:free"), the account is not what is limited.
        if self.wrapped() || self.says("upstream_provider|limit_rpm/|limit_rpd/") {
            return Outcome::RateLimited;
        }
        let google = self.hay.contains("resource_exhausted");
        if self.hay.contains("free") && !google {
            if self.says("per-day|per day|per_day|daily") {
                return Outcome::FreeDaily;
            }
            if self.says("per-min|per min|per_min|minute") {
                return Outcome::FreePerMinute;
            }
        }
        if self.says("key limit exceeded|openrouter_key_limit") {
            return Outcome::KeyLimit;
        }
        // Google says "exceeded your current quota" of a limit that ends within the minute, and then names the time.
        let ends = google
            || self.failure.retry_seconds.is_some()
            || self.says("retry in |try again in ")
            || self.headers.get("retry-after").is_some();
        if self.says("insufficient_quota|billing_hard_limit")
            || !ends && (self.says(CREDIT) || self.hay.contains("exceeded your current quota"))
        {
            return Outcome::OutOfCredit;
        }
        Outcome::RateLimited
    }

    /// 5xx, in the status or in the body.
    fn server(&self, code: u16) -> Meaning {
        let inner = self.failure.inner_code();
        if inner == Some(429) || self.labelled("rate_limit_exceeded|rate_limit_error|resource_exhausted") {
            return self.rate_limit().into();
        }
        if self.says(LOADING) {
            return Outcome::Loading.into();
        }
        if self.says(CONTEXT) {
            return Outcome::ContextLength.into();
        }
        // One-API answers 503 {"code": "model_not_found"}.
        if self.labelled("model_not_found") || self.says("no available channel|not a valid model") {
            return Outcome::ModelGone.into();
        }
        // A bad key in a dress of its own.
        if !self.wrapped() && self.says(KEY) {
            return Outcome::BadKey.into();
        }
        let refused = inner.is_some_and(|code| (400..500).contains(&code) && !matches!(code, 408 | 409 | 425 | 499));
        if refused || self.labelled("invalid_request_error|invalid_argument") {
            return if self.says(REGION) {
                Outcome::Region.into()
            } else if self.says_moderated() {
                Outcome::Moderated.into()
            } else if self.says(FORMAT) {
                Outcome::FormatUnsupported.into()
            } else {
                self.parameter().unwrap_or_else(|| Outcome::ProviderRejected.into())
            };
        }
        // Cloudflare's 520–523 are about the server behind it, though 522 says "timed out" as well.
        if self.says(TIMEOUT) && !(520..=523).contains(&code) { Outcome::Timeout.into() } else { Outcome::ServerError.into() }
    }

    /// 400, 401, 403, 422 and their kin.
    fn request(&self, code: u16) -> Meaning {
        let ours = |outcome: Outcome| if self.wrapped() { Outcome::ProviderRejected } else { outcome };
        if code == 401 {
            return ours(Outcome::BadKey).into();
        }
        if self.says(REGION) {
            return Outcome::Region.into();
        }
        if self.says_moderated() {
            return Outcome::Moderated.into();
        }
        if self.says(KEY) || self.says(KEY_PERHAPS) {
            return ours(Outcome::BadKey).into();
        }
        if code == 403 {
            return ours(self.forbidden()).into();
        }
        if self.says(BUDGET) {
            return Outcome::KeyLimit.into();
        }
        if self.says(CREDIT) {
            return ours(Outcome::OutOfCredit).into();
        }
        self.output(code)
    }

    /// A 400 or 422 about what was asked, not about who asked.
    fn output(&self, code: u16) -> Meaning {
        // Caused by the model's output: the same request may well go through the next time.
        if self.says("json_validate_failed|failed to generate json|failed to validate json") {
            return Outcome::AnswerError.into();
        }
        if self.failure.bad_output || self.says("tool_use_failed") {
            return Outcome::BadRequest.into();
        }
        if self.says("token limit reached|max_tokens_exceeded|max tokens reached") {
            return Outcome::Truncated.into();
        }
        if self.says(FORMAT) {
            return Outcome::FormatUnsupported.into();
        }
        if let Some(meaning) = self.parameter() {
            return meaning;
        }
        let outcome = if self.says(CONTEXT) {
            Outcome::ContextLength
        } else if self.says_gone() {
            Outcome::ModelGone
        } else if self.says(RATE) {
            self.rate_limit()
        } else if self.says(LOADING) {
            Outcome::Loading
        } else if self.says(TROUBLE) || matches!(code, 409 | 423 | 424 | 425) {
            Outcome::ServerError
        } else if self.wrapped() && self.failure.message().is_none_or(|text| text.eq_ignore_ascii_case("provider returned error"))
        {
            Outcome::ProviderRejected
        } else {
            Outcome::BadRequest
        };
        outcome.into()
    }

    fn forbidden(&self) -> Outcome {
        if self.says(KEY_LIMIT) {
            Outcome::KeyLimit
        } else if self.says(CREDIT) || self.says("quota") {
            Outcome::OutOfCredit
        } else if self.says_gone() || self.says(NO_ACCESS) {
            Outcome::ModelGone
        } else if self.says(WALL) {
            Outcome::Region
        } else {
            Outcome::BadKey
        }
    }

    /// The refused parameter, under the name we send it; none when it is not ours or only its value was wrong.
    fn parameter(&self) -> Option<Meaning> {
        if !self.says(NOT_TAKEN) {
            return None;
        }
        let hay = &self.hay;
        let by_field = |theirs: &str| self.failure.param.as_deref() == Some(theirs);
        let by_words = |theirs: &str| {
            let around = [("'", "'"), ("\"", "\""), ("`", "`"), ("", " is "), ("parameter: ", ""), ("parameter ", "")];
            around.iter().any(|(before, after)| hay.contains(&format!("{before}{theirs}{after}")))
                || hay.contains("supported parameter") && hay.contains(theirs)
        };
        // "'max_tokens' is not supported, use 'max_completion_tokens'": the field, then the first named, is the one refused.
        let first_named = || PARAMETERS.iter().filter(|(theirs, _)| by_words(theirs)).min_by_key(|(theirs, _)| hay.find(theirs));
        let (_, ours) = PARAMETERS.iter().find(|(theirs, _)| by_field(theirs)).or_else(first_named)?;
        Some(Meaning { outcome: Outcome::ParameterUnsupported, parameter: Some((*ours).to_owned()) })
    }
}

/// Code, labels and words of errors that come under a good status without a number.
const IN_WORDS: [(u16, &str, &str); 9] = [
    (402, "insufficient_credits|payment_required", "insufficient credits|requires more credits|insufficient balance"),
    (
        429,
        "rate_limit_exceeded|rate_limit_error|too_many_requests|resource_exhausted|ratelimiterror|rate_limit|insufficient_quota",
        RATE,
    ),
    (401, "authentication_error|authentication|unauthenticated|invalid_api_key", "unauthorized|invalid api key|invalid token"),
    (404, "not_found_error|model_not_found", "no endpoints found|model not found"),
    (408, "timeout|timeout_error|deadline_exceeded|request_timeout", TIMEOUT),
    (413, "request_too_large|payload_too_large", "payload too large|request entity too large"),
    (403, "permission_error|permission_denied|permission|forbidden", "forbidden|key limit exceeded"),
    (500, "overloaded_error|server_error|api_error|internal_server_error", TROUBLE),
    (400, "invalid_request_error|invalid_argument|invalid_request|badrequesterror|bad_request|zoderror", "bad request"),
];

/// Parameters that our requests carry and a model may refuse: as servers name them, as we send them.
const PARAMETERS: [(&str, &str); 15] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("max_completion_tokens", "max_completion_tokens"),
    ("max_tokens", "max_tokens"),
    ("reasoning_effort", "reasoning"),
    ("include_reasoning", "reasoning"),
    ("reasoning", "reasoning"),
    ("enable_thinking", "reasoning"),
    ("thinking", "reasoning"),
    ("stop", "stop"),
    ("seed", "seed"),
    ("provider", "provider"),
    ("models", "models"),
    ("usage", "usage"),
    ("stream", "stream"),
];
