//! Checks, one by one, of what the program needs: settings, folder, keys and models of the route, database, storage, OCR, clock, terminal.
//! It changes nothing (but for the shipped library unpacked into the cache, and a probe that is stored and removed) and prints nothing.

mod clock;
mod ocr;
mod outbox;
mod place;
mod providers;
mod reader;
mod storage;
mod terminal;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use serde::Serialize;

use self::clock::Clock;
pub use self::terminal::Terminal;
use crate::config::{Config, ConfigError};
use crate::ocr::runtime::Options;
use crate::text::Safe;

/// Longest time of a check that asks a server.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// What is to be examined.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The settings.
    pub config: Config,
    /// How OCR is loaded.
    pub ocr: Options,
    /// What is known of the terminal.
    pub terminal: Terminal,
    /// Ask no server; the database of the settings is still looked at.
    pub offline: bool,
    /// The blob store is asked without a probe: nothing is stored there.
    pub no_probe: bool,
}

/// Settings that cannot be read: nothing else can be looked at then.
pub fn broken_settings(error: &ConfigError) -> Check {
    Check::new("config", State::Fail, &error.to_string(), Some("correct it; `tagdeck config example` prints every key"))
}

/// The worst of them.
pub fn worst(checks: &[Check]) -> State {
    checks.iter().map(|check| check.state).max().unwrap_or(State::Ok)
}

/// What opens a database borrows in ways that a list of futures cannot hold: on a thread of its own they need not move between others.
/// `None`: it panicked.
async fn apart<F: Future>(work: impl FnOnce() -> F + Send + 'static) -> Option<F::Output>
where
    F::Output: Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work())).await.ok()
}

/// All checks, at once; each goes to `came` as soon as it and all before it are there, with how many groups are still being looked at.
pub async fn examine(patient: &Patient, came: &mut (dyn FnMut(&Check, usize) + Send)) -> Vec<Check> {
    let clock = Clock::default();
    let mut groups: FuturesOrdered<BoxFuture<'_, Vec<Check>>> = FuturesOrdered::new();
    let (config, offline) = (&patient.config, patient.offline);
    groups.push_back(Box::pin(async { place::checks(config) }));
    groups.push_back(Box::pin(providers::checks(config, offline, &clock)));
    groups.push_back(Box::pin(place::database(config, &clock)));
    groups.push_back(Box::pin(storage::checks(patient)));
    groups.push_back(Box::pin(outbox::checks(config.clone())));
    groups.push_back(Box::pin(ocr::checks(patient)));
    groups.push_back(Box::pin(reader::checks(config, offline, &clock)));
    let mut checks = Vec::new();
    let mut tell = |check: Check, left: usize| {
        came(&check, left);
        checks.push(check);
    };
    while let Some(group) = groups.next().await {
        for check in group {
            tell(check, groups.len());
        }
    }
    for last in [clock.check(), patient.terminal.check()] {
        tell(last, 0);
    }
    checks
}

/// Such as `12.3 GB`.
pub fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests;
