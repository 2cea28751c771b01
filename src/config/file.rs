//! Reads the settings: file, `.env`, environment, flags, each over the one before, with the place of every mistake.
//! It judges values; it does not try whether a server or database answers.

mod api;
mod blob;
mod database;
mod log;
mod ocr;
mod remote;
mod ui;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, LOCAL_PROVIDER, Provider, Secret, Tagging};
use crate::text::Safe;

pub use api::parse_address;

/// Why the settings cannot be used; the message names the place and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {cause}")]
    Unreadable {
        /// Which file.
        path: Safe,
        /// What the system says.
        cause: Safe,
    },
    /// Not TOML, an unknown key or a wrong type.
    #[error("{path}:{line}: {message}")]
    Invalid {
        /// Which file.
        path: Safe,
        /// Line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: Safe,
    },
    /// A wrong value in an environment variable or `.env`.
    #[error("{place}: {name}={value} is wrong: {wanted}")]
    Variable {
        /// `.env` or `environment`.
        place: &'static str,
        /// Name of the variable.
        name: &'static str,
        /// Its value, never a secret.
        value: Safe,
        /// What would be right.
        wanted: String,
    },
    /// A token of the API that can be guessed; it is not repeated.
    #[error("{place}: a token of the API has fewer than {wanted} characters; `openssl rand -hex 24` makes one")]
    Token {
        /// `.env` or `environment`.
        place: &'static str,
        /// The least number of characters.
        wanted: usize,
    },
    /// No home folder to put the data into.
    #[error("no home folder is known for this user: name a folder with --data-dir")]
    NoHome,
}

