//! Tells apart the ways in which a request to S3 fails: by the server's code, by its status, or by what broke below HTTP.
//! It knows the library's errors; nothing above `s3` does.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::super::{BlobError, Class};
use crate::config::{Blob, is_cloud_ru};
use crate::text::{Safe, causes};

const TOKEN_REMEDY: &str = "take a fresh key: AWS_SESSION_TOKEN is over, or belongs to another key";

/// Judges failures; knows as much of the settings as that takes.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    place: Safe,
    /// The server is Cloud.ru and the key has no `tenant_id:`.
    without_tenant: bool,
    /// What no message may repeat.
    secrets: Arc<[String]>,
    timeout: Duration,
    connect_timeout: Duration,
}

/// What a server answered instead of doing it.
#[derive(Default)]
struct Answer<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    /// `x-amz-bucket-region`.
    region: Option<&'a str>,
    is_html: bool,
}

impl Judge {
    pub(super) fn new(settings: &Blob, place: Safe) -> Self {
        let given = settings.credentials.as_ref();
        let secrets = given.into_iter().flat_map(|given| {
            let token = given.session_token.as_ref();
            [Some(&given.access_key), Some(&given.secret_key), token]
                .into_iter()
                .flatten()
                .map(|secret| secret.expose().to_owned())
        });
        let at_cloud_ru = settings.endpoint.as_deref().is_some_and(is_cloud_ru);
        Self {
            place,
            without_tenant: at_cloud_ru && given.is_some_and(|given| !given.access_key.expose().contains(':')),
            // A shorter one is no secret, and to blot it out would leave no word whole.
            secrets: secrets.filter(|secret| secret.len() >= 6).collect(),
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
        }
    }

    /// `doing` completes "cannot".
    pub(super) fn error(&self, class: Class, doing: &'static str, key: Option<&str>, saw: &str) -> BlobError {
        let saw = self.secrets.iter().fold(saw.to_owned(), |saw, secret| saw.replace(secret, "…"));
        BlobError::new(class, doing, key, &self.place, &saw)
    }

    /// A request that failed.
    pub(super) fn failed<E>(&self, doing: &'static str, key: Option<&str>, error: &SdkError<E, HttpResponse>) -> BlobError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (class, saw) = match error {
            SdkError::TimeoutError(_) => (Class::Timeout, self.no_answer()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (Class::Timeout, format!("no connection within {} s", self.connect_timeout.as_secs_f64()))
            }
            SdkError::ServiceError(refusal) => {
                let answer = answer(refusal.raw(), refusal.err());
                if matches!(answer.code, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") {
                    return self.error(Class::UnknownKey, doing, key, &answer.words()).with_remedy(TOKEN_REMEDY);
                }
                (answer.class(), answer.words())
            }
            SdkError::ResponseError(response) if response.raw().body().bytes().is_some() => {
                let status = response.raw().status().as_u16();
                (Class::WrongEndpoint, format!("what answers there is not S3 (HTTP {status})"))
            }
            SdkError::ConstructionFailure(_) if key == Some("") => (Class::BadKey, "the key is empty".to_owned()),
            SdkError::ConstructionFailure(_) => (Class::Other, innermost(error)),
            SdkError::ResponseError(_) => (Class::Network, format!("the answer was cut off: {}", innermost(error))),
            _ => below_http(error),
        };
        let about_the_key = matches!(class, Class::UnknownKey | Class::WrongSecret | Class::AccessDenied);
        let class = if self.without_tenant && about_the_key { Class::KeyFormat } else { class };
        self.error(class, doing, key, &saw)
    }

    /// An answer whose body broke off or stood still.
    pub(super) fn cut(&self, doing: &'static str, key: &str, saw: Option<&(dyn Error + 'static)>) -> BlobError {
        match saw {
            None => self.error(Class::Timeout, doing, Some(key), &self.no_answer()),
            Some(error) => self.error(Class::Network, doing, Some(key), &format!("the answer was cut off: {}", innermost(error))),
        }
    }

    fn no_answer(&self) -> String {
        format!("nothing came for {} s", self.timeout.as_secs_f64())
    }
}

