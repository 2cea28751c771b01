//! `tagdeck config check|show|example`.
//! It changes no settings.

use color_eyre::eyre::Result;

use super::args::{Common, Settings, SettingsCommand};
use super::output::{self, Exit};
use super::session;
use crate::config::{EXAMPLE, show};

/// See the module.
pub fn run(common: &Common, args: &Settings) -> Result<Exit> {
    match args.what {
        SettingsCommand::Example => output::line(EXAMPLE.trim_end())?,
        SettingsCommand::Show => output::line(show(&session::settings(common)?).trim_end())?,
        SettingsCommand::Check => {
            let config = session::settings(common)?;
            let file = config.file.map_or_else(|| "embedded defaults".to_owned(), |path| path.display().to_string());
            output::line(&format!("{file}: right; route {}", config.tagging.route.join(" → ")))?;
        }
    }
    Ok(Exit::Done)
}
