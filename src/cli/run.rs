//! `tagdeck run`: an engine without a screen, its events and a summary as lines.
//! `tagdeck demo --headless` prints through the same functions.

use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use serde_json::{Value, json};

use super::args::{Common, Run};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::domain::Event;
use crate::engine::event::EventLog;
use crate::engine::lock::EngineLock;
use crate::engine::{Ended, Engine, Options};
use crate::store::Access;
use crate::text::grouped;

/// `--until-idle` waits for posts that fall due within this time.
const HORIZON: Duration = Duration::from_mins(2);

/// See the module.
pub fn run(common: &Common, args: &Run) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_log(&config.log_level, &LogTo::Stderr)?;
    session::block_on(async {
        let store = session::open(&config, Access::ReadWrite).await?;
        let _lock = EngineLock::take(config.database.expose())?;
        let options = Options { until_idle: args.until_idle.then_some(HORIZON), concurrency: args.concurrency };
        let started = Instant::now();
        let engine = Engine::start(store, &config, options);
        session::stop_on_signals(engine.stopper())?;
        let ended = print_until_end(engine, args.json).await?;
        summary(&ended, started.elapsed(), args.json)?;
        Ok(exit(&ended))
    })?
}

/// Prints the events as they come, until the engine has ended and all of them are printed.
pub async fn print_until_end(engine: Engine, as_json: bool) -> Result<Ended> {
    let log = engine.log();
    let mut newest = log.watch();
    let ended = engine.ended();
    tokio::pin!(ended);
    let mut next = 0;
    loop {
        tokio::select! {
            ended = &mut ended => {
                print_since(&log, next, as_json)?;
                return Ok(ended);
            }
            changed = newest.changed() => {
                changed?;
                newest.borrow_and_update();
                next = print_since(&log, next, as_json)?;
            }
        }
    }
}

fn print_since(log: &EventLog, mut next: u64, as_json: bool) -> Result<u64> {
    loop {
        let batch = log.since(next, 500);
        if batch.dropped > 0 {
            output::complain(&format!("{} events were not printed: they came faster than they could be", batch.dropped));
        }
        for event in &batch.events {
            if as_json { output::json(&event_json(event))? } else { output::line(&event_line(event))? }
        }
        next = batch.next;
        if batch.events.is_empty() {
            return Ok(next);
        }
    }
}

/// `{"event":KIND, …}`, the same key that the summary has.
fn event_json(event: &Event) -> Value {
    json!({
        "event": event.kind, "seq": event.seq, "time": event.time, "worker": event.worker, "post": event.post,
        "model": event.model, "outcome": event.outcome, "text": event.text,
    })
}

fn event_line(event: &Event) -> String {
    let time = jiff::Timestamp::from_millisecond(event.time)
        .map(|t| t.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
        .unwrap_or_default();
    let post = event.post.map(|post| format!(" {post}")).unwrap_or_default();
    let model = event.model.as_ref().map(|model| format!("  {model}")).unwrap_or_default();
    format!("{time} {:<11}{post}{model}  {}", event.kind, event.text)
}

/// The last line.
pub fn summary(ended: &Ended, elapsed: Duration, as_json: bool) -> Result<()> {
    let t = ended.totals;
    if let Some(trouble) = &ended.trouble {
        output::complain(&format!("tagdeck: {trouble}"));
    }
    if as_json {
        let nothing = json!({ "success": 0, "failed": 0, "skipped": 0 });
        return output::json(&json!({
            "event": "summary", "tag": t, "ocr": nothing, "upload": nothing,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }));
    }
    output::line(&format!(
        "{} tagged, {} failed, {} skipped in {:.1} s · {} calls, {} retries, {} fallbacks",
        grouped(t.success as i64),
        grouped(t.failed as i64),
        grouped(t.skipped as i64),
        elapsed.as_secs_f64(),
        grouped(t.calls as i64),
        grouped(t.retries as i64),
        grouped(t.fallbacks as i64),
    ))?;
    let left = ended.left.due + ended.left.later;
    if left > 0 {
        let when = ended
            .left
            .next_at
            .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
            .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime(", the first at %H:%M").to_string())
            .unwrap_or_default();
        output::line(&format!("{} posts are still to be tagged{when}; run it again then", grouped(left)))?;
    }
    Ok(())
}

fn exit(ended: &Ended) -> Exit {
    match ended {
        Ended { trouble: Some(_), .. } => Exit::Failed,
        Ended { totals, .. } if totals.failed > 0 => Exit::Partly,
        Ended { .. } => Exit::Done,
    }
}
