//! What stands in the blob store, as a person asks for it: listed a page at a time, looked into, fetched, deleted, linked to, verified.
//! It uploads nothing: that is the engine's uploader.

mod known;
mod names;
mod newest;
mod picture;
mod save;
mod verify;

use std::time::Duration;

use bytes::Bytes;

pub use self::newest::After;
pub use self::picture::{Picture, PictureError};
pub use self::save::{SaveError, Saved, Shelf};
pub use self::verify::{Progress, Trouble, Verified};
use super::Ops;
use crate::blob::{self, BlobError, BlobStore, List};
use crate::domain::{ImageId, Millis, Origin, OutputState};
use crate::store::{Store, StoreError};
use crate::text::Safe;

/// Under which our own documents lie, by day.
pub const OURS: &str = "ocr-results/";

/// Bytes of an object that a preview fetches.
pub const PREVIEW: u64 = 1 << 20;

/// Names asked for at once; S3 gives no more.
const PAGE: usize = 1000;

/// Pages looked through for one answer when only some names are wanted.
const PAGES_LOOKED_THROUGH: usize = 5;

/// How long a link works.
pub const LINK_LASTS: Duration = Duration::from_hours(1);

/// Why something asked of the outputs was not done; a whole sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// The blob store would not.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The database would not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody only watches.
    #[error("nothing was changed: this only watches (--read-only)")]
    ReadOnly,
    /// This process was started without a blob store.
    #[error("outputs cannot be shown: {0}")]
    NoBlobs(Safe),
}

/// In what order names come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name, what lies deeper gathered into folders.
    #[default]
    Folders,
    /// By name, every object.
    Flat,
    /// The newest first, as far as the store can tell: see [`Outputs::list`].
    Newest,
}

/// Which names are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// They begin so.
    pub prefix: String,
    /// In this order.
    pub order: Order,
    /// Only those that hold this text behind the prefix, in upper or lower case.
    pub contains: Option<String>,
    /// Behind this place.
    pub after: Option<After>,
    /// At most so many; 1,000 is the most there is at once.
    pub limit: usize,
}

/// One page of names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// Where to go on; `None`: that was all.
    pub next: Option<After>,
    /// Names looked at for it.
    pub looked: usize,
}

/// A name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What begins so, up to and with a `/`.
    Folder(String),
    /// An object.
    Object(Object),
}

impl Entry {
    /// The whole name, as foreign as it comes.
    pub fn key(&self) -> &str {
        match self {
            Self::Folder(prefix) => prefix,
            Self::Object(object) => &object.key,
        }
    }
}

/// An object as a listing tells of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Object {
    /// Its whole name, as foreign as it comes.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: Option<Millis>,
}

impl From<blob::Object> for Object {
    fn from(object: blob::Object) -> Self {
        Self { key: object.key, size: object.size, modified: object.modified }
    }
}

/// The beginning of an object, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Its whole name.
    pub key: String,
    /// Bytes of the whole object.
    pub size: u64,
    /// As the store says.
    pub content_type: Option<String>,
    /// At most [`PREVIEW`] bytes from its beginning.
    pub bytes: Bytes,
    /// The image it was read from, when this database knows it.
    pub origin: Option<Origin>,
}

/// What can be done with outputs; clones share one store.
#[derive(Clone, Debug)]
pub struct Outputs {
    blobs: BlobStore,
    store: Store,
    read_only: bool,
}

impl Outputs {
    /// The outputs of this process, if it has a blob store.
    pub fn of(ops: &Ops) -> Result<Self, OutputsError> {
        let missing = || OutputsError::NoBlobs(Safe::fixed("this process was started without a place for them"));
        Ok(Self { blobs: ops.blobs.clone().ok_or_else(missing)?, store: ops.store.clone(), read_only: ops.read_only })
    }

    /// Where they lie, for people.
    pub fn place(&self) -> Safe {
        self.blobs.place()
    }

    /// A page of names; never more than a few requests, whatever the size of the store.
    ///
    /// A store lists by name only. With [`Order::Newest`] days are walked backwards where names hold them, below [`OURS`]; a day
    /// of more than 1,000 objects, and everything elsewhere, comes by name in pages, each page with its newest first.
    /// With [`Ask::contains`] the answer may be empty and go on: so many names were looked at without a match.
    pub async fn list(&self, ask: &Ask) -> Result<Listed, OutputsError> {
        let needle = ask.contains.as_deref().map(str::to_lowercase).filter(|needle| !needle.is_empty());
        let limit = ask.limit.clamp(1, PAGE);
        let mut listed = Listed { next: ask.after.clone(), ..Listed::default() };
        for page in 0.. {
            let more = match ask.order {
                Order::Newest => self.newest(&ask.prefix, listed.next.take(), limit).await?,
                Order::Folders | Order::Flat => self.by_name(ask, listed.next.take(), limit).await?,
            };
            listed.looked += more.looked;
            listed.next = more.next;
            let fits = |entry: &Entry| {
                let behind = entry.key().get(ask.prefix.len()..).unwrap_or_default();
                needle.as_ref().is_none_or(|needle| behind.to_lowercase().contains(needle.as_str()))
            };
            listed.entries.extend(more.entries.into_iter().filter(fits));
            let enough = listed.entries.len() >= limit / 2 || needle.is_none() || page + 1 >= PAGES_LOOKED_THROUGH;
            if enough || listed.next.is_none() {
                break;
            }
        }
        Ok(listed)
    }

