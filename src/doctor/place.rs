//! The checks of this machine and its database: settings, data folder, the route's names and keys, tables.
//! Nobody on a network is asked but the database.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::clock::Clock;
use super::{Check, PATIENCE, State, apart, gigabytes};
use crate::config::{Config, LOCAL_PROVIDER};
use crate::llm::route;
use crate::store::{self, Plan, Store, StoreError};

/// Free bytes below which a day's work may not fit.
const LITTLE_ROOM: u64 = 1 << 30;
/// Free bytes below which SQLite soon cannot write.
const NO_ROOM: u64 = 50 << 20;

/// In order.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    vec![settings(config), folder(&config.data_dir), models_of_the_route(config)]
}

fn settings(config: &Config) -> Check {
    let file = config.file.as_ref().map_or_else(|| "no file, the defaults".to_owned(), |path| path.display().to_string());
    Check::ok("config", &file)
}

pub(super) fn folder(data: &Path) -> Check {
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
pub(super) fn existing(folder: &Path) -> Option<PathBuf> {
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

/// Whether it answers, holds the tables of this version, and what its clock says.
pub(super) async fn database(config: &Config, clock: &Clock) -> Vec<Check> {
    const NAME: &str = "database";
    let address = crate::config::shown_address(&config.database);
    let url = config.database.expose();
    let remedy = "correct `database`, or start the server";
    let (planned, now) = asked(url.to_owned()).await;
    let check = match planned {
        None => Check::new(NAME, State::Fail, &format!("{address}: no answer within {} s", PATIENCE.as_secs()), Some(remedy)),
        Some(Ok(plan)) if plan.steps.is_empty() => {
            if let Some(now) = now {
                clock.seen("the database", now);
            }
            Check::ok(NAME, &format!("{address}, tables as this version wants them"))
        }
        Some(Ok(plan)) => {
            let saw = format!("{address}: {}", plan.steps.join("; "));
            let fresh = crate::config::sqlite_file(url).is_some_and(|file| !file.exists());
            if fresh {
                Check::ok(NAME, &format!("{address}, to be made at the first import"))
            } else {
                Check::new(NAME, State::Warn, &saw, Some("`tagdeck migrate` does it"))
            }
        }
        Some(Err(error)) => Check::new(NAME, State::Fail, &error.to_string(), Some(remedy)),
    };
    vec![check]
}

/// What attaching would change, and the server's clock; the embedded one runs on this machine's.
async fn asked(url: String) -> (Option<Result<Plan, StoreError>>, Option<i64>) {
    let asked = apart(move || async move {
        let planned = tokio::time::timeout(PATIENCE, Store::plan(&url)).await.ok();
        let ready = crate::config::sqlite_file(&url).is_none() && matches!(&planned, Some(Ok(plan)) if plan.steps.is_empty());
        let clock = async { Store::open(&url, store::Access::ReadOnly).await.ok()?.now().await.ok() };
        let now = if ready { tokio::time::timeout(PATIENCE, clock).await.ok().flatten() } else { None };
        (planned, now)
    });
    asked.await.unwrap_or_default()
}
