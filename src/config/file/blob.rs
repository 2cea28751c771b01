//! The section `[blob]`: where documents are stored, and with which key.
//! It asks no server, and reads neither the folder nor a profile.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::super::{Blob, Credentials, Secret, is_cloud_ru};
use super::{ConfigError, Source, Variables, expand_home};
use crate::text::Safe;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBlob {
    folder: Option<String>,
    bucket: Option<Spanned<String>>,
    endpoint: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
    path_style: Option<bool>,
    access_key: Option<String>,
    secret_key: Option<String>,
    access_key_env: Option<String>,
    secret_key_env: Option<String>,
    profile: Option<String>,
    ca_file: Option<String>,
    proxy: Option<Spanned<String>>,
    timeout: Option<Spanned<f64>>,
    connect_timeout: Option<Spanned<f64>>,
    retries: Option<Spanned<i64>>,
    upload: Option<bool>,
    spool_mb: Option<Spanned<i64>>,
}

pub(super) fn blob(file: &Source<'_>, raw: FileBlob, variables: &Variables<'_>, data_dir: &Path) -> Result<Blob, ConfigError> {
    let path = |value: Option<&String>| value.filter(|path| !path.is_empty()).map(|path| expand_home(path)).transpose();
    let seconds = |value: Option<&Spanned<f64>>, key, range: RangeInclusive<f64>| {
        value.map(|value| file.number(value, key, range).map(Duration::from_secs_f64)).transpose()
    };
    let default = Blob::default();
    let credentials = credentials(&raw, variables);
    let text = Text { file, variables };
    let endpoint = text.get("blob.endpoint", raw.endpoint.as_ref(), "CLOUDRU_S3_ENDPOINT", ENDPOINTS, endpoint)?;
    let region = text.get("blob.region", raw.region.as_ref(), "CLOUDRU_S3_REGION", REGIONS, word)?;
    let usual_region = || {
        let cloud_ru = endpoint.as_deref().is_some_and(is_cloud_ru);
        if cloud_ru { "ru-central-1".to_owned() } else { default.region.clone() }
    };
    let proxy = raw.proxy.as_ref().filter(|proxy| !proxy.get_ref().is_empty());
    Ok(Blob {
        folder: path(raw.folder.as_ref())?.unwrap_or_else(|| data_dir.join("outputs")),
        bucket: text.get("blob.bucket", raw.bucket.as_ref(), "CLOUDRU_S3_BUCKET", &[], word)?,
        region: region.unwrap_or_else(usual_region),
        endpoint,
        path_style: raw.path_style.unwrap_or(default.path_style),
        credentials,
        profile: set(raw.profile).or_else(|| variables.get("AWS_PROFILE").map(|(_, name)| name.to_owned())),
        ca_file: path(raw.ca_file.as_ref())?,
        proxy: proxy
            .map(|proxy| {
                address(proxy.get_ref())
                    .map(Secret::new)
                    .map_err(|wanted| file.invalid(proxy.span().start, &format!("blob.proxy is wrong: {wanted}")))
            })
            .transpose()?,
        no_proxy: ["NO_PROXY", "no_proxy"].iter().find_map(|name| variables.get(name)).map_or("", |(_, hosts)| hosts).to_owned(),
        timeout: seconds(raw.timeout.as_ref(), "blob.timeout", 1.0..=3600.0)?.unwrap_or(default.timeout),
        connect_timeout: seconds(raw.connect_timeout.as_ref(), "blob.connect_timeout", 0.1..=600.0)?
            .unwrap_or(default.connect_timeout),
        retries: file.whole(raw.retries.as_ref(), "blob.retries", 0..=10)?.unwrap_or(default.retries),
        upload: raw.upload.unwrap_or(default.upload),
        spool_mb: file.whole(raw.spool_mb.as_ref(), "blob.spool_mb", 1..=10_000_000)?.unwrap_or(default.spool_mb),
    })
}

/// Variables of other programs: they give way to the file, which was written for this one.
const ENDPOINTS: &[&str] = &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
const REGIONS: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Key and secret from one source, never one from here and the other from there.
fn credentials(raw: &FileBlob, variables: &Variables<'_>) -> Option<Credentials> {
    let named = |setting: &Option<String>, usual: &str| {
        variables.get(setting.as_deref().unwrap_or(usual)).map(|(_, value)| value.to_owned())
    };
    let pair = |access: Option<String>, secret: Option<String>, token: Option<String>| {
        Some(Credentials {
            access_key: Secret::new(access?),
            secret_key: Secret::new(secret?),
            session_token: token.map(Secret::new),
        })
    };
    let variable = |name: &str| variables.get(name).map(|(_, value)| value.to_owned());
    pair(named(&raw.access_key_env, "CLOUDRU_S3_ACCESS_KEY"), named(&raw.secret_key_env, "CLOUDRU_S3_SECRET_KEY"), None)
        .or_else(|| pair(set(raw.access_key.clone()), set(raw.secret_key.clone()), None))
        .or_else(|| pair(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")))
}

fn set(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

/// Looks a text up: our own variable, the file, then variables that other programs use as well.
struct Text<'a> {
    file: &'a Source<'a>,
    variables: &'a Variables<'a>,
}

impl Text<'_> {
    fn get(
        &self,
        key: &str,
        in_file: Option<&Spanned<String>>,
        ours: &'static str,
        others: &[&'static str],
        judge: fn(&str) -> Result<String, String>,
    ) -> Result<Option<String>, ConfigError> {
        let variable = |name: &'static str| {
            self.variables.get(name).map(|(place, value)| {
                judge(value).map_err(|wanted| ConfigError::Variable { place, name, value: Safe::line(value), wanted })
            })
        };
        if let Some(found) = variable(ours) {
            return found.map(Some);
        }
        if let Some(value) = in_file.filter(|value| !value.get_ref().is_empty()) {
            let judged = judge(value.get_ref());
            return judged
                .map(Some)
                .map_err(|wanted| self.file.invalid(value.span().start, &format!("{key} is wrong: {wanted}")));
        }
        others.iter().find_map(|name| variable(name)).transpose()
    }
}

/// A bucket or a region.
fn word(value: &str) -> Result<String, String> {
    let fits = value.len() <= 255 && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if fits { Ok(value.to_owned()) } else { Err("a name of letters, digits, - . and _".to_owned()) }
}

/// An address of a server, without a path and without a last `/`.
fn endpoint(value: &str) -> Result<String, String> {
    let wanted = || "an address such as https://s3.cloud.ru, without the bucket and without a path".to_owned();
    let address = address(value).map_err(|_| wanted())?;
    let parsed = url::Url::parse(&address).map_err(|_| wanted())?;
    let bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
    if !bare || !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wanted());
    }
    Ok(address.trim_end_matches('/').to_owned())
}

fn address(value: &str) -> Result<String, String> {
    let parsed = url::Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if parsed.is_some() { Ok(value.to_owned()) } else { Err("an address such as http://proxy:3128".to_owned()) }
}
