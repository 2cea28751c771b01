//! What the database says of stored documents, for previews and for comparing it with the blob store.
//! Uploads themselves are the outbox's.

use super::base::work;
use super::link::args;
use super::{Store, StoreError, sql};
use crate::domain::{ImageId, Origin, Output, PostId};

impl Store {
    /// The image behind a stored key without its ending; `None`: this database stored no such thing.
    pub async fn origin_of_key(&self, key: &str) -> Result<Option<Origin>, StoreError> {
        self.origin(&sql::ORIGIN_OF_KEY, key).await
    }

    /// The image of a content; `None`: this database has not read it.
    pub async fn origin_of_content(&self, sha256: &str) -> Result<Option<Origin>, StoreError> {
        self.origin(&sql::ORIGIN_OF_CONTENT, sha256).await
    }

    async fn origin(&self, sql: &sql::Sql, by: &str) -> Result<Option<Origin>, StoreError> {
        let Some(row) = self.base.row(sql, args![by]).await? else { return Ok(None) };
        Ok(Some(Origin { image: ImageId(row.int(0)?), post: row.opt_int(1)?.map(PostId), path: row.text(2)? }))
    }

    /// Outputs whose number follows `after`, in the order of their numbers.
    pub async fn outputs(&self, after: i64, limit: u32) -> Result<Vec<Output>, StoreError> {
        self.base.rows(&sql::OUTPUTS, args![after, i64::from(limit)]).await?.iter().map(super::outbox::output).collect()
    }

    /// Outputs of contents whose hash begins so; a dozen digits mean one.
    pub async fn outputs_of(&self, begin: &str) -> Result<Vec<Output>, StoreError> {
        // `g` follows the last digit of a hash.
        let end = format!("{begin}g");
        self.base.rows(&sql::OUTPUTS_OF, args![begin, &end]).await?.iter().map(super::outbox::output).collect()
    }

    /// Notes that one rendering of a document was removed from the blob store `place`: its key without the ending, and the ending.
    /// When both are gone, the document counts as removed and no more as stored.
    pub async fn output_removed(&self, key: &str, ending: &str, place: &str) -> Result<(), StoreError> {
        let work = Removed { key: key.to_owned(), ending: ending.to_owned(), place: place.to_owned() };
        self.base.write(sql::OUTPUT_REMOVED.doing, work).await
    }

    /// How many outputs there are.
    pub async fn count_outputs(&self) -> Result<i64, StoreError> {
        Ok(self.base.int(&sql::COUNT_ALL_OUTPUTS, args![]).await?.unwrap_or_default())
    }

    /// Contents that were read and that nobody asked to store. It walks all documents.
    pub async fn count_unsent(&self) -> Result<i64, StoreError> {
        Ok(self.base.int(&sql::COUNT_UNSENT, args![]).await?.unwrap_or_default())
    }

    /// Those of these keys, without their endings, that this database has an output for.
    pub async fn known_keys(&self, keys: &[String]) -> Result<Vec<String>, StoreError> {
        let keys = serde_json::Value::from(keys).to_string();
        self.base.rows(&sql::KNOWN_KEYS, args![&keys]).await?.iter().map(|row| row.text(0)).collect()
    }
}

struct Removed {
    key: String,
    ending: String,
    place: String,
}

work!(Removed => (), |me, link| {
    link.run(&sql::OUTPUT_REMOVED, args![&me.key, &me.ending, &me.place]).await?;
    Ok(())
});
