//! FAILURES.md's table, row by row, in the dress that servers give it.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::Outcome as O;

const NOW: Millis = 1_761_600_000_000;

fn at(status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    classify(status, &headers, body.as_bytes(), NOW)
}

fn check(cases: &[(u16, &str, Outcome)]) {
    for (status, body, expected) in cases {
        let verdict = at(*status, &[], body);
        assert_eq!(verdict.outcome, *expected, "{status} {body}\n{}", verdict.reason);
        assert!(verdict.reason.chars().count() <= 300 && !verdict.reason.is_empty());
    }
}

fn said(content: &Value, finish: &str) -> Verdict {
    at(200, &[], &json!({"id": "gen-1", "choices": [{"message": {"content": content}, "finish_reason": finish}]}).to_string())
}

#[test]
fn money_keys_and_limits() {
    check(&[
        (401, r#"{"error":{"message":"No auth credentials found","code":401}}"#, O::BadKey),
        (401, "", O::BadKey),
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
            O::BadKey,
        ),
        (
            403,
            r#"{"error":{"message":"Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys","code":403}}"#,
            O::KeyLimit,
        ),
        (
            402,
            r#"{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402,"metadata":{"limit_source":"openrouter_credits"}}}"#,
            O::OutOfCredit,
        ),
        (402, r#"{"error":{"message":"x","code":402,"metadata":{"limit_source":"openrouter_key_limit"}}}"#, O::KeyLimit),
        (402, r#"{"error":{"message":"x","code":402,"metadata":{"reason":"weight_exceeds_budget"}}}"#, O::InFlightBudget),
        (
            402,
            r#"{"error":{"message":"Provider returned error","code":402,"metadata":{"provider_name":"DeepSeek","raw":"{\"error\":{\"message\":\"Insufficient Balance\"}}"}}}"#,
            O::ProviderRejected,
        ),
        (402, r#"{"error":"You have exceeded your monthly included credits for Inference Providers."}"#, O::OutOfCredit),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            O::OutOfCredit,
        ),
        (
            429,
            r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
            O::OutOfCredit,
        ),
        (200, r#"{"success":false,"message":"Invalid API key"}"#, O::BadKey),
        (200, r#"{"error":"Insufficient credits"}"#, O::OutOfCredit),
        (401, r#"{"error":{"grpcCode":16,"httpCode":401,"message":"Unknown api key","httpStatus":"Unauthorized"}}"#, O::BadKey),
        (429, r#"{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}"#, O::OutOfCredit),
        (
            400,
            r#"{"error":{"message":"Budget has been exceeded! Current cost: 1, Max budget: 1","type":"budget_exceeded","code":"400"}}"#,
            O::KeyLimit,
        ),
        (403, "<html><title>Attention Required! | Cloudflare</title>", O::Region),
        (403, r#"{"error":{"message":"OpenAI o3 requires you to bring your own key","code":403}}"#, O::ModelGone),
    ]);
}

#[test]
fn rate_limits_of_every_kind() {
    let google = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 23.5s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"23s"}]}}]"#;
    check(&[
        (429, r#"{"error":{"message":"Rate limit exceeded: free-models-per-day-high-balance. ","code":429}}"#, O::FreeDaily),
        (429, r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429}}"#, O::FreePerMinute),
        (200, r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429}}"#, O::FreePerMinute),
        (429, r#"{"error":{"message":"x","code":"429","metadata":{"limit_source":"openrouter_free_tier_daily"}}}"#, O::FreeDaily),
        (
            429,
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"liquid/lfm:free is temporarily rate-limited upstream.","provider_name":"Liquid","limit_source":"upstream_provider_shared_pool","retry_after_seconds":1}}}"#,
            O::RateLimited,
        ),
        (429, google, O::RateLimited),
        (
            429,
            r#"{"error":{"message":"Rate limit exceeded: limit_rpm/meta-llama/llama-3.3-70b-instruct:free. Limited to 20 requests per minute","code":429}}"#,
            O::RateLimited,
        ),
        (
            429,
            r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced","type":"tokens","code":"rate_limit_exceeded"}}"#,
            O::ContextLength,
        ),
        (429, "error code: 1015", O::RateLimited),
        (200, r#"{"error":{"status":"RESOURCE_EXHAUSTED"}}"#, O::RateLimited),
        (200, r#"{"error":{"message":"Too many requests"}}"#, O::RateLimited),
        (
            502,
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"Google","raw":"{\"error\":{\"code\":429}}"}}}"#,
            O::RateLimited,
        ),
    ]);
    assert_eq!(at(429, &[], google).wait, Some(Wait::For(Duration::from_secs(23))));
    let daily = json!({"error": {"message": "Rate limit exceeded: free-models-per-day", "code": 429, "metadata": {"headers": {"X-RateLimit-Reset": "1761609600000"}}}});
    assert_eq!(at(429, &[], &daily.to_string()).wait, Some(Wait::Until(1_761_609_600_000)));
}

