//! The keys `log_format`, `log_dir` and `log_files`: where programs that stay write their log.
//! It opens no file.

use toml::Spanned;

use super::super::{LOG_FORMATS, Log};
use super::{ConfigError, Source, expand_home};

pub(super) fn log(
    file: &Source<'_>,
    format: Option<&Spanned<String>>,
    folder: Option<&str>,
    files: Option<&Spanned<i64>>,
) -> Result<Log, ConfigError> {
    let default = Log::default();
    let format = match format {
        None => default.format,
        Some(word) => *LOG_FORMATS.iter().find(|known| **known == word.get_ref()).ok_or_else(|| {
            let message = format!("log_format = \"{}\" is not possible; one of {}", word.get_ref(), LOG_FORMATS.join(", "));
            file.invalid(word.span().start, &message)
        })?,
    };
    Ok(Log {
        format,
        folder: folder.filter(|folder| !folder.is_empty()).map(expand_home).transpose()?,
        files: file.whole(files, "log_files", 1..=10_000)?.unwrap_or(default.files),
    })
}
