//! Fetches an image from the web for somebody else: only from public addresses, without redirects, never more than asked for.
//! It looks at no image; whether fetching is allowed at all is the settings' to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::text::Safe;

/// For a connection, and for everything.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(20);

/// Why an image was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not an address of the web.
    #[error("this is no address of the web: `http://` or `https://`, a host, no user and no password")]
    Address,
    /// An address inside somebody's network.
    #[error("{host} is not a public address; images are only fetched from public ones")]
    Private {
        /// As it was named.
        host: Safe,
    },
    /// Unknown, unreachable, or silent.
    #[error("{host} gave nothing: {cause}")]
    Unreachable {
        /// As it was named.
        host: Safe,
        /// In words.
        cause: Safe,
    },
    /// Not 200.
    #[error("{host} answered {status}; redirects are not followed")]
    Status {
        /// As it was named.
        host: Safe,
        /// Of the answer.
        status: u16,
    },
    /// More than allowed.
    #[error("what stands at this address is larger than {most} bytes")]
    TooLarge {
        /// Allowed bytes.
        most: u64,
    },
}

/// The bytes at a public address.
///
/// A name is looked up once, every address it has must be public, and the connection goes to one of those: a name that points
/// elsewhere a moment later leads nowhere.
pub async fn fetch(address: &str, most: u64) -> Result<Vec<u8>, FetchError> {
    let url = Url::parse(address).map_err(|_| FetchError::Address)?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::Address);
    }
    let port = url.port_or_known_default().ok_or(FetchError::Address)?;
    let host = url.host().ok_or(FetchError::Address)?;
    let shown = Safe::line(&host.to_string()).clipped(100);
    let addresses: Vec<SocketAddr> = match host {
        Host::Ipv4(ip) => vec![(ip, port).into()],
        Host::Ipv6(ip) => vec![(ip, port).into()],
        Host::Domain(name) => {
            let found = tokio::time::timeout(CONNECT, tokio::net::lookup_host((name, port))).await;
            let unknown = |cause: &str| FetchError::Unreachable { host: shown.clone(), cause: Safe::line(cause) };
            found.map_err(|_| unknown("its name was not found in time"))?.map_err(|_| unknown("there is no such name"))?.collect()
        }
    };
    if addresses.is_empty() || !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(FetchError::Private { host: shown });
    }
    get(url, &addresses, &shown, most).await
}

async fn get(url: Url, addresses: &[SocketAddr], host: &Safe, most: u64) -> Result<Vec<u8>, FetchError> {
    let failed = |error: &reqwest::Error| {
        let cause = if error.is_timeout() { "no answer in time" } else { "the connection failed" };
        FetchError::Unreachable { host: host.clone(), cause: Safe::fixed(cause) }
    };
    let name = url.host_str().unwrap_or_default().to_owned();
    // A proxy would look the name up again, by itself.
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .resolve_to_addrs(&name, addresses)
        .build()
        .map_err(|error| failed(&error))?;
    let mut answer = client.get(url).send().await.map_err(|error| failed(&error))?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Status { host: host.clone(), status: answer.status().as_u16() });
    }
    if answer.content_length().is_some_and(|length| length > most) {
        return Err(FetchError::TooLarge { most });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        if (bytes.len() + chunk.len()) as u64 > most {
            return Err(FetchError::TooLarge { most });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Whether an address belongs to the open internet: none of this machine, of a local network, of a cloud's inside, or of a way
/// to write one of those as IPv6. After the registries of special addresses (RFC 6890 and its followers).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Only 2000::/3 was given out; in it, what wraps IPv4 addresses or is for no network.
    let given_out = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || a == 0x3fff;
    given_out && !special
}

#[cfg(test)]
mod tests;