#[test]
fn requests_that_one_model_does_not_take() {
    check(&[
        (400, r#"{"error":{"message":"foo/bar is not a valid model ID","code":400}}"#, O::ModelGone),
        (
            404,
            r#"{"error":{"message":"No endpoints found matching your data policy (Free model publication).","code":404}}"#,
            O::ModelGone,
        ),
        (404, r#"{"error":"model 'x' not found"}"#, O::ModelGone),
        (404, "404 page not found", O::ModelGone),
        (
            503,
            r#"{"error":{"code":"model_not_found","message":"No available channel for model gpt-4 under group default"}}"#,
            O::ModelGone,
        ),
        (
            400,
            r#"{"error":{"message":"The model `llama-3.1-70b` has been decommissioned","code":"model_decommissioned"}}"#,
            O::ModelGone,
        ),
        (
            400,
            r#"{"error":{"message":"This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens","code":400}}"#,
            O::ContextLength,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#,
            O::ContextLength,
        ),
        (
            413,
            r#"{"error":{"message":"Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000","type":"tokens","code":"rate_limit_exceeded"}}"#,
            O::ContextLength,
        ),
        (413, "<html><h1>413 Request Entity Too Large</h1>", O::TooLarge),
        (400, r#"{"error":{"message":"This model does not support response format `json_schema`."}}"#, O::FormatUnsupported),
        (
            400,
            r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"provider_name":"Fireworks","raw":"{\"error\":{\"message\":\"JSON Schema not supported: could not understand the instance\"}}"}}}"#,
            O::FormatUnsupported,
        ),
        (
            400,
            r#"{"error":{"message":"Failed to generate JSON. Please adjust your prompt.","code":"json_validate_failed","failed_generation":"x"}}"#,
            O::AnswerError,
        ),
        (422, r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}"#, O::BadRequest),
        (
            400,
            r#"{"success":false,"error":{"name":"ZodError","message":"[{\"code\":\"invalid_type\",\"path\":[\"input\"],\"message\":\"Invalid input\"}]"}}"#,
            O::BadRequest,
        ),
        (
            403,
            r#"{"error":{"message":"Provider returned error","code":403,"metadata":{"raw":{"__kind":"OK","data":"{\"error\":{\"code\":\"unsupported_country_region_territory\",\"message\":\"Country, region, or territory not supported\"}}"},"provider_name":"OpenAI"}}}"#,
            O::Region,
        ),
        (
            400,
            r#"{"error":{"message":"User location is not supported for the API use.","code":400,"status":"FAILED_PRECONDITION"}}"#,
            O::Region,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"],"flagged_input":"…","provider_name":"OpenAI"}}}"#,
            O::Moderated,
        ),
        (
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy","code":"content_filter"}}"#,
            O::Moderated,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Provider returned error","metadata":{"provider_name":"Azure"}}}"#,
            O::ProviderRejected,
        ),
    ]);
}

