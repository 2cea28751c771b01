//! The part of [`Health`] that outlives the engine: three columns for each model.
//! It touches no database; the engine carries the columns there and back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::health::{Cause, Fused, Health};
use crate::domain::{ModelKey, Outcome};
use crate::llm::Format;
use crate::llm::breaker::Breaker;
use crate::text::Safe;

/// What is stored of one model, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// [`Format::as_str`].
    pub format: String,
    /// JSON of the breaker and of what else was learned about the model.
    pub breaker: String,
    /// Why it is off, if it is.
    pub off_reason: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    breaker: Breaker,
    without: BTreeSet<String>,
    reasoning_off: bool,
    cause: Option<(Outcome, String)>,
}

impl Health {
    /// Takes over what was stored; models that are not in the route, and columns that cannot be read, are passed by.
    pub fn load(&mut self, stored: &[(ModelKey, Kept)]) {
        for (key, kept) in stored {
            let Some(model) = self.models.iter_mut().find(|model| model.key == *key) else { continue };
            let formats = [Format::JsonSchema, Format::JsonObject, Format::Plain];
            if let Some(format) = formats.into_iter().find(|format| format.as_str() == kept.format) {
                model.format = format;
            }
            model.off = kept.off_reason.as_deref().map(Safe::line);
            if let Ok(memory) = serde_json::from_str::<Memory>(&kept.breaker) {
                let cause = memory.cause.map(|(outcome, reason)| Cause { outcome, reason: Safe::line(&reason) });
                model.fuse = Fused { breaker: memory.breaker, cause };
                model.without = memory.without;
                model.reasoning_off = memory.reasoning_off;
            }
        }
    }

    /// What to store of one model; `None` beyond the end of the route.
    pub fn kept(&self, index: usize) -> Option<Kept> {
        let model = self.models.get(index)?;
        let memory = Memory {
            breaker: model.fuse.breaker.clone(),
            without: model.without.clone(),
            reasoning_off: model.reasoning_off,
            cause: model.fuse.cause.as_ref().map(|cause| (cause.outcome, cause.reason.to_string())),
        };
        Some(Kept {
            format: model.format.as_str().to_owned(),
            breaker: serde_json::to_string(&memory).unwrap_or_default(),
            off_reason: model.off.as_ref().map(ToString::to_string),
        })
    }
}
