//! The folder of uploaded images: each under the hash of its content and the name it came with, whole or not there, up to a size.
//! It judges no image; that is for whoever reads it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::http::StatusCode;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::reply::Problem;
use crate::config::Config;
use crate::domain::Status;
use crate::ops::Ops;
use crate::text::{Safe, hex};

/// Bytes of a name that are kept.
const NAME: usize = 100;

/// See the module.
#[derive(Clone)]
pub struct Inbox {
    folder: PathBuf,
    most: u64,
    /// Bytes in the folder; `None`: not counted so far.
    size: Arc<Mutex<Option<u64>>>,
}

impl Inbox {
    pub fn of(config: &Config) -> Self {
        Self { folder: config.data_dir.join("inbox"), most: config.api.inbox_mb * 1024 * 1024, size: Arc::default() }
    }

    /// Keeps an image; the same content under the same name is kept once.
    pub async fn keep(&self, ops: &Ops, name: &str, bytes: Vec<u8>) -> Result<PathBuf, Problem> {
        let path = self.folder.join(hex(&Sha256::digest(&bytes))).join(plain_name(name));
        let wanted = bytes.len() as u64;
        if !self.has_room(wanted).await? {
            self.make_room(ops, wanted).await?;
        }
        let (inbox, target) = (self.clone(), path.clone());
        tokio::task::spawn_blocking(move || inbox.write(&target, &bytes)).await.map_err(|error| failed(&error))??;
        Ok(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Problem> {
        let written = || -> io::Result<bool> {
            if path.metadata().is_ok_and(|there| there.len() == bytes.len() as u64) {
                return Ok(false);
            }
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            let mut file = NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_data()?;
            file.persist(path)?;
            Ok(true)
        };
        if written().map_err(|error| failed(&error))? {
            self.changed(|size| size + bytes.len() as u64);
        }
        Ok(())
    }

    async fn has_room(&self, wanted: u64) -> Result<bool, Problem> {
        let inbox = self.clone();
        let size = tokio::task::spawn_blocking(move || inbox.counted()).await.map_err(|error| failed(&error))?;
        Ok(size + wanted <= self.most)
    }

    /// Removes images that have been read or given up, the oldest first, until a fifth is free.
    async fn make_room(&self, ops: &Ops, wanted: u64) -> Result<(), Problem> {
        let inbox = self.clone();
        let files = tokio::task::spawn_blocking(move || inbox.files()).await.map_err(|error| failed(&error))?;
        for (_, length, path) in files {
            if self.counted() + wanted <= self.most / 5 * 4 {
                return Ok(());
            }
            let ended = ops.handed_in(&path).await?.is_none_or(Status::is_final);
            if ended && fs::remove_file(&path).is_ok() {
                // Another name of the same content may still be there; then the folder stays.
                let _ = path.parent().map(fs::remove_dir);
                self.changed(|size| size.saturating_sub(length));
            }
        }
        if self.counted() + wanted <= self.most {
            return Ok(());
        }
        let told = "the images that wait to be read fill the room there is for them (api.inbox_mb)";
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "inbox_full", told).again_after(60))
    }

    fn counted(&self) -> u64 {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        *size.get_or_insert_with(|| self.files().iter().map(|(_, length, _)| length).sum())
    }

    fn changed(&self, how: impl Fn(u64) -> u64) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        *size = size.map(how);
    }

    /// Age, length and path of every image, the oldest first.
    fn files(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let listed = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = listed(&self.folder)
            .flat_map(|content| listed(&content.path()).collect::<Vec<_>>())
            .filter_map(|file| {
                let about = file.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), file.path()))
            })
            .collect();
        files.sort();
        files
    }
}

/// A failure of the disk: its words are for the log.
fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(error = %Safe::line(&error.to_string()), "an uploaded image could not be kept");
    let told = "the image could not be kept; the log of this server says why";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "disk", told)
}

/// The last part of a name, of letters, digits, `-`, `_`, `.` and spaces; it can lead nowhere else and acts on nothing.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().map(|c| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let plain = plain.trim_matches(['.', ' ']);
    let (stem, ending) = match Path::new(plain).extension().and_then(OsStr::to_str) {
        Some(ending) if ending.len() <= 8 => (&plain[..plain.len() - ending.len() - 1], format!(".{ending}")),
        _ => (plain, String::new()),
    };
    let mut end = stem.len().min(NAME - ending.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = stem[..end].trim_matches(['.', ' ']);
    format!("{}{ending}", if stem.is_empty() { "image" } else { stem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_stays_readable() {
        assert_eq!(plain_name("чек из магазина.JPG"), "чек из магазина.JPG");
        assert_eq!(plain_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_name("C:\\scans\\a.png"), "a.png");
        assert_eq!(plain_name("a\u{1b}[2J\n\0b\u{202e}.png"), "a__2J__b_.png");
        for empty in ["", ".", "..", "...", "/", " . "] {
            assert_eq!(plain_name(empty), "image", "{empty:?}");
        }
        assert_eq!(plain_name(".png"), "png");
        let long = plain_name(&format!("{}.tiff", "я".repeat(400)));
        assert!(long.len() <= NAME && long.ends_with("я.tiff"), "{long}");
    }
}
