//! The tables `[ocr.service]` and `[ocr.vlm]`, and the choice between the engines.
//! Whether a server answers is not tried here.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::super::{OcrEngine, OcrService, OcrVlm, Provider, Secret};
use super::{ConfigError, Source, Variables, base_url};
use crate::text::Safe;

/// Holds the key when `ocr.service.api_key_env` names nothing else.
const KEY: &str = "OCR_SERVICE_API_KEY";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileService {
    url: Option<Spanned<String>>,
    api_key: Option<String>,
    api_key_env: Option<String>,
    deadline: Option<Spanned<f64>>,
    poll: Option<Spanned<f64>>,
    fallback: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileVlm {
    provider: Option<Spanned<String>>,
    model: Option<String>,
    max_tokens: Option<Spanned<i64>>,
    timeout: Option<Spanned<f64>>,
    max_side: Option<Spanned<i64>>,
    fallback: Option<Spanned<String>>,
}

pub(super) fn service(file: &Source<'_>, raw: &FileService, variables: &Variables<'_>) -> Result<OcrService, ConfigError> {
    let default = OcrService::default();
    let named = variables.get("OCR_SERVICE_URL");
    let url = match (&raw.url, named) {
        (_, Some((place, url))) => Some(address(url).map_err(|wanted| ConfigError::Variable {
            place,
            name: "OCR_SERVICE_URL",
            value: Safe::line(url),
            wanted,
        })?),
        (Some(url), None) if !url.get_ref().is_empty() => {
            let wrong = |wanted: String| file.invalid(url.span().start, &format!("ocr.service.url is wrong: {wanted}"));
            Some(address(url.get_ref()).map_err(wrong)?)
        }
        _ => None,
    };
    let variable = raw.api_key_env.as_deref().filter(|name| !name.is_empty()).unwrap_or(KEY);
    let key = raw.api_key.clone().filter(|key| !key.is_empty());
    let key = key.or_else(|| variables.get(variable).map(|(_, key)| key.to_owned()));
    Ok(OcrService {
        url,
        key: key.map(Secret::new),
        deadline: seconds(file, raw.deadline.as_ref(), "ocr.service.deadline", (1.0, 7200.0))?.unwrap_or(default.deadline),
        poll: seconds(file, raw.poll.as_ref(), "ocr.service.poll", (0.1, 300.0))?.unwrap_or(default.poll),
        fallback: fallback(file, raw.fallback.as_ref(), "ocr.service.fallback")?.unwrap_or(default.fallback),
    })
}

pub(super) fn vlm(file: &Source<'_>, raw: &FileVlm, providers: &[Provider]) -> Result<OcrVlm, ConfigError> {
    let default = OcrVlm::default();
    let provider = match &raw.provider {
        Some(name) if !name.get_ref().is_empty() => {
            if !providers.iter().any(|provider| provider.name == *name.get_ref()) {
                let known: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
                let told = format!("ocr.vlm.provider = \"{}\" is no provider; there is {}", name.get_ref(), known.join(", "));
                return Err(file.invalid(name.span().start, &told));
            }
            name.get_ref().clone()
        }
        _ => providers.first().map(|provider| provider.name.clone()).unwrap_or_default(),
    };
    Ok(OcrVlm {
        provider,
        model: raw.model.as_deref().unwrap_or_default().trim().to_owned(),
        max_tokens: file.whole(raw.max_tokens.as_ref(), "ocr.vlm.max_tokens", 64..=200_000)?.unwrap_or(default.max_tokens),
        timeout: seconds(file, raw.timeout.as_ref(), "ocr.vlm.timeout", (1.0, 3600.0))?.unwrap_or(default.timeout),
        max_side: file.whole(raw.max_side.as_ref(), "ocr.vlm.max_side", 256..=8192)?.unwrap_or(default.max_side),
        fallback: fallback(file, raw.fallback.as_ref(), "ocr.vlm.fallback")?.unwrap_or(default.fallback),
    })
}

/// The engine named, if what it needs is there.
pub(super) fn engine(
    file: &Source<'_>,
    word: Option<&Spanned<String>>,
    service: &OcrService,
    vlm: &OcrVlm,
) -> Result<OcrEngine, ConfigError> {
    let Some(word) = word else { return Ok(OcrEngine::default()) };
    let wrong = |why: &str| file.invalid(word.span().start, &format!("ocr.engine = \"{}\" {why}", word.get_ref()));
    let known = OcrEngine::ALL.into_iter().find(|engine| engine.word() == word.get_ref());
    let engine = known.ok_or_else(|| wrong("is not possible; one of local, service, vlm"))?;
    match engine.lacks(service, vlm) {
        None => Ok(engine),
        Some(lack) => Err(wrong(lack)),
    }
}

/// The same rules as for a provider; `/ocr` at its end is what the program adds itself.
fn address(url: &str) -> Result<String, String> {
    let checked = base_url(url).map_err(|_| "an address such as http://127.0.0.1:8000, without a password".to_owned())?;
    Ok(checked.strip_suffix("/ocr").unwrap_or(&checked).to_owned())
}

fn seconds(
    file: &Source<'_>,
    value: Option<&Spanned<f64>>,
    key: &str,
    (least, most): (f64, f64),
) -> Result<Option<Duration>, ConfigError> {
    value.map(|value| file.number(value, key, least..=most).map(Duration::from_secs_f64)).transpose()
}

fn fallback(file: &Source<'_>, word: Option<&Spanned<String>>, key: &str) -> Result<Option<bool>, ConfigError> {
    let Some(word) = word else { return Ok(None) };
    match word.get_ref().as_str() {
        "local" => Ok(Some(true)),
        "none" => Ok(Some(false)),
        other => {
            let told = format!("{key} = \"{other}\" is not possible; \"local\" or \"none\"");
            Err(file.invalid(word.span().start, &told))
        }
    }
}
