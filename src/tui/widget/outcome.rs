//! Words for what went wrong: a label of two or three words for each error class, and what a person can do about it.
//! The engine's actions are not here; they follow from the outcome in `llm`.

use crate::domain::Outcome;
use crate::text::Safe;
use crate::tui::locale::t;

/// An error class in words; a class this version does not know is shown as it is.
pub fn label(class: &str) -> Safe {
    match class.parse::<Outcome>() {
        Ok(outcome) => Safe::fixed(t(words(outcome).0)),
        Err(_) => match class {
            "too_short" => Safe::fixed(t("too short")),
            "waiting_ocr" => Safe::fixed(t("waits for OCR")),
            "crashes_engine" => Safe::fixed(t("crashes the engine")),
            "by_hand" => Safe::fixed(t("by hand")),
            other => Safe::line(other),
        },
    }
}

/// What helps against an error class; empty when nothing needs to be done.
pub fn remedy(class: &str) -> Safe {
    match class.parse::<Outcome>() {
        Ok(outcome) => Safe::fixed(t(words(outcome).1)),
        Err(_) if class == "crashes_engine" => Safe::fixed(t("read the log file, report it; F tries again")),
        Err(_) => Safe::default(),
    }
}

/// One outcome in words.
pub const fn outcome(outcome: Outcome) -> &'static str {
    words(outcome).0
}

/// A label of two or three words, and what helps.
pub const fn words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Success => ("ok", ""),
        Outcome::NoTopic => ("no topic", ""),
        Outcome::Unreachable => ("unreachable", "check the network and base_url, then F"),
        Outcome::Tls => ("TLS refused", "check the certificate and the clock, then P"),
        Outcome::Timeout => ("timeout", "raise tagging.timeout or F later"),
        Outcome::ContextLength => ("too long for the model", "lower tagging.text_chars"),
        Outcome::FormatUnsupported => ("format not taken", "add a model that answers in JSON"),
        Outcome::ModelGone => ("model gone", "take it off tagging.route"),
        Outcome::ParameterUnsupported => ("parameter not taken", "take the model off tagging.route"),
        Outcome::BadRequest => ("bad request", "Enter shows the answer"),
        Outcome::BadKey => ("key refused", "set the provider's key, then P"),
        Outcome::InFlightBudget => ("budget in flight", "lower tagging.concurrency"),
        Outcome::OutOfCredit => ("out of credit", "top up, then P"),
        Outcome::KeyLimit => ("key limit reached", "raise the key's limit, then P"),
        Outcome::Moderated => ("moderated", "add a model with other rules"),
        Outcome::Region => ("not in this region", "add a model served here"),
        Outcome::TooLarge => ("too large", "lower tagging.text_chars"),
        Outcome::FreeDaily => ("free quota of the day", "wait, or add a paid model"),
        Outcome::FreePerMinute => ("free quota of the minute", "wait, or add a paid model"),
        Outcome::RateLimited => ("rate limited", "lower requests_per_minute, then F"),
        Outcome::ServerError => ("server error", "F later"),
        Outcome::ProviderRejected => ("provider rejected", "Enter shows the answer"),
        Outcome::Loading => ("model loading", "wait"),
        Outcome::EmptyAnswer => ("empty answer", "F, or add a model"),
        Outcome::ReasoningOnly => ("reasoning only", "raise tagging.max_tokens"),
        Outcome::Truncated => ("cut off", "raise tagging.max_tokens"),
        Outcome::AnswerError => ("broke off", "F later"),
        Outcome::NotTags => ("not tags", "add a model that answers in JSON"),
        Outcome::Malformed => ("not JSON", "check base_url, then F"),
        Outcome::Html => ("HTML, a gateway", "check base_url, then F"),
        Outcome::NotUtf8 => ("not UTF-8", "F later"),
        Outcome::BodyTooLarge => ("answer too large", "take the model off tagging.route"),
        Outcome::Cancelled => ("cancelled", ""),
        Outcome::Unknown => ("unknown, after a crash", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_short_words() {
        for outcome in Outcome::ALL {
            let label = label(outcome.as_str());
            assert!((2..=24).contains(&label.cells()), "{label}");
            assert!(remedy(outcome.as_str()).cells() <= 46, "{outcome}");
        }
    }

    #[test]
    fn a_class_from_elsewhere_is_shown_harmlessly() {
        assert_eq!(&*label("weird\u{1b}[2J"), "weird␛[2J");
        assert_eq!(&*label("too_short"), "too short");
    }
}
