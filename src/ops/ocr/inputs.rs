//! What a person names for reading: files, folders with everything below them, objects of a bucket, stdin.
//! It opens no image; only whether a file looks like one is asked.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Fault;
use super::objects::SCHEME;
use crate::ocr::{OcrError, image};
use crate::text::Safe;

/// Larger files are no images of pages within the limits of pixels.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// Endings of files in a folder that are read, or reported as broken, whatever they hold.
const ENDINGS: &[&str] = &["png", "apng", "jpg", "jpeg", "jpe", "jfif", "webp", "tif", "tiff", "bmp", "dib", "gif"];

/// Bytes that tell an image from another file.
const HEAD: u64 = 64;

/// One thing to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, as it was named or found.
    File(PathBuf),
    /// The bytes on stdin.
    Stdin,
    /// `s3://BUCKET/KEY`, to be fetched first.
    Object(String),
    /// What came from elsewhere and lies in a file of ours now, or why it does not.
    Fetched {
        /// As it was named; foreign text.
        name: String,
        /// The file.
        file: Result<PathBuf, Fault>,
    },
}

/// What the given paths stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order given; a folder's files sorted by path.
    pub inputs: Vec<Input>,
    /// Folders that could not be read or hold no image, in words.
    pub troubles: Vec<Safe>,
}

/// Wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No such file.
    #[error("{0}: there is no such file or folder; check the path")]
    Missing(Safe),
    /// `-` twice.
    #[error("- (stdin) can be read only once; name it once")]
    StdinTwice,
}

impl Input {
    /// The path as it was given; foreign text.
    pub fn source(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Stdin => "-".to_owned(),
            Self::Object(name) | Self::Fetched { name, .. } => name.clone(),
        }
    }

    /// The path as it can be shown.
    pub fn shown(&self) -> Safe {
        match self {
            Self::File(path) => shown(path),
            Self::Stdin => Safe::fixed("stdin"),
            Self::Fetched { name, .. } if name == "-" => Safe::fixed("stdin"),
            Self::Object(name) | Self::Fetched { name, .. } => shown(Path::new(name)),
        }
    }

    /// All bytes, up to a limit far above any image.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Fault> {
        let unreadable = |error: io::Error| Fault::Unreadable(Safe::line(&error.to_string()));
        let mut bytes = Vec::new();
        let read = match self {
            Self::Object(_) => Err(io::Error::other("it was not fetched")),
            Self::Fetched { file, .. } => {
                File::open(file.clone()?).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            }
            Self::File(path) => File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes)),
            Self::Stdin => io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes),
        };
        if read.map_err(unreadable)? as u64 > MAX_FILE {
            let told = format!("the file is larger than {} MB", MAX_FILE >> 20);
            return Err(OcrError::TooLarge(Safe::line(&told)).into());
        }
        Ok(bytes)
    }
}

/// Turns what was named into inputs. Everything must be there: a mistyped name is found out before hours of work, not after.
pub fn find(given: &[PathBuf]) -> Result<Found, InputError> {
    let mut found = Found::default();
    for path in given {
        if let Some(name) = path.to_str().filter(|name| name.starts_with(SCHEME)) {
            found.inputs.push(Input::Object(name.to_owned()));
        } else if path.as_os_str() == "-" {
            if found.inputs.contains(&Input::Stdin) {
                return Err(InputError::StdinTwice);
            }
            found.inputs.push(Input::Stdin);
        } else if path.is_dir() {
            let before = (found.inputs.len(), found.troubles.len());
            walk(path, &mut found);
            if before == (found.inputs.len(), found.troubles.len()) {
                let told = format!("{}: there is no image in this folder; name a file or another folder", shown(path));
                found.troubles.push(Safe::line(&told));
            }
        } else if path.symlink_metadata().is_err() {
            return Err(InputError::Missing(shown(path)));
        } else {
            found.inputs.push(Input::File(path.clone()));
        }
    }
    Ok(found)
}

/// The images in a folder and below it. Hidden entries are passed over: thumbnails, resource forks (`._a.jpg`), version control.
fn walk(folder: &Path, found: &mut Found) {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) => {
            let told = format!("{}: the folder cannot be read: {error}; check its permissions", shown(folder));
            found.troubles.push(Safe::line(&told));
            return;
        }
    };
    let mut entries: Vec<_> = listed.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        // Linked folders are not entered: the link may lead back up.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        } else if path.is_file() && is_image(&path) {
            found.inputs.push(Input::File(path));
        }
    }
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        return true;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && image::is_image(&head)
}

fn shown(path: &Path) -> Safe {
    Safe::line(&path.to_string_lossy()).clipped(200)
}
