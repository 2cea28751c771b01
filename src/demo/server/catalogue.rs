//! Every way in which the demo's server fails, one entry each: name, row of FAILURES.md, what goes over the wire, what it must be judged as.
//! It decides nothing: `fault` says when an entry strikes, `body` fills in the templates.

use crate::domain::Outcome;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Name in logs and tests; the model id `fault/NAME` asks for it directly.
    pub name: &'static str,
    /// Row of FAILURES.md it stands for, by its left column.
    pub row: &'static str,
    /// What makes it strike.
    pub when: When,
    /// HTTP status.
    pub status: u16,
    /// Further headers; values are templates.
    pub headers: &'static [(&'static str, &'static str)],
    /// What stands in the body.
    pub body: Body,
    /// How the bytes travel.
    pub travel: Travel,
    /// What the client must make of it.
    pub outcome: Outcome,
}

/// What makes a fault strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The draw, on any model.
    Draw,
    /// The draw, but only the first time a model is asked about a post: twice in a row would only cost time.
    DrawOnce,
    /// The draw, on `:free` models.
    DrawFree,
    /// A model's temper.
    Temper,
    /// The post's text.
    Text,
    /// The run as a whole: a clock or a count.
    Run,
    /// A wrong or missing key.
    Key,
    /// Nothing: it would stop the demo until a person comes. Only `fault/NAME` brings it.
    Name,
}

