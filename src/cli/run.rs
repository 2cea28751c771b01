//! `tagdeck run`: an engine without a screen, its events and a summary as lines.
//! `tagdeck demo --headless` prints through the same functions.

use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::args::{Common, Kind, Run};
use super::output::{self, Exit};
use super::serve::Serving;
use super::session::{self, LogTo, Reloads};
use crate::config::Config;
use crate::domain::{Event, OcrTotals, UploadTotals};
use crate::engine::event::EventLog;
use crate::engine::lock::EngineLock;
use crate::engine::{Ended, Engine, Kinds, Options};
use crate::ops::Ops;
use crate::store::{Access, Store};
use crate::text::{counted, grouped};

/// `--until-idle` waits for posts that fall due within this time.
const HORIZON: Duration = Duration::from_mins(2);

/// See the module.
pub fn run(common: &Common, args: &Run) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_kept_log(&config, &LogTo::Stderr)?;
    session::block_on(async {
        // First: a SIGHUP that comes while the database is opened must not end it.
        let reloads = Reloads::of(&config)?;
        let store = session::open(&config, Access::ReadWrite).await?;
        let _lock = EngineLock::take(config.database.expose())?;
        let stops = session::stops(!reloads.can())?;
        let serving = match args.listen {
            None => None,
            Some(address) => Some(Serving::start(address.unwrap_or(config.api.listen), &config).await?),
        };
        let started = Instant::now();
        let work = Work { common, args, store, reloads, stops, serving: serving.as_ref() };
        let ended = work.until_end(config).await?;
        if let Some(serving) = serving {
            serving.end().await;
        }
        summary(&ended, started.elapsed(), args.json)?;
        Ok(exit(&ended))
    })?
}

/// One engine after the other, as the settings are read again.
struct Work<'a> {
    common: &'a Common,
    args: &'a Run,
    store: Store,
    reloads: Reloads,
    stops: watch::Receiver<u32>,
    serving: Option<&'a Serving>,
}

impl Work<'_> {
    async fn until_end(mut self, mut config: Config) -> Result<Ended> {
        let does = |kind| self.args.kind.contains(&kind);
        let kinds = Kinds { tag: does(Kind::Tag), ocr: does(Kind::Ocr), upload: does(Kind::Upload) };
        let mut before = Ended::default();
        if let Some(serving) = self.serving {
            serving.end_with(self.stops.clone());
        }
        loop {
            let until_idle = self.args.until_idle.then_some(HORIZON);
            let options = Options { until_idle, concurrency: self.args.concurrency, kinds };
            let engine = Engine::start(self.store.clone(), &config, options);
            if let Some(serving) = self.serving {
                serving.show(Ops::with_engine(self.store.clone(), &config.tagging, &engine), &config).await?;
            }
            let (ended, next) = self.one(engine).await?;
            before = ended.after(&before);
            match next {
                Some(next) if *self.stops.borrow() == 0 => config = next,
                _ => return Ok(before),
            }
        }
    }

    /// Until this engine has ended by itself, by a stop, or for new settings.
    async fn one(&mut self, engine: Engine) -> Result<(Ended, Option<Config>)> {
        let (stopper, mut stops) = (engine.stopper(), self.stops.clone());
        stops.mark_unchanged();
        if *stops.borrow() > 0 {
            stopper.stop();
        }
        let stopping = stopper.clone();
        let stop_for_signals = async move {
            while stops.changed().await.is_ok() {
                stopping.stop();
            }
            std::future::pending::<()>().await;
        };
        let printing = print_until_end(engine, self.args.json);
        tokio::pin!(printing, stop_for_signals);
        let mut next = None;
        loop {
            tokio::select! {
                ended = &mut printing => return Ok((ended?, next)),
                () = &mut stop_for_signals => {}
                new = self.reloads.next(self.common, |new| self.serving.map_or(Ok(()), |serving| serving.front.admits(new))), if next.is_none() => {
                    next = Some(new);
                    stopper.stop();
                }
            }
        }
    }
}

