//! Decides what a gathered failure means: by its code, its labels, and, where servers tell it only there, its words.
//! It reads no bytes and computes no waits.

use super::{Failure, Headers};
use crate::domain::Outcome;

/// What a failure means, and the request parameter it is about.
pub(super) struct Meaning {
    pub outcome: Outcome,
    pub parameter: Option<String>,
}

/// Parameters that our requests carry and a model may refuse; left of the arrow as servers name them, right as we send them.
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

const NOT_TAKEN: &[&str] = &[
    "not supported",
    "unsupported",
    "does not support",
    "doesn't support",
    "not support ",
    "isn't supported",
    "unknown parameter",
    "unrecognized",
    "unexpected keyword",
    "unexpected field",
    "extra inputs are not permitted",
    "extra_forbidden",
    "not permitted",
    "not allowed",
    "unknown field",
    "unknown name",
    "cannot be disabled",
    "is mandatory",
    "deprecated",
    "only the default",
    "additional properties",
    "property is not",
];

/// The meaning of a failure under an HTTP status; `200` when the status said success.
pub(super) fn meaning(status: u16, headers: &Headers, failure: &Failure) -> Meaning {
    let hay = failure.haystack();
    let plain = |outcome| Meaning { outcome, parameter: None };
    let code = effective_code(status, failure, &hay);
    // The provider's own error behind a router: its key and its credit are not ours.
    let wrapped = failure.provider.is_some();
    if wrapped && code >= 500 && failure.inner_code() == Some(429) {
        return plain(rate_limit(headers, failure, &hay));
    }
    match code {
        402 => plain(payment(headers, failure, &hay)),
        408 | 499 | 504 | 524 => plain(Outcome::Timeout),
        // "413 Request too large … on tokens per minute" is Groq's word for a text that never fits this model.
        413 if has(&hay, &["tokens", "context"]) => plain(Outcome::ContextLength),
        413 => plain(Outcome::TooLarge),
        429 => plain(rate_limit(headers, failure, &hay)),
        404 | 410 => plain(Outcome::ModelGone),
        500.. => server(failure, &hay),
        _ => request(code, headers, failure, &hay),
    }
}

/// `error.code` beats the HTTP status; labels and words stand in when both say success.
fn effective_code(status: u16, failure: &Failure, hay: &str) -> u16 {
    if let Some(code) = failure.code().filter(|code| *code >= 400) {
        return code;
    }
    if status >= 300 {
        return status;
    }
    let labelled = |names: &[&str]| failure.labels.iter().any(|label| names.contains(&label.as_str()));
    let table: [(u16, &[&str], &[&str]); 9] = [
        (
            402,
            &["insufficient_credits", "payment_required"],
            &["insufficient credits", "requires more credits", "insufficient balance"],
        ),
        (
            429,
            &[
                "rate_limit_exceeded",
                "rate_limit_error",
                "too_many_requests",
                "resource_exhausted",
                "ratelimiterror",
                "rate_limit",
                "insufficient_quota",
            ],
            &["rate limit", "rate-limit", "ratelimit", "too many requests", "exceeded your current quota"],
        ),
        (
            401,
            &["authentication_error", "authentication", "unauthenticated", "invalid_api_key"],
            &["unauthorized", "invalid api key", "invalid token"],
        ),
        (404, &["not_found_error", "model_not_found"], &["no endpoints found", "model not found"]),
        (
            408,
            &["timeout", "timeout_error", "deadline_exceeded", "request_timeout"],
            &["timed out", "timeout", "deadline exceeded"],
        ),
        (413, &["request_too_large", "payload_too_large"], &["payload too large", "request entity too large"]),
        (403, &["permission_error", "permission_denied", "permission", "forbidden"], &["forbidden", "key limit exceeded"]),
        (
            500,
            &["overloaded_error", "server_error", "api_error", "internal_server_error"],
            &["overloaded", "internal server error", "server had an error"],
        ),
        (
            400,
            &["invalid_request_error", "invalid_argument", "invalid_request", "badrequesterror", "bad_request", "zoderror"],
            &["bad request"],
        ),
    ];
    let by_label =
        table.iter().find(|(_, labels, _)| labelled(labels)).or_else(|| table.iter().find(|(_, _, words)| has(hay, words)));
    // An error of unknown kind after a good status: something broke while answering, and asking again is right.
    by_label.map_or_else(|| if is_refused_by_words(hay) { 400 } else { 500 }, |(code, _, _)| *code)
}