fn answer<'a>(raw: &'a HttpResponse, error: &'a impl ProvideErrorMetadata) -> Answer<'a> {
    let begins_as_html = raw.body().bytes().is_some_and(|body| {
        let begin = String::from_utf8_lossy(&body[..body.len().min(200)]).trim_start().to_ascii_lowercase();
        begin.starts_with("<!doctype html") || begin.starts_with("<html")
    });
    Answer {
        status: raw.status().as_u16(),
        code: error.code().unwrap_or_default(),
        message: error.message().unwrap_or_default(),
        region: raw.headers().get("x-amz-bucket-region"),
        is_html: begins_as_html || raw.headers().get("content-type").is_some_and(|kind| kind.starts_with("text/html")),
    }
}

impl Answer<'_> {
    fn class(&self) -> Class {
        match self.code {
            "AuthorizationHeaderMalformed" if self.message.contains("region") => Class::WrongRegion,
            "InvalidAccessKeyId" | "NotSignedUp" | "InvalidSecurity" | "AuthorizationHeaderMalformed" => Class::UnknownKey,
            "SignatureDoesNotMatch" => Class::WrongSecret,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Class::AccessDenied,
            "NoSuchBucket" | "InvalidBucketName" => Class::NoSuchBucket,
            "PermanentRedirect" | "IllegalLocationConstraintException" | "IncorrectEndpoint" => Class::WrongRegion,
            "RequestTimeTooSkewed" | "RequestExpired" => Class::ClockSkew,
            "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "RequestLimitExceeded"
            | "ServiceUnavailable"
            | "BandwidthLimitExceeded"
            | "InternalError" => Class::SlowDown,
            "RequestTimeout" => Class::Timeout,
            "NoSuchKey" | "NotFound" if !self.is_html => Class::NotFound,
            "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => Class::Full,
            "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => Class::Broken,
            "KeyTooLongError" | "KeyTooLong" | "InvalidURI" => Class::BadKey,
            _ => self.by_status(),
        }
    }

    fn by_status(&self) -> Class {
        match self.status {
            507 => Class::Full,
            408 => Class::Timeout,
            // The proxy wants a password.
            407 => Class::Network,
            429 | 500 | 502.. => Class::SlowDown,
            _ if self.region.is_some() && matches!(self.status, 301 | 307 | 308 | 400) => Class::WrongRegion,
            _ if self.is_html => Class::WrongEndpoint,
            300..=399 | 405 | 501 => Class::WrongEndpoint,
            401 | 403 => Class::AccessDenied,
            404 => Class::NotFound,
            _ => Class::Other,
        }
    }

    fn words(&self) -> String {
        let mut words = format!("HTTP {}", self.status);
        if self.is_html {
            words += ", a web page";
        }
        for part in [self.code, self.message] {
            if !part.is_empty() {
                words = format!("{words}, {part}");
            }
        }
        match self.region {
            Some(region) if matches!(self.class(), Class::WrongRegion) => format!("{words}; the bucket's region is {region}"),
            _ => words,
        }
    }
}

/// No answer came at all.
fn below_http(error: &(dyn Error + 'static)) -> (Class, String) {
    let saw = innermost(error);
    let class = causes(error).find_map(|cause| {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            // Bytes that are no TLS: plain HTTP answers there.
            let no_tls = matches!(tls, rustls::Error::InvalidMessage(_));
            return Some(if no_tls { Class::WrongEndpoint } else { Class::Tls });
        }
        let words = cause.to_string();
        if words.contains("failed to lookup address") {
            // The resolver's own trouble passes; a name that does not exist stays so.
            let passing = words.contains("emporary failure") || words.contains("ry again");
            return Some(if passing { Class::Network } else { Class::WrongEndpoint });
        }
        let no_key = ["credential", "identity", "profile"].iter().any(|word| words.contains(word));
        no_key.then_some(Class::NoCredentials)
    });
    (class.unwrap_or(Class::Network), saw)
}

/// The innermost cause: the outer ones only say that something failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