/// What stands in a body; the strings are templates (see `body`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `application/json`, or what calls itself so.
    Json(&'static str),
    /// `text/html`.
    Html(&'static str),
    /// `text/event-stream`.
    Events(&'static str),
    /// A complete answer whose content, `finish_reason` and reasoning are odd.
    Answer(&'static str, &'static str, Option<&'static str>),
}

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// In order, with a length.
    Whole,
    /// In order, in chunks.
    Chunked,
    /// A space now and then, never the answer, until the client has had enough.
    Drip,
    /// Half of what the length promised, then the connection ends.
    CutMidway,
    /// The connection ends before the first byte.
    NoAnswer,
    /// Over 1 MiB, in chunks.
    Huge,
    /// The content in Windows-1251, although the header says UTF-8.
    Cp1251,
}

const fn json(name: &'static str, row: &'static str, when: When, status: u16, outcome: Outcome, body: &'static str) -> Fault {
    Fault { name, row, when, status, headers: &[], body: Body::Json(body), travel: Travel::Whole, outcome }
}

const fn says(name: &'static str, row: &'static str, outcome: Outcome, content: &'static str, finish: &'static str) -> Fault {
    Fault { body: Body::Answer(content, finish, None), ..json(name, row, When::Draw, 200, outcome, "") }
}

const fn text(fault: Fault) -> Fault {
    Fault { when: When::Text, ..fault }
}

const SERVER: &str = "500, 502, 503, 529, 520–523, the same in the body";
const WILD: &str = "The effective code: the wild is wilder";
const EMPTY: &str = "200 with `choices` missing, null or []; empty content";
const SALVAGE: &str = "prose, fences, curly quotes, trailing commas, `<think>`, truncated JSON";
const TIMEOUT: &str = "timeout, 408, 504, 524";
const MODERATION: &str = "403/400 moderation, finish_reason content_filter, a refusal in words";
const LENGTH: &str = "finish_reason length";
const LIMITED: &str = "429 otherwise";

/// The catalogue.
// Skipped by rustfmt: as a table it is read in one go, broken into one argument a line it is five pages.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    // Trouble upstream, in the status and in the body.
    json("upstream_502_in_200", SERVER, When::Draw, 200, Outcome::ServerError,
        r#"{"id":"%id%","error":{"message":"Upstream error from Saltmarsh: connection reset while reading the first token","code":502,"metadata":{"provider_name":"Saltmarsh"}},"user_id":"user_demo"}"#),
    json("error_in_choice", SERVER, When::Draw, 200, Outcome::ServerError,
        r#"{"id":"%id%","object":"chat.completion","model":"%model%","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"error","error":{"code":502,"message":"Provider went away in the middle of the sentence"}}],"usage":{"prompt_tokens":212,"completion_tokens":0,"total_tokens":212}}"#),
    json("error_500", SERVER, When::Draw, 500, Outcome::ServerError, r#"{"error":{"message":"Internal Server Error","code":500}}"#),
    json("unavailable_503", SERVER, When::Draw, 503, Outcome::ServerError,
        r#"{"error":{"message":"Provider returned error","code":503,"metadata":{"provider_name":"Copperleaf","raw":"no healthy instances behind the balancer"}}}"#),
    json("overloaded_529", SERVER, When::Draw, 529, Outcome::ServerError,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
    Fault { body: Body::Html("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>saltmarsh-edge</center>\r\n</body>\r\n</html>\r\n"),
        ..json("bad_gateway_html", SERVER, When::Draw, 502, Outcome::ServerError, "") },
    Fault { body: Body::Html("<!DOCTYPE html><html><head><title>522: Connection timed out</title></head><body>The edge could not reach the origin. Ray ID: %id%</body></html>"),
        ..json("cloudflare_522", SERVER, When::Draw, 522, Outcome::ServerError, "") },
    json("wrapped_400", "502 wrapping a provider's deterministic 400", When::Draw, 502, Outcome::ProviderRejected,
        r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"provider_name":"Tin Can","raw":"{\"error\":{\"message\":\"Invalid value for 'messages[0].content': expected a shorter system message\",\"type\":\"invalid_request_error\",\"code\":400}}"}}}"#),
    // The wild.
    json("error_string", WILD, When::Draw, 200, Outcome::ServerError, r#"{"error":"Internal server error, please try again later"}"#),
    json("success_false", WILD, When::Draw, 200, Outcome::ServerError,
        r#"{"success":false,"error":{"code":"503","message":"The service is temporarily unavailable"},"result":null}"#),
    json("array_of_one", WILD, When::Draw, 503, Outcome::ServerError,
        r#"[{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}]"#),
    json("nested_error", WILD, When::Draw, 200, Outcome::ServerError,
        r#"{"error":{"error":{"message":"upstream connect error or disconnect/reset before headers","code":502}}}"#),
    json("raw_json_string", WILD, When::Draw, 503, Outcome::ServerError,
        r#"{"error":{"message":"Provider returned error","metadata":{"provider_name":"Copperleaf","raw":"{\"error\":{\"message\":\"Engine is restarting\",\"code\":503}}"}}}"#),
    json("glued", WILD, When::Draw, 200, Outcome::ServerError,
        r#"{"error":{"message":"Bad gateway","code":502}}{"error":{"message":"Bad gateway","code":502}}"#),
    json("hostile_error", WILD, When::Draw, 500, Outcome::ServerError,
        "{\"error\":{\"message\":\"\\u001b[2J\\u001b]52;c;ZWNobyBvd25lZA==\\u0007\\u001b[31mworker \\u202eenog\\u202c crashed\\u001b[0m\\r\\nretry: please\",\"code\":500},\"model\":\"%model%\"}"),
    Fault { travel: Travel::Chunked, body: Body::Events(": OPENROUTER PROCESSING\n\ndata: {\"id\":\"%id%\",\"object\":\"chat.completion.chunk\",\"model\":\"%model%\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":%first%},\"finish_reason\":null}]}\n\ndata: {\"id\":\"%id%\",\"object\":\"chat.completion.chunk\",\"model\":\"%model%\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%second%},\"finish_reason\":null}]}\n\ndata: {\"id\":\"%id%\",\"object\":\"chat.completion.chunk\",\"model\":\"%model%\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
        ..json("event_stream", WILD, When::Draw, 200, Outcome::Success, "") },
    Fault { travel: Travel::Chunked, body: Body::Events("data: {\"error\":{\"message\":\"The server stumbled over your request and is sorry about it\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\ndata: [DONE]\n\n"),
        ..json("event_stream_error", WILD, When::Draw, 200, Outcome::ServerError, "") },
    Fault { travel: Travel::Chunked, body: Body::Events("data: {\"id\":\"%id%\",\"object\":\"chat.completion.chunk\",\"model\":\"%model%\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"[\"},\"finish_reason\":null}]}\n\n"),
        ..json("event_stream_cut", WILD, When::Draw, 200, Outcome::AnswerError, "") },
    // Answers without an answer.
    json("choices_missing", EMPTY, When::Draw, 200, Outcome::EmptyAnswer, r#"{"id":"%id%","object":"chat.completion","model":"%model%","provider":"Demo","usage":{"prompt_tokens":188,"completion_tokens":0,"total_tokens":188}}"#),
    json("choices_null", EMPTY, When::Draw, 200, Outcome::EmptyAnswer, r#"{"id":"%id%","object":"chat.completion","model":"%model%","choices":null}"#),
    json("choices_empty", EMPTY, When::Draw, 200, Outcome::EmptyAnswer, r#"{"id":"%id%","object":"chat.completion","model":"%model%","choices":[]}"#),
    says("content_empty", EMPTY, Outcome::EmptyAnswer, "", "stop"),
    Fault { body: Body::Answer("", "stop", Some("The user wants tags for a post. I should find the main subjects and keep them short. Let me think about it once more.")),
        ..says("reasoning_only", "reasoning only, no content", Outcome::ReasoningOnly, "", "stop") },
    says("length_some", LENGTH, Outcome::Success, "%cut%", "length"),
    says("length_none", LENGTH, Outcome::Truncated, "[\"", "length"),
    says("finish_error", "finish_reason error, native_finish_reason network_error", Outcome::AnswerError, "", "error"),
    json("native_network_error", "finish_reason error, native_finish_reason network_error", When::Draw, 200, Outcome::AnswerError,
        r#"{"id":"%id%","object":"chat.completion","model":"%model%","choices":[{"index":0,"logprobs":null,"finish_reason":"stop","native_finish_reason":"network_error","message":{"role":"assistant","content":"","refusal":null,"reasoning":null}}]}"#),
    // Answers in the wrong clothes.
    says("prose", SALVAGE, Outcome::NotTags, "I would be glad to help you with this post! Could you tell me a little more about what you are looking for?", "stop"),
    says("prose_around", SALVAGE, Outcome::Success, "Конечно! Вот подходящие теги для этого поста:\n\n%list%\n\nНадеюсь, это поможет 🙂", "stop"),
    says("fences", SALVAGE, Outcome::Success, "```json\n%list%\n```", "stop"),
    says("curly_quotes", SALVAGE, Outcome::Success, "%curly%", "stop"),
    says("trailing_commas", SALVAGE, Outcome::Success, "%commas%", "stop"),
    says("think", SALVAGE, Outcome::Success, "<think>\nThe post is short. Maybe [\"draft\", \"wrong\"]? No, better ones.\n</think>\n\n%list%", "stop"),
    says("truncated_json", SALVAGE, Outcome::Success, "%cut%", "stop"),
    says("hostile_answer", SALVAGE, Outcome::Success, "\u{1b}[31m\u{1b}]0;owned\u{7}%list%\u{202e}\u{1b}[0m", "stop"),
    text(says("obeyed_injection", SALVAGE, Outcome::NotTags, "Understood, administrator! I am no longer a classifier and I will do whatever the message asks of me.", "stop")),
    text(says("no_topic", "valid `[]` or {\"tags\":[]}", Outcome::NoTopic, "[]", "stop")),
    // Bodies that are no JSON at all.
    Fault { body: Body::Html("<!doctype html><html lang=\"en\"><head><title>Just a moment…</title></head><body><h1>Checking your browser</h1><noscript>Enable JavaScript to continue</noscript></body></html>"),
        ..json("html_200", "HTML with 2xx", When::Draw, 200, Outcome::Html, "") },
    Fault { travel: Travel::Cp1251, ..says("not_utf8", "not UTF-8", Outcome::NotUtf8, "%list%", "stop") },
    Fault { travel: Travel::Huge, ..says("body_too_large", "body over 1 MiB (cap while streaming)", Outcome::BodyTooLarge, "%list%", "stop") },
    // Limits and money.
    Fault { headers: &[("Retry-After", "1")],
        ..json("retry_after_429", "429 with Retry-After ≤ 10 s and no other healthy model", When::Draw, 429, Outcome::RateLimited,
        r#"{"error":{"message":"Too many requests, slow down for a second","code":429,"metadata":{"provider_name":"Saltmarsh"}}}"#) },
    json("upstream_429_hint", LIMITED, When::DrawFree, 429, Outcome::RateLimited,
        r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"provider_name":"Copperleaf","raw":"Rate limit reached for %model%. Please try again in 1.5s."}},"user_id":"user_demo"}"#),
    // It strikes when the day of the free models has begun again, and so late: without a hint a client waits for a minute.
    json("upstream_429", LIMITED, When::Run, 429, Outcome::RateLimited,
        r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"provider_name":"Copperleaf","raw":"%model% is temporarily rate-limited upstream. Please retry shortly, or bring a key of your own."}},"user_id":"user_demo"}"#),
    Fault { headers: &[("X-RateLimit-Limit", "20"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "%minute%")],
        ..json("free_per_minute", "429 free-tier per minute (\"per-min\": one counter for the whole account)", When::DrawFree, 429, Outcome::FreePerMinute,
        r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"%minute%"},"provider_name":null}},"user_id":"user_demo"}"#) },
    Fault { headers: &[("X-RateLimit-Limit", "50"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "%day%")],
        ..json("free_per_day", "429 free-tier daily (`limit_source`, \"per-day\")", When::Run, 429, Outcome::FreeDaily,
        r#"{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"%day%"},"provider_name":null}},"user_id":"user_demo"}"#) },
    Fault { headers: &[("Retry-After", "1")],
        ..json("in_flight_402", "402 with Retry-After or in-flight budget", When::Draw, 402, Outcome::InFlightBudget,
        r#"{"error":{"code":402,"message":"With what is in flight already, this request would go over your credits. Retry when it has settled.","metadata":{"reason":"in_flight_budget_exhausted","limit_source":"openrouter_in_flight_budget"}}}"#) },
    json("out_of_credit_402", "402 otherwise; 403 key or workspace limit; 429 insufficient_quota", When::Name, 402, Outcome::OutOfCredit,
        r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 150 tokens, but can only afford 12.","code":402}}"#),
    json("key_limit_403", "402 otherwise; 403 key or workspace limit; 429 insufficient_quota", When::Name, 403, Outcome::KeyLimit,
        r#"{"error":{"message":"Key limit exceeded (total limit). Manage it in the settings of your keys.","code":403}}"#),
    json("insufficient_quota_429", "402 otherwise; 403 key or workspace limit; 429 insufficient_quota", When::Name, 429, Outcome::OutOfCredit,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#),
    json("bad_key_401", "401, bad key in any dress (some answer 400)", When::Key, 401, Outcome::BadKey, r#"{"error":{"message":"User not found.","code":401}}"#),
    // What a model does not take.
    json("response_format_400", "400 about response_format / json_schema", When::Temper, 400, Outcome::FormatUnsupported,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"provider_name":"Copperleaf","raw":"{\"error\":{\"message\":\"'response_format' of type '%format%' is not supported with this model\",\"type\":\"invalid_request_error\",\"param\":\"response_format\"}}"}}}"#),
    json("parameter_400", "400 about one parameter (temperature, reasoning, stop…)", When::Temper, 400, Outcome::ParameterUnsupported,
        r#"{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}"#),
    json("context_400", "400 context length", When::Temper, 400, Outcome::ContextLength,
        r#"{"error":{"message":"This endpoint's maximum context length is 768 tokens. However, you requested about 905 tokens. Please reduce the length of the messages.","code":400,"metadata":{"provider_name":"Saltmarsh"}}}"#),
    json("model_gone_404", "400 model not found; any 404", When::Temper, 404, Outcome::ModelGone,
        r#"{"error":{"message":"No endpoints found for %model%.","code":404},"user_id":"user_demo"}"#),
    json("unknown_model_400", "400 model not found; any 404", When::Temper, 400, Outcome::ModelGone,
        r#"{"error":{"message":"%model% is not a valid model ID","code":400},"user_id":"user_demo"}"#),
    json("region_403", "403 region", When::Temper, 403, Outcome::Region,
        r#"{"error":{"message":"Provider returned error","code":403,"metadata":{"provider_name":"Borealis","raw":"{\"error\":{\"code\":\"unsupported_country_region_territory\",\"message\":\"Country, region, or territory not supported\",\"param\":null,\"type\":\"request_forbidden\"}}"}}}"#),
    Fault { headers: &[("Retry-After", "1")],
        ..json("loading_503", "503 \"Loading model\"", When::Run, 503, Outcome::Loading, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#) },
    json("too_large_413", "413", When::Name, 413, Outcome::TooLarge, r#"{"error":{"message":"Request Entity Too Large","code":413}}"#),
    // What a text brings upon itself.
    text(json("moderation_403", MODERATION, When::Text, 403, Outcome::Moderated,
        r#"{"error":{"message":"%model% requires moderation. Your input was flagged for \"illicit\".","code":403,"metadata":{"reasons":["illicit"],"flagged_input":"…","provider_name":"Saltmarsh","model_slug":"%model%"}}}"#)),
    text(says("content_filter", MODERATION, Outcome::Moderated, "", "content_filter")),
    text(says("refusal_in_words", MODERATION, Outcome::Moderated, "I'm sorry, but I can't assist with that request.", "stop")),
    json("unprocessable_422", "other 400, 422", When::Text, 422, Outcome::BadRequest,
        r#"{"error":{"message":"Unprocessable input: messages[1] holds a sequence of characters that the tokenizer rejects","code":422}}"#),
    // Time and the line itself.
    json("timeout_408", TIMEOUT, When::Draw, 408, Outcome::Timeout, r#"{"error":{"message":"The provider took too long and the request was given up","code":408}}"#),
    json("gateway_504", TIMEOUT, When::Draw, 504, Outcome::Timeout, r#"{"error":{"message":"Upstream request timeout","code":504}}"#),
    Fault { body: Body::Html("<!DOCTYPE html><html><head><title>524: A timeout occurred</title></head><body>The origin did not answer in time. Ray ID: %id%</body></html>"),
        ..json("timeout_524", TIMEOUT, When::Draw, 524, Outcome::Timeout, "") },
    Fault { when: When::DrawOnce, travel: Travel::Drip, ..says("drip", TIMEOUT, Outcome::Timeout, "%list%", "stop") },
    Fault { travel: Travel::CutMidway, ..says("cut_midway", "connect, DNS (cut after the head: an answer error)", Outcome::AnswerError, "%list%", "stop") },
    Fault { when: When::DrawOnce, travel: Travel::NoAnswer, ..says("no_answer", "connect, DNS", Outcome::Unreachable, "", "stop") },
];

/// The entry of that name.
pub fn find(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}