fn is_refused_by_words(hay: &str) -> bool {
    says_context(hay) || says_gone(hay) || says_bad_key(hay) || says_credit(hay) || says_region(hay) || says_moderated(hay)
}

fn payment(headers: &Headers, failure: &Failure, hay: &str) -> Outcome {
    let in_flight = has(hay, &["in_flight", "in-flight", "in flight", "weight_exceeds_budget"]);
    if in_flight || headers.get("retry-after").is_some() || failure.headers.get("retry-after").is_some() {
        Outcome::InFlightBudget
    } else if has(hay, &["key_limit", "key limit"]) {
        Outcome::KeyLimit
    } else if failure.provider.is_some() {
        Outcome::ProviderRejected
    } else {
        Outcome::OutOfCredit
    }
}

fn rate_limit(headers: &Headers, failure: &Failure, hay: &str) -> Outcome {
    if failure.provider.is_some() || hay.contains("upstream_provider") {
        return Outcome::RateLimited;
    }
    if hay.contains("free") {
        if has(hay, &["per-day", "per day", "daily", "per_day"]) {
            return Outcome::FreeDaily;
        }
        if has(hay, &["per-min", "per min", "per_min", "minute"]) {
            return Outcome::FreePerMinute;
        }
    }
    if has(hay, &["key limit exceeded", "openrouter_key_limit"]) {
        return Outcome::KeyLimit;
    }
    // Google says "exceeded your current quota" of a limit that ends within the minute, and then names the time.
    let ends = failure.retry_seconds.is_some()
        || hay.contains("resource_exhausted")
        || hay.contains("retry in ")
        || headers.get("retry-after").is_some();
    if has(hay, &["insufficient_quota", "billing_hard_limit"])
        || says_credit(hay) && !ends
        || hay.contains("exceeded your current quota") && !ends
    {
        return Outcome::OutOfCredit;
    }
    Outcome::RateLimited
}

fn server(failure: &Failure, hay: &str) -> Meaning {
    let plain = |outcome| Meaning { outcome, parameter: None };
    let inner_refusal =
        failure.inner_code().is_some_and(|code| (400..500).contains(&code) && !matches!(code, 408 | 409 | 425 | 429 | 499));
    let wraps_refusal =
        inner_refusal || failure.labels.iter().any(|label| label == "invalid_request_error" || label == "invalid_argument");
    if has(hay, &["loading model", "model is loading", "is currently loading", "loading the model"]) {
        return plain(Outcome::Loading);
    }
    if says_context(hay) {
        return plain(Outcome::ContextLength);
    }
    // One-API answers 503 {"code": "model_not_found"}.
    if failure.labels.iter().any(|label| label == "model_not_found") || has(hay, &["no available channel", "not a valid model"]) {
        return plain(Outcome::ModelGone);
    }
    if wraps_refusal {
        if says_region(hay) {
            return plain(Outcome::Region);
        }
        if says_moderated(hay) {
            return plain(Outcome::Moderated);
        }
        if says_format(hay) {
            return plain(Outcome::FormatUnsupported);
        }
        if let Some(parameter) = parameter(failure, hay) {
            return Meaning { outcome: Outcome::ParameterUnsupported, parameter: Some(parameter) };
        }
        return plain(Outcome::ProviderRejected);
    }
    if has(hay, &["timed out", "timeout", "deadline exceeded", "deadline_exceeded"]) {
        return plain(Outcome::Timeout);
    }
    plain(Outcome::ServerError)
}

