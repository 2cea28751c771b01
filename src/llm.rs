//! The LLM trade: text in, tags out, over any server that speaks the OpenAI chat protocol.
//! It knows no database and no job; its state machines are pure and take the time as an argument.

pub mod answer;
pub mod breaker;
pub mod keywords;
pub mod outcome;
pub mod prompt;
pub mod quota;
pub mod route;
pub mod wire;

use std::time::Duration;

use crate::domain::{Millis, Outcome};
use crate::text::Safe;

/// What one call came to, with all that the route needs to decide on.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class (FAILURES.md).
    pub outcome: Outcome,
    /// Normalised tags, when the outcome is `success`.
    pub tags: Vec<String>,
    /// Cause in words for a person, at most 300 characters.
    pub reason: Safe,
    /// When the server says to come back, if it does.
    pub wait: Option<Wait>,
    /// Name of the request parameter that a `parameter_unsupported` is about.
    pub parameter: Option<String>,
    /// True when the answer held any text at all (for the parse rate).
    pub answered: bool,
    /// The answer's text when no tag was found in it, for the repair prompt; capped at 2000 characters.
    pub answer: Option<String>,
    /// Tokens and price as the provider counted.
    pub usage: Usage,
    /// The provider's id of the generation.
    pub request_id: Option<String>,
}

impl Verdict {
    /// A verdict that carries nothing but its class and cause.
    pub fn plain(outcome: Outcome, reason: Safe) -> Self {
        Self {
            outcome,
            tags: Vec::new(),
            reason,
            wait: None,
            parameter: None,
            answered: false,
            answer: None,
            usage: Usage::default(),
            request_id: None,
        }
    }
}

/// A server's hint on when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// After this long (Retry-After, "try again in 6ms").
    For(Duration),
    /// At this time (X-RateLimit-Reset), epoch milliseconds.
    Until(Millis),
}

/// Tokens and price of one call; `None` where the provider did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: Option<i64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<i64>,
    /// Price in millionths of a US dollar.
    pub cost_micros: Option<i64>,
}

/// How the answer's shape is asked for; a model that refuses one is stepped down to the next for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `response_format: {"type":"json_schema"}`.
    #[default]
    JsonSchema,
    /// `response_format: {"type":"json_object"}`.
    JsonObject,
    /// No `response_format`: the prompt alone asks for JSON.
    Plain,
}

impl Format {
    /// The next weaker form, if any.
    pub const fn weaker(self) -> Option<Self> {
        match self {
            Self::JsonSchema => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::JsonObject => "json_object",
            Self::Plain => "plain",
        }
    }
}

/// One request to one model, before it becomes JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// System and user messages, in order.
    pub messages: Vec<Message>,
    /// How the answer's shape is asked for.
    pub format: Format,
    /// `max_tokens`.
    pub max_tokens: u32,
    /// `temperature`.
    pub temperature: f64,
    /// Ask the model not to reason (`reasoning: {"enabled": false}`), after a reasoning-only answer.
    pub reasoning_off: bool,
    /// Parameters this model does not take, left out of the request.
    pub without: Vec<String>,
}

/// One chat message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// Its text.
    pub content: String,
}
