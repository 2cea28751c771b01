//! The words by which servers tell what went wrong, collected from their documentation and from issue trackers.
//! Each list is one string of lower-case phrases between bars; nothing here decides anything.

/// True when any phrase of a list stands in the text.
pub(super) fn says(hay: &str, list: &str) -> bool {
    list.split('|').any(|phrase| hay.contains(phrase))
}

/// True when a label is exactly one phrase of a list.
pub(super) fn is_one_of(label: &str, list: &str) -> bool {
    list.split('|').any(|phrase| phrase == label)
}

/// The text is too long for the model.
pub(super) const CONTEXT: &str = "context_length|context length|context window|context size|exceed_context|maximum context|context_window|context shift|\
    max_model_len|prompt is too long|input is too long|too many tokens|reduce the length|string_above_max_length|string_too_long|prompt too long|\
    input token count|maximum number of tokens|maximum input length|max input|input tokens exceed|inputs tokens + max_new_tokens|request too large|\
    exceeds the maximum length|too large for model|token_limit_exceeded|input length|longer than the maximum|tokens must be reduced";

/// The model does not exist, or not for us.
pub(super) const GONE: &str = "model_not_found|not a valid model|model not found|model not exist|no such model|unknown model|invalid model|\
    model_decommissioned|decommissioned|no endpoints|not_found_error|model_not_available|has been deprecated|model_not_supported|no longer available|\
    unknown_model|invalid_model|no allowed providers|model is not supported|unsupported model|model_deprecated|no models provided|deploymentnotfound";

/// Together with the word "model": it does not exist.
pub(super) const ABSENT: &str =
    "does not exist|doesn't exist|' not found|\" not found|` not found|not exist.|is not available|is not found";

/// A model that needs something our account does not have.
pub(super) const NO_ACCESS: &str = "access to model|access to the model|use this model|access this model|to model |model access|byok|your own key|\
    your own api key|gated|accept the terms|access to it";

/// The key itself is refused; nobody says this of anything else.
pub(super) const KEY: &str = "invalid_api_key|api_key_invalid|api key not valid|invalid api key|incorrect api key|invalid x-api-key|unknown api key|\
    no auth credentials|no cookie auth|missing api key|api key is missing|api key expired|api_key_expired|key is disabled|key has been disabled|\
    api key is invalid|invalid api_key|account_deactivated|must provide an api key|provide your api key|api key was reported as leaked|key is invalid|\
    invalid access token|unregistered callers|invalid bearer";

/// The key is refused, in words that may be said of other things too.
pub(super) const KEY_PERHAPS: &str = "invalid authentication|invalid token|invalid credentials|authentication_error|unauthenticated|user not found|\
    missing authentication|authentication failed|authentication fails|account is not active|unauthorized";

/// No money.
pub(super) const CREDIT: &str = "insufficient_quota|insufficient credit|insufficient_credit|credit balance|insufficient balance|insufficient_balance|\
    billing_hard_limit|billing_not_active|requires more credits|can only afford|out of credits|not enough credits|no credits|any credits|\
    insufficient funds|payment required|insufficient_user_quota|exceeded your monthly included credits|account is overdue|in good standing|arrear|\
    prepayment credits|depleted|openrouter_credits|exceeded_current_quota|is suspended|余额不足|额度不足|欠费|недостаточно средств";

/// A limit set on the key or the workspace.
pub(super) const KEY_LIMIT: &str =
    "limit exceeded|limit reached|key limit|key_limit|spend limit|spending limit|workspace limit|budget|over the limit";

/// A budget of a gateway.
pub(super) const BUDGET: &str = "budget has been exceeded|budget_exceeded|exceededbudget";

/// Not served where we are.
pub(super) const REGION: &str = "unsupported_country|in your region|in your country|location is not supported|region, or territory|country, region|\
    regionerror|not available in this region|region is not supported|unsupported region|region not supported|in your location|\
    unavailable for legal reasons";

/// A wall before the server: Cloudflare's block and challenge pages.
pub(super) const WALL: &str =
    "you have been blocked|cloudflare|just a moment|access denied|error code: 1020|error code: 1009|attention required";

/// The text was refused by a filter.
pub(super) const MODERATED: &str = "content_filter|content filter|content_policy|content policy|content management policy|responsibleai|moderation|\
    was flagged|input flagged|content exists risk|data_inspection_failed|inappropriate content|prohibited_content|prohibited content|safety system|\
    safety_violations|guardrail|violates our|violating our|usage policy|usage policies|sensitive content|sensitive words|content_blocked|\
    prompt_blocked|harmful content|content_flagged|blocked by safety|敏感内容|不安全|内容安全";

/// The shape of the answer that was asked for is not taken.
pub(super) const FORMAT: &str = "response_format|response format|json_schema|json schema|json mode|json_object|structured output|structured_output|\
    text.format|guided_json|guided decoding|invalid schema|the word 'json'|responseschema|response_schema|response mime type|failed to parse grammar";

/// Something in the request is not taken at all, as opposed to wrong in its value.
pub(super) const NOT_TAKEN: &str = "not supported|unsupported|does not support|doesn't support|not support |isn't supported|unknown parameter|\
    unrecognized|unexpected keyword|unexpected field|extra inputs are not permitted|extra_forbidden|not permitted|not allowed|unknown field|\
    unknown name|cannot be disabled|is mandatory|deprecated|only the default|additional properties|property is not";

/// Rate limits.
pub(super) const RATE: &str = "rate limit|rate-limit|rate_limit|ratelimit|too many requests|resource_exhausted|throttling";

/// A model that is not in memory yet.
pub(super) const LOADING: &str = "loading model|model is loading|is currently loading|loading the model|model is still loading";

/// Time ran out behind the server.
pub(super) const TIMEOUT: &str = "timed out|timeout|deadline exceeded|deadline_exceeded";

/// Short-lived trouble.
pub(super) const TROUBLE: &str =
    "overloaded|internal server error|server had an error|temporarily unavailable|over capacity|capacity exceeded";