/// 400, 401, 403, 422 and their kin.
fn request(code: u16, headers: &Headers, failure: &Failure, hay: &str) -> Meaning {
    let plain = |outcome| Meaning { outcome, parameter: None };
    let wrapped = failure.provider.is_some();
    if code == 401 {
        return plain(if wrapped { Outcome::ProviderRejected } else { Outcome::BadKey });
    }
    if says_region(hay) {
        return plain(Outcome::Region);
    }
    if failure.flagged || says_moderated(hay) {
        return plain(Outcome::Moderated);
    }
    if says_bad_key(hay) {
        return plain(if wrapped { Outcome::ProviderRejected } else { Outcome::BadKey });
    }
    if code == 403 {
        return plain(forbidden(failure, hay));
    }
    if says_credit(hay) {
        return plain(if wrapped { Outcome::ProviderRejected } else { Outcome::OutOfCredit });
    }
    // Output-caused 400s: the same request may well go through the next time.
    if has(hay, &["json_validate_failed", "failed to generate json", "failed to validate json"]) {
        return plain(Outcome::AnswerError);
    }
    if failure.bad_output || hay.contains("tool_use_failed") {
        return plain(Outcome::BadRequest);
    }
    if has(hay, &["token limit reached", "max_tokens_exceeded", "max tokens reached"]) {
        return plain(Outcome::Truncated);
    }
    if says_format(hay) {
        return plain(Outcome::FormatUnsupported);
    }
    if let Some(parameter) = parameter(failure, hay) {
        return Meaning { outcome: Outcome::ParameterUnsupported, parameter: Some(parameter) };
    }
    if says_context(hay) {
        return plain(Outcome::ContextLength);
    }
    if says_gone(hay) {
        return plain(Outcome::ModelGone);
    }
    if has(hay, &["rate limit", "rate-limit", "rate_limit", "too many requests", "resource_exhausted"]) {
        return plain(rate_limit(headers, failure, hay));
    }
    if has(hay, &["loading model", "is currently loading"]) {
        return plain(Outcome::Loading);
    }
    if has(hay, &["overloaded", "internal server error", "temporarily unavailable"]) || matches!(code, 409 | 423 | 424 | 425) {
        return plain(Outcome::ServerError);
    }
    plain(if wrapped && failure.message().is_none_or(|text| text.eq_ignore_ascii_case("provider returned error")) {
        Outcome::ProviderRejected
    } else {
        Outcome::BadRequest
    })
}

fn forbidden(failure: &Failure, hay: &str) -> Outcome {
    if failure.provider.is_some() {
        return Outcome::ProviderRejected;
    }
    if has(
        hay,
        &[
            "limit exceeded",
            "limit reached",
            "key limit",
            "key_limit",
            "spend limit",
            "spending limit",
            "workspace limit",
            "budget",
            "over the limit",
        ],
    ) {
        return Outcome::KeyLimit;
    }
    if says_credit(hay) || has(hay, &["quota"]) {
        return Outcome::OutOfCredit;
    }
    if says_gone(hay)
        || has(
            hay,
            &["access to model", "access to the model", "use this model", "access this model", "to model ", "model access"],
        )
    {
        return Outcome::ModelGone;
    }
    // A wall before the server: Cloudflare's block and challenge pages.
    if has(
        hay,
        &["you have been blocked", "cloudflare", "just a moment", "access denied", "error code: 1020", "error code: 1009"],
    ) {
        return Outcome::Region;
    }
    Outcome::BadKey
}

fn says_context(hay: &str) -> bool {
    has(
        hay,
        &[
            "context_length",
            "context length",
            "context window",
            "context size",
            "exceed_context",
            "maximum context",
            "context_window",
            "max_model_len",
            "prompt is too long",
            "input is too long",
            "too many tokens",
            "reduce the length",
            "string_above_max_length",
            "string_too_long",
            "prompt too long",
            "input token count",
            "maximum number of tokens",
            "maximum input length",
            "max input",
            "input tokens exceed",
            "inputs tokens + max_new_tokens",
            "exceeds the maximum length",
            "too large for model",
            "token_limit_exceeded",
            "input length",
            "longer than the maximum",
        ],
    )
}

fn says_gone(hay: &str) -> bool {
    has(
        hay,
        &[
            "model_not_found",
            "not a valid model",
            "model not found",
            "model not exist",
            "no such model",
            "unknown model",
            "invalid model",
            "model_decommissioned",
            "decommissioned",
            "no endpoints",
            "not_found_error",
            "model_not_available",
            "has been deprecated",
            "model_not_supported",
            "no longer available",
            "unknown_model",
            "invalid_model",
            "no allowed providers",
            "model is not supported",
            "unsupported model",
            "model_deprecated",
            "no models provided",
        ],
    ) || hay.contains("model")
        && has(
            hay,
            &[
                "does not exist",
                "doesn't exist",
                "' not found",
                "\" not found",
                "` not found",
                "not exist.",
                "is not available",
                "is not found",
            ],
        )
}

