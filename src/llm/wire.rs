//! One pooled HTTP client for one provider: an [`Ask`] out, a capped raw reply back, and the list of its models.
//! It judges no answer (that is `outcome`) and asks nothing twice (that is `route`).

mod account;
mod listing;
mod request;
mod transport;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::{Host, Url};

use crate::config::Provider;
use crate::domain::{Millis, Outcome};
use crate::llm::outcome::{self, Headers};
use crate::llm::{Ask, Verdict};
use crate::text::Safe;
pub use account::Account;
pub use listing::Listing;
pub use transport::TransportFailure;

/// Most bytes of an answer that are read; the rest is not waited for.
pub const BODY_CAP: usize = 1 << 20;
/// The same for `/models`: OpenRouter's list alone comes near a mebibyte.
const LIST_CAP: usize = 16 << 20;
/// Longest wait for a connection, DNS and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Secrets shorter than this are not looked for in replies: they would blot out ordinary words.
const SHORTEST_SECRET: usize = 8;

/// A provider's address, headers and connections.
pub struct Wire {
    provider: Safe,
    client: reqwest::Client,
    chat: Url,
    models: Url,
    timeout: Duration,
    openrouter: bool,
    secrets: Vec<String>,
}

/// What came back for one call, raw.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status, once a status line came.
    pub status: Option<u16>,
    /// Response headers.
    pub headers: Headers,
    /// The body as far as it came, at most [`BODY_CAP`] bytes; the provider's own secrets are blotted out.
    pub body: Bytes,
    /// From the first byte sent to the last received.
    pub elapsed: Duration,
    /// Why it is not a whole answer, if it is not.
    pub failure: Option<TransportFailure>,
    /// The failure in the system's words; empty without one.
    pub detail: Safe,
}

/// Why a provider cannot be talked to at all, or its models cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// `base_url` is no http(s) address.
    #[error(
        "the base_url of provider `{provider}` is not an http:// or https:// address; write one such as https://openrouter.ai/api/v1"
    )]
    Address {
        /// Name of the provider.
        provider: Safe,
    },
    /// A header or the key holds characters that HTTP cannot carry.
    #[error("the header `{header}` of provider `{provider}` holds characters that HTTP cannot carry (a line break at its end?)")]
    Header {
        /// Name of the provider.
        provider: Safe,
        /// Name of the header; its value is never told.
        header: Safe,
    },
    /// The client could not be set up, mostly for want of root certificates.
    #[error(
        "no HTTPS client for provider `{provider}`: {detail}; on Linux it needs the system's root certificates (package ca-certificates, or SSL_CERT_FILE)"
    )]
    Client {
        /// Name of the provider.
        provider: Safe,
        /// What the library said.
        detail: Safe,
    },
    /// `GET /models` did not give a list.
    #[error("provider `{provider}` did not list its models: {detail}")]
    Models {
        /// Name of the provider.
        provider: Safe,
        /// What came instead.
        detail: Safe,
    },
}

impl Wire {
    /// Opens no connection yet. `timeout` is for one whole call, from connecting to the last byte of the body.
    pub fn new(provider: &Provider, timeout: Duration) -> Result<Self, WireError> {
        let name = Safe::line(&provider.name);
        let (chat, models) = addresses(&provider.base_url).ok_or_else(|| WireError::Address { provider: name.clone() })?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tagdeck/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(provider, &name)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            // A redirect would carry the post and perhaps the key to another host.
            .redirect(Policy::none());
        if chat.scheme() == "http" {
            // Without TLS no roots are needed, and a bare container that has none must still reach its local server.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&chat) {
            builder = builder.no_proxy();
        }
        // The library panics without a crypto provider; an error only says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder
            .build()
            .map_err(|e| WireError::Client { provider: name.clone(), detail: transport::words(&e.without_url()) })?;
        let openrouter = chat.host_str().is_some_and(|host| host == "openrouter.ai" || host.ends_with(".openrouter.ai"));
        let secrets = provider.key.iter().chain(provider.headers.values()).map(|s| s.expose().to_owned());
        let secrets = secrets.chain(chat.password().map(str::to_owned));
        let secrets = secrets.filter(|s| s.len() >= SHORTEST_SECRET).collect();
        Ok(Self { provider: name, client, chat, models, timeout, openrouter, secrets })
    }

