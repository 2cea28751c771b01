//! Names of models, and the pauses that keep them from being asked, or documents from being stored.
//! It decides on no order and no call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Millis, UnknownWord};
use crate::text::Safe;

/// A model on a provider: `openrouter` + `google/gemini-2.5-flash`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelKey {
    /// Name of the provider in the settings.
    pub provider: String,
    /// The provider's own id of the model.
    pub model: String,
}

/// A half-open breaker that one call, of whichever worker, may find out about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whose breaker; a name without a model is its provider's.
    pub of: ModelKey,
    /// Which of its openings, by when that ended: a later one ends later.
    pub opening: Millis,
}

impl ModelKey {
    /// Reads what `Display` writes; no name of a provider holds a slash.
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, model) = text.split_once('/')?;
        let whole = !provider.is_empty() && !model.is_empty();
        whole.then(|| Self { provider: provider.to_owned(), model: model.to_owned() })
    }

    /// True for OpenRouter's free variants, which share one quota per account.
    pub fn is_free(&self) -> bool {
        self.model.ends_with(":free")
    }

    /// True for the built-in tagger that needs no network.
    pub fn is_local_keywords(&self) -> bool {
        self.provider == "local" && self.model == "keywords"
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PauseScope {
    /// Everything: no job is claimed.
    All,
    /// One provider.
    Provider(String),
    /// The `:free` models of one provider.
    Free(String),
    /// Uploads of documents: images are read and posts tagged as before.
    Uploads,
}

impl fmt::Display for PauseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Free(name) => write!(f, "free:{name}"),
            Self::Uploads => f.write_str("uploads"),
        }
    }
}

impl FromStr for PauseScope {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word.split_once(':') {
            None if word == "all" => Ok(Self::All),
            None if word == "uploads" => Ok(Self::Uploads),
            Some(("provider", name)) => Ok(Self::Provider(name.to_owned())),
            Some(("free", name)) => Ok(Self::Free(name.to_owned())),
            _ => Err(UnknownWord {
                what: "pause scope",
                word: Safe::line(word),
                known: "all, uploads, provider:NAME, free:NAME".to_owned(),
            }),
        }
    }
}

/// A pause as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What it covers.
    pub scope: PauseScope,
    /// When it ends by itself; `None`: when the operator says so.
    pub until: Option<Millis>,
    /// Why, in words for a person.
    pub reason: Safe,
}
