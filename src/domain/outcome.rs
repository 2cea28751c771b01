//! What a call can come to, and what is done about it: the words of FAILURES.md.
//! Which response is which outcome is `llm::outcome`'s to say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{UnknownWord, words};
use crate::text::Safe;

words! {
    /// What a call came to (FAILURES.md); each outcome has exactly one action there.
    Outcome, "outcome" {
        /// Tags came back.
        Success = "success",
        /// A valid empty list: the post has no topic.
        NoTopic = "no_topic",
        /// Connection refused, reset before an answer, or DNS.
        Unreachable = "unreachable",
        /// The TLS certificate was not accepted.
        Tls = "tls",
        /// No answer in time: ours, 408, 504 or 524.
        Timeout = "timeout",
        /// 400: the text is longer than the model's context.
        ContextLength = "context_length",
        /// 400 about `response_format` or `json_schema`.
        FormatUnsupported = "format_unsupported",
        /// The model does not exist any more.
        ModelGone = "model_gone",
        /// 400: the model does not take one parameter of the request.
        ParameterUnsupported = "parameter_unsupported",
        /// Any other 400 or 422.
        BadRequest = "bad_request",
        /// The key is missing, unknown or revoked.
        BadKey = "bad_key",
        /// 402 because of other requests in flight.
        InFlightBudget = "in_flight_budget",
        /// No money or a hard quota reached.
        OutOfCredit = "out_of_credit",
        /// 403: the key or workspace has reached its own limit.
        KeyLimit = "key_limit",
        /// The text was refused, by filter or in words.
        Moderated = "moderated",
        /// 403: not served in this region.
        Region = "region",
        /// 413.
        TooLarge = "too_large",
        /// 429: the free-tier daily limit of the account.
        FreeDaily = "free_daily",
        /// 429: the free-tier per-minute limit of the account.
        FreePerMinute = "free_per_minute",
        /// Any other 429.
        RateLimited = "rate_limited",
        /// 5xx, in the status or in the body.
        ServerError = "server_error",
        /// 502 that wraps the provider's own, deterministic 400.
        ProviderRejected = "provider_rejected",
        /// 503 while a local server still loads the model.
        Loading = "loading",
        /// 200 without an answer: no `choices`, or empty content.
        EmptyAnswer = "empty_answer",
        /// Reasoning, but no content.
        ReasoningOnly = "reasoning_only",
        /// `finish_reason` length, and no complete tag before the cut.
        Truncated = "truncated",
        /// `finish_reason` error or a network error upstream, also a stream cut midway.
        AnswerError = "answer_error",
        /// An answer in which no tag was found.
        NotTags = "not_tags",
        /// Neither JSON nor an event stream, though 2xx.
        Malformed = "malformed",
        /// HTML with 2xx: a gateway answered.
        Html = "html",
        /// More than 5 % of the body could not be decoded.
        NotUtf8 = "not_utf8",
        /// The body went over 1 MiB.
        BodyTooLarge = "body_too_large",
        /// We stopped waiting because the engine stops.
        Cancelled = "cancelled",
        /// Sent before a crash; nobody knows what came back.
        Unknown = "unknown",
    }
}

words! {
    /// What the engine does about an outcome, in the words of `tagdeck explain`.
    Action, "action" {
        /// The answer is taken.
        Success = "success",
        /// Ask the same model again.
        RetrySameModel = "retry_same_model",
        /// Ask the same model again after the time the answer names.
        RetryAfter = "retry_after",
        /// Go on with the next model of the route.
        NextModel = "next_model",
        /// No model will do better.
        Permanent = "permanent",
        /// Stop calling (all, or the class of models named) until the stated time or the operator.
        PauseEngine = "pause_engine",
    }
}
