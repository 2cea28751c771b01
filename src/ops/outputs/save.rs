//! A chosen folder that objects are downloaded into: each written whole or not at all, beside what is there, never outside.
//! How a key becomes a file name is `names`' business.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Outputs, OutputsError, names};
use crate::text::Safe;

/// Files of one name beside each other, at most.
const MAX_NUMBER: usize = 10_000;

/// Why an object was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It could not be had.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// The folder would not take it.
    #[error("cannot write into the folder {0}: {1}; name another one, or make room")]
    Folder(Safe, #[source] io::Error),
}

/// One downloaded object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Where.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// It was there already with the same content; nothing was written.
    pub was_there: bool,
}

/// The chosen folder.
#[derive(Debug)]
pub struct Shelf {
    path: PathBuf,
    /// Names given out, in lower case: some file systems hold `A.md` and `a.md` for one.
    taken: HashSet<String>,
}

impl Shelf {
    /// Makes the folder where it is missing.
    pub fn make(path: &Path) -> Result<Self, SaveError> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        fs::create_dir_all(path).map_err(|error| refused(path, error))?;
        Ok(Self { path: path.to_owned(), taken: HashSet::new() })
    }

    /// Downloads an object into the folder under the last part of its name. A file that is there is never overwritten: with the
    /// same content it stays, with another the new one gets a number.
    pub async fn save(&mut self, outputs: &Outputs, key: &str) -> Result<Saved, SaveError> {
        // Beside its place, and moved there when it is whole. Like any other file here, not for its owner alone as temporary ones are.
        let mode = Permissions::from_mode(0o666);
        let made = tempfile::Builder::new().prefix(".tagdeck-").permissions(mode).tempfile_in(&self.path);
        let mut temporary = made.map_err(|error| refused(&self.path, error))?;
        let opened = temporary.reopen().map_err(|error| refused(&self.path, error))?;
        let mut writer = tokio::fs::File::from_std(opened);
        let size = outputs.copy(key, &mut writer).await?;
        tokio::io::AsyncWriteExt::flush(&mut writer).await.map_err(|error| refused(&self.path, error))?;
        drop(writer);
        let (stem, ending) = names::plain(key);
        for number in 1..MAX_NUMBER {
            let name = if number == 1 { format!("{stem}{ending}") } else { format!("{stem}-{number}{ending}") };
            let file = self.path.join(&name);
            if !self.taken.insert(name.to_lowercase()) {
                continue;
            }
            temporary = match temporary.persist_noclobber(&file) {
                Ok(_) => return Ok(Saved { file, size, was_there: false }),
                Err(refusal) if refusal.error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(refused(&self.path, refusal.error));
                }
                Err(refusal) => refusal.file,
            };
            if same(temporary.path(), &file) {
                return Ok(Saved { file, size, was_there: true });
            }
        }
        Err(refused(&self.path, io::Error::new(io::ErrorKind::AlreadyExists, "there are too many files of this name")))
    }
}

fn refused(folder: &Path, error: io::Error) -> SaveError {
    SaveError::Folder(Safe::line(&folder.to_string_lossy()).clipped(200), error)
}

/// Whether two plain files hold the same; what cannot be read is another one.
fn same(one: &Path, other: &Path) -> bool {
    let plain = |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
    let (Some(a), Some(b)) = (plain(one), plain(other)) else { return false };
    a == b && matches!(same_content(one, other), Ok(true))
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (io::BufReader::new(File::open(one)?).bytes(), io::BufReader::new(File::open(other)?).bytes());
    loop {
        match (one.next().transpose()?, other.next().transpose()?) {
            (None, None) => return Ok(true),
            (a, b) if a == b => {}
            _ => return Ok(false),
        }
    }
}