/// Prints the events as they come, until the engine has ended and all of them are printed. When nobody reads them any more
/// (`tagdeck run | head`), the engine stops softly.
pub async fn print_until_end(engine: Engine, as_json: bool) -> Result<Ended> {
    let log = engine.log();
    let mut newest = log.watch();
    let stopper = engine.stopper();
    let ended = engine.ended();
    tokio::pin!(ended);
    let mut printer = Printer { log, next: 0, as_json, read: true };
    loop {
        tokio::select! {
            ended = &mut ended => {
                printer.print()?;
                return Ok(ended);
            }
            changed = newest.changed(), if printer.read => {
                changed?;
                newest.borrow_and_update();
                printer.print()?;
                if !printer.read {
                    stopper.stop();
                }
            }
        }
    }
}

/// Prints an event log to stdout.
struct Printer {
    log: EventLog,
    /// Number of the next event.
    next: u64,
    as_json: bool,
    /// False when stdout's reader has gone away.
    read: bool,
}

impl Printer {
    /// What has come since the last time.
    fn print(&mut self) -> Result<()> {
        while self.read {
            let batch = self.log.since(self.next, 500);
            if batch.dropped > 0 {
                output::complain(&format!(
                    "{} not printed: more came than could be",
                    counted(batch.dropped as i64, "event was", "events were")
                ));
            }
            let mut lines = String::new();
            for event in &batch.events {
                let line = if self.as_json { output::as_json(&event_json(event))? } else { output::as_line(&event_line(event)) };
                lines.push_str(&line);
            }
            self.next = batch.next;
            if batch.events.is_empty() {
                break;
            }
            self.read = output::try_write(lines.as_bytes())?;
        }
        Ok(())
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
        return output::json(&json!({
            "event": "summary", "tag": t, "ocr": ended.ocr, "upload": ended.upload,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }));
    }
    output::line(&format!(
        "{} tagged, {} failed, {} skipped in {:.1} s · {}, {}, {}",
        grouped(t.success as i64),
        grouped(t.failed as i64),
        grouped(t.skipped as i64),
        elapsed.as_secs_f64(),
        counted(t.calls as i64, "call", "calls"),
        counted(t.retries as i64, "retry", "retries"),
        counted(t.fallbacks as i64, "fallback", "fallbacks"),
    ))?;
    let read = ended.ocr;
    if read != OcrTotals::default() {
        let (success, failed, skipped) = (read.success as i64, read.failed as i64, read.skipped as i64);
        let skipped = if skipped > 0 { format!(", {} cancelled", grouped(skipped)) } else { String::new() };
        output::line(&format!("{} read, {} failed{skipped}", counted(success, "image", "images"), grouped(failed)))?;
    }
    let stored = ended.upload;
    if stored != UploadTotals::default() {
        let (success, failed) = (stored.success as i64, stored.failed as i64);
        output::line(&format!("{} stored, {} failed", counted(success, "document", "documents"), grouped(failed)))?;
    }
    let unread = ended.ocr_left.due + ended.ocr_left.later;
    if unread > 0 {
        output::line(&format!("{} still to be read; run it again later", counted(unread, "image is", "images are")))?;
    }
    let unstored = ended.upload_left.due + ended.upload_left.later;
    if unstored > 0 {
        output::line(&format!("{} still to be stored; run it again later", counted(unstored, "document is", "documents are")))?;
    }
    let left = ended.left.due + ended.left.later;
    if left > 0 {
        let when = ended
            .left
            .next_at
            .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
            .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime(", the first at %H:%M").to_string())
            .unwrap_or_default();
        output::line(&format!("{} still to be tagged{when}; run it again then", counted(left, "post is", "posts are")))?;
    }
    Ok(())
}

fn exit(ended: &Ended) -> Exit {
    match ended {
        Ended { trouble: Some(_), .. } => Exit::Failed,
        Ended { totals, ocr, upload, .. } if totals.failed + ocr.failed + upload.failed > 0 => Exit::Partly,
        Ended { .. } => Exit::Done,
    }
}
