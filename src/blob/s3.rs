//! S3 as a blob store, over Amazon's own library: AWS, Cloud.ru, MinIO and whatever else speaks it.
//! How a client is made and how its failures are told apart stands in the files below.

mod about;
mod connect;
mod failure;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{About, BlobError, Class, Head, List, Object, Page, Put, Token};
use crate::config::Blob;
use crate::text::Safe;
use failure::Judge;

/// Longest life of a link that S3 signs.
const LONGEST_LINK: Duration = Duration::from_hours(7 * 24);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct S3 {
    client: Client,
    bucket: Arc<str>,
    place: Safe,
    judge: Judge,
    /// Time without a byte in the body of an answer.
    patience: Duration,
    /// Tries after the first for a body that breaks off; the library repeats only what has no answer yet.
    retries: u32,
}

impl S3 {
    /// Reads certificates and makes ready; asks no server.
    pub(super) async fn open(settings: &Blob, bucket: &str) -> Result<Self, BlobError> {
        let at = settings.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        let place = Safe::line(&format!("s3://{bucket}{at}"));
        let judge = Judge::new(settings, place.clone());
        let client = connect::client(settings).await.map_err(|(class, saw)| judge.error(class, "work", None, &saw))?;
        Ok(Self { client, bucket: Arc::from(bucket), place, judge, patience: settings.timeout, retries: settings.retries })
    }

