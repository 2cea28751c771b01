//! A bucket of any number of keys that nobody stored: an S3 server over bare HTTP that makes them up as they are listed.
//! It knows `ListObjectsV2`, HEAD and GET, believes every signature, and can be made slow.

#![allow(dead_code, reason = "each test uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tagdeck::config::{Blob, Credentials, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub const BUCKET: &str = "generated";

/// The keys by their number, in the order of their bytes.
type Keys = Arc<dyn Fn(usize) -> String + Send + Sync>;

struct Bucket {
    count: usize,
    keys: Keys,
    delay_ms: AtomicU64,
    lists: AtomicU64,
    /// When the last listing was handed to the network, whole.
    answered: Mutex<Option<Instant>>,
}

/// The server, on threads of its own; it ends when dropped.
pub struct GeneratedBucket {
    address: SocketAddr,
    bucket: Arc<Bucket>,
    running: Option<Runtime>,
}

impl GeneratedBucket {
    pub fn start(count: usize, keys: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        let bucket = Arc::new(Bucket {
            count,
            keys: Arc::new(keys),
            delay_ms: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            answered: Mutex::new(None),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&bucket);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { address, bucket, running: Some(runtime) }
    }

    /// These keys and no others.
    pub fn of(keys: &[&str]) -> Self {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort_unstable();
        Self::start(keys.len(), move |n| keys[n].clone())
    }

    pub fn settings(&self) -> Blob {
        let any = || Secret::new("any");
        Blob {
            bucket: Some(BUCKET.to_owned()),
            endpoint: Some(format!("http://{}", self.address)),
            credentials: Some(Credentials { access_key: any(), secret_key: any(), session_token: None }),
            ..Blob::default()
        }
    }

    /// The same for a settings file.
    pub fn toml(&self) -> String {
        format!(
            "[blob]\nbucket = \"{BUCKET}\"\nendpoint = \"http://{}\"\naccess_key = \"any\"\nsecret_key = \"any\"\n",
            self.address
        )
    }

    /// From now on every listing waits so long before it is answered.
    pub fn slow(&self, by: Duration) {
        self.bucket.delay_ms.store(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// Listings asked for so far.
    pub fn lists(&self) -> u64 {
        self.bucket.lists.load(Ordering::SeqCst)
    }

    /// When the last listing was answered.
    pub fn answered(&self) -> Instant {
        self.bucket.answered.lock().unwrap().expect("nothing was listed")
    }
}

impl Drop for GeneratedBucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

/// What an object says.
pub fn content(key: &str) -> String {
    format!("# {key}\n")
}

async fn serve(mut socket: TcpStream, bucket: Arc<Bucket>) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let mut piece = [0; 8192];
            match socket.read(&mut piece).await {
                Ok(read @ 1..) => buffer.extend_from_slice(&piece[..read]),
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        let query: BTreeMap<String, String> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        let listing = query.contains_key("list-type");
        let answer = if listing { bucket.list(&query).await } else { bucket.object(&method, path, &head) };
        if socket.write_all(&answer).await.is_err() {
            return;
        }
        if listing {
            *bucket.answered.lock().unwrap() = Some(Instant::now());
        }
    }
}

impl Bucket {
    async fn list(&self, query: &BTreeMap<String, String>) -> Vec<u8> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.delay_ms.load(Ordering::SeqCst))).await;
        let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let most: usize = text("max-keys").parse().unwrap_or(1000);
        let mut at: usize = text("continuation-token").parse().unwrap_or_else(|_| self.first(prefix));
        let (mut body, mut found) = (String::new(), 0);
        while at < self.count && found < most {
            let key = (self.keys)(at);
            let Some(rest) = key.strip_prefix(prefix) else { break };
            found += 1;
            if let Some(end) = rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                let folder = format!("{prefix}{}", &rest[..=end]);
                write!(body, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", encoded(&folder)).unwrap();
                at = self.behind(&folder);
            } else {
                let size = content(&key).len();
                write!(
                    body,
                    "<Contents><Key>{}</Key><LastModified>2026-11-22T10:00:00.000Z</LastModified><ETag>\"0\"</ETag><Size>{size}</Size></Contents>",
                    encoded(&key)
                )
                .unwrap();
                at += 1;
            }
        }
        let more = at < self.count && (self.keys)(at).starts_with(prefix);
        let next = if more { format!("<NextContinuationToken>{at}</NextContinuationToken>") } else { String::new() };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>{BUCKET}</Name><Prefix>{}</Prefix><KeyCount>{found}</KeyCount><MaxKeys>{most}</MaxKeys><EncodingType>url</EncodingType>\
            <IsTruncated>{more}</IsTruncated>{next}{body}</ListBucketResult>",
            encoded(prefix)
        );
        answer("200 OK", "application/xml", "", body.as_bytes(), true)
    }

    /// Number of the first key that begins so, or would.
    fn first(&self, prefix: &str) -> usize {
        self.search(|key| key < prefix)
    }

    /// Number of the first key behind all that begin so.
    fn behind(&self, prefix: &str) -> usize {
        self.search(|key| key < prefix || key.starts_with(prefix))
    }

    fn search(&self, before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(&(self.keys)(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn object(&self, method: &str, path: &str, head: &str) -> Vec<u8> {
        let key = decoded(path.strip_prefix(&format!("/{BUCKET}/")).unwrap_or_default());
        let at = self.search(|other| *other < *key);
        if at >= self.count || (self.keys)(at) != key {
            let body = b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>";
            return answer("404 Not Found", "application/xml", "", body, method != "HEAD");
        }
        let content = content(&key);
        let ranged = head.to_ascii_lowercase().contains("\r\nrange:");
        let range = format!("Content-Range: bytes 0-{}/{}\r\n", content.len() - 1, content.len());
        let (status, extra) = if ranged { ("206 Partial Content", range.as_str()) } else { ("200 OK", "") };
        answer(status, "text/markdown; charset=utf-8", extra, content.as_bytes(), method != "HEAD")
    }
}

fn answer(status: &str, content_type: &str, extra: &str, body: &[u8], with_body: bool) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nLast-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
        ETag: \"0\"\r\n{extra}\r\n",
        body.len()
    );
    [head.as_bytes(), if with_body { body } else { b"" }].concat()
}

/// As S3 writes keys in a listing when asked to: everything but what is harmless as `%XX`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(byte) = hex.filter(|_| bytes[at] == b'%') {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}
