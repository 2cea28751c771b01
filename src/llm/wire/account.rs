//! What a provider says of the key: limits, credit, and by its clock when.
//! It judges no post and spends nothing: `GET /key` and `GET /models` are free.

use serde_json::Value;

use super::{BODY_CAP, LIST_CAP, Listing, Reply, Wire, WireError};

/// What `GET /key` says (OpenRouter), dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// The key's own limit.
    pub limit: Option<f64>,
    /// What is left of it.
    pub left: Option<f64>,
    /// Used so far.
    pub used: Option<f64>,
    /// Nothing was ever paid: `:free` models are limited to 50 calls a day.
    pub free_tier: Option<bool>,
}

impl Wire {
    /// `GET /key` as it came; providers other than OpenRouter mostly have none.
    pub async fn key(&self) -> Reply {
        let mut url = self.models.clone();
        let path = url.path().trim_end_matches("models").to_owned();
        url.set_path(&format!("{path}key"));
        self.read(self.client.get(url), BODY_CAP).await
    }

    /// `GET /models`: the list, and the reply that it came in.
    pub async fn models_with_reply(&self) -> (Result<Vec<Listing>, WireError>, Reply) {
        let reply = self.read(self.client.get(self.models.clone()), LIST_CAP).await;
        (self.listed(&reply), reply)
    }
}

impl Reply {
    /// What a key's reply says; `None`: it is no such reply.
    pub fn account(&self) -> Option<Account> {
        let value: Value = serde_json::from_slice(&self.body).ok()?;
        let about = value.get("data").filter(|data| data.is_object())?;
        let dollars = |key: &str| about.get(key).and_then(Value::as_f64).filter(|sum| sum.is_finite());
        Some(Account {
            limit: dollars("limit"),
            left: dollars("limit_remaining"),
            used: dollars("usage"),
            free_tier: about.get("is_free_tier").and_then(Value::as_bool),
        })
    }
}
