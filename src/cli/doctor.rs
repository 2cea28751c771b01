//! `tagdeck doctor`: every check as a line.
//! What is checked, and how, is in `doctor`.

use std::io::IsTerminal;
use std::time::Duration;

use color_eyre::eyre::Result;
use indicatif::ProgressBar;
use serde_json::json;

use super::args::{Common, Doctor};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::{Config, ConfigError};
use crate::doctor::{self, Check, Patient, State, Terminal};

/// See the module.
pub fn run(common: &Common, args: Doctor) -> Result<Exit> {
    let lines = Lines::new(args.json);
    let checks = match session::settings(common) {
        Ok(config) => {
            session::start_log("error", &LogTo::Stderr)?;
            let patient = patient(&config, args.offline);
            session::block_on(async { doctor::examine(&patient, &mut |check, left| lines.take(check, left)).await })?
        }
        Err(error) => match error.downcast_ref::<ConfigError>() {
            Some(wrong) => {
                let check = doctor::broken_settings(wrong);
                lines.take(&check, 0);
                vec![check]
            }
            None => return Err(error),
        },
    };
    lines.waiting.finish_and_clear();
    let worst = doctor::worst(&checks);
    if args.json {
        output::json(&json!({ "state": worst, "checks": checks }))?;
    }
    Ok(match worst {
        State::Ok => Exit::Done,
        State::Warn => Exit::Partly,
        State::Fail => Exit::Failed,
    })
}

/// Lines as they become known, and, for who watches, how much is still looked at.
struct Lines {
    as_json: bool,
    waiting: ProgressBar,
}

impl Lines {
    fn new(as_json: bool) -> Self {
        let seen = std::io::stderr().is_terminal();
        let waiting = if seen { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        waiting.enable_steady_tick(Duration::from_millis(120));
        waiting.set_message("looking …");
        Self { as_json, waiting }
    }

    fn take(&self, check: &Check, left: usize) {
        if !self.as_json {
            // Nobody may read any more; the exit code is still to be had.
            let _ = self.waiting.suspend(|| output::line(&line(check)));
        }
        self.waiting.set_message(format!("{left} more to come …"));
    }
}

/// This machine with these settings.
pub fn patient(config: &Config, offline: bool) -> Patient {
    let size = if std::io::stdout().is_terminal() { crate::tui::terminal_size() } else { None };
    let terminal = Terminal::of(size, |name| std::env::var(name).ok());
    Patient { config: config.clone(), ocr: session::ocr_options(config), terminal, offline, no_probe: false }
}

fn line(check: &Check) -> String {
    let remedy = check.remedy.as_ref().map(|remedy| format!(" → {remedy}")).unwrap_or_default();
    format!("{:<4}  {:<12}  {}{remedy}", check.state.word(), check.check, check.saw)
}
