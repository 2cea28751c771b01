//! What a person decides about posts by hand: their tags, or that they are passed over.
//! No engine touches such a post afterwards; only `regenerate` gives it back.

use super::{Ops, OpsError};
use crate::domain::{PostFilter, PostId};

impl Ops {
    /// Gives a post these tags and no others, however far an engine has got with it. Empty ones and repetitions are left out.
    pub async fn set_tags(&self, id: PostId, tags: &[String]) -> Result<(), OpsError> {
        let mut kept: Vec<String> = Vec::with_capacity(tags.len());
        for tag in tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()) {
            if kept.iter().all(|other| other.to_lowercase() != tag.to_lowercase()) {
                kept.push(tag.to_owned());
            }
        }
        if self.changing()?.set_tags(id, &kept, self.tagging.max_attempts).await? { Ok(()) } else { Err(OpsError::NoPost(id)) }
    }

    /// Passes over posts that are not tagged: those with these ids, or all that fit. Returns how many.
    pub async fn skip(&self, filter: &PostFilter, ids: Option<&[PostId]>) -> Result<u64, OpsError> {
        Ok(self.changing()?.skip(filter, ids).await?)
    }
}