#[test]
fn a_refused_parameter_is_named_and_a_wrong_value_is_not_one() {
    for (body, parameter) in [
        (
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}"#,
            "temperature",
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
            "max_tokens",
        ),
        (r#"{"error":{"message":"Reasoning is mandatory for this endpoint and cannot be disabled.","code":400}}"#, "reasoning"),
        (
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","provider"],"msg":"Extra inputs are not permitted"}]}"#,
            "provider",
        ),
    ] {
        let verdict = at(400, &[], body);
        assert_eq!((verdict.outcome, verdict.parameter.as_deref()), (O::ParameterUnsupported, Some(parameter)), "{body}");
    }
    let value = r#"{"error":{"code":"decimal_below_min_value","message":"Invalid 'temperature': decimal below minimum value.","param":"temperature"}}"#;
    assert_eq!(at(400, &[], value).outcome, O::BadRequest);
}

#[test]
fn servers_in_trouble() {
    check(&[
        (200, r#"{"error":{"message":"Upstream error…","code":502}}"#, O::ServerError),
        (200, r#"{"error":{"message":"Upstream error…","code":"502"}}"#, O::ServerError),
        (
            200,
            r#"{"choices":[{"error":{"message":"x","code":502},"finish_reason":"error","message":{"content":"[\"a b\"]"}}]}"#,
            O::ServerError,
        ),
        (200, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, O::ServerError),
        (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, O::ServerError),
        (521, "<html><title>521: Web server is down</title>", O::ServerError),
        (524, "<html><title>524: A timeout occurred</title>", O::Timeout),
        (504, "", O::Timeout),
        (408, "{}", O::Timeout),
        (502, r#"{"error":{"code":502,"message":"Upstream idle timeout exceeded"}}"#, O::Timeout),
        (503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#, O::Loading),
        (503, r#"{"error":"Model x is currently loading","estimated_time":20.0}"#, O::Loading),
        (500, r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#, O::RateLimited),
        (503, r#"{"error":{"code":503,"message":"There are no instances available for this model"}}"#, O::ServerError),
        (
            502,
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"X","raw":"{\"error\":{\"code\":400,\"message\":\"bad role\"}}"}}}"#,
            O::ProviderRejected,
        ),
        (200, r#"{"error":{"message":"something odd","code":null}}"#, O::ServerError),
        (200, r#"{"detail":"Internal Server Error"}"#, O::ServerError),
        (200, "Internal Server Error", O::Malformed),
        (200, "<!DOCTYPE html><title>Login</title>", O::Html),
        (200, "  \n \n", O::EmptyAnswer),
        (200, r#"{"choices":null}"#, O::EmptyAnswer),
        (200, "{}", O::EmptyAnswer),
    ]);
    assert_eq!(
        at(503, &[], r#"{"error":"Model x is currently loading","estimated_time":20.0}"#).wait,
        Some(Wait::For(Duration::from_secs(20)))
    );
    assert_eq!(action(O::ServerError, at(503, &[("Retry-After", "7")], "").wait), Action::RetryAfter);
}

#[test]
fn answers_are_judged_by_finish_and_content() {
    let cases: [(Value, &str, Outcome); 13] = [
        (json!("[\"наука\"]"), "stop", O::Success),
        (json!([{"type": "text", "text": "{\"tags\":[\"наука\"]}"}]), "stop", O::Success),
        (json!("[\"наука\", \"кос"), "length", O::Success),
        (json!("[\"нау"), "length", O::Truncated),
        (json!("[]"), "stop", O::NoTopic),
        (json!(null), "stop", O::EmptyAnswer),
        (json!("  "), "stop", O::EmptyAnswer),
        (json!("<think>хм"), "length", O::ReasoningOnly),
        (json!("Hello! How can I help you today?"), "stop", O::NotTags),
        (json!("I'm sorry, I can't assist with that."), "stop", O::Moderated),
        (json!("[\"наука\"]"), "content_filter", O::Moderated),
        (json!("[\"наука\"]"), "error", O::AnswerError),
        (json!("[\"#\"]"), "stop", O::NotTags),
    ];
    for (content, finish, expected) in cases {
        let verdict = said(&content, finish);
        assert_eq!(verdict.outcome, expected, "{content} {finish}");
        assert_eq!(verdict.tags.is_empty(), expected != O::Success);
        assert_eq!(verdict.answer.is_some(), expected == O::NotTags);
        assert_eq!(verdict.request_id.as_deref(), Some("gen-1"));
    }
    let choice = |choice: Value| at(200, &[], &json!({"choices": [choice]}).to_string()).outcome;
    assert_eq!(choice(json!({"message": {"content": null, "reasoning": "…"}, "finish_reason": "length"})), O::ReasoningOnly);
    assert_eq!(choice(json!({"message": {"content": "", "refusal": "No."}})), O::Moderated);
    assert_eq!(
        choice(json!({"message": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "SAFETY"})),
        O::Moderated
    );
    for native in ["network_error", "MALFORMED_FUNCTION_CALL", "abort"] {
        assert_eq!(
            choice(json!({"message": {"content": ""}, "finish_reason": "stop", "native_finish_reason": native})),
            O::AnswerError
        );
    }
    let call = json!({"message": {"content": "", "tool_calls": [{"function": {"name": "tags", "arguments": "{\"tags\":[\"наука\"]}"}}]}, "finish_reason": "tool_calls"});
    assert_eq!(choice(call), O::Success);
}

#[test]
fn keys_quoted_by_a_server_do_not_reach_the_reason() {
    let verdict = at(
        401,
        &[],
        r#"{"error":{"message":"Incorrect API key provided: sk-or-v1-0123456789abcdef. Sent as Bearer abcdefghijkl"}}"#,
    );
    assert_eq!(&*verdict.reason, "Incorrect API key provided: …. Sent as Bearer …");
    assert_eq!(&*at(500, &[], "a\u{1b}[2Jb").reason, "a␛[2Jb");
}

#[test]
fn every_outcome_has_its_action() {
    for outcome in Outcome::ALL {
        let _ = action(*outcome, None);
    }
    assert_eq!(action(O::RateLimited, Some(Wait::For(Duration::from_millis(6)))), Action::NextModel);
}

#[test]
fn huge_and_deep_bodies_are_survived() {
    let start = std::time::Instant::now();
    for status in [200, 400, 429, 502] {
        for unit in [
            "[",
            "{\"error\":",
            "{\"error\":{\"message\":\"",
            "data: [\n",
            "data: {\n\n",
            ": x\n",
            "\\",
            "{}",
            "\"\\ud83d",
            "<",
            "{\"a\":\"\\u\n",
        ] {
            let body = unit.repeat(1_000_000 / unit.len());
            let _ = at(status, &[], &body);
        }
    }
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    assert_eq!(at(200, &[], &" ".repeat(MAX_BODY + 1)).outcome, O::BodyTooLarge);
    let mut nested = json!("the bottom");
    for _ in 0..60 {
        nested = json!({"error": {"message": nested.to_string().chars().take(100_000).collect::<String>()}});
    }
    assert_eq!(at(500, &[], &nested.to_string()).outcome, O::ServerError);
}

proptest! {
    #[test]
    fn classify_survives_any_bytes(status in 0_u16..700, body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let verdict = classify(status, &Headers::default(), &body, NOW);
        prop_assert!(verdict.reason.chars().count() <= 300);
        let _ = action(verdict.outcome, verdict.wait);
    }

    #[test]
    fn classify_survives_any_error_text(status in 200_u16..600, text in any::<String>(), code in "[a-z_]{0,20}|[0-9]{1,4}") {
        let body = json!({"error": {"message": text, "code": code, "metadata": {"raw": text}}}).to_string();
        let verdict = classify(status, &Headers::default(), body.as_bytes(), NOW);
        prop_assert!(verdict.tags.is_empty());
        prop_assert!(!verdict.reason.chars().any(char::is_control));
    }

    #[test]
    fn classify_survives_broken_json(tail in "[\\\\udD83\"{}\\[\\],:\n\ra-cа😀 ]{0,80}", head in "\\{\"error\":\"|\\{\"choices\":\\[\\{\"text\":\"|data: \\{\"|: x\n\n\\{") {
        for status in [200, 400] {
            let verdict = classify(status, &Headers::default(), format!("{head}{tail}").as_bytes(), NOW);
            prop_assert!(verdict.reason.chars().count() <= 300);
        }
    }

    #[test]
    fn classify_survives_any_answer(content in any::<String>(), finish in "[a-z_]{0,16}") {
        let verdict = said(&json!(content), &finish);
        prop_assert!(verdict.tags.len() <= 7);
    }
}
