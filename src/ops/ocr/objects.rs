//! `s3://bucket/key` as an input: fetched into a folder before it is read.
//! The server and the key to it are those of the settings, whatever bucket they name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::inputs::MAX_FILE;
use super::{Fault, Input};
use crate::blob::{BlobError, BlobStore};
use crate::config::Blob;
use crate::ocr::OcrError;
use crate::text::Safe;

/// What an address of an object begins with.
pub(super) const SCHEME: &str = "s3://";

/// Fetches the objects among the inputs into `folder`; one that cannot be had is found out when it is its turn.
pub async fn fetch(inputs: Vec<Input>, settings: &Blob, folder: &Path) -> Vec<Input> {
    let mut stores = HashMap::new();
    let mut fetched = Vec::with_capacity(inputs.len());
    for input in inputs {
        fetched.push(match input {
            Input::Object(name) => {
                let to = folder.join(fetched.len().to_string());
                let file = object(&name, settings, &mut stores, to).await;
                Input::Fetched { name, file }
            }
            other => other,
        });
    }
    fetched
}

async fn object(name: &str, settings: &Blob, stores: &mut HashMap<String, BlobStore>, to: PathBuf) -> Result<PathBuf, Fault> {
    let unreadable = |why: &str| Fault::Unreadable(Safe::line(why));
    let failed = |error: BlobError| unreadable(&error.to_string());
    let (bucket, key) = parts(name).ok_or_else(|| unreadable("an object is named s3://BUCKET/KEY"))?;
    if !stores.contains_key(bucket) {
        let settings = Blob { bucket: Some(bucket.to_owned()), ..settings.clone() };
        stores.insert(bucket.to_owned(), BlobStore::open(&settings).await.map_err(failed)?);
    }
    let Some(store) = stores.get(bucket) else { return Err(unreadable("its bucket cannot be opened")) };
    let Some(head) = store.head(key).await.map_err(failed)? else {
        return Err(unreadable(&format!("there is no such object in {}", store.place())));
    };
    if head.size > MAX_FILE {
        let told = format!("the object has {} MB, at most {} MB are read", head.size >> 20, MAX_FILE >> 20);
        return Err(OcrError::TooLarge(Safe::line(&told)).into());
    }
    let mut file = tokio::fs::File::create(&to).await.map_err(|error| unreadable(&error.to_string()))?;
    store.download(key, &mut file).await.map_err(failed)?;
    Ok(to)
}

/// Bucket and key of an address.
fn parts(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(SCHEME)?.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_bucket_and_key() {
        assert_eq!(parts("s3://scans/2026/Отчёт 1.png"), Some(("scans", "2026/Отчёт 1.png")));
        for wrong in ["s3://scans", "s3://scans/", "s3:///a.png", "scans/a.png"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
