//! A folder as a blob store: a file an object, its path the key, written whole or not at all.
//! What is known of an object besides its bytes stands beside the objects, in a hidden folder that no listing shows.

mod walk;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::io::AsyncWrite;

use super::{About, BlobError, Class, Head, JSON, List, MARKDOWN, Page, Put, key};
use crate::domain::Millis;
use crate::text::{Safe, sha256};

/// Ours within the folder; no key leads there.
const OURS: &str = ".tagdeck";
/// A file being written that is older was left behind by a process that ended.
const STALE: Duration = Duration::from_hours(1);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: Arc<Path>,
    /// Done by whoever writes, before the first file: reading changes nothing.
    swept: Arc<Once>,
}

/// [`About`] as it is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    content_type: Option<String>,
    source: Option<String>,
    image_sha256: Option<String>,
    engine: Option<String>,
    version: Option<String>,
}

impl From<&About> for Kept {
    fn from(about: &About) -> Self {
        let set = |text: &String| Some(text.clone());
        Self {
            content_type: Some(about.content_type.to_owned()),
            source: set(&about.source),
            image_sha256: set(&about.image_sha256),
            engine: set(&about.engine),
            version: set(&about.version),
        }
    }
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: Arc::from(root), swept: Arc::new(Once::new()) }
    }

    pub(super) fn place(&self) -> Safe {
        Safe::line(&self.root.display().to_string())
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes, about: &About) -> Result<Put, BlobError> {
        let (path, about) = (self.path("store", key)?, about.clone());
        self.on_a_thread("store", key, move |files, key| files.write(&path, key, &bytes, &about)).await
    }

    pub(super) async fn head(&self, key: &str) -> Result<Option<Head>, BlobError> {
        let path = self.path("look at", key)?;
        let found = self.on_a_thread("look at", key, move |files, key| files.look(&path, key)).await;
        match found {
            Ok(head) => Ok(Some(head)),
            Err(error) if error.class() == Class::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        let path = self.path("read", key)?;
        self.on_a_thread("read", key, move |_, _| read(&path, range)).await
    }

    pub(super) async fn download(&self, key: &str, to: &mut (impl AsyncWrite + Unpin)) -> Result<u64, BlobError> {
        let path = self.path("download", key)?;
        let failed = |error| self.failed("download", Some(key), &error);
        let mut from = self.on_a_thread("download", key, move |_, _| open(&path)).await.map(tokio::fs::File::from_std)?;
        tokio::io::copy(&mut from, to).await.map_err(failed)
    }

    pub(super) async fn list(&self, ask: &List) -> Result<Page, BlobError> {
        let ask = ask.clone();
        let (files, place) = (self.clone(), self.clone());
        let listed = tokio::task::spawn_blocking(move || walk::page(&files.root, &ask)).await;
        listed
            .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(|error| place.failed("list the keys", None, &error))
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let path = self.path("delete", key)?;
        self.on_a_thread("delete", key, move |files, key| files.remove(&path, key)).await
    }

    /// Where an object's file stands: always inside the folder.
    fn path(&self, doing: &'static str, key: &str) -> Result<PathBuf, BlobError> {
        let bad = |saw| BlobError::new(Class::BadKey, doing, Some(key), &self.place(), saw);
        key::check(key).map_err(bad)?;
        let relative = Path::new(key);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || relative.components().count() != key.split('/').count() {
            return Err(bad("the key does not name a file inside the folder"));
        }
        if relative.starts_with(OURS) {
            return Err(bad("the folder .tagdeck keeps other things"));
        }
        Ok(self.root.join(relative))
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        doing: &'static str,
        key: &str,
        work: impl FnOnce(&Self, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let (files, owned) = (self.clone(), key.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&files, &owned)).await;
        done.unwrap_or_else(|stopped| Err(io::Error::other(stopped))).map_err(|error| self.failed(doing, Some(key), &error))
    }

    fn failed(&self, doing: &'static str, key: Option<&str>, error: &io::Error) -> BlobError {
        let class = Class::of_io(error.kind());
        let said = BlobError::new(class, doing, key, &self.place(), &error.to_string());
        match class {
            Class::AccessDenied => said.with_remedy("give this user rights there, or name another blob.folder"),
            Class::Full => said.with_remedy("free some space, or name another blob.folder"),
            Class::BadKey => said.with_remedy("a folder and a file cannot have one name; move one of them"),
            _ => said,
        }
    }

    fn write(&self, path: &Path, key: &str, bytes: &[u8], about: &About) -> io::Result<Put> {
        let kept = self.kept(key);
        match hash(path) {
            Ok((_, sha256)) if sha256 == about.sha256 => {
                if !kept.exists() {
                    self.keep(&kept, about)?;
                }
                return Ok(Put::AlreadyThere);
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.keep(&kept, about)?;
        let mut part = self.part()?;
        part.write_all(bytes)?;
        part.as_file().sync_all()?;
        self.make_parents(path)?;
        part.persist(path).map_err(|error| error.error)?;
        sync_folder(path.parent())?;
        Ok(Put::Written)
    }

    /// What is known of the object; that alone need not survive a power cut.
    fn keep(&self, kept: &Path, about: &About) -> io::Result<()> {
        let mut part = self.part()?;
        serde_json::to_writer(&mut part, &Kept::from(about))?;
        kept.parent().map(fs::create_dir_all).transpose()?;
        part.persist(kept).map_err(|error| error.error)?;
        Ok(())
    }

    fn part(&self) -> io::Result<NamedTempFile> {
        let parts = self.root.join(OURS).join("parts");
        self.swept.call_once(|| sweep(&parts));
        match NamedTempFile::new_in(&parts) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&parts)?;
                NamedTempFile::new_in(&parts)
            }
            made => made,
        }
    }

    fn make_parents(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) else { return Ok(()) };
        fs::create_dir_all(parent)?;
        parent
            .ancestors()
            .skip(1)
            .take_while(|above| above.starts_with(&self.root))
            .try_for_each(|above| sync_folder(Some(above)))
    }

    fn kept(&self, key: &str) -> PathBuf {
        self.root.join(OURS).join("about").join(key)
    }

    fn look(&self, path: &Path, key: &str) -> io::Result<Head> {
        let (size, sha256) = hash(path)?;
        let kept: Kept = fs::read(self.kept(key)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let by_ending = || match path.extension()?.to_str()? {
            "md" => Some(MARKDOWN.to_owned()),
            "json" => Some(JSON.to_owned()),
            _ => None,
        };
        Ok(Head {
            size,
            modified: fs::metadata(path)?.modified().ok().and_then(millis),
            content_type: kept.content_type.or_else(by_ending),
            sha256: Some(sha256),
            source: kept.source,
            image_sha256: kept.image_sha256,
            engine: kept.engine,
            version: kept.version,
        })
    }

    fn remove(&self, path: &Path, key: &str) -> io::Result<()> {
        let kept = self.kept(key);
        for file in [path, &kept] {
            match fs::remove_file(file) {
                Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Err(error),
                _ => {}
            }
            // A folder that still holds something stays, and so does all above it.
            let inside = file.ancestors().skip(1).take_while(|above| above.starts_with(&self.root) && **above != *self.root);
            for folder in inside {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Removes what processes that were killed left half-written.
fn sweep(parts: &Path) {
    let Ok(parts) = fs::read_dir(parts) else { return };
    for part in parts.flatten() {
        let old = part.metadata().and_then(|about| about.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE));
        if old {
            // It is tried again by the next process that writes.
            let _ = fs::remove_file(part.path());
        }
    }
}

/// Makes the names in a folder survive a power cut.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    if cfg!(unix) { folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all()) } else { Ok(()) }
}

/// A file; a folder is nothing that can be read.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() { Err(ErrorKind::NotFound.into()) } else { Ok(file) }
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    sha256(open(path)?)
}

fn read(path: &Path, range: Option<Range<u64>>) -> io::Result<Bytes> {
    let mut file = open(path)?;
    let range = range.unwrap_or(0..u64::MAX);
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn millis(at: SystemTime) -> Option<Millis> {
    Millis::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}