    pub(super) fn place(&self) -> Safe {
        self.place.clone()
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes, about: &About) -> Result<Put, BlobError> {
        const DOING: &str = "store";
        let size = bytes.len() as u64;
        let same = |head: &Head| head.size == size && head.sha256.as_deref() == Some(about.sha256.as_str());
        match self.seen(DOING, key).await {
            Ok(Some(head)) if same(&head) => return Ok(Put::AlreadyThere),
            // A key that may write and not read.
            Err(error) if error.class() == Class::AccessDenied => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let sent = self
            .client
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(about.content_type)
            .set_metadata(Some(about::metadata(about)))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| self.judge.failed(DOING, Some(key), &error))?;
        if sent.e_tag().is_none_or(str::is_empty) {
            let saw = "what answers there takes a PUT without giving an ETag: it is not S3";
            return Err(self.judge.error(Class::WrongEndpoint, DOING, Some(key), saw));
        }
        match self.seen(DOING, key).await {
            // A server that drops metadata shows the size alone.
            Ok(Some(head)) if same(&head) || (head.size == size && head.sha256.is_none()) => Ok(Put::Written),
            Ok(head) => {
                let found = head.map_or_else(|| "it is not there".to_owned(), |head| format!("{} bytes are there", head.size));
                let saw = format!("{size} bytes were sent and taken, and then {found}");
                Err(self.judge.error(Class::Broken, DOING, Some(key), &saw))
            }
            Err(error) if error.class() == Class::AccessDenied => Ok(Put::Unseen),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn head(&self, key: &str) -> Result<Option<Head>, BlobError> {
        self.seen("look at", key).await
    }

    async fn seen(&self, doing: &'static str, key: &str) -> Result<Option<Head>, BlobError> {
        let asked = self.client.head_object().bucket(&*self.bucket).key(key).send().await;
        let refused = match asked {
            Ok(head) => {
                let size = head.content_length().unwrap_or_default().unsigned_abs();
                return Ok(Some(about::head(size, head.last_modified(), head.content_type(), head.metadata())));
            }
            Err(error) => error,
        };
        let status = refused.raw_response().map(|raw| raw.status().as_u16());
        match status {
            Some(404) => Ok(None),
            // An answer to HEAD has no body, so no reason; some servers refuse HEAD alone.
            Some(300..=499 | 501) => self.seen_by_get(doing, key).await,
            _ => Err(self.judge.failed(doing, Some(key), &refused)),
        }
    }

    async fn seen_by_get(&self, doing: &'static str, key: &str) -> Result<Option<Head>, BlobError> {
        match self.request(doing, key, Some(0..1)).await {
            Ok(Some(object)) => {
                let whole = object.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
                let size = whole.unwrap_or_else(|| object.content_length().unwrap_or_default().unsigned_abs());
                Ok(Some(about::head(size, object.last_modified(), object.content_type(), object.metadata())))
            }
            Ok(None) => Ok(Some(Head::default())),
            Err(error) if error.class() == Class::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Bytes, BlobError> {
        const DOING: &str = "read";
        let mut tries = 0;
        loop {
            let Some(mut object) = self.request(DOING, key, range.clone()).await? else { return Ok(Bytes::new()) };
            let mut bytes = BytesMut::new();
            let came = loop {
                match self.piece(DOING, key, &mut object.body).await {
                    Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            match came {
                Ok(()) => return Ok(bytes.freeze()),
                Err(error) if tries == self.retries => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    pub(super) async fn download(&self, key: &str, to: &mut (impl AsyncWrite + Unpin)) -> Result<u64, BlobError> {
        const DOING: &str = "download";
        let Some(mut object) = self.request(DOING, key, None).await? else { return Ok(0) };
        let unwritten = |error: std::io::Error| {
            self.judge.error(Class::of_io(error.kind()), DOING, Some(key), &format!("what came cannot be written here: {error}"))
        };
        let mut size = 0;
        while let Some(piece) = self.piece(DOING, key, &mut object.body).await? {
            to.write_all(&piece).await.map_err(unwritten)?;
            size += piece.len() as u64;
        }
        to.flush().await.map_err(unwritten)?;
        Ok(size)
    }

    /// An object's answer; `None`: the range begins beyond its end.
    async fn request(
        &self,
        doing: &'static str,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<GetObjectOutput>, BlobError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(None);
        }
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        match self.client.get_object().bucket(&*self.bucket).key(key).set_range(range).send().await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 416) => Ok(None),
            Err(error) => Err(self.judge.failed(doing, Some(key), &error)),
        }
    }

    async fn piece(&self, doing: &'static str, key: &str, body: &mut ByteStream) -> Result<Option<Bytes>, BlobError> {
        match tokio::time::timeout(self.patience, body.next()).await {
            Err(_) => Err(self.judge.cut(doing, key, None)),
            Ok(Some(Err(error))) => Err(self.judge.cut(doing, key, Some(&error))),
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(None) => Ok(None),
        }
    }

    pub(super) async fn list(&self, ask: &List) -> Result<Page, BlobError> {
        let prefix = Some(ask.prefix.clone()).filter(|prefix| !prefix.is_empty());
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .set_prefix(prefix)
            .set_delimiter(ask.folders.then(|| "/".to_owned()))
            .set_continuation_token(ask.after.as_ref().map(|token| token.0.clone()))
            .max_keys(i32::try_from(ask.limit.clamp(1, 1000)).unwrap_or(1000))
            // Without it a control character in one key makes the whole page unreadable XML.
            .encoding_type(EncodingType::Url)
            .send()
            .await
            .map_err(|error| self.judge.failed("list the keys", None, &error))?;
        Ok(page(&listed))
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), BlobError> {
        match self.client.delete_object().bucket(&*self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.judge.failed("delete", Some(key), &error) {
                error if error.class() == Class::NotFound => Ok(()),
                error => Err(error),
            },
        }
    }

    pub(super) async fn presign(&self, key: &str, lasts: Duration) -> Result<String, BlobError> {
        const DOING: &str = "sign a link to";
        let lasts = PresigningConfig::expires_in(lasts.clamp(Duration::from_secs(1), LONGEST_LINK))
            .map_err(|error| self.judge.error(Class::Other, DOING, Some(key), &error.to_string()))?;
        let signed = self.client.get_object().bucket(&*self.bucket).key(key).presigned(lasts).await;
        signed.map(|link| link.uri().to_owned()).map_err(|error| self.judge.failed(DOING, Some(key), &error))
    }
}

fn page(listed: &ListObjectsV2Output) -> Page {
    let encoded = listed.encoding_type() == Some(&EncodingType::Url);
    let text = |text: &str| {
        // A server that only says so leaves what no encoder leaves.
        let really = encoded && text.bytes().all(|byte| byte.is_ascii_graphic());
        if really { about::decoded(text) } else { text.to_owned() }
    };
    let objects = listed.contents().iter().filter_map(|object| {
        Some(Object {
            key: text(object.key()?),
            size: object.size().unwrap_or_default().unsigned_abs(),
            modified: object.last_modified().and_then(about::millis),
        })
    });
    Page {
        folders: listed.common_prefixes().iter().filter_map(|folder| folder.prefix().map(text)).collect(),
        objects: objects.collect(),
        next: listed
            .next_continuation_token()
            .filter(|_| listed.is_truncated() == Some(true))
            .map(|token| Token(token.to_owned())),
    }
}