    async fn by_name(&self, ask: &Ask, after: Option<After>, limit: usize) -> Result<Listed, OutputsError> {
        let list = List {
            prefix: ask.prefix.clone(),
            folders: ask.order == Order::Folders,
            after: after.and_then(After::into_token),
            // With a filter most of a page is thrown away: only whole pages get anywhere.
            limit: if ask.contains.is_some() { PAGE } else { limit },
        };
        let page = self.blobs.list(&list).await?;
        let looked = page.folders.len() + page.objects.len();
        let mut entries: Vec<Entry> = page.folders.into_iter().map(Entry::Folder).collect();
        entries.extend(page.objects.into_iter().map(|object| Entry::Object(object.into())));
        Ok(Listed { entries, next: page.next.map(After::token), looked })
    }

    /// The beginning of an object.
    pub async fn preview(&self, key: &str) -> Result<Preview, OutputsError> {
        let head = self.blobs.head(key).await?;
        let size = head.as_ref().map_or(0, |head| head.size);
        // A range of nothing is refused; an object that has gone is told by asking for it.
        let range = if size > 0 { Some(0..size.min(PREVIEW)) } else { None };
        let bytes = if head.is_some() && size == 0 { Bytes::new() } else { self.blobs.get(key, range).await? };
        let origin = self.origin(key, head.as_ref().and_then(|head| head.image_sha256.as_deref())).await?;
        let content_type = head.and_then(|head| head.content_type);
        Ok(Preview { key: key.to_owned(), size, content_type, bytes, origin })
    }

    /// The image an object was read from: as this database stored it, else by the hash that the object carries.
    async fn origin(&self, key: &str, sha256: Option<&str>) -> Result<Option<Origin>, OutputsError> {
        let stored = match verify::stem(key) {
            Some(stem) => self.store.origin_of_key(stem).await?,
            None => None,
        };
        match (stored, sha256) {
            (None, Some(sha256)) => Ok(self.store.origin_of_content(sha256).await?),
            (stored, _) => Ok(stored),
        }
    }

    /// A whole object, in memory: for a person's terminal.
    pub async fn get(&self, key: &str) -> Result<Bytes, OutputsError> {
        Ok(self.blobs.get(key, None).await?)
    }

    /// A whole object of any size; returns its bytes' count.
    pub async fn copy(&self, key: &str, to: &mut (impl tokio::io::AsyncWrite + Unpin + Send)) -> Result<u64, OutputsError> {
        Ok(self.blobs.download(key, to).await?)
    }

    /// Removes an object, and notes it where it is one of ours; `false`: there is no such object. The document itself stays in the
    /// database, from which it is stored again when its image is read again.
    pub async fn remove(&self, key: &str) -> Result<bool, OutputsError> {
        self.may_change()?;
        let there = self.blobs.head(key).await?.is_some();
        if there {
            self.blobs.delete(key).await?;
        }
        if let Some((stem, ending)) = verify::stem(key).zip(key.rsplit('.').next()) {
            self.store.output_removed(stem, ending, &self.blobs.place()).await?;
        }
        Ok(there)
    }

    /// Enqueues the documents of these images again, by their hashes; returns how many there are.
    pub async fn upload_again(&self, sha256s: &[String]) -> Result<usize, OutputsError> {
        self.may_change()?;
        Ok(self.store.upload_again(sha256s).await?)
    }

    const fn may_change(&self) -> Result<(), OutputsError> {
        if self.read_only { Err(OutputsError::ReadOnly) } else { Ok(()) }
    }

    /// A link to an object that works for [`LINK_LASTS`] without a key; `None`: this store has no links.
    pub async fn link(&self, key: &str) -> Result<Option<String>, OutputsError> {
        Ok(self.blobs.presign(key, LINK_LASTS).await?)
    }

    /// What the outputs of an image begin with; `None`: nothing of it is to be stored, or it was removed.
    pub async fn of_image(&self, image: ImageId) -> Result<Option<String>, OutputsError> {
        let image = self.store.image(image).await?.filter(|image| image.output != Some(OutputState::Removed));
        Ok(image.and_then(|image| image.key))
    }
}
