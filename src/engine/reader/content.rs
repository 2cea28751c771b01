//! An image's bytes and their hash, read from its file; and one reader at a time for one content.
//! Whether the bytes are an image is for OCR to say.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};

use crate::text::{Safe, hex};

/// Largest file that is read: a hundred megapixels of uncompressed TIFF are 300 MB, and two files a thread wait in memory.
const MOST_BYTES: u64 = 512 << 20;

/// What stands in a file.
pub struct Content {
    pub bytes: Vec<u8>,
    /// Lower-case hex.
    pub sha256: String,
}

/// Why a file could not be had.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub class: &'static str,
    pub reason: String,
    /// Trying again would change nothing.
    pub permanent: bool,
}

/// The file's name without its folders, for logs and messages.
pub fn name(path: &str) -> Safe {
    Safe::line(Path::new(path).file_name().map_or_else(|| path.into(), |name| name.to_string_lossy()).as_ref())
}

/// What it takes to load the file, and never more than [`LARGEST`]; whether there is one is for [`load`] to say.
pub fn megabytes(path: &str) -> u32 {
    let bytes = std::fs::metadata(path).map_or(0, |found| found.len()).min(MOST_BYTES);
    u32::try_from(bytes >> 20).unwrap_or(0) + 1
}

/// The most that [`megabytes`] says.
pub const LARGEST: usize = (MOST_BYTES >> 20) as usize + 1;

/// Reads a whole file.
pub fn load(path: &str) -> Result<Content, Unreadable> {
    let refused = |class, reason: String, permanent| Unreadable { class, reason, permanent };
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            refused("image_missing", "the file is not there any more; import it again from where it lies now".to_owned(), true)
        }
        ErrorKind::PermissionDenied => refused("image_missing", format!("the file cannot be opened: {error}"), true),
        _ => refused("image_missing", format!("the file cannot be read: {error}"), false),
    };
    // Looked at before it is opened: to open a pipe would wait for whoever writes into it.
    let found = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !found.is_file() {
        return Err(refused("bad_image", "it is not a regular file".to_owned(), true));
    }
    if found.len() > MOST_BYTES {
        let reason = format!("the file has {} MB, at most {} MB are read", found.len() >> 20, MOST_BYTES >> 20);
        return Err(refused("image_too_large", reason, true));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    // It may grow meanwhile.
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok(Content { bytes, sha256 })
}

/// One lock a content: of two images that are the same, the second waits for the first one's document.
#[derive(Default)]
pub struct Contents {
    locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Contents {
    /// The lock of this content.
    pub fn of(&self, sha256: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(sha256).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(sha256.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_readable_file_is_refused_for_good_and_by_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let class = |path: &Path| load(path.to_str().unwrap()).map(|_| ()).unwrap_err();
        let missing = class(&folder.path().join("gone.png"));
        assert_eq!((missing.class, missing.permanent), ("image_missing", true));
        let dir = class(folder.path());
        assert_eq!((dir.class, dir.permanent), ("bad_image", true));
        let large = folder.path().join("large.png");
        File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(class(&large).class, "image_too_large");
    }

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, "abc").unwrap();
        let content = load(path.to_str().unwrap()).unwrap();
        assert_eq!(content.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(content.bytes, b"abc");
    }
}
