//! `tagdeck migrate`: creates or updates the tables, attaches to an existing bot's database, or takes everything out of it again.
//! What it will do can be seen first with `--dry-run`.

use std::io::{IsTerminal, stdin};

use color_eyre::eyre::{Result, WrapErr};

use super::args::{Common, Migrate};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::engine::lock::EngineLock;
use crate::store::{Plan, Store};

/// What a person types to agree.
const AGREED: &str = "undo";

/// See the module.
pub fn run(common: &Common, args: &Migrate) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_log(&config.log_level, &LogTo::Stderr)?;
    let address = config.database.expose();
    session::block_on(async {
        if args.undo {
            return undo(address, args).await;
        }
        let plan = if args.dry_run { Store::plan(address).await? } else { Store::migrate(address).await? };
        if plan.steps.is_empty() {
            output::line("Nothing to do: the tables are as this version wants them.")?;
        }
        say(&plan, args.dry_run)?;
        Ok(Exit::Done)
    })?
}

async fn undo(address: &str, args: &Migrate) -> Result<Exit> {
    let plan = Store::plan_undo(address).await?;
    if args.dry_run {
        say(&plan, true)?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        say(&plan, true)?;
        if !stdin().is_terminal() {
            output::complain("tagdeck: nothing was changed: this cannot be taken back; agree with --yes");
            return Ok(Exit::Usage);
        }
        output::complain(&format!("This cannot be taken back. Type {AGREED} to go on:"));
        let mut answer = String::new();
        stdin().read_line(&mut answer).wrap_err("the answer cannot be read")?;
        if answer.trim() != AGREED {
            output::complain("tagdeck: nothing was changed");
            return Ok(Exit::Failed);
        }
    }
    let _lock = EngineLock::take(address)?;
    say(&Store::undo(address).await?, false)?;
    Ok(Exit::Done)
}

fn say(plan: &Plan, only_planned: bool) -> Result<()> {
    for step in &plan.steps {
        output::line(&format!("{} {step}", if only_planned { "would" } else { "done:" }))?;
    }
    Ok(())
}
