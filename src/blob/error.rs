//! What can go wrong between this program and a blob store, and what a person can do about it.
//! How a server's answer becomes one of these is told in `s3`.

use std::fmt;
use std::io::ErrorKind;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::{UnknownWord, words};
use crate::text::Safe;

words! {
    /// Kind of failure.
    Class, "class of storage failure" {
        /// The server does not know the key.
        UnknownKey = "unknown_key",
        /// A key of Cloud.ru without its `tenant_id:`.
        KeyFormat = "key_format",
        /// The signature is wrong: the secret does not belong to the key.
        WrongSecret = "wrong_secret",
        /// Neither a key nor a profile that has one.
        NoCredentials = "no_credentials",
        /// The key may not do this.
        AccessDenied = "access_denied",
        /// No bucket of this name.
        NoSuchBucket = "no_such_bucket",
        /// The bucket lives in another region.
        WrongRegion = "wrong_region",
        /// What answers there is not S3, or no such host exists.
        WrongEndpoint = "wrong_endpoint",
        /// This machine's clock and the server's differ too much.
        ClockSkew = "clock_skew",
        /// The server's certificate is not believed.
        Tls = "tls",
        /// No connection, or it broke.
        Network = "network",
        /// No answer in time.
        Timeout = "timeout",
        /// The server wants fewer requests, is overloaded or out of order.
        SlowDown = "slow_down",
        /// No object under this key.
        NotFound = "not_found",
        /// No room is left.
        Full = "full",
        /// What is there is not what was sent.
        Broken = "broken",
        /// A key that no object can have here.
        BadKey = "bad_key",
        /// Anything else.
        Other = "other",
    }
}

impl Class {
    /// True when no further try helps until a person does something.
    pub const fn is_permanent(self) -> bool {
        !matches!(self, Self::Network | Self::Timeout | Self::SlowDown | Self::Broken | Self::Other)
    }

    /// True when it says nothing about other keys: the others may well be stored meanwhile.
    pub const fn is_of_one_key(self) -> bool {
        matches!(self, Self::NotFound | Self::Broken | Self::BadKey | Self::Other)
    }

    /// What the system's refusal comes to.
    pub(super) const fn of_io(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::AccessDenied,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename => Self::BadKey,
            _ => Self::Other,
        }
    }

    /// What to do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::UnknownKey => "check blob.access_key: this server does not know it, or it was revoked",
            Self::KeyFormat => "on Cloud.ru the access key is tenant_id:key_id; take both parts from the console",
            Self::WrongSecret => "check blob.secret_key: it does not belong to the access key",
            Self::NoCredentials => "set CLOUDRU_S3_ACCESS_KEY and CLOUDRU_S3_SECRET_KEY, or name a blob.profile",
            Self::AccessDenied => "give the key the right to do this on the bucket (its role, or the bucket's policy)",
            Self::NoSuchBucket => "correct blob.bucket, or make the bucket",
            Self::WrongRegion => "set blob.region to the bucket's region",
            Self::WrongEndpoint => {
                "correct blob.endpoint: the address of the S3 interface, not of the console, and blob.path_style"
            }
            Self::ClockSkew => "set this machine's clock, best by NTP",
            Self::Tls => "name the server's certificate authority in blob.ca_file, or correct blob.endpoint",
            Self::Network => "check the network, blob.endpoint and blob.proxy; it is tried again by itself",
            Self::Timeout => "it is tried again by itself; raise blob.timeout if this is usual here",
            Self::SlowDown => "nothing: it is tried again by itself, more slowly",
            Self::NotFound => "check the key; somebody may have deleted it",
            Self::Full => "make room, or raise the quota",
            Self::Broken => {
                "nothing: it is tried again by itself; if it stays so, the store or what stands before it changes data"
            }
            Self::BadKey => "use another key: at most 1024 bytes, without control characters, empty parts, `.` and `..`",
            Self::Other => "it is tried again by itself; if it stays so, the store's own log knows more",
        }
    }
}

/// Why a blob store did not do what it was asked; its text is one line and ends in what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobError {
    class: Class,
    doing: &'static str,
    key: Option<Safe>,
    place: Safe,
    saw: Safe,
    remedy: &'static str,
}

impl BlobError {
    /// `doing` completes "cannot"; `saw` is what the system or the server said.
    pub(super) fn new(class: Class, doing: &'static str, key: Option<&str>, place: &Safe, saw: &str) -> Self {
        Self {
            class,
            doing,
            key: key.map(|key| Safe::line(key).clipped(200)),
            place: place.clone(),
            saw: Safe::line(saw).clipped(300),
            remedy: class.remedy(),
        }
    }

    /// The same with another remedy.
    pub(super) fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// What kind of failure it is.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// See [`Class::is_permanent`].
    pub const fn is_permanent(&self) -> bool {
        self.class.is_permanent()
    }

    /// The store, for people.
    pub fn place(&self) -> &Safe {
        &self.place
    }

    /// What was seen, without what was being done and without the remedy.
    pub fn saw(&self) -> &Safe {
        &self.saw
    }

    /// What to do.
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl std::error::Error for BlobError {}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.doing)?;
        if let Some(key) = &self.key {
            write!(f, " {key}")?;
        }
        write!(f, " in {}: {} ({}); {}", self.place, self.saw, self.class, self.remedy)
    }
}
