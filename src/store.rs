//! LOCAL STAND-IN, NOT TO BE MERGED: a store in memory with the one method import needs.
//! It is not the store.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::{Imported, NewPost, PostFilter, UserId};

/// Stand-in.
#[derive(Debug, thiserror::Error)]
#[error("stand-in")]
pub struct StoreError;
/// Stand-in.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Stand-in.
    ReadWrite,
}
/// Stand-in.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<HashMap<(i64, i64), NewPost>>>);

#[allow(clippy::unused_async, clippy::unwrap_used, clippy::missing_panics_doc, missing_docs)]
impl Store {
    pub async fn open(_: &str, _: Access) -> Result<Self, StoreError> {
        Ok(Self::default())
    }
    pub async fn count(&self, _: &PostFilter) -> Result<i64, StoreError> {
        Ok(self.0.lock().unwrap().len() as i64)
    }
    pub async fn import(&self, _: UserId, posts: &[NewPost], _: Duration, _: u32) -> Result<Vec<Imported>, StoreError> {
        let mut map = self.0.lock().unwrap();
        Ok(posts
            .iter()
            .map(|post| match map.insert((post.channel_telegram_id, post.message_id), post.clone()) {
                None => Imported::New,
                Some(old) if old.text != post.text || old.images != post.images => Imported::Updated,
                Some(_) => Imported::Unchanged,
            })
            .collect())
    }
}