    /// One POST to `/chat/completions`; never an `Err`: whatever happens is a [`Reply`].
    pub async fn send(&self, model: &str, ask: &Ask) -> Reply {
        let body = request::json(model, ask, self.openrouter);
        self.read(self.client.post(self.chat.clone()).json(&body), BODY_CAP).await
    }

    /// The provider's models as `GET /models` tells them; entries that make no sense are left out.
    pub async fn models(&self) -> Result<Vec<Listing>, WireError> {
        self.models_with_reply().await.0
    }

    fn listed(&self, reply: &Reply) -> Result<Vec<Listing>, WireError> {
        let failed = |detail: Safe| WireError::Models { provider: self.provider.clone(), detail: detail.clipped(200) };
        if let Some(failure) = reply.failure {
            return Err(failed(Safe::line(&format!("{failure}: {}", reply.detail))));
        }
        match reply.status {
            Some(200..=299) => {}
            status => return Err(failed(Safe::line(&format!("HTTP status {}", status.unwrap_or(0))))),
        }
        let list: Value = serde_json::from_slice(&reply.body).map_err(|e| failed(Safe::line(&format!("no JSON: {e}"))))?;
        listing::all(&list).ok_or_else(|| failed(Safe::fixed("JSON without a list of models")))
    }

    async fn read(&self, request: reqwest::RequestBuilder, cap: usize) -> Reply {
        let start = Instant::now();
        let mut reply = Reply {
            status: None,
            headers: Headers::default(),
            body: Bytes::new(),
            elapsed: Duration::ZERO,
            failure: None,
            detail: Safe::default(),
        };
        let mut body = BytesMut::new();
        match request.send().await {
            Err(error) => reply.fail(transport::before_answer(&error), &error.without_url()),
            Ok(mut response) => {
                reply.status = Some(response.status().as_u16());
                reply.headers = self.copied(response.headers());
                loop {
                    match response.chunk().await {
                        Ok(Some(chunk)) if body.len() + chunk.len() > cap => {
                            body.extend_from_slice(&chunk[..cap - body.len()]);
                            reply.failure = Some(TransportFailure::BodyTooLarge);
                            reply.detail = Safe::line(&format!("over {} KiB", cap / 1024));
                            break;
                        }
                        Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                        Ok(None) => break,
                        Err(error) => {
                            reply.fail(transport::within_answer(&error), &error.without_url());
                            break;
                        }
                    }
                }
            }
        }
        if reply.failure == Some(TransportFailure::Timeout) {
            reply.detail = Safe::line(&format!("no whole answer within {} s", self.timeout.as_secs_f32()));
        }
        for secret in &self.secrets {
            transport::blot(&mut body, secret.as_bytes());
        }
        reply.body = body.freeze();
        reply.elapsed = start.elapsed();
        reply
    }

    fn copied(&self, map: &HeaderMap) -> Headers {
        let blotted = |value: &HeaderValue| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            self.secrets.iter().fold(value, |value, secret| value.replace(secret.as_str(), "***"))
        };
        let mut headers = Headers::default();
        for (name, value) in map {
            headers.push(name.as_str(), blotted(value));
        }
        headers
    }
}

impl fmt::Debug for Wire {
    /// The address may hold a password: only its host is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("provider", &self.provider).field("host", &self.chat.host_str()).finish_non_exhaustive()
    }
}

