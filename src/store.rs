//! The store: posts, jobs, calls and counts in SQLite or PostgreSQL, one SQL text for both, times from the database's clock.
//! It calls no model and decides no retry; it keeps what the engine says, and says what is due.
//!
//! - Reading goes through a pool. Writing in SQLite goes through one task that commits many callers' work together; in
//!   PostgreSQL through transactions that are tried again after a conflict.
//! - `jobs.visible_at` is both the backoff and the end of a lease; `fence` grows with each claim, and whoever comes with an
//!   older one changes nothing.
//! - Counts come from `counters`, kept by triggers on `posts`, whoever writes there.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Millis;
use crate::text::Safe;

mod base;
mod calls;
mod direct;
mod error;
mod finish;
mod fleet;
mod gather;
mod hand;
mod image_list;
mod images;
mod import;
mod jobs;
mod legacy;
mod link;
mod news;
mod ocr;
mod outbox;
mod outputs;
mod postgres;
mod posts;
mod requeue;
mod shared;
mod sql;
mod sqlite;
mod stamp;
mod stats;
mod transfer;
mod types;
mod undo;

pub use error::StoreError;
pub use news::{Heard, Topic};
pub use transfer::Copied;
pub use types::{
    Access, CallCount, CallCounts, CallEnd, CallLimits, Claim, Finish, LastCall, ModelState, NewCall, NewDocument, NewImage,
    NewOutput, Outlook, Plan, PostPage, PostsInOrder, ProviderUsage, Recovered, Requeue, Requeued, Reserved, Reused, Stored,
    Submitted, Upload,
};

use base::{Base, Kind};
use link::args;

/// An open database; clones share it.
#[derive(Clone)]
pub struct Store {
    base: Arc<Base>,
    url: Safe,
    bot: Option<legacy::Bot>,
    access: Access,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.url).finish()
    }
}

impl Store {
    /// Opens `sqlite://PATH` (created, folders too) or `postgres://…` and brings tagdeck's own tables up to date.
    ///
    /// A bot's database that was not attached is refused, except for reading: then only [`Store::stats`] answers.
    pub async fn open(url: &str, access: Access) -> Result<Self, StoreError> {
        let url = legacy::plain(url);
        let bot = legacy::prepare(&url, access).await?;
        let kind = match direct::kind(&url)? {
            direct::Kind::Sqlite => Kind::Embedded(sqlite::Embedded::open(&url, access).await?),
            direct::Kind::Postgres => Kind::Server(postgres::Server::open(&url, access).await?),
        };
        let url = error::shown(&url);
        let unattached = bot.is_some().then(|| url.clone());
        let wire = match &kind {
            Kind::Embedded(file) => news::Wire::File(file.readers().clone()),
            Kind::Server(server) => news::Wire::Server(server.pool().clone()),
        };
        Ok(Self {
            base: Arc::new(Base {
                kind,
                unattached,
                news: news::Newsroom::new(wire),
                endings: gather::Lane::default(),
                reserves: gather::Lane::default(),
            }),
            url,
            bot,
            access,
        })
    }

    /// What [`Store::migrate`] would do, without doing it.
    pub async fn plan(url: &str) -> Result<Plan, StoreError> {
        legacy::plan(&legacy::plain(url)).await
    }

    /// Attaches to a bot's database, or brings our own up to date: adds only what is missing. Returns what it did; doing it
    /// again does nothing.
    pub async fn migrate(url: &str) -> Result<Plan, StoreError> {
        legacy::migrate(&legacy::plain(url)).await
    }

    /// What [`Store::undo`] would take out of a bot's database.
    pub async fn plan_undo(url: &str) -> Result<Plan, StoreError> {
        undo::plan(&legacy::plain(url)).await
    }

    /// Takes everything of tagdeck's out of a bot's database that it was attached to: the bot's tables are as before, but for the
    /// tags written meanwhile. Refused while an engine works on it.
    pub async fn undo(url: &str) -> Result<Plan, StoreError> {
        undo::undo(&legacy::plain(url)).await
    }

    /// Copies everything into an empty or new database of either kind, in one transaction, and compares counts and hashes. `told`
    /// hears, of each table, how many rows are written so far. Refused while an engine works on the source.
    pub async fn copy(from: &str, to: &str, told: &mut (dyn FnMut(&'static str, u64) + Send)) -> Result<Vec<Copied>, StoreError> {
        transfer::copy(&legacy::plain(from), &legacy::plain(to), told).await
    }

    /// The database's clock.
    pub async fn now(&self) -> Result<Millis, StoreError> {
        self.base.int(&sql::NOW, args![]).await?.ok_or_else(|| StoreError::shape(sql::NOW.doing, "no time came back"))
    }

    /// The address, without its password.
    pub fn url(&self) -> &Safe {
        &self.url
    }

    /// True for SQLite: one engine at a time; several may share PostgreSQL.
    pub fn is_embedded(&self) -> bool {
        matches!(self.base.kind, Kind::Embedded(_))
    }

    /// True when it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// True when the database is a bot's that was not attached: only [`Store::stats`] answers.
    pub fn is_unattached(&self) -> bool {
        self.bot.is_some()
    }
}

/// Ids as the JSON array that the statements take.
fn json_ids(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

fn json_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// Milliseconds of a duration, capped at a century: `visible_at` must not overflow.
fn millis(duration: Duration) -> i64 {
    const CENTURY: u128 = 100 * 366 * 86_400_000;
    duration.as_millis().min(CENTURY) as i64
}
