//! Documents as this database knows them: what it stored or is to store, in the order in which it was asked to.
//! What else lies in the blob store is `list`'s.

use super::{Outputs, OutputsError};
use crate::blob::Class;
use crate::domain::Output;

impl Outputs {
    /// Documents whose number follows `after`.
    pub async fn known(&self, after: i64, limit: u32) -> Result<Vec<Output>, OutputsError> {
        Ok(self.store.outputs(after, limit).await?)
    }

    /// The document of which one rendering has this name, the last part of its key; `None`: there is none.
    pub async fn named(&self, name: &str) -> Result<Option<Output>, OutputsError> {
        let Some((stem, _)) = name.rsplit_once('.') else { return Ok(None) };
        // A key's stem ends in the beginning of the content's hash, by which it is found.
        let hash = stem.rsplit('-').next().unwrap_or_default();
        if hash.len() != 12 || !hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Ok(None);
        }
        let found = self.store.outputs_of(hash).await?;
        Ok(found.into_iter().find(|output| output.key.rsplit('/').next() == Some(stem)))
    }
}

impl OutputsError {
    /// True when what was asked for is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Blob(error) if error.class() == Class::NotFound)
    }
}
