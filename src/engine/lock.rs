//! The lock that keeps a second engine off an embedded database; the system drops it with the process, even on kill -9.
//! PostgreSQL needs none: its engines share the work by leases.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::config::sqlite_file;
use crate::text::Safe;

/// Why no engine can be started here.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine works on this database.
    #[error("another engine ({holder}) works on this database; watch it with `tagdeck --observe`, or stop it first")]
    Taken {
        /// Process id as that engine wrote it.
        holder: Safe,
    },
    /// The lock file cannot be made.
    #[error("cannot make the lock file {path}: {cause}; is the folder writable?")]
    Io {
        /// Which file.
        path: Safe,
        /// What the system says.
        cause: Safe,
    },
}

/// Held as long as an engine runs on an embedded database.
#[derive(Debug)]
pub struct EngineLock {
    /// Closing the file drops the lock.
    _file: Option<File>,
}

impl EngineLock {
    /// Takes the lock beside `sqlite://PATH`; other addresses need none.
    pub fn take(database: &str) -> Result<Self, LockError> {
        let Some(path) = lock_path(database) else { return Ok(Self { _file: None }) };
        let failed = |cause: &std::io::Error| LockError::Io {
            path: Safe::line(&path.display().to_string()),
            cause: Safe::line(&cause.to_string()),
        };
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(64).read_to_string(&mut holder);
                let holder = if holder.is_empty() { "process unknown".to_owned() } else { format!("process {holder}") };
                return Err(LockError::Taken { holder: Safe::line(&holder) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        // What stands in the file is only for the message above.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(std::process::id().to_string().as_bytes()));
        written.map_err(|error| failed(&error))?;
        Ok(Self { _file: Some(file) })
    }
}

fn lock_path(database: &str) -> Option<PathBuf> {
    let path = sqlite_file(database)?;
    if path == Path::new(":memory:") || path.as_os_str().is_empty() {
        return None;
    }
    // A database reached by a link is the same database; one that is not there yet is reached by none.
    let mut path = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path)).into_os_string();
    path.push(".engine.lock");
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_is_told_who_holds_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("a.db").display());
        let first = EngineLock::take(&url).unwrap();
        let error = EngineLock::take(&url).unwrap_err().to_string();
        assert!(error.starts_with(&format!("another engine (process {}) works on this database", std::process::id())), "{error}");
        drop(first);
        assert!(EngineLock::take(&url).is_ok());
    }

    #[test]
    fn a_link_to_the_database_is_the_same_database() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let _first = EngineLock::take(&format!("sqlite://{}", file.display())).unwrap();
        assert!(EngineLock::take(&format!("sqlite://{}", link.display())).is_err());
    }

    #[test]
    fn postgres_needs_no_lock() {
        assert!(lock_path("postgres://h/n").is_none());
    }
}
