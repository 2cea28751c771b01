//! The route: which model is asked next, what each outcome leads to, and what all passes remember about each model.
//! Pure state machines: they send nothing, sleep nowhere and take the time as an argument.

mod decide;
mod expand;
mod health;
mod kept;
mod pass;
mod sign;
mod visit;

use std::time::Duration;

use crate::config::Tagging;
use crate::domain::{BreakerState, Millis, ModelKey, Outcome, Pause, Probe, Why};
use crate::llm::Format;
use crate::llm::wire::Listing;
use crate::text::Safe;
pub(crate) use expand::split;
pub use expand::{Expanded, Gone, expand};
pub use health::{Availability, Cause, Closed, Health};
pub use kept::Kept;
pub use pass::Pass;

/// One model of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteModel {
    /// Provider and model.
    pub key: ModelKey,
    /// As its provider lists it; `None` when the provider could not be asked.
    pub listing: Option<Listing>,
}

/// The settings a pass goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Tries again on the last healthy model of the route.
    pub max_retries: u32,
    /// Tries again on each model before it.
    pub retries_before_fallback: u32,
    /// First wait before a retry; doubles with each, ±20 %, at most 60 s.
    pub retry_delay: Duration,
    /// Most HTTP calls in one pass; one is always allowed.
    pub pass_calls: u32,
    /// Longest time of one pass, waits included; no call starts after it.
    pub pass_time: Duration,
    /// `max_tokens` of a request.
    pub max_tokens: u32,
    /// Characters of the text that are sent.
    pub text_chars: usize,
}

impl From<&Tagging> for Rules {
    fn from(tagging: &Tagging) -> Self {
        Self {
            max_retries: tagging.max_retries,
            retries_before_fallback: tagging.retries_before_fallback,
            retry_delay: tagging.retry_delay,
            pass_calls: tagging.pass_calls,
            pass_time: tagging.pass_time,
            max_tokens: tagging.max_tokens,
            text_chars: tagging.text_chars,
        }
    }
}

/// What to do next in a pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Ask this model, then [`Pass::report`].
    Call(Call),
    /// Do nothing before this time, then ask again.
    Wait {
        /// When to go on.
        until: Millis,
    },
    /// The pass is over.
    Done(PassEnd),
}

/// One call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Index of the model in the route.
    pub model: usize,
    /// How the answer's shape is asked for.
    pub format: Format,
    /// `max_tokens`.
    pub max_tokens: u32,
    /// Ask the model not to reason.
    pub reasoning_off: bool,
    /// Parameters this model does not take.
    pub without: Vec<String>,
    /// Characters of the text to send.
    pub text_chars: usize,
    /// The answer to be repaired: send the repair prompt with it.
    pub repair: Option<String>,
    /// Why this model is asked.
    pub why: Why,
    /// What the call is to find out; empty for nearly every call.
    pub probes: Vec<Probe>,
}

/// How a pass ended.
#[derive(Clone, Debug, PartialEq)]
pub enum PassEnd {
    /// With tags.
    Tagged {
        /// Normalised.
        tags: Vec<String>,
        /// Index of the model that gave them.
        model: usize,
    },
    /// There is nothing to tag.
    Skipped {
        /// `no_topic` or `moderated`.
        class: &'static str,
        /// In words.
        reason: Safe,
    },
    /// Without tags; the attempt counts.
    Failed {
        /// What the last model came to.
        outcome: Outcome,
        /// The last cause and how many models were asked.
        reason: Safe,
        /// No further pass will do better.
        permanent: bool,
    },
    /// Nobody could be asked; the attempt is given back.
    PutOff {
        /// Why.
        outcome: Outcome,
        /// In words.
        reason: Safe,
        /// When another pass makes sense; never in the past.
        until: Millis,
    },
}

/// Something that changed, for the event log, the database and the concurrency.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The same model will be asked again.
    Retry {
        /// Which.
        model: usize,
        /// What the last call came to.
        outcome: Outcome,
        /// First this long nothing.
        wait: Duration,
        /// In words.
        reason: Safe,
    },
    /// The pass goes on with another model.
    Fallback {
        /// The model that is left.
        from: usize,
        /// The next.
        to: usize,
        /// What the last call came to.
        outcome: Outcome,
        /// In words.
        reason: Safe,
        /// Times the model was asked again before it was left.
        after_retries: u32,
    },
    /// A model's breaker opened, half-opened or closed.
    Breaker {
        /// Which.
        model: usize,
        /// What it is now.
        state: BreakerState,
        /// When an open one half-opens.
        until: Option<Millis>,
        /// In words.
        reason: Safe,
    },
    /// A provider's breaker opened or closed: it holds for all its models.
    ProviderBreaker {
        /// Name in the settings.
        provider: String,
        /// What it is now.
        state: BreakerState,
        /// When an open one half-opens.
        until: Option<Millis>,
        /// In words.
        reason: Safe,
    },
    /// A model is off until the route is checked again.
    ModelOff {
        /// Which.
        model: usize,
        /// In words.
        reason: Safe,
    },
    /// A model refused a response format and is asked for a weaker one from now on.
    FormatDown {
        /// Which.
        model: usize,
        /// The new format.
        to: Format,
    },
    /// A model does not take this parameter; it is left out from now on.
    ParameterDropped {
        /// Which.
        model: usize,
        /// Name of the parameter.
        parameter: String,
    },
    /// A pause is in force from now on.
    Pause(Pause),
    /// 429 or timeout: fewer calls at once.
    HalveConcurrency,
    /// An answer came: perhaps more calls at once.
    GrowConcurrency,
}

impl Note {
    /// The provider whose breaker changed, if one did.
    pub fn changed_provider(&self) -> Option<&str> {
        match self {
            Self::ProviderBreaker { provider, .. } => Some(provider),
            _ => None,
        }
    }

    /// The model whose stored state changed, if one did.
    pub const fn changed_model(&self) -> Option<usize> {
        match self {
            Self::Breaker { model, .. }
            | Self::ModelOff { model, .. }
            | Self::FormatDown { model, .. }
            | Self::ParameterDropped { model, .. } => Some(*model),
            Self::Retry { .. }
            | Self::Fallback { .. }
            | Self::ProviderBreaker { .. }
            | Self::Pause(_)
            | Self::HalveConcurrency
            | Self::GrowConcurrency => None,
        }
    }
}

/// Most HTTP calls one pass over these models can make. Besides retries there are calls that correct the request
/// (format, length, parameters, tokens, repair), so for any real model this is the cap itself.
pub fn worst_case(models: &[RouteModel], rules: &Rules) -> u64 {
    let real = models.iter().filter(|model| !model.key.is_local_keywords()).count() as u64;
    let tries = 1 + u64::from(rules.max_retries.max(rules.retries_before_fallback).max(decide::POLLS)) + decide::CORRECTIONS;
    u64::from(rules.pass_calls.max(1)).min(real * tries)
}
