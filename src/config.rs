//! The settings, from embedded defaults over `config.toml`, `.env` and the environment to flags.
//! It checks and explains; it opens nothing: no database, no network.

mod api;
mod engines;
mod file;
mod show;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use api::{Api, LOG_FORMATS, Log};
pub use engines::{OcrEngine, OcrService, OcrVlm};
pub use file::{ConfigError, Overrides, load, parse_address};
pub use show::{show, without_password as shown_address};

/// `config.toml.example`: every key with its default and a comment.
pub const EXAMPLE: &str = include_str!("../config.toml.example");

/// Name of the built-in provider that needs no network; its only model is `keywords`.
pub const LOCAL_PROVIDER: &str = "local";

/// The file behind `sqlite://PATH`, without what follows a `?`; `None` for any other address.
pub fn sqlite_file(address: &str) -> Option<&Path> {
    let path = address.strip_prefix("sqlite://")?;
    Some(Path::new(path.split('?').next().unwrap_or(path)))
}

/// True for an address of Cloud.ru, whose keys and region are its own.
pub fn is_cloud_ru(address: &str) -> bool {
    let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host == "cloud.ru" || host.ends_with(".cloud.ru"))
}

/// A key or password: usable, never printable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret out of the open.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Everything the program can be told; see `config.toml.example` for each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file these settings come from, if one was read.
    pub file: Option<PathBuf>,
    /// Folder for the embedded database, documents and downloads.
    pub data_dir: PathBuf,
    /// `sqlite://PATH` or `postgres://…`; may hold a password.
    pub database: Secret,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a tracing filter.
    pub log_level: String,
    /// Where log lines go.
    pub log: Log,
    /// How posts are tagged.
    pub tagging: Tagging,
    /// How images are read.
    pub ocr: Ocr,
    /// Who may ask over HTTP, and how much.
    pub api: Api,
    /// Where documents are stored.
    pub blob: Blob,
    /// How the dashboard looks and which keys it takes.
    pub ui: Ui,
    /// Servers that speak the OpenAI chat protocol; the first is the one that names without a provider mean.
    pub providers: Vec<Provider>,
}

/// What `ui.language` may say.
pub const UI_LANGUAGES: &[&str] = &["auto", "en", "ru"];
/// What `ui.theme` may say.
pub const UI_THEMES: &[&str] = &["terminal", "dark", "light", "night", "paper", "mono"];
/// What `ui.times` may say.
pub const UI_TIMES: &[&str] = &["relative", "absolute"];
/// What `ui.emoji` may say.
pub const UI_EMOJI: &[&str] = &["keep", "replace"];

/// How the dashboard looks and which keys it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// One of [`UI_LANGUAGES`].
    pub language: &'static str,
    /// One of [`UI_THEMES`].
    pub theme: &'static str,
    /// One of [`UI_TIMES`].
    pub times: &'static str,
    /// One of [`UI_EMOJI`].
    pub emoji: &'static str,
    /// Clicks and the wheel come to the dashboard, not to the terminal's own selection.
    pub mouse: bool,
    /// Keys other than the dashboard's own.
    pub keys: Vec<KeySetting>,
}

/// One line of `[keys.SECTION]`; what it names is judged by the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetting {
    /// Where the keys work.
    pub section: String,
    /// What they do.
    pub action: String,
    /// The keys; none: the action has none there.
    pub keys: Vec<String>,
    /// The line of the settings file.
    pub line: usize,
}

impl Default for Ui {
    fn default() -> Self {
        Self { language: "auto", theme: "terminal", times: "relative", emoji: "keep", mouse: true, keys: Vec::new() }
    }
}

/// How posts are tagged.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagging {
    /// Switched off, nothing is claimed and `retry` is refused.
    pub enabled: bool,
    /// Models in the order they are asked: `MODEL`, `PROVIDER/MODEL`, `auto:free`, `auto:cheap`, `local/keywords`.
    pub route: Vec<String>,
    /// Tries again on the last healthy model of the route.
    pub max_retries: u32,
    /// Tries again on each model before it.
    pub retries_before_fallback: u32,
    /// First wait before a retry; doubles with each, ±20 %, at most 60 s.
    pub retry_delay: Duration,
    /// Passes over the route before a post is `failed`.
    pub max_attempts: u32,
    /// Jobs claimed at once.
    pub batch_size: u32,
    /// Most posts in flight; the engine adapts between 1 and this.
    pub concurrency: u32,
    /// Time for one call.
    pub timeout: Duration,
    /// Most calls in one pass.
    pub pass_calls: u32,
    /// Longest time of one pass, waits included.
    pub pass_time: Duration,
    /// Waits after a failed pass, one after the other; the last one repeats.
    pub pass_delays: Vec<Duration>,
    /// Characters of the text that are sent.
    pub text_chars: usize,
    /// Shortest text worth a call, characters.
    pub min_chars: usize,
    /// `max_tokens` of a request.
    pub max_tokens: u32,
    /// `temperature` of a request.
    pub temperature: f64,
    /// Offer the channel's most used tags in the prompt.
    pub vocabulary: bool,
    /// Longest wait of a post for the text of its images; 0: none.
    pub wait_for_ocr: Duration,
}

