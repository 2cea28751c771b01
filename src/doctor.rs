//! Checks, one by one, of what the program needs: settings, folder, models of the route, database, and everything OCR stands on.
//! It changes nothing (but for unpacking the shipped library into the cache) and prints nothing.

mod ocr;
mod outbox;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use serde::Serialize;

use crate::config::{Config, ConfigError, LOCAL_PROVIDER};
use crate::llm::route;
use crate::ocr::runtime::Options;
use crate::store::Store;
use crate::text::Safe;

/// Free bytes below which a day's work may not fit.
const LITTLE_ROOM: u64 = 1 << 30;
/// Free bytes below which SQLite soon cannot write.
const NO_ROOM: u64 = 50 << 20;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Something will not work, or work slowly.
    Warn,
    /// The program cannot do its work.
    Fail,
}

impl State {
    /// The word for a screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub saw: Safe,
    /// What to do; `None` where nothing is.
    #[serde(rename = "do")]
    pub remedy: Option<Safe>,
}

impl Check {
    fn new(check: &'static str, state: State, saw: &str, remedy: Option<&str>) -> Self {
        let (saw, remedy) = (Safe::line(saw).clipped(700), remedy.map(|remedy| Safe::line(remedy).clipped(300)));
        Self { check, state, saw, remedy }
    }

    fn ok(check: &'static str, saw: &str) -> Self {
        Self::new(check, State::Ok, saw, None)
    }
}

/// Settings that cannot be read: nothing else can be looked at then.
pub fn broken_settings(error: &ConfigError) -> Check {
    Check::new("config", State::Fail, &error.to_string(), Some("correct it; `tagdeck config example` prints every key"))
}

/// All checks, in order.
pub async fn examine(config: &Config, options: &Options) -> Vec<Check> {
    let mut checks = vec![settings(config), folder(&config.data_dir), models_of_the_route(config), database(config).await];
    checks.extend(outbox::check(config).await);
    checks.extend(ocr::checks(config, options));
    checks
}

fn settings(config: &Config) -> Check {
    let file = config.file.as_ref().map_or_else(|| "no file, the defaults".to_owned(), |path| path.display().to_string());
    Check::ok("config", &file)
}

fn folder(data: &Path) -> Check {
    const NAME: &str = "data folder";
    let shown = data.display();
    let Some(existing) = existing(data) else {
        return Check::new(NAME, State::Fail, &format!("{shown} has no root"), Some("name another one with data_dir"));
    };
    let new = if existing == data { "" } else { ", to be made" };
    if !existing.is_dir() {
        let saw = format!("{} is a file, no folder", existing.display());
        return Check::new(NAME, State::Fail, &saw, Some("name another one with data_dir"));
    }
    if let Err(error) = access(&existing, Access::WRITE_OK | Access::EXEC_OK) {
        let saw = format!("{} cannot be written: {error}", existing.display());
        return Check::new(NAME, State::Fail, &saw, Some("give this user rights there, or name another one with data_dir"));
    }
    let free = match statvfs(&existing) {
        Ok(about) => about.f_bavail.saturating_mul(about.f_frsize),
        Err(error) => {
            return Check::new(NAME, State::Warn, &format!("{shown}{new}; its free space is unknown: {error}"), None);
        }
    };
    let saw = format!("{shown}{new}, {} free", gigabytes(free));
    match free {
        ..NO_ROOM => Check::new(NAME, State::Fail, &saw, Some("free some space")),
        NO_ROOM..LITTLE_ROOM => Check::new(NAME, State::Warn, &saw, Some("free some space soon")),
        LITTLE_ROOM.. => Check::ok(NAME, &saw),
    }
}

/// The folder, or the nearest one above it that exists.
fn existing(folder: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(folder).ok()?;
    whole.ancestors().find(|above| fs::symlink_metadata(above).is_ok()).map(Path::to_owned)
}

/// Whether each entry of the route names a provider, and each of these has a key. Nobody is asked.
fn models_of_the_route(config: &Config) -> Check {
    const NAME: &str = "route";
    let entries = config.tagging.route.join(" → ");
    if !config.tagging.enabled {
        return Check::ok(NAME, "tagging is switched off (tagging.enabled)");
    }
    let called: BTreeSet<&str> = config.tagging.route.iter().map(|entry| route::split(entry, &config.providers).0).collect();
    if let Some(entry) = config.tagging.route.iter().find(|entry| {
        matches!(route::split(entry, &config.providers), (LOCAL_PROVIDER, model) if model != "keywords")
            || entry.trim().is_empty()
    }) {
        return Check::new(NAME, State::Fail, &format!("{entries}: `{entry}` is no model"), Some("correct tagging.route"));
    }
    let without_key: Vec<&str> = config
        .providers
        .iter()
        .filter(|provider| called.contains(provider.name.as_str()) && provider.key.is_none())
        .map(|provider| provider.name.as_str())
        .collect();
    if without_key.is_empty() {
        let keys = if called.iter().all(|provider| *provider == LOCAL_PROVIDER) { "no key is needed" } else { "keys are set" };
        return Check::ok(NAME, &format!("{entries}; {keys}"));
    }
    let saw = format!("{entries}; no key for {}", without_key.join(", "));
    let remedy = "set the variable that providers.key_env names (OPENROUTER_API_KEY), unless the server wants none";
    Check::new(NAME, State::Warn, &saw, Some(remedy))
}

async fn database(config: &Config) -> Check {
    const NAME: &str = "database";
    let address = crate::config::shown_address(&config.database);
    match Store::plan(config.database.expose()).await {
        Ok(plan) if plan.steps.is_empty() => Check::ok(NAME, &format!("{address}, tables as this version wants them")),
        Ok(plan) => {
            let saw = format!("{address}: {}", plan.steps.join("; "));
            let fresh = crate::config::sqlite_file(config.database.expose()).is_some_and(|file| !file.exists());
            if fresh {
                Check::ok(NAME, &format!("{address}, to be made at the first import"))
            } else {
                Check::new(NAME, State::Warn, &saw, Some("`tagdeck migrate` does it"))
            }
        }
        Err(error) => Check::new(NAME, State::Fail, &error.to_string(), Some("correct `database`, or start the server")),
    }
}

/// Such as `12.3 GB`.
pub fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests;
