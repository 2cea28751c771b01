//! The check of the blob store: a probe is put, looked at, read back and removed, and each refusal told with its remedy. For who may
//! change nothing, its keys are listed instead.
//! What lies there already is not touched.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::place::existing;
use super::{Check, PATIENCE, Patient, State};
use crate::blob::{About, BlobError, BlobStore, List, sha256};

const NAME: &str = "storage";
/// Steps have their own time, since each may be what is refused.
const STEPS: u32 = 5;

pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    let blob = &patient.config.blob;
    if !blob.upload {
        return vec![Check::ok(NAME, "documents stay in the database alone (blob.upload = false)")];
    }
    if blob.bucket.is_none() {
        let folder = &blob.folder;
        if !folder.exists() {
            let above = existing(folder).unwrap_or_default();
            return vec![Check::ok(NAME, &format!("the folder {}, to be made in {}", folder.display(), above.display()))];
        }
    } else if patient.offline {
        return vec![Check::ok(NAME, "the bucket was not asked (--offline)")];
    }
    let store = match BlobStore::open(blob).await {
        Ok(store) => store,
        Err(error) => return vec![told("it cannot be opened", &error)],
    };
    let asked = async { if patient.no_probe { listed(&store).await } else { probe(&store).await } };
    let asked = tokio::time::timeout(PATIENCE * STEPS, asked).await;
    let place = store.place();
    vec![match asked {
        Ok(Ok(seen)) => Check::ok(NAME, &format!("{place}: {seen}")),
        Ok(Err(refused)) => *refused,
        Err(_) => {
            let saw = format!("{place} does not answer within {} s", (PATIENCE * STEPS).as_secs());
            Check::new(NAME, State::Fail, &saw, Some("check the network, blob.endpoint and blob.proxy"))
        }
    }]
}

/// What is seen without storing anything.
async fn listed(store: &BlobStore) -> Result<String, Box<Check>> {
    match store.list(&List { limit: 1, ..List::default() }).await {
        Ok(_) => Ok("its keys are listed; no probe was stored (--read-only)".to_owned()),
        Err(error) => Err(Box::new(told("its keys cannot be listed", &error))),
    }
}

/// What was done, or the check that says which step was refused. Listing and looking may be refused where storing works.
async fn probe(store: &BlobStore) -> Result<String, Box<Check>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let key = format!("ocr-results/tagdeck-doctor-{}-{now}.txt", std::process::id());
    let bytes = Bytes::from_static(b"a probe of tagdeck doctor; it may be removed\n");
    let about = About {
        content_type: "text/plain; charset=utf-8",
        sha256: sha256(&bytes),
        source: "tagdeck doctor".to_owned(),
        image_sha256: String::new(),
        engine: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let refused = |step: &str, error: &BlobError| Box::new(told(step, error));
    store.put(&key, bytes.clone(), &about).await.map_err(|error| refused("a probe cannot be stored", &error))?;
    let read = store.get(&key, None).await;
    let listed = store.list(&List { prefix: "ocr-results/tagdeck-doctor-".to_owned(), ..List::default() }).await;
    let removed = store.delete(&key).await;
    match read {
        Ok(read) if read == bytes => {}
        Ok(_) => {
            let remedy = "what stands before the store changes data: compare with another client";
            return Err(Box::new(Check::new(NAME, State::Fail, "a probe came back changed", Some(remedy))));
        }
        Err(error) => return Err(refused("a probe was stored but cannot be read", &error)),
    }
    if let Err(error) = listed {
        return Err(Box::new(warned("storing and reading work, but listing is refused: `outputs ls` will not", &error)));
    }
    if let Err(error) = removed {
        return Err(Box::new(warned(&format!("storing and reading work, but the probe {key} cannot be removed"), &error)));
    }
    Ok("a probe was stored, read, listed and removed".to_owned())
}

fn told(step: &str, error: &BlobError) -> Check {
    Check::new(NAME, State::Fail, &format!("{step}: {}", error.saw()), Some(error.remedy()))
}

fn warned(step: &str, error: &BlobError) -> Check {
    Check::new(NAME, State::Warn, &format!("{step}: {}", error.saw()), Some(error.remedy()))
}
