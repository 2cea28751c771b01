//! Why a model was asked: what made it its turn, and whom it was put before.
//! It is put into words by whoever shows it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ModelKey, Outcome, UnknownWord, words};
use crate::text::Safe;

words! {
    /// What made it a model's turn.
    Turn, "turn" {
        /// It is the first of the route that could be asked.
        First = "first",
        /// An operator asked for it.
        Asked = "asked",
        /// The model before it came to no tags.
        Fallback = "fallback",
        /// The same request again.
        Retry = "retry",
        /// A corrected request: shorter, another format, a repair.
        Corrected = "corrected",
    }
}

words! {
    /// Why a model could not be asked.
    Unfit, "state" {
        /// Its breaker, or its provider's, was open.
        Open = "open",
        /// It is off until the route is checked again.
        Off = "off",
        /// It, its provider or its `:free` models were paused.
        Paused = "paused",
    }
}

/// Why one call went to its model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// What made it this model's turn.
    pub turn: Turn,
    /// Of a fallback: the model before it. Of a retry: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ModelKey>,
    /// What the call before it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Outcome>,
    /// Models before it in the order that could not be asked then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

/// A model that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassedOver {
    /// Which.
    pub model: ModelKey,
    /// Why.
    pub because: Unfit,
}

impl Why {
    /// A turn that needs no further words.
    pub const fn of(turn: Turn) -> Self {
        Self { turn, from: None, after: None, passed_over: Vec::new() }
    }
}
