//! The section `[ocr]`: how images are read.
//! It does not look for a library or a GPU.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::super::{OCR_PROVIDERS, Ocr, Provider};
use super::{ConfigError, Source, Variables, expand_home, remote};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileOcr {
    enabled: Option<bool>,
    engine: Option<Spanned<String>>,
    #[serde(default)]
    service: remote::FileService,
    #[serde(default)]
    vlm: remote::FileVlm,
    workers: Option<Spanned<i64>>,
    page_timeout: Option<Spanned<f64>>,
    max_pixels: Option<Spanned<i64>>,
    provider: Option<Spanned<String>>,
    gpu_memory_mb: Option<Spanned<i64>>,
    onnxruntime: Option<String>,
}

pub(super) fn ocr(
    file: &Source<'_>,
    raw: FileOcr,
    variables: &Variables<'_>,
    providers: &[Provider],
) -> Result<Ocr, ConfigError> {
    let default = Ocr::default();
    let (service, vlm) = (remote::service(file, &raw.service, variables)?, remote::vlm(file, &raw.vlm, providers)?);
    let engine = remote::engine(file, raw.engine.as_ref(), &service, &vlm)?;
    let provider = match raw.provider {
        None => default.provider,
        Some(word) => *OCR_PROVIDERS.iter().find(|known| **known == word.get_ref()).ok_or_else(|| {
            let message = format!("ocr.provider = \"{}\" is not possible; one of {}", word.get_ref(), OCR_PROVIDERS.join(", "));
            file.invalid(word.span().start, &message)
        })?,
    };
    let onnxruntime = raw.onnxruntime.filter(|path| !path.is_empty()).map(|path| expand_home(&path)).transpose()?;
    Ok(Ocr {
        enabled: raw.enabled.unwrap_or(default.enabled),
        engine,
        service,
        vlm,
        workers: file.whole(raw.workers.as_ref(), "ocr.workers", 0..=256)?.unwrap_or(default.workers),
        // A page needs about a second; 5 s leave room for the slowest machine.
        page_timeout: match &raw.page_timeout {
            None => default.page_timeout,
            Some(seconds) => std::time::Duration::from_secs_f64(file.number(seconds, "ocr.page_timeout", 5.0..=3600.0)?),
        },
        max_pixels: file.whole(raw.max_pixels.as_ref(), "ocr.max_pixels", 10_000..=1_000_000_000)?.unwrap_or(default.max_pixels),
        provider,
        gpu_memory_mb: file
            .whole(raw.gpu_memory_mb.as_ref(), "ocr.gpu_memory_mb", 0..=1_000_000)?
            .unwrap_or(default.gpu_memory_mb),
        onnxruntime,
        onnxruntime_variable: variables.get("ORT_DYLIB_PATH").map(|(_, path)| PathBuf::from(path)),
        cache_dir: directories::ProjectDirs::from("", "", "tagdeck").map(|dirs| dirs.cache_dir().to_owned()),
    })
}