impl Reply {
    /// What the call came to: the failure's own outcome, or what `classify` makes of the answer.
    pub fn verdict(&self, now: Millis) -> Verdict {
        match (self.failure, self.status) {
            // Paid for and whole, only the goodbye is missing: asking again would pay twice.
            (Some(TransportFailure::Cut), Some(status)) if serde_json::from_slice::<Value>(&self.body).is_ok() => {
                outcome::classify(status, &self.headers, &self.body, now)
            }
            (None, Some(status)) => outcome::classify(status, &self.headers, &self.body, now),
            (Some(failure), _) => Verdict::plain(failure.outcome(), self.words(failure)),
            (None, None) => Verdict::plain(Outcome::Unreachable, Safe::fixed("no answer")),
        }
    }

    /// 503, upon which the concurrency is halved as upon 429 and timeouts, which the route tells.
    pub fn is_overloaded(&self) -> bool {
        self.status == Some(503)
    }

    fn words(&self, failure: TransportFailure) -> Safe {
        if self.detail.is_empty() { Safe::line(&failure.to_string()) } else { Safe::line(&format!("{failure}: {}", self.detail)) }
    }

    fn fail(&mut self, failure: TransportFailure, error: &reqwest::Error) {
        self.failure = Some(failure);
        self.detail = transport::words(error);
    }
}

/// Addresses of `chat/completions` and `models` below the base, whose query (Azure's `api-version`) is kept.
fn addresses(base: &str) -> Option<(Url, Url)> {
    let base = Url::parse(base.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let below = |path: &str| {
        let mut url = base.clone();
        url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
        url
    };
    Some((below("chat/completions"), below("models")))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The key as bearer, then the provider's further headers, which may replace it; every value marked sensitive.
fn headers(provider: &Provider, name: &Safe) -> Result<HeaderMap, WireError> {
    let mut map = HeaderMap::new();
    let wrong = |header: &str| WireError::Header { provider: name.clone(), header: Safe::line(header).clipped(60) };
    let sensitive = |header: &str, value: &str| {
        HeaderValue::from_str(value).map_err(|_| wrong(header)).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    };
    if let Some(key) = &provider.key {
        map.insert(AUTHORIZATION, sensitive("authorization", &format!("Bearer {}", key.expose()))?);
    }
    for (header, value) in &provider.headers {
        let key = HeaderName::from_bytes(header.as_bytes()).map_err(|_| wrong(header))?;
        map.insert(key, sensitive(header, value.expose())?);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn provider(base_url: &str) -> Provider {
        Provider {
            name: "openrouter".to_owned(),
            base_url: base_url.to_owned(),
            key: Some(Secret::new("sk-or-secret-0001")),
            headers: [("X-Title".to_owned(), Secret::new("tagdeck"))].into(),
            requests_per_minute: None,
            requests_per_day: None,
            budget_micros_per_day: None,
        }
    }

    #[test]
    fn paths_are_put_below_the_base_with_or_without_a_slash() {
        for base in ["https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/"] {
            let (chat, models) = addresses(base).unwrap();
            assert_eq!(chat.as_str(), "https://openrouter.ai/api/v1/chat/completions");
            assert_eq!(models.as_str(), "https://openrouter.ai/api/v1/models");
        }
        let (chat, _) = addresses("https://x.azure.com/openai/deployments/m?api-version=1").unwrap();
        assert_eq!(chat.as_str(), "https://x.azure.com/openai/deployments/m/chat/completions?api-version=1");
    }

    #[test]
    fn an_impossible_provider_is_told_without_its_key() {
        let mut wrong = provider("ftp://example.org");
        let error = Wire::new(&wrong, Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().starts_with("the base_url of provider `openrouter`"), "{error}");
        wrong.base_url = "http://127.0.0.1:1/v1".to_owned();
        wrong.key = Some(Secret::new("sk-secret\n"));
        let error = Wire::new(&wrong, Duration::from_secs(1)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sk-secret"), "{error}");
    }

    #[test]
    fn nothing_printed_of_a_wire_holds_a_secret() {
        let wire = Wire::new(&provider("http://user:hunter2hunter2@127.0.0.1:1/v1"), Duration::from_secs(1)).unwrap();
        assert_eq!(format!("{wire:?}"), r#"Wire { provider: Safe("openrouter"), host: Some("127.0.0.1"), .. }"#);
    }
}
