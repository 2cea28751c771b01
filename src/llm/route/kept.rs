//! The part of [`Health`] that outlives the engine and holds for all of them: three columns for each model and provider.
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
    /// Takes over what was stored; models that are not in the route, and columns that cannot be read, are passed by. A name
    /// without a model is its provider's.
    pub fn load(&mut self, stored: &[(ModelKey, Kept)]) {
        for (key, kept) in stored {
            if key.model.is_empty() {
                if let Ok(memory) = serde_json::from_str::<Memory>(&kept.breaker) {
                    self.providers.insert(key.provider.clone(), memory.fused());
                }
                continue;
            }
            let Some(model) = self.models.iter_mut().find(|model| model.key == *key) else { continue };
            let formats = [Format::JsonSchema, Format::JsonObject, Format::Plain];
            if let Some(format) = formats.into_iter().find(|format| format.as_str() == kept.format) {
                model.format = format;
            }
            model.off = kept.off_reason.as_deref().map(Safe::line);
            if let Ok(memory) = serde_json::from_str::<Memory>(&kept.breaker) {
                model.without.clone_from(&memory.without);
                model.reasoning_off = memory.reasoning_off;
                model.fuse = memory.fused();
            }
        }
    }

    /// What to store of one model; `None` beyond the end of the route.
    pub fn kept(&self, index: usize) -> Option<Kept> {
        let model = self.models.get(index)?;
        let memory = Memory { without: model.without.clone(), reasoning_off: model.reasoning_off, ..Memory::of(&model.fuse) };
        Some(Kept {
            format: model.format.as_str().to_owned(),
            breaker: serde_json::to_string(&memory).unwrap_or_default(),
            off_reason: model.off.as_ref().map(ToString::to_string),
        })
    }

    /// What to store of a provider's breaker, which holds for all its models, under its name without a model.
    pub fn kept_provider(&self, provider: &str) -> Option<(ModelKey, Kept)> {
        let memory = Memory::of(self.providers.get(provider)?);
        let kept = Kept { breaker: serde_json::to_string(&memory).unwrap_or_default(), ..Kept::default() };
        Some((ModelKey { provider: provider.to_owned(), model: String::new() }, kept))
    }
}

impl Memory {
    fn of(fuse: &Fused) -> Self {
        let cause = fuse.cause.as_ref().map(|cause| (cause.outcome, cause.reason.to_string()));
        Self { breaker: fuse.breaker.clone(), cause, ..Self::default() }
    }

    fn fused(self) -> Fused {
        let cause = self.cause.map(|(outcome, reason)| Cause { outcome, reason: Safe::line(&reason) });
        Fused { breaker: self.breaker, cause }
    }
}
