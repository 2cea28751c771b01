//! The gate before every route: an id for each request, panics, browser pages, tokens, rates, sizes and times.
//! It knows no route beyond those that are open to everybody.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, SemaphorePermit};
use tower_http::catch_panic::CatchPanicLayer;

use super::linger::lingering;
use super::metrics::Traffic;
use super::reply::Problem;
use crate::config::Api;
use crate::text::Safe;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Answered without a token: what balancers and supervisors ask. They tell nothing but that it runs.
const OPEN: [&str; 2] = ["/health", "/ready"];
/// Waits for a document on top of the time of every request.
const WAITING: &str = "/ocr";
/// Multipart wraps an image, and base64 makes it a third longer.
const WRAPPING: u64 = 64 * 1024;
/// Clients remembered before those that have been quiet are forgotten.
const CLIENTS: usize = 10_000;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whom a rate is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    Token(usize),
    Address(IpAddr),
}

type Rates = RateLimiter<Client, HashMapStateStore<Client, RandomState>, DefaultClock>;

/// See the module.
pub struct Gate {
    /// Hashes of the tokens: all of one length, and a memory dump holds no token.
    tokens: Vec<[u8; 32]>,
    rates: Option<Rates>,
    asked: AtomicU32,
    in_work: Semaphore,
    timeout: Duration,
    wait: Duration,
    body: u64,
    traffic: Traffic,
}

impl Gate {
    pub fn new(settings: &Api, traffic: Traffic) -> Self {
        let per_minute = std::num::NonZeroU32::new(settings.requests_per_minute);
        Self {
            tokens: settings.tokens.iter().map(|token| Sha256::digest(token.expose()).into()).collect(),
            rates: per_minute.map(|n| RateLimiter::hashmap(Quota::per_minute(n))),
            asked: AtomicU32::new(0),
            in_work: Semaphore::new(settings.concurrency),
            timeout: settings.timeout,
            wait: settings.wait,
            body: settings.upload_mb * 1024 * 1024 * 4 / 3 + WRAPPING,
            traffic,
        }
    }

    /// Lets a request through, or says why not.
    fn judge(&self, request: &Request) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if self.tokens.is_empty() {
            refuse_pages(request)?;
        }
        let client = self.client(request.headers());
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::LOCALHOST), |peer| peer.0);
        self.within_rate(&match &client {
            Some(Ok(token)) => Client::Token(*token),
            _ => Client::Address(network(peer)),
        })?;
        let open = OPEN.contains(&request.uri().path());
        if !self.tokens.is_empty() && !open {
            client.ok_or_else(no_token)??;
        }
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.body) {
            return Err(too_large(self.body));
        }
        if open {
            // Clients that wait for their images must not look like a dead server.
            return Ok(None);
        }
        self.in_work.try_acquire().map(Some).map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests are in work; try again").again_after(1)
        })
    }

    /// Which token was shown; `None`: none.
    fn client(&self, headers: &HeaderMap) -> Option<Result<usize, Problem>> {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes())
        });
        let shown = bearer.or_else(|| headers.get(API_KEY).map(HeaderValue::as_bytes))?;
        let shown: [u8; 32] = Sha256::digest(shown).into();
        // Every token is looked at, whichever fits: the time says nothing.
        let fits = self.tokens.iter().enumerate().fold(
            None,
            |found, (at, token)| {
                if bool::from(token.ct_eq(&shown)) { Some(at) } else { found }
            },
        );
        Some(
            fits.ok_or_else(|| {
                Problem::new(StatusCode::UNAUTHORIZED, "bad_token", "this token is not one of those in the settings")
            }),
        )
    }

    fn within_rate(&self, client: &Client) -> Result<(), Problem> {
        let Some(rates) = &self.rates else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(1024) && rates.len() > CLIENTS {
            rates.retain_recent();
        }
        rates.check_key(client).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "more requests a minute than one client may send")
                .again_after(wait.as_secs() + 1)
        })
    }

    fn time_for(&self, request: &Request) -> Duration {
        // The route itself ends in time; this is for one that does not.
        if request.uri().path() == WAITING { self.timeout + self.wait + Duration::from_secs(5) } else { self.timeout }
    }
}

/// The routes behind the gate.
pub fn around(routes: Router, gate: Arc<Gate>) -> Router {
    let body = usize::try_from(gate.body).unwrap_or(usize::MAX);
    routes.layer(DefaultBodyLimit::max(body)).layer(CatchPanicLayer::custom(panicked)).layer(from_fn_with_state(gate, pass))
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request = request.map(lingering);
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|matched| matched.as_str().to_owned());
    let uri = request.uri().clone();
    let mut response = match gate.judge(&request) {
        Err(problem) => problem.into_response(),
        Ok(_in_work) => match tokio::time::timeout(gate.time_for(&request), next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "no answer was ready in time")
                .again_after(5)
                .into_response(),
        },
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let status = response.status();
    gate.traffic.count(route.as_deref(), &method, status, began.elapsed());
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Made only where the line is written.
    let path = || Safe::line(uri.path()).clipped(200);
    match status.as_u16() {
        500.. => tracing::warn!(%method, path = %path(), status = status.as_u16(), ms, request = id, "answered"),
        _ if method != Method::GET => {
            tracing::info!(%method, path = %path(), status = status.as_u16(), ms, request = id, "answered");
        }
        _ => tracing::debug!(%method, path = %path(), status = status.as_u16(), ms, request = id, "answered"),
    }
    response
}

/// The caller's own id if it can stand in a header and a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let named = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let fits = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    named.filter(fits).map_or_else(|| format!("{:016x}", fastrand::u64(..)), str::to_owned)
}

/// Without a token a page in somebody's browser could drive the API on their own machine: by a form or a script of another site,
/// or by a name that was made to point here (DNS rebinding). Programs send neither `Origin` nor another host's name.
fn refuse_pages(request: &Request) -> Result<(), Problem> {
    let refused = |what: &str| {
        let told = format!("{what}; without tokens in the settings only programs on this machine are answered");
        Err(Problem::new(StatusCode::FORBIDDEN, "not_from_a_page", &told))
    };
    let headers = request.headers();
    let named = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = request.uri().authority().map(axum::http::uri::Authority::as_str).or(named);
    if host.is_some_and(|host| !is_loopback(host)) {
        return refused("the header Host names another machine");
    }
    if headers.contains_key(ORIGIN) {
        return refused("the request comes from a page in a browser");
    }
    let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"none" && site != b"same-origin") {
        return refused("the request comes from a page in a browser");
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A person has one IPv4 address, but 2^64 of IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => {
            address.to_ipv4_mapped().map_or_else(|| IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)), IpAddr::V4)
        }
    }
}

fn no_token() -> Problem {
    let told = "a token is needed: `Authorization: Bearer TOKEN` or `x-api-key: TOKEN`";
    Problem::new(StatusCode::UNAUTHORIZED, "no_token", told)
}

/// 413
pub fn too_large(most: u64) -> Problem {
    let told = format!("the request is larger than {} MB (api.upload_mb)", most / (1024 * 1024));
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &told)
}

/// A panic has been printed by the hook; the request gets its answer all the same.
fn panicked(_cause: Box<dyn Any + Send + 'static>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this should not happen; the log of this server says more")
        .into_response()
}

#[cfg(test)]
mod tests;