fn says_bad_key(hay: &str) -> bool {
    has(
        hay,
        &[
            "invalid_api_key",
            "api_key_invalid",
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "invalid x-api-key",
            "invalid authentication",
            "invalid token",
            "invalid credentials",
            "no auth credentials",
            "no cookie auth",
            "authentication_error",
            "unauthenticated",
            "user not found",
            "missing api key",
            "api key is missing",
            "api key expired",
            "api_key_expired",
            "key is disabled",
            "key has been disabled",
            "api key is invalid",
            "invalid api_key",
            "account_deactivated",
            "invalid bearer",
            "missing authentication",
            "authentication failed",
            "authentication fails",
            "must provide an api key",
            "provide your api key",
            "invalid access token",
            "api key was reported as leaked",
            "account is not active",
            "key is invalid",
            "unregistered callers",
            "unauthorized",
        ],
    )
}

fn says_credit(hay: &str) -> bool {
    has(
        hay,
        &[
            "insufficient_quota",
            "insufficient credit",
            "insufficient_credit",
            "credit balance",
            "insufficient balance",
            "insufficient_balance",
            "billing_hard_limit",
            "billing_not_active",
            "requires more credits",
            "can only afford",
            "out of credits",
            "not enough credits",
            "no credits",
            "insufficient funds",
            "payment required",
            "insufficient_user_quota",
            "exceeded your monthly included credits",
            "account is overdue",
            "in good standing",
            "arrear",
            "prepayment credits",
            "depleted",
            "openrouter_credits",
            "余额不足",
            "额度不足",
            "欠费",
            "недостаточно средств",
        ],
    )
}

fn says_region(hay: &str) -> bool {
    has(
        hay,
        &[
            "unsupported_country",
            "in your region",
            "in your country",
            "location is not supported",
            "region, or territory",
            "country, region",
            "regionerror",
            "not available in this region",
            "region is not supported",
            "unsupported region",
            "region not supported",
            "in your location",
            "unavailable for legal reasons",
        ],
    )
}

fn says_moderated(hay: &str) -> bool {
    has(
        hay,
        &[
            "content_filter",
            "content filter",
            "content_policy",
            "content policy",
            "content management policy",
            "responsibleai",
            "moderation",
            "was flagged",
            "input flagged",
            "content exists risk",
            "data_inspection_failed",
            "inappropriate content",
            "prohibited_content",
            "prohibited content",
            "safety system",
            "safety_violations",
            "guardrail",
            "violates our",
            "violating our",
            "usage policy",
            "usage policies",
            "sensitive content",
            "sensitive words",
            "content_blocked",
            "prompt_blocked",
            "harmful content",
            "content_flagged",
            "blocked by safety",
        ],
    ) && !has(hay, &["no endpoints", "data policy"])
}

fn says_format(hay: &str) -> bool {
    has(
        hay,
        &[
            "response_format",
            "response format",
            "json_schema",
            "json schema",
            "json mode",
            "json_object",
            "structured output",
            "structured_output",
            "text.format",
            "guided_json",
            "guided decoding",
            "invalid schema",
            "the word 'json'",
            "responseschema",
            "response_schema",
            "response mime type",
            "failed to parse grammar",
        ],
    )
}

/// The refused parameter, under the name we send it; none when it is not ours or only its value was wrong.
fn parameter(failure: &Failure, hay: &str) -> Option<String> {
    if !has(hay, NOT_TAKEN) {
        return None;
    }
    let named = |name: &str| {
        let quoted = [
            format!("'{name}'"),
            format!("\"{name}\""),
            format!("`{name}`"),
            format!("{name} is "),
            format!("parameter: {name}"),
            format!("parameter {name}"),
        ];
        failure.param.as_deref() == Some(name)
            || quoted.iter().any(|form| hay.contains(form.as_str()))
            || (hay.contains("supported parameter") && hay.contains(name))
    };
    PARAMETERS.iter().find(|(theirs, _)| named(theirs)).map(|(_, ours)| (*ours).to_owned())
}

fn has(hay: &str, words: &[&str]) -> bool {
    words.iter().any(|word| hay.contains(word))
}
