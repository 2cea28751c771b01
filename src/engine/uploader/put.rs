//! One upload from its claim to its end: the document read from the database, put as Markdown and JSON, noted under the fence.
//! What a failure means for the others is the loop's.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use crate::blob::{self, About, BlobError, BlobStore};
use crate::engine::persist::persist;
use crate::engine::shared::Shared;
use crate::store::{NewDocument, StoreError, Stored, Upload};
use crate::text::grouped;

/// What was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// For the store.
    pub stored: Stored,
    /// Nothing was sent: it was there.
    pub already: bool,
}

/// How an upload ended for the loop.
pub(super) struct Finished {
    pub upload: Upload,
    /// The error: the database did not take the end; the lease runs out and it is put again, which sends nothing.
    pub came: Result<Came, StoreError>,
}

/// What an upload came to.
pub(super) enum Came {
    /// It is there; unless `kept`, another worker had claimed the job meanwhile.
    Put { kept: bool, text: String },
    /// Its document is gone.
    Gone,
    /// The blob store did not take it.
    Refused(BlobError),
}

/// Does one job but for its end after a refusal.
pub(super) async fn work(shared: Arc<Shared>, blob: BlobStore, upload: Upload) -> Finished {
    let came = uploaded(&shared, &blob, &upload).await;
    Finished { upload, came }
}

async fn uploaded(shared: &Shared, blob: &BlobStore, upload: &Upload) -> Result<Came, StoreError> {
    let store = &shared.store;
    let Some(document) = persist(shared, None, || store.document_of(&upload.sha256)).await? else {
        persist(shared, None, || store.drop_upload(upload.job, upload.fence)).await?;
        return Ok(Came::Gone);
    };
    let Put { stored, already } = match put(blob, upload, document).await {
        Ok(put) => put,
        Err(error) => return Ok(Came::Refused(error)),
    };
    let kept = persist(shared, None, || store.finish_upload(upload.job, upload.fence, &stored)).await?;
    let was = if already { "was there: ".to_owned() } else { format!("{} KB · ", grouped((upload.bytes + 1023) / 1024)) };
    Ok(Came::Put { kept, text: format!("{} · {was}{}.md, .json", upload.source, upload.key) })
}

/// Puts both renderings of a document under their keys; what is there already is not sent.
pub async fn put(blob: &BlobStore, upload: &Upload, document: NewDocument) -> Result<Put, BlobError> {
    let engine = engine(&document.json);
    let about = |content_type, bytes: &Bytes| About {
        content_type,
        sha256: blob::sha256(bytes),
        source: upload.source.clone(),
        image_sha256: upload.sha256.clone(),
        engine: engine.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let (markdown, json) = (Bytes::from(document.markdown), Bytes::from(document.json));
    let (md_about, json_about) = (about(blob::MARKDOWN, &markdown), about(blob::JSON, &json));
    let md = blob.put(&format!("{}.md", upload.key), markdown, &md_about).await?;
    let js = blob.put(&format!("{}.json", upload.key), json, &json_about).await?;
    let stored = Stored { place: blob.place().to_string(), md_sha256: md_about.sha256, json_sha256: json_about.sha256 };
    Ok(Put { stored, already: [md, js] == [blob::Put::AlreadyThere; 2] })
}

/// What read the document, as its JSON says.
fn engine(json: &str) -> String {
    #[derive(Deserialize)]
    struct Document {
        engine: Label,
    }
    #[derive(Deserialize)]
    struct Label {
        provider: String,
    }
    serde_json::from_str::<Document>(json).map_or_else(|_| "unknown".to_owned(), |document| document.engine.provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_what_the_document_says() {
        assert_eq!(engine(r#"{"schema":1,"engine":{"provider":"cuda","reason":"x"},"warnings":[]}"#), "cuda");
        assert_eq!(engine("{}"), "unknown");
    }
}
