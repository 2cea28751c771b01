//! `tagdeck migrate`: creates or updates the tables, or attaches to an existing bot's database.
//! What it will do can be seen first with `--dry-run`.

use color_eyre::eyre::Result;

use super::args::{Common, Migrate};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::store::Store;

/// See the module.
pub fn run(common: &Common, args: &Migrate) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_log(&config.log_level, &LogTo::Stderr)?;
    session::block_on(async {
        let address = config.database.expose();
        let plan = if args.dry_run { Store::plan(address).await? } else { Store::migrate(address).await? };
        if plan.steps.is_empty() {
            output::line("Nothing to do: the tables are as this version wants them.")?;
        }
        for step in &plan.steps {
            output::line(&format!("{} {step}", if args.dry_run { "would" } else { "done:" }))?;
        }
        Ok(Exit::Done)
    })?
}
