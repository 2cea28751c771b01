//! What the engines behind HTTP share: the image on its way, the account of calls, the bucket they may look into, failures in words.
//! It sends nothing by itself; `service` and `vlm` do.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::OcrError;
use super::pipeline::Watch;
use crate::text::Safe;

/// Longest wait for a connection, DNS and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a stop is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// Secrets shorter than this are not looked for in foreign text: they would blot out ordinary words.
const SHORTEST_SECRET: usize = 8;

/// An image to be read elsewhere.
#[derive(Clone, Copy)]
pub struct Image<'a> {
    /// Its name or path, for the document.
    pub source: &'a str,
    /// The file.
    pub bytes: &'a bytes::Bytes,
    /// Of the bytes, lower-case hex.
    pub sha256: &'a str,
}

/// Whom a call goes to, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callee {
    /// A provider of the settings, or [`super::service::PROVIDER`].
    pub provider: String,
    /// The model's id.
    pub model: String,
}

/// A call that was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub i64);

/// What a call came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Came {
    /// A result, whole.
    Answer,
    /// No answer, but the work may go on behind it: 502, 504, a timeout, a cut connection.
    #[default]
    Lost,
    /// A refusal, or an answer that is no result.
    Refusal,
}

/// The end of a call.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// How it ended.
    pub came: Came,
    /// HTTP status, when an answer came.
    pub status: Option<u16>,
    /// From sending to the last byte.
    pub elapsed: Duration,
    /// Tokens of the request.
    pub prompt_tokens: Option<i64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<i64>,
    /// Price, millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// In words, where it is no answer.
    pub reason: Option<Safe>,
}

/// The last call for the same image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Since it was sent.
    pub age: Duration,
    /// What it came to, as far as is known.
    pub came: Came,
}

/// Where calls are written down before they are sent, so that a crash cannot hide one.
pub trait Account: Send + Sync {
    /// The last call for this image to `callee` within `window`, whoever made it.
    fn before<'a>(&'a self, callee: &'a Callee, window: Duration) -> BoxFuture<'a, Option<Before>>;

    /// A call is about to be sent. The error says in words why it must not be.
    fn sent<'a>(&'a self, callee: &'a Callee) -> BoxFuture<'a, Result<Ticket, Safe>>;

    /// It has ended.
    fn ended<'a>(&'a self, ticket: Ticket, end: &'a End) -> BoxFuture<'a, ()>;
}

/// For who has no database: nothing is written down.
pub struct Unwritten;

impl Account for Unwritten {
    fn before<'a>(&'a self, _: &'a Callee, _: Duration) -> BoxFuture<'a, Option<Before>> {
        Box::pin(async { None })
    }

    fn sent<'a>(&'a self, _: &'a Callee) -> BoxFuture<'a, Result<Ticket, Safe>> {
        Box::pin(async { Ok(Ticket(0)) })
    }

    fn ended<'a>(&'a self, _: Ticket, _: &'a End) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// Why the bucket could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Looking again changes nothing before a person does something.
    pub for_good: bool,
    /// Cause and remedy.
    pub why: Safe,
}

/// The bucket in which results turn up.
pub trait Shelf: Send + Sync {
    /// For people: which one it is.
    fn place(&self) -> Safe;

    /// Every key that begins so.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, Closed>>;

    /// A whole object.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bytes::Bytes, Closed>>;
}

/// The result of `work`, unless the watch wants an end first.
pub async fn unless_stopped<T>(watch: &dyn Watch, work: impl Future<Output = T>) -> Result<T, OcrError> {
    let asked = async {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            if let Some(why) = watch.stopped() {
                return why;
            }
        }
    };
    tokio::select! {
        biased;
        why = asked => Err(why),
        done = work => Ok(done),
    }
}

/// A client for one server; `headers` are names and secret values.
pub(super) fn client(address: &Url, headers: &[(&str, &str)]) -> Result<reqwest::Client, OcrError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let wrong = || {
            let told = format!("the header `{name}` for {} holds signs that HTTP cannot carry (a line break?)", host(address));
            OcrError::Engine(Safe::line(&told))
        };
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        map.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("tagdeck/", env!("CARGO_PKG_VERSION")))
        .default_headers(map)
        .connect_timeout(CONNECT_TIMEOUT)
        // A connection that was closed while it lay idle would look like an answer that was lost.
        .pool_max_idle_per_host(0)
        // A redirect would carry the image and the key to another host.
        .redirect(Policy::none());
    if address.scheme() == "http" {
        // Without TLS no roots are needed, and a bare container that has none must still reach its local server.
        builder = builder.tls_certs_only([]);
    }
    let loopback = match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if loopback {
        builder = builder.no_proxy();
    }
    // The library panics without a crypto provider; an error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.build().map_err(|error| OcrError::Engine(Safe::line(&format!("no client for {}: {}", host(address), words(&error)))))
}

/// `base` and what comes below it; its query is kept.
pub(super) fn below(base: &str, path: &str) -> Result<Url, OcrError> {
    let parsed = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = parsed.ok_or_else(|| {
        OcrError::Engine(Safe::line(&format!("`{}` is no http:// or https:// address", Safe::line(base).clipped(100))))
    })?;
    url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    Ok(url)
}

/// Host and port, which hold no secret.
pub(super) fn host(address: &Url) -> Safe {
    let host = address.host_str().unwrap_or_default();
    Safe::line(&address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))).clipped(100)
}

/// The innermost cause in the system's words: the outer ones only say that something failed.
pub(super) fn words(error: &reqwest::Error) -> Safe {
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    Safe::line(&innermost.to_string()).clipped(160)
}

/// Foreign words in one line, without our own secrets in them.
pub(super) fn quoted(foreign: &str, secrets: &[String]) -> Safe {
    let mut text = foreign.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        text = text.replace(secret.as_str(), "***");
    }
    Safe::line(&text).clipped(200)
}

/// Such as `2.0 s`, `9 min 40 s`.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole if whole % 60 == 0 => format!("{} min", whole / 60),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}
