//! `tagdeck move`: a whole database into another one, with a line for each table: rows and hash, equal on both sides.
//! Settings are not changed: the last line says what to set.

use std::io::IsTerminal;

use color_eyre::eyre::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::args::{Common, Move};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::{Secret, shown_address};
use crate::engine::lock::EngineLock;
use crate::store::{Copied, Store};
use crate::text::grouped;

/// Digits of a hash that a person compares.
const SHOWN: usize = 12;

/// See the module.
pub fn run(common: &Common, args: &Move) -> Result<Exit> {
    session::start_log(common.overrides().log_level.as_deref().unwrap_or("info"), &LogTo::Stderr)?;
    session::block_on(async {
        // A lock file is made beside the database: for a file that is not there the message must be about the database.
        let _locks = if crate::config::sqlite_file(&args.from).is_none_or(std::path::Path::exists) {
            Some(EngineLock::take(&args.from)?)
        } else {
            None
        };
        let bar = bar();
        let copied = Store::copy(&args.from, &args.to, &mut |table, rows| {
            bar.set_message(table);
            bar.set_position(rows);
        })
        .await;
        bar.finish_and_clear();
        let copied = copied?;
        if args.json {
            as_json(&copied)?;
        } else {
            as_lines(&copied, &args.to)?;
        }
        for table in copied.iter().filter(|table| !table.left_out.is_empty()) {
            output::complain(&format!(
                "tagdeck: {}: the columns {} are the bot's own and were not copied",
                table.table,
                table.left_out.join(", ")
            ));
        }
        Ok(if copied.iter().all(|table| table.left_out.is_empty()) { Exit::Done } else { Exit::Partly })
    })?
}

fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{spinner} {msg}: {human_pos} rows · {per_sec} · {elapsed}");
    ProgressBar::with_draw_target(None, target).with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

fn as_json(copied: &[Copied]) -> Result<()> {
    for table in copied {
        output::json(&json!({
            "table": table.table, "rows": table.rows, "sha256": table.sha256, "left_out": table.left_out,
        }))?;
    }
    Ok(())
}

fn as_lines(copied: &[Copied], to: &str) -> Result<()> {
    for table in copied {
        let hash = table.sha256.get(..SHOWN).unwrap_or_default();
        output::line(&format!("{:<13} {:>12} rows  {hash}  equal on both sides", table.table, grouped(table.rows as i64)))?;
    }
    output::line(&format!("Work goes on there with --database {0} or database = \"{0}\".", shown_address(&Secret::new(to))))
}
