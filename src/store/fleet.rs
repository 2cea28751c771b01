//! The workers of one database and the log they share: who is at work, what each shows of itself, the newest events of all.
//! It adds nothing up and draws nothing.

use serde_json::json;
use tokio::sync::watch;

use super::base::work;
use super::link::{Row, args};
use super::news::{Heard, Topic};
use super::{Store, StoreError, sql};
use crate::domain::{Event, ImageId, JobKind, PostId, WorkerNumbers, WorkerSeen};
use crate::text::Safe;

/// Events that are kept.
const KEPT: i64 = 10_000;
/// The log is shortened once in so many writes, by chance: no counter is to be kept for it.
const TRIM_ONE_IN: u32 = 32;
/// Screen cells of one event's text.
const TEXT: usize = 400;

impl Store {
    /// Says that an engine is alive; counted for 30 s.
    pub async fn heartbeat(&self, worker: &str, kinds: &[JobKind], version: &str) -> Result<(), StoreError> {
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        let beat = Heartbeat { worker: worker.to_owned(), kinds: kinds.join(","), version: version.to_owned() };
        self.base.write(sql::HEARTBEAT.doing, beat).await
    }

    /// Shows what a worker does, which is a sign of life as well; nothing once it has said farewell.
    pub async fn show_worker(
        &self,
        worker: &str,
        provider: Option<&str>,
        doing: &str,
        numbers: &WorkerNumbers,
    ) -> Result<(), StoreError> {
        let numbers = json!(numbers).to_string();
        let show = Show { worker: worker.to_owned(), provider: provider.map(str::to_owned), doing: doing.to_owned(), numbers };
        self.base.write(sql::SHOW_WORKER.doing, show).await
    }

    /// Says that an engine has ended.
    pub async fn farewell(&self, worker: &str) -> Result<(), StoreError> {
        self.base.write(sql::FAREWELL.doing, Farewell(worker.to_owned())).await
    }

    /// Engines that do this kind of work and were heard of within 30 s.
    pub async fn live_workers(&self, kind: JobKind) -> Result<i64, StoreError> {
        Ok(self.base.int(&sql::ALIVE, args![kind.as_str()]).await?.unwrap_or_default())
    }

    /// Every worker heard of within an hour that did not say farewell, the one that began first first.
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>, StoreError> {
        self.base.rows(&sql::WORKERS, args![]).await?.iter().map(worker).collect()
    }

    /// Adds to the log that all workers share.
    pub async fn add_events(&self, worker: &str, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = events
            .iter()
            .map(|event| {
                let text = event.text.clipped(TEXT);
                let post = event.post.map(|post| post.0);
                let outcome = event.outcome.map(crate::domain::Outcome::as_str);
                let image = event.image.map(|image| image.0);
                json!([event.time, event.kind.as_str(), post, event.model.as_deref(), outcome, &*text, image])
            })
            .collect();
        let add = Add {
            worker: worker.to_owned(),
            events: serde_json::Value::from(rows).to_string(),
            trim: fastrand::u32(..TRIM_ONE_IN) == 0,
        };
        self.base.write(sql::ADD_EVENTS.doing, add).await?;
        self.base.news.tell(Topic::Events).await;
        Ok(())
    }

    /// The newest `count` events of all workers but one, oldest first, and where [`Store::events_after`] goes on.
    pub async fn last_events(&self, but: &str, count: u32) -> Result<(Vec<Event>, i64), StoreError> {
        let rows = self.base.rows(&sql::LAST_EVENTS, args![but, i64::from(count)]).await?;
        let last = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        Ok((rows.iter().rev().filter_map(|row| event(row).transpose()).collect::<Result<_, _>>()?, last))
    }

    /// At most `count` events of all workers but one behind the last one seen, oldest first, and where to go on.
    pub async fn events_after(&self, last: i64, but: &str, count: u32) -> Result<(Vec<Event>, i64), StoreError> {
        let rows = self.base.rows(&sql::EVENTS_AFTER, args![last, but, i64::from(count)]).await?;
        let next = rows.last().map(|row| row.int(0)).transpose()?.unwrap_or(last);
        Ok((rows.iter().filter_map(|row| event(row).transpose()).collect::<Result<_, _>>()?, next))
    }

    /// News of this database, from this process and, on PostgreSQL, from others; it may be lost, so look once in a while too.
    pub fn news(&self) -> watch::Receiver<Heard> {
        self.base.news.hear()
    }
}

fn worker(row: &Row) -> Result<WorkerSeen, StoreError> {
    let line = |at| -> Result<Safe, StoreError> { Ok(Safe::line(&row.text(at)?)) };
    let name = line(0)?;
    let host = name.rsplit_once(':').map_or(&*name, |(host, _)| host);
    Ok(WorkerSeen {
        host: Safe::line(host),
        name,
        kinds: row.text(1)?.split(',').filter_map(|kind| kind.parse().ok()).collect(),
        version: line(2)?,
        provider: row.opt_text(3)?.map(|provider| Safe::line(&provider)),
        doing: line(4)?,
        // A newer worker may count what this version cannot read.
        numbers: serde_json::from_str(&row.text(5)?).unwrap_or_default(),
        started_at: row.int(6)?,
        seen_at: row.int(7)?,
        alive: row.int(8)? == 1,
    })
}

/// `None`: of a kind that only a newer version knows.
fn event(row: &Row) -> Result<Option<Event>, StoreError> {
    let Some(kind) = row.word(3)? else { return Ok(None) };
    Ok(Some(Event {
        seq: u64::try_from(row.int(0)?).unwrap_or_default(),
        worker: Safe::line(&row.text(1)?),
        time: row.int(2)?,
        kind,
        post: row.opt_int(4)?.map(PostId),
        model: row.opt_text(5)?.map(|model| Safe::line(&model)),
        outcome: row.word(6)?,
        text: Safe::line(&row.text(7)?),
        image: row.opt_int(8)?.map(ImageId),
    }))
}

struct Heartbeat {
    worker: String,
    kinds: String,
    version: String,
}
work!(Heartbeat => (), |me, link| {
    link.run(&sql::HEARTBEAT, args![&me.worker, &me.kinds, &me.version]).await?;
    link.run(&sql::BURY, args![]).await.map(drop)
});

struct Show {
    worker: String,
    provider: Option<String>,
    doing: String,
    numbers: String,
}
work!(Show => (), |me, link| {
    link.run(&sql::SHOW_WORKER, args![&me.worker, me.provider.as_deref(), &me.doing, &me.numbers]).await.map(drop)
});

struct Farewell(String);
work!(Farewell => (), |me, link| link.run(&sql::FAREWELL, args![&me.0]).await.map(drop));

struct Add {
    worker: String,
    events: String,
    trim: bool,
}
work!(Add => (), |me, link| {
    link.rows(&sql::EVENT_LOCK, args![]).await?;
    link.run(&sql::ADD_EVENTS, args![&me.events, &me.worker]).await?;
    if me.trim {
        link.run(&sql::TRIM_EVENTS, args![KEPT]).await?;
    }
    Ok(())
});