impl Default for Tagging {
    fn default() -> Self {
        Self {
            enabled: true,
            route: Vec::new(),
            max_retries: 3,
            retries_before_fallback: 1,
            retry_delay: Duration::from_secs(2),
            max_attempts: 5,
            batch_size: 16,
            concurrency: 8,
            timeout: Duration::from_secs(30),
            pass_calls: 8,
            pass_time: Duration::from_mins(2),
            pass_delays: [1, 5, 30, 120].map(Duration::from_mins).to_vec(),
            text_chars: 2000,
            min_chars: 10,
            max_tokens: 150,
            temperature: 0.3,
            vocabulary: true,
            wait_for_ocr: Duration::from_mins(10),
        }
    }
}

/// What `ocr.provider` may say.
pub const OCR_PROVIDERS: &[&str] = &["auto", "cuda", "tensorrt", "cpu"];

/// How images are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Ocr {
    /// Switched off, jobs of images are not claimed.
    pub enabled: bool,
    /// What reads.
    pub engine: OcrEngine,
    /// With engine `service`.
    pub service: OcrService,
    /// With engine `vlm`.
    pub vlm: OcrVlm,
    /// Images read at once, one thread each; 0: one a core.
    pub workers: u32,
    /// Time for one page.
    pub page_timeout: Duration,
    /// Pixels of a page above which it is refused.
    pub max_pixels: u64,
    /// One of [`OCR_PROVIDERS`].
    pub provider: &'static str,
    /// GPU memory for the arena of one model, MiB; 0: no limit.
    pub gpu_memory_mb: usize,
    /// The ONNX Runtime library to use and no other.
    pub onnxruntime: Option<PathBuf>,
    /// `ORT_DYLIB_PATH`: the same, where the setting is empty.
    pub onnxruntime_variable: Option<PathBuf>,
    /// Where the shipped library is unpacked; `None`: no home folder is known.
    pub cache_dir: Option<PathBuf>,
}

impl Default for Ocr {
    fn default() -> Self {
        Self {
            enabled: true,
            engine: OcrEngine::Local,
            service: OcrService::default(),
            vlm: OcrVlm::default(),
            workers: 0,
            page_timeout: Duration::from_mins(2),
            max_pixels: 100_000_000,
            provider: "auto",
            gpu_memory_mb: 2048,
            onnxruntime: None,
            onnxruntime_variable: None,
            cache_dir: None,
        }
    }
}

/// Where documents are stored: S3 when a bucket is named, else a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// The folder.
    pub folder: PathBuf,
    /// The bucket.
    pub bucket: Option<String>,
    /// Address of the server without a path; `None`: AWS.
    pub endpoint: Option<String>,
    /// What requests are signed for.
    pub region: String,
    /// The bucket stands in the path of a request, not in its host.
    pub path_style: bool,
    /// Key and secret; `None`: what the profile names.
    pub credentials: Option<Credentials>,
    /// Name of a profile in `~/.aws`; `None`: `default`.
    pub profile: Option<String>,
    /// Certificates in PEM that are believed besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Address of a proxy, may hold a password; `None`: what the environment names.
    pub proxy: Option<Secret>,
    /// Hosts that are asked without that proxy, comma-separated.
    pub no_proxy: String,
    /// Time for one try.
    pub timeout: Duration,
    /// Time for a connection to stand.
    pub connect_timeout: Duration,
    /// Tries after the first.
    pub retries: u32,
    /// Store what the engine reads.
    pub upload: bool,
    /// Documents waiting for their upload, MiB, above which reading waits.
    pub spool_mb: u64,
}

impl Default for Blob {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("outputs"),
            bucket: None,
            endpoint: None,
            region: "us-east-1".to_owned(),
            path_style: true,
            credentials: None,
            profile: None,
            ca_file: None,
            proxy: None,
            no_proxy: String::new(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            retries: 3,
            upload: true,
            spool_mb: 1024,
        }
    }
}

/// Key and secret for S3.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// Identifies; on Cloud.ru `tenant_id:key_id`.
    pub access_key: Secret,
    /// Signs; never sent.
    pub secret_key: Secret,
    /// Goes with a key that lasts for hours only.
    pub session_token: Option<Secret>,
}

/// A server that speaks the OpenAI chat protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Short name used in the route.
    pub name: String,
    /// Address up to and without `/chat/completions`, such as `https://openrouter.ai/api/v1`.
    pub base_url: String,
    /// Bearer key.
    pub key: Option<Secret>,
    /// Further headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// HTTP calls in any 60 seconds.
    pub requests_per_minute: Option<u32>,
    /// HTTP calls in a UTC day.
    pub requests_per_day: Option<u32>,
    /// Money in a UTC day, millionths of a US dollar.
    pub budget_micros_per_day: Option<i64>,
}
