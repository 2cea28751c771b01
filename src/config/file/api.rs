//! The section `[api]`: who may ask over HTTP, and how much.
//! It binds no address.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;

use super::super::{Api, Secret};
use super::{ConfigError, Source, Variables};

/// A token shorter than this can be guessed.
const SHORTEST_TOKEN: usize = 16;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileApi {
    listen: Option<Spanned<String>>,
    tokens: Option<Vec<Spanned<String>>>,
    token_env: Option<String>,
    upload_mb: Option<Spanned<i64>>,
    uploads: Option<Spanned<i64>>,
    inbox_mb: Option<Spanned<i64>>,
    timeout: Option<Spanned<f64>>,
    wait: Option<Spanned<f64>>,
    concurrency: Option<Spanned<i64>>,
    requests_per_minute: Option<Spanned<i64>>,
    image_url: Option<bool>,
}

pub(super) fn api(file: &Source<'_>, raw: &FileApi, variables: &Variables<'_>) -> Result<Api, ConfigError> {
    let default = Api::default();
    let listen = match &raw.listen {
        None => default.listen,
        Some(address) => parse_address(address.get_ref())
            .map_err(|wanted| file.invalid(address.span().start, &format!("api.listen is wrong: {wanted}")))?,
    };
    Ok(Api {
        listen,
        tokens: tokens(file, raw, variables)?,
        upload_mb: file.whole(raw.upload_mb.as_ref(), "api.upload_mb", 1..=1024)?.unwrap_or(default.upload_mb),
        uploads: file.whole(raw.uploads.as_ref(), "api.uploads", 1..=256)?.unwrap_or(default.uploads),
        inbox_mb: file.whole(raw.inbox_mb.as_ref(), "api.inbox_mb", 1..=10_000_000)?.unwrap_or(default.inbox_mb),
        timeout: match &raw.timeout {
            None => default.timeout,
            Some(seconds) => std::time::Duration::from_secs_f64(file.number(seconds, "api.timeout", 1.0..=3600.0)?),
        },
        wait: file.seconds(raw.wait.as_ref(), "api.wait", 3600.0)?.unwrap_or(default.wait),
        concurrency: file.whole(raw.concurrency.as_ref(), "api.concurrency", 1..=65_536)?.unwrap_or(default.concurrency),
        requests_per_minute: file
            .whole(raw.requests_per_minute.as_ref(), "api.requests_per_minute", 0..=10_000_000)?
            .unwrap_or(default.requests_per_minute),
        image_url: raw.image_url.unwrap_or(default.image_url),
    })
}

/// `HOST:PORT` as numbers: a name would have to be looked up, and could be two addresses.
pub fn parse_address(address: &str) -> Result<SocketAddr, String> {
    let named = address.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    named
        .as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|_| "an address with a port such as 127.0.0.1:8010, 0.0.0.0:8010 or [::1]:8010".to_owned())
}

fn tokens(file: &Source<'_>, raw: &FileApi, variables: &Variables<'_>) -> Result<Vec<Secret>, ConfigError> {
    let mut tokens = Vec::new();
    for token in raw.tokens.iter().flatten() {
        if token.get_ref().len() < SHORTEST_TOKEN {
            let message =
                format!("api.tokens holds one of fewer than {SHORTEST_TOKEN} characters; `openssl rand -hex 24` makes one");
            return Err(file.invalid(token.span().start, &message));
        }
        tokens.push(Secret::new(token.get_ref().clone()));
    }
    let name = raw.token_env.as_deref().unwrap_or(super::super::api::TOKEN_VARIABLE);
    if let Some((place, listed)) = variables.get(name) {
        for token in listed.split(',').map(str::trim).filter(|token| !token.is_empty()) {
            if token.len() < SHORTEST_TOKEN {
                return Err(ConfigError::Token { place, wanted: SHORTEST_TOKEN });
            }
            tokens.push(Secret::new(token));
        }
    }
    Ok(tokens)
}
