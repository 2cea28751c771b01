//! The settings of the HTTP API, and of the log of programs that stay.
//! They are read in `file`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::Secret;

/// The variable that holds the tokens of the API where `api.token_env` names no other.
pub(super) const TOKEN_VARIABLE: &str = "TAGDECK_API_TOKEN";

/// Who may ask over HTTP, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Any of them opens the door; none: nobody is asked for one, which is refused beyond this machine.
    pub tokens: Vec<Secret>,
    /// Largest upload, MiB.
    pub upload_mb: u64,
    /// Uploads in memory at once.
    pub uploads: usize,
    /// Uploaded images kept in the inbox, MiB.
    pub inbox_mb: u64,
    /// For reading a request, and for answering it.
    pub timeout: Duration,
    /// How long `POST /ocr` waits for its document before it answers 202.
    pub wait: Duration,
    /// Requests answered at once, and connections.
    pub concurrency: usize,
    /// Requests of one client in a minute; 0: any number.
    pub requests_per_minute: u32,
    /// Whether `POST /ocr` fetches an `image_url`.
    pub image_url: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8010)),
            tokens: Vec::new(),
            upload_mb: 32,
            uploads: 4,
            inbox_mb: 4096,
            timeout: Duration::from_secs(30),
            wait: Duration::from_secs(50),
            concurrency: 1024,
            requests_per_minute: 6000,
            image_url: false,
        }
    }
}

/// What `log.format` may say.
pub const LOG_FORMATS: &[&str] = &["text", "json"];

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// One of [`LOG_FORMATS`].
    pub format: &'static str,
    /// A folder for a file a day; `None`: stderr, of the dashboard `tagdeck.log` in the data folder.
    pub folder: Option<PathBuf>,
    /// Files kept in it.
    pub files: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text", folder: None, files: 14 }
    }
}
