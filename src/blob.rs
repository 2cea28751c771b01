//! Where documents go: objects under keys, in S3 or in a folder that looks the same from here.
//! It knows no database and no job; when something is stored, and what is done about a failure, is decided above.

mod error;
mod files;
mod key;
mod s3;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWrite;

use crate::config;
use crate::domain::Millis;
use crate::text::{Safe, hex};
pub use error::{BlobError, Class};
pub use key::{base_key, key};

/// Content type of a document's Markdown.
pub const MARKDOWN: &str = "text/markdown; charset=utf-8";
/// Content type of a document's JSON.
pub const JSON: &str = "application/json";

/// What is known of an object besides its bytes when it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Such as [`MARKDOWN`].
    pub content_type: &'static str,
    /// SHA-256 of the bytes, lower-case hexadecimal; bytes that have another one are refused.
    pub sha256: String,
    /// Name of the image as it was given.
    pub source: String,
    /// SHA-256 of the image.
    pub image_sha256: String,
    /// What read it.
    pub engine: String,
    /// Version of the program.
    pub version: String,
}

/// What a put came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The bytes were sent and are there.
    Written,
    /// The same bytes were there already; nothing was sent.
    AlreadyThere,
    /// The bytes were sent and taken, but the key may not look whether they are there.
    Unseen,
}

/// What the store says of one object. Texts are foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Bytes.
    pub size: u64,
    /// When it was stored, by the store's clock.
    pub modified: Option<Millis>,
    /// As it was stored.
    pub content_type: Option<String>,
    /// SHA-256 of the bytes: computed in a folder, as it was told to S3 at the put.
    pub sha256: Option<String>,
    /// See [`About`].
    pub source: Option<String>,
    /// See [`About`].
    pub image_sha256: Option<String>,
    /// See [`About`].
    pub engine: Option<String>,
    /// See [`About`].
    pub version: Option<String>,
}

/// Where the next page begins; only what the store handed out is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(String);

/// What is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys with a `/` after the prefix are gathered to one folder each.
    pub folders: bool,
    /// [`Page::next`] of the page before.
    pub after: Option<Token>,
    /// Most folders and objects together, 1 to 1000.
    pub limit: usize,
}

impl Default for List {
    fn default() -> Self {
        Self { prefix: String::new(), folders: false, after: None, limit: 1000 }
    }
}

/// A part of a listing, by the bytes of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Whole prefixes that end in `/`.
    pub folders: Vec<String>,
    /// Objects.
    pub objects: Vec<Object>,
    /// Set when there is more.
    pub next: Option<Token>,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Foreign text.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was stored, by the store's clock.
    pub modified: Option<Millis>,
}

/// A place for objects; clones share it.
#[derive(Clone, Debug)]
pub struct BlobStore(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Files(files::Files),
    S3(Box<s3::S3>),
}

/// The futures of Amazon's library have kilobytes, which must not become part of everything that waits for them: they are boxed.
impl BlobStore {
    /// The store that the settings name; asks no server.
    pub async fn open(settings: &config::Blob) -> Result<Self, BlobError> {
        if let Some(bucket) = &settings.bucket {
            return Ok(Self(Kind::S3(Box::new(s3::S3::open(settings, bucket).await?))));
        }
        Ok(Self(Kind::Files(files::Files::new(&settings.folder))))
    }

    /// The store in words.
    pub fn place(&self) -> Safe {
        match &self.0 {
            Kind::Files(files) => files.place(),
            Kind::S3(s3) => s3.place(),
        }
    }

    /// Stores the bytes under the key, over whatever was there, and makes sure that they are; the same bytes are not sent twice.
    pub async fn put(&self, key: &str, bytes: Bytes, about: &About) -> Result<Put, BlobError> {
        const DOING: &str = "store";
        key::check(key).map_err(|saw| self.error(Class::BadKey, DOING, key, saw))?;
        let sha256 = sha256(&bytes);
        if sha256 != about.sha256 {
            let saw = format!("its bytes have the SHA-256 {sha256}, not {}", about.sha256);
            return Err(self.error(Class::Broken, DOING, key, &saw));
        }
        match &self.0 {
            Kind::Files(files) => files.put(key, bytes, about).await,
            Kind::S3(s3) => Box::pin(s3.put(key, bytes, about)).await,
        }
    }

    /// What is known of an object; `None`: there is none under this key.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, BlobError> {
        match &self.0 {
            Kind::Files(files) => files.head(key).await,
            Kind::S3(s3) => Box::pin(s3.head(key)).await,
        }
    }

    /// The object's bytes, or those of a range; a range beyond the end gives what there is, possibly nothing.
    pub async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        match &self.0 {
            Kind::Files(files) => files.get(key, range).await,
            Kind::S3(s3) => Box::pin(s3.get(key, range)).await,
        }
    }

    /// Writes the object, of any size, and says how many bytes it had.
    pub async fn download(&self, key: &str, to: &mut (impl AsyncWrite + Unpin)) -> Result<u64, BlobError> {
        match &self.0 {
            Kind::Files(files) => files.download(key, to).await,
            Kind::S3(s3) => Box::pin(s3.download(key, to)).await,
        }
    }

    /// One page of a listing.
    pub async fn list(&self, ask: &List) -> Result<Page, BlobError> {
        match &self.0 {
            Kind::Files(files) => files.list(ask).await,
            Kind::S3(s3) => Box::pin(s3.list(ask)).await,
        }
    }

    /// Removes the object; one that is not there is removed already.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        match &self.0 {
            Kind::Files(files) => files.delete(key).await,
            Kind::S3(s3) => Box::pin(s3.delete(key)).await,
        }
    }

    /// A link that whoever has it can open for so long; `None`: a folder has no links.
    pub async fn presign(&self, key: &str, lasts: Duration) -> Result<Option<String>, BlobError> {
        match &self.0 {
            Kind::Files(_) => Ok(None),
            Kind::S3(s3) => Box::pin(s3.presign(key, lasts)).await.map(Some),
        }
    }

    fn error(&self, class: Class, doing: &'static str, key: &str, saw: &str) -> BlobError {
        BlobError::new(class, doing, Some(key), &self.place(), saw)
    }
}

/// In lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
