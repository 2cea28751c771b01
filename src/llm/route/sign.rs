//! What each outcome says about the model, about its provider, and about whether the attempt counts.
//! Three exhaustive lists and nothing else; what a pass does next stands in `decide`.

use crate::domain::Outcome;

/// What an outcome says about the thing behind a breaker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It works.
    Good,
    /// It fails.
    Bad,
    /// Nothing: content errors, limits, cancellations.
    None,
}

/// A model that answers badly still answers: opening its breaker would put posts off, uncounted, without end.
pub(super) const fn for_model(outcome: Outcome) -> Sign {
    use Outcome as O;
    match outcome {
        O::Success | O::NoTopic | O::NotTags | O::Truncated | O::ReasoningOnly => Sign::Good,
        O::Timeout | O::ServerError | O::EmptyAnswer | O::AnswerError | O::Malformed | O::NotUtf8 | O::BodyTooLarge => Sign::Bad,
        O::Unreachable
        | O::Tls
        | O::ContextLength
        | O::FormatUnsupported
        | O::ModelGone
        | O::ParameterUnsupported
        | O::BadRequest
        | O::BadKey
        | O::InFlightBudget
        | O::OutOfCredit
        | O::KeyLimit
        | O::Moderated
        | O::Region
        | O::TooLarge
        | O::FreeDaily
        | O::FreePerMinute
        | O::RateLimited
        | O::ProviderRejected
        | O::Loading
        | O::Html
        | O::Cancelled
        | O::Unknown => Sign::None,
    }
}

/// Three strikes in a row (no connection, or a gateway's HTML) and the provider's breaker opens; an answer that only
/// the API itself can have written clears them.
pub(super) const fn for_provider(outcome: Outcome) -> Sign {
    use Outcome as O;
    match outcome {
        O::Unreachable | O::Html => Sign::Bad,
        O::Success
        | O::NoTopic
        | O::NotTags
        | O::Truncated
        | O::ReasoningOnly
        | O::EmptyAnswer
        | O::ContextLength
        | O::FormatUnsupported
        | O::ParameterUnsupported
        | O::BadRequest
        | O::BadKey
        | O::InFlightBudget
        | O::OutOfCredit
        | O::KeyLimit
        | O::Moderated
        | O::Region
        | O::FreeDaily
        | O::FreePerMinute
        | O::RateLimited
        | O::ProviderRejected
        | O::Loading => Sign::Good,
        O::Tls
        | O::Timeout
        | O::ModelGone
        | O::TooLarge
        | O::ServerError
        | O::AnswerError
        | O::Malformed
        | O::NotUtf8
        | O::BodyTooLarge
        | O::Cancelled
        | O::Unknown => Sign::None,
    }
}

/// True for the last words of a model that do not count against the post: the server, not the post, said no.
pub(super) const fn puts_off(outcome: Outcome) -> bool {
    use Outcome as O;
    match outcome {
        O::Unreachable
        | O::Tls
        | O::ModelGone
        | O::BadKey
        | O::InFlightBudget
        | O::OutOfCredit
        | O::KeyLimit
        | O::Region
        | O::FreeDaily
        | O::FreePerMinute
        | O::RateLimited
        | O::Loading
        | O::Cancelled => true,
        O::Success
        | O::NoTopic
        | O::Timeout
        | O::ContextLength
        | O::FormatUnsupported
        | O::ParameterUnsupported
        | O::BadRequest
        | O::Moderated
        | O::TooLarge
        | O::ServerError
        | O::ProviderRejected
        | O::EmptyAnswer
        | O::ReasoningOnly
        | O::Truncated
        | O::AnswerError
        | O::NotTags
        | O::Malformed
        | O::Html
        | O::NotUtf8
        | O::BodyTooLarge
        | O::Unknown => false,
    }
}
