//! `tagdeck workers`: who works on a database, what each is doing, and who fell silent.
//! The dashboard shows the same.

use color_eyre::eyre::Result;

use super::args::{Common, Workers};
use super::output::{self, Exit};
use super::session::with_ops;
use crate::domain::WorkerSeen;
use crate::store::Access;
use crate::text::counted;

/// See the module.
pub fn run(common: &Common, args: &Workers) -> Result<Exit> {
    with_ops(common, Access::ReadOnly, |ops, _| async move {
        let workers = ops.workers().await?;
        for worker in &workers {
            if args.json {
                output::json(worker)?;
            } else {
                output::line(&line(worker))?;
            }
        }
        if workers.is_empty() && !args.json {
            output::line("Nobody works on this database: `tagdeck run` does, and so does the dashboard.")?;
        }
        Ok(Exit::Done)
    })
}

fn line(worker: &WorkerSeen) -> String {
    let kinds: Vec<&str> = worker.kinds.iter().map(|kind| kind.as_str()).collect();
    let provider = worker.provider.as_ref().map(|provider| format!(" on {provider}")).unwrap_or_default();
    let doing = if worker.alive { worker.doing.to_string() } else { format!("silent since {}", clock(worker.seen_at)) };
    format!(
        "{:<24} {:<10} {}{provider} · since {} · {} tagged · {doing}",
        worker.name,
        worker.version,
        kinds.join("+"),
        clock(worker.started_at),
        counted(worker.numbers.totals.success as i64, "post", "posts"),
    )
}

fn clock(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
        .unwrap_or_default()
}
