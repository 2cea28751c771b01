//! `tagdeck doctor`: every check as a line.
//! What is checked, and how, is in `doctor`.

use color_eyre::eyre::Result;
use serde_json::json;

use super::args::{AsJson, Common};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::ConfigError;
use crate::doctor::{self, Check, State};

/// See the module.
pub fn run(common: &Common, args: AsJson) -> Result<Exit> {
    let checks = match session::settings(common) {
        Ok(config) => {
            session::start_log("error", &LogTo::Stderr)?;
            session::block_on(async { doctor::examine(&config, &session::ocr_options(&config)).await })?
        }
        Err(error) => match error.downcast_ref::<ConfigError>() {
            Some(wrong) => vec![doctor::broken_settings(wrong)],
            None => return Err(error),
        },
    };
    let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
    if args.json {
        output::json(&json!({ "state": worst, "checks": checks }))?;
    } else {
        for check in &checks {
            output::line(&line(check))?;
        }
    }
    Ok(match worst {
        State::Ok => Exit::Done,
        State::Warn => Exit::Partly,
        State::Fail => Exit::Failed,
    })
}

fn line(check: &Check) -> String {
    let remedy = check.remedy.as_ref().map(|remedy| format!(" → {remedy}")).unwrap_or_default();
    format!("{:<4}  {:<12}  {}{remedy}", check.state.word(), check.check, check.saw)
}
