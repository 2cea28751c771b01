//! Image files handed in without a post: taken into the database, where engines find them; and what became of one.
//! It reads no image; only its bytes are hashed, so that a file that was changed counts as another image.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::ocr::{self, Fault, Found, Input, InputError};
use super::{Ops, OpsError};
use crate::domain::{ImageDetail, ImageId, Status};
use crate::store::{NewDocument, NewImage, Submitted};
use crate::text::{Safe, sha256};

/// Files taken in by one transaction.
const SLICE: usize = 200;

/// What became of one file.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The file, as it was named or found in a folder.
    pub path: PathBuf,
    /// The image and how it stands, or why it was not taken.
    pub came: Result<(ImageId, Submitted), Fault>,
}

/// What became of everything that was named.
#[derive(Clone, Debug, Default)]
pub struct Submissions {
    /// In the order given; a folder's files sorted by path.
    pub files: Vec<Submission>,
    /// Folders that could not be read or hold no image, in words.
    pub troubles: Vec<Safe>,
}

impl Ops {
    /// Takes image files, and those in folders, without a post: engines read them like any other image. A file that is known by its
    /// path and has not changed is not taken again; one whose reading had failed is tried again.
    pub async fn submit(&self, paths: &[PathBuf]) -> Result<Submissions, OpsError> {
        let store = self.changing()?;
        let given = paths.to_vec();
        let looked = tokio::task::spawn_blocking(move || look(&given)).await;
        let (troubles, looked) = looked.map_err(|error| OpsError::Submit(Safe::line(&error.to_string())))??;
        let fresh: Vec<NewImage> = looked.iter().filter_map(|(_, image)| image.as_ref().ok().cloned()).collect();
        let mut came = Vec::with_capacity(fresh.len());
        for slice in fresh.chunks(SLICE) {
            came.extend(store.submit(slice, self.tagging.max_attempts).await?);
        }
        self.wake();
        let mut came = came.into_iter();
        let files = looked.into_iter().filter_map(|(path, image)| {
            let came = match image {
                Ok(_) => Ok(came.next()?),
                Err(fault) => Err(fault),
            };
            Some(Submission { path, came })
        });
        Ok(Submissions { files: files.collect(), troubles })
    }

    /// One image, how its reading stands and where its document goes; `None`: no such image.
    pub async fn image(&self, id: ImageId) -> Result<Option<ImageDetail>, OpsError> {
        Ok(self.store.image(id).await?)
    }

    /// How the reading of a file that was handed in stands; `None`: it was not, or nobody was asked to read it.
    pub async fn handed_in(&self, path: &Path) -> Result<Option<Status>, OpsError> {
        let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(self.store.handed_in(&whole.display().to_string()).await?)
    }

    /// What was read in an image; `None`: nothing so far.
    pub async fn document(&self, id: ImageId) -> Result<Option<NewDocument>, OpsError> {
        Ok(self.store.document(id).await?)
    }
}

/// What was named, each file with what the store takes of it.
type Looked = (Vec<Safe>, Vec<(PathBuf, Result<NewImage, Fault>)>);

fn look(given: &[PathBuf]) -> Result<Looked, InputError> {
    let Found { inputs, troubles } = ocr::find(given)?;
    let files = inputs.into_iter().filter_map(|input| match input {
        Input::File(path) => Some(path),
        // Only `tagdeck ocr` reads these: an engine elsewhere has no stdin to read, and fetches nothing.
        Input::Stdin | Input::Object(_) | Input::Fetched { .. } => None,
    });
    Ok((troubles, files.map(|path| (path.clone(), image(&path))).collect()))
}

/// As the store takes it: by its whole path, for the engine may run in another folder.
fn image(path: &Path) -> Result<NewImage, Fault> {
    let unreadable = |error: io::Error| Fault::Unreadable(Safe::line(&error.to_string()));
    let whole = std::fs::canonicalize(path).map_err(unreadable)?;
    let sha256 = hash(&whole).map_err(unreadable)?;
    let whole = whole.into_os_string().into_string();
    let path = whole.map_err(|_| Fault::Unreadable(Safe::fixed("its name is not UTF-8; rename it")))?;
    Ok(NewImage { path, sha256 })
}

/// SHA-256 of a file, lower-case hex.
pub fn hash(path: &Path) -> io::Result<String> {
    // Looked at before it is opened: to open a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(sha256(File::open(path)?)?.1)
}