/// What the command line sets; it beats every other source.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--database`.
    pub database: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRoot {
    data_dir: Option<String>,
    database: Option<Spanned<String>>,
    log_level: Option<String>,
    log_format: Option<Spanned<String>>,
    log_dir: Option<String>,
    log_files: Option<Spanned<i64>>,
    #[serde(default)]
    tagging: FileTagging,
    #[serde(default)]
    ocr: ocr::FileOcr,
    #[serde(default)]
    ui: ui::FileUi,
    #[serde(default)]
    keys: ui::FileKeys,
    #[serde(default)]
    blob: blob::FileBlob,
    #[serde(default)]
    api: api::FileApi,
    #[serde(default)]
    providers: Vec<FileProvider>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTagging {
    enabled: Option<bool>,
    route: Option<Vec<String>>,
    max_retries: Option<Spanned<i64>>,
    retries_before_fallback: Option<Spanned<i64>>,
    retry_delay: Option<Spanned<f64>>,
    max_attempts: Option<Spanned<i64>>,
    pass_delays: Option<Vec<Spanned<f64>>>,
    batch_size: Option<Spanned<i64>>,
    concurrency: Option<Spanned<i64>>,
    timeout: Option<Spanned<f64>>,
    pass_calls: Option<Spanned<i64>>,
    pass_time: Option<Spanned<f64>>,
    text_chars: Option<Spanned<i64>>,
    min_chars: Option<Spanned<i64>>,
    max_tokens: Option<Spanned<i64>>,
    temperature: Option<Spanned<f64>>,
    vocabulary: Option<bool>,
    wait_for_ocr: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileProvider {
    name: Spanned<String>,
    base_url: Spanned<String>,
    key: Option<String>,
    key_env: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    requests_per_minute: Option<Spanned<i64>>,
    requests_per_day: Option<Spanned<i64>>,
    budget_per_day: Option<Spanned<f64>>,
}

/// Reads everything; `environment` is the process's own, `folder` the one that may hold `.env` and `config.toml`.
pub fn load(flags: &Overrides, environment: &BTreeMap<String, String>, folder: &Path) -> Result<Config, ConfigError> {
    let variables = Variables { dotenv: read_dotenv(&folder.join(".env"))?, environment };
    let (path, text) = read_file(flags, &variables, folder)?;
    let file = Source { path: path.as_deref().unwrap_or(Path::new("config.toml")), text: &text };
    let root: FileRoot = toml::from_str(&text).map_err(|error| file.parse_error(&error))?;

    let data_dir = match (&flags.data_dir, variables.get("TAGDECK_DATA_DIR"), &root.data_dir) {
        (Some(dir), _, _) => dir.clone(),
        (None, Some((_, dir)), _) => expand_home(dir)?,
        (None, None, Some(dir)) => expand_home(dir)?,
        (None, None, None) => default_data_dir()?,
    };
    let (providers, explicit) = providers(&file, &root.providers, &variables)?;
    let mut tagging = tagging(&file, root.tagging)?;
    tagging_variables(&mut tagging, &variables)?;
    complete_route(&mut tagging, &providers, explicit, &variables);
    let ocr = ocr::ocr(&file, root.ocr, &variables, &providers)?;
    let api = api::api(&file, &root.api, &variables)?;
    let log = log::log(&file, root.log_format.as_ref(), root.log_dir.as_deref(), root.log_files.as_ref())?;
    let ui = ui::ui(&file, &root.ui, root.keys)?;
    let blob = blob::blob(&file, root.blob, &variables, &data_dir)?;
    Ok(Config {
        file: path.clone(),
        database: Secret::new(database::database(flags, &variables, &file, root.database.as_ref(), &data_dir)?),
        data_dir,
        log_level: flags.log_level.clone().or(root.log_level).unwrap_or_else(|| "info".to_owned()),
        log,
        tagging,
        ocr,
        api,
        ui,
        blob,
        providers,
    })
}

/// The settings file as text, for messages that name a line.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn invalid(&self, at: usize, message: &str) -> ConfigError {
        ConfigError::Invalid {
            path: Safe::line(&self.path.display().to_string()),
            line: self.line(at),
            message: Safe::line(message),
        }
    }

    /// The line of a byte, from 1.
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn parse_error(&self, error: &toml::de::Error) -> ConfigError {
        self.invalid(error.span().map_or(0, |span| span.start), error.message())
    }

    fn whole<T: TryFrom<i64>>(
        &self,
        value: Option<&Spanned<i64>>,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = value else { return Ok(None) };
        let number = *value.get_ref();
        match T::try_from(number) {
            Ok(fitting) if range.contains(&number) => Ok(Some(fitting)),
            _ => Err(self.invalid(
                value.span().start,
                &format!("{key} = {number} is not possible; a whole number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    fn number(&self, value: &Spanned<f64>, key: &str, range: RangeInclusive<f64>) -> Result<f64, ConfigError> {
        let number = *value.get_ref();
        if range.contains(&number) {
            return Ok(number);
        }
        Err(self.invalid(
            value.span().start,
            &format!("{key} = {number} is not possible; a number from {} to {}", range.start(), range.end()),
        ))
    }

    fn seconds(&self, value: Option<&Spanned<f64>>, key: &str, most: f64) -> Result<Option<Duration>, ConfigError> {
        value.map(|value| self.number(value, key, 0.0..=most).map(Duration::from_secs_f64)).transpose()
    }
}

/// `.env` and the process's environment, the latter over the former.
struct Variables<'a> {
    dotenv: BTreeMap<String, String>,
    environment: &'a BTreeMap<String, String>,
}

impl Variables<'_> {
    /// Place and value of a variable that is set and not blank.
    fn get(&self, name: &str) -> Option<(&'static str, &str)> {
        let set = |map: &'_ BTreeMap<String, String>| map.get(name).is_some_and(|v| !v.trim().is_empty());
        if set(self.environment) {
            return self.environment.get(name).map(|v| ("environment", v.trim()));
        }
        if set(&self.dotenv) {
            return self.dotenv.get(name).map(|v| (".env", v.trim()));
        }
        None
    }

    fn whole(&self, name: &'static str, range: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
        let Some((place, value)) = self.get(name) else { return Ok(None) };
        match value.parse::<u32>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(ConfigError::Variable {
                place,
                name,
                value: Safe::line(value),
                wanted: format!("a whole number from {} to {}", range.start(), range.end()),
            }),
        }
    }
}

fn read_dotenv(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let unreadable =
        |cause: String| ConfigError::Unreadable { path: Safe::line(&path.display().to_string()), cause: Safe::line(&cause) };
    match dotenvy::from_path_iter(path) {
        // A line that is not NAME=VALUE is another program's business; its content may be a secret, so it is not repeated.
        Ok(lines) => Ok(lines.filter_map(Result::ok).collect()),
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(dotenvy::Error::Io(error)) => Err(unreadable(error.to_string())),
        Err(_) => Err(unreadable("not a list of NAME=VALUE lines".to_owned())),
    }
}

fn read_file(flags: &Overrides, variables: &Variables<'_>, folder: &Path) -> Result<(Option<PathBuf>, String), ConfigError> {
    let named = flags.file.clone().or_else(|| variables.get("TAGDECK_CONFIG").map(|(_, path)| PathBuf::from(path)));
    let beside = folder.join("config.toml");
    let personal = directories::ProjectDirs::from("", "", "tagdeck").map(|dirs| dirs.config_dir().join("config.toml"));
    let path = named.or_else(|| beside.is_file().then_some(beside)).or_else(|| personal.filter(|path| path.is_file()));
    let Some(path) = path else { return Ok((None, String::new())) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok((Some(path), text)),
        Err(error) => {
            Err(ConfigError::Unreadable { path: Safe::line(&path.display().to_string()), cause: Safe::line(&error.to_string()) })
        }
    }
}

fn tagging(file: &Source<'_>, raw: FileTagging) -> Result<Tagging, ConfigError> {
    let default = Tagging::default();
    let pass_delays = match raw.pass_delays {
        None => default.pass_delays,
        Some(minutes) if minutes.is_empty() => {
            let at = file.text.find("pass_delays").unwrap_or(0);
            return Err(file.invalid(at, "tagging.pass_delays is empty; a list of minutes such as [1.0, 5.0, 30.0, 120.0]"));
        }
        Some(minutes) => minutes
            .iter()
            .map(|m| file.number(m, "tagging.pass_delays", 0.0..=10_080.0).map(|m| Duration::from_secs_f64(m * 60.0)))
            .collect::<Result<_, _>>()?,
    };
    let whole = |value: Option<&Spanned<i64>>, key, range| file.whole::<u32>(value, key, range);
    let size = |value: Option<&Spanned<i64>>, key, range| file.whole::<usize>(value, key, range);
    Ok(Tagging {
        enabled: raw.enabled.unwrap_or(default.enabled),
        route: raw.route.unwrap_or(default.route),
        max_retries: whole(raw.max_retries.as_ref(), "tagging.max_retries", 0..=20)?.unwrap_or(default.max_retries),
        retries_before_fallback: whole(raw.retries_before_fallback.as_ref(), "tagging.retries_before_fallback", 0..=20)?
            .unwrap_or(default.retries_before_fallback),
        retry_delay: file.seconds(raw.retry_delay.as_ref(), "tagging.retry_delay", 60.0)?.unwrap_or(default.retry_delay),
        max_attempts: whole(raw.max_attempts.as_ref(), "tagging.max_attempts", 1..=100)?.unwrap_or(default.max_attempts),
        pass_delays,
        batch_size: whole(raw.batch_size.as_ref(), "tagging.batch_size", 1..=64)?.unwrap_or(default.batch_size),
        concurrency: whole(raw.concurrency.as_ref(), "tagging.concurrency", 1..=1024)?.unwrap_or(default.concurrency),
        timeout: file.seconds(raw.timeout.as_ref(), "tagging.timeout", 600.0)?.unwrap_or(default.timeout),
        pass_calls: whole(raw.pass_calls.as_ref(), "tagging.pass_calls", 1..=100)?.unwrap_or(default.pass_calls),
        pass_time: file.seconds(raw.pass_time.as_ref(), "tagging.pass_time", 3600.0)?.unwrap_or(default.pass_time),
        text_chars: size(raw.text_chars.as_ref(), "tagging.text_chars", 100..=200_000)?.unwrap_or(default.text_chars),
        min_chars: size(raw.min_chars.as_ref(), "tagging.min_chars", 0..=10_000)?.unwrap_or(default.min_chars),
        max_tokens: whole(raw.max_tokens.as_ref(), "tagging.max_tokens", 16..=32_000)?.unwrap_or(default.max_tokens),
        temperature: raw
            .temperature
            .as_ref()
            .map(|t| file.number(t, "tagging.temperature", 0.0..=2.0))
            .transpose()?
            .unwrap_or(default.temperature),
        vocabulary: raw.vocabulary.unwrap_or(default.vocabulary),
        wait_for_ocr: file.seconds(raw.wait_for_ocr.as_ref(), "tagging.wait_for_ocr", 86_400.0)?.unwrap_or(default.wait_for_ocr),
    })
}

/// The names that people already use.
fn tagging_variables(tagging: &mut Tagging, variables: &Variables<'_>) -> Result<(), ConfigError> {
    if let Some(retries) = variables.whole("TAGGING_MAX_RETRIES", 0..=20)? {
        tagging.max_retries = retries;
    }
    if let Some(attempts) = variables.whole("TAGGING_MAX_ATTEMPTS", 1..=100)? {
        tagging.max_attempts = attempts;
    }
    if let Some(size) = variables.whole("TAGGING_BATCH_SIZE", 1..=64)? {
        tagging.batch_size = size;
    }
    if let Some((place, value)) = variables.get("TAGGING_RETRY_DELAY") {
        match value.parse::<f64>() {
            Ok(seconds) if (0.0..=60.0).contains(&seconds) => tagging.retry_delay = Duration::from_secs_f64(seconds),
            _ => {
                return Err(ConfigError::Variable {
                    place,
                    name: "TAGGING_RETRY_DELAY",
                    value: Safe::line(value),
                    wanted: "a number of seconds from 0 to 60".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// The providers, and whether the user configured any (a table in the file, a key or an address in the environment).
fn providers(
    file: &Source<'_>,
    tables: &[FileProvider],
    variables: &Variables<'_>,
) -> Result<(Vec<Provider>, bool), ConfigError> {
    let mut providers: Vec<Provider> = Vec::new();
    for table in tables {
        let provider = provider(file, table, variables)?;
        if providers.iter().any(|p| p.name == provider.name) {
            return Err(file.invalid(table.name.span().start, &format!("a provider named `{}` stands above", provider.name)));
        }
        providers.push(provider);
    }
    if providers.is_empty() {
        providers.push(Provider {
            name: "openrouter".to_owned(),
            base_url: "https://openrouter.ai/api/v1".to_owned(),
            key: None,
            headers: BTreeMap::new(),
            requests_per_minute: None,
            requests_per_day: None,
            budget_micros_per_day: None,
        });
    }
    if let Some(openrouter) = providers.iter_mut().find(|p| p.name == "openrouter") {
        if let Some((_, key)) = variables.get("OPENROUTER_API_KEY") {
            openrouter.key = Some(Secret::new(key));
        }
        if let Some((place, address)) = variables.get("OPENROUTER_BASE_URL") {
            openrouter.base_url = base_url(address).map_err(|wanted| ConfigError::Variable {
                place,
                name: "OPENROUTER_BASE_URL",
                value: Safe::line(address),
                wanted,
            })?;
        }
    }
    // The example names OpenRouter without a key: that table alone is no choice of a server.
    let explicit = providers.iter().any(|p| p.key.is_some() || p.base_url != "https://openrouter.ai/api/v1");
    Ok((providers, explicit))
}

fn provider(file: &Source<'_>, table: &FileProvider, variables: &Variables<'_>) -> Result<Provider, ConfigError> {
    let name = table.name.get_ref();
    let wellformed =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if !wellformed || name == LOCAL_PROVIDER {
        return Err(file.invalid(
            table.name.span().start,
            &format!("`{name}` cannot name a provider: lower-case letters, digits, - and _, and not `{LOCAL_PROVIDER}`"),
        ));
    }
    let key = table
        .key
        .clone()
        .filter(|k| !k.is_empty())
        .or_else(|| table.key_env.as_deref().and_then(|variable| variables.get(variable)).map(|(_, key)| key.to_owned()));
    let limit = |value: Option<&Spanned<i64>>, key: &str| {
        Ok::<_, ConfigError>(file.whole::<u32>(value, key, 0..=10_000_000)?.filter(|n| *n > 0))
    };
    let budget = table
        .budget_per_day
        .as_ref()
        .map(|dollars| file.number(dollars, "providers.budget_per_day", 0.0..=1_000_000.0))
        .transpose()?;
    Ok(Provider {
        name: name.clone(),
        base_url: base_url(table.base_url.get_ref())
            .map_err(|wanted| file.invalid(table.base_url.span().start, &format!("providers.base_url is wrong: {wanted}")))?,
        key: key.map(Secret::new),
        headers: table.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect(),
        requests_per_minute: limit(table.requests_per_minute.as_ref(), "providers.requests_per_minute")?,
        requests_per_day: limit(table.requests_per_day.as_ref(), "providers.requests_per_day")?,
        budget_micros_per_day: budget.filter(|b| *b > 0.0).map(|b| (b * 1e6) as i64),
    })
}

/// An address without its last `/` and without `/chat/completions`.
fn base_url(address: &str) -> Result<String, String> {
    let wanted = "an address such as https://openrouter.ai/api/v1".to_owned();
    let parsed = url::Url::parse(address).map_err(|_| wanted.clone())?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(wanted);
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(format!("{wanted}, without a password; the key belongs into key_env"));
    }
    let trimmed = address.trim_end_matches('/');
    Ok(trimmed.strip_suffix("/chat/completions").unwrap_or(trimmed).to_owned())
}

fn complete_route(tagging: &mut Tagging, providers: &[Provider], explicit: bool, variables: &Variables<'_>) {
    if tagging.route.is_empty() {
        let only = if explicit { "auto:free".to_owned() } else { format!("{LOCAL_PROVIDER}/keywords") };
        tagging.route.push(only);
    }
    if let (Some((_, model)), Some(_)) = (variables.get("OPENROUTER_MODEL"), providers.first().filter(|_| explicit)) {
        tagging.route.retain(|entry| entry != model);
        tagging.route.insert(0, model.to_owned());
    }
}

fn expand_home(dir: &str) -> Result<PathBuf, ConfigError> {
    match dir.strip_prefix("~/") {
        None => Ok(PathBuf::from(dir)),
        Some(rest) => directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(rest)).ok_or(ConfigError::NoHome),
    }
}

fn default_data_dir() -> Result<PathBuf, ConfigError> {
    directories::ProjectDirs::from("", "", "tagdeck").map(|dirs| dirs.data_dir().to_owned()).ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests;
