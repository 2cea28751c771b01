//! SQLite: one writer task that commits many callers' work together, and a pool that only reads.
//! It knows no table.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::base::{Boxed, Work};
use super::error::{is_locked, shown};
use super::link::Link;
use super::{Access, StoreError};
use crate::text::Safe;

/// Most pieces of work in one transaction: enough to make the commit cheap, few enough to answer within milliseconds.
const BATCH: usize = 64;
/// Connections that read; one of them may be kept to hear of commits.
const READERS: u32 = 5;
/// How long to wait for another program's lock.
const BUSY: Duration = Duration::from_secs(10);

/// A database in a file.
pub(crate) struct Embedded {
    readers: SqlitePool,
    /// `None`: opened for reading only.
    writer: Option<mpsc::Sender<Box<dyn Queued>>>,
}

/// The file named by an address. `sqlite://PATH` is a path as it stands; SQLAlchemy's `sqlite+aiosqlite:///PATH`, which the bot's
/// settings hold, has one slash more.
pub(crate) fn path(url: &str) -> Result<PathBuf, StoreError> {
    let wrong = |why| Err(StoreError::Url { url: shown(url), why: Safe::fixed(why) });
    let Some((scheme, rest)) = url.split_once(':') else { return wrong("it has no scheme") };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    let rest = match rest.strip_prefix('/') {
        Some(relative) if scheme.contains('+') || relative.starts_with("./") => relative,
        _ => rest,
    };
    match rest {
        "" | "memory:" | ":memory:" => wrong("an in-memory database cannot be shared by several connections"),
        path => Ok(PathBuf::from(path)),
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    Ok(SqliteConnectOptions::new()
        .filename(path(url)?)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .statement_cache_capacity(200)
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory"))
}

/// One connection outside the pool: the writer's, or for migrations.
pub(crate) async fn connect(url: &str, access: Access) -> Result<SqliteConnection, StoreError> {
    let options = match access {
        Access::ReadOnly => options(url)?.read_only(true),
        Access::ReadWrite => options(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // 64 MB: the more commits share a checkpoint, the more often a page of an index is written back once for many of them.
            // Against 16 MB a queue with a million jobs goes 1.3 times as fast.
            .pragma("wal_autocheckpoint", "16000"),
    };
    patiently(async || SqliteConnection::connect_with(&options).await).await.map_err(|error| StoreError::open(&shown(url), error))
}

/// Opens something, again and again while another program keeps the file. SQLite's own waiting does not cover the change to WAL and
/// the recovery of a log: beside another program that does the same it answers BUSY at once.
async fn patiently<T>(open: impl AsyncFn() -> Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    let until = Instant::now() + BUSY;
    loop {
        match open().await {
            Err(error) if is_locked(&error) && Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
            done => return done,
        }
    }
}

impl Embedded {
    /// Opens the readers and, unless only reading is asked for, starts the writer.
    pub(crate) async fn open(url: &str, access: Access) -> Result<Self, StoreError> {
        let writer = match access {
            Access::ReadOnly => None,
            Access::ReadWrite => {
                let conn = connect(url, access).await?;
                let (sender, receiver) = mpsc::channel(1024);
                tokio::spawn(write_all(conn, receiver));
                Some(sender)
            }
        };
        let reading = options(url)?.read_only(true);
        let pool = || SqlitePoolOptions::new().max_connections(READERS).min_connections(1).acquire_timeout(BUSY);
        let readers = patiently(async || pool().connect_with(reading.clone()).await)
            .await
            .map_err(|error| StoreError::open(&shown(url), error))?;
        Ok(Self { readers, writer })
    }

    /// The pool that only reads.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Hands a piece of writing to the writer and waits until it is committed.
    pub(crate) async fn write<W: Work>(&self, doing: &'static str, work: W) -> Result<W::Out, StoreError> {
        let Some(writer) = &self.writer else { return Err(StoreError::ReadOnly { doing }) };
        let gone = || StoreError::Lost { doing, cause: Safe::fixed("its writer has ended") };
        let (reply, answer) = oneshot::channel();
        let task = Task { doing, work, out: None, reply: Some(reply) };
        writer.send(Box::new(task)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// A piece of work in the writer's hands, whatever it answers with.
trait Queued: Send {
    fn doing(&self) -> &'static str;
    /// True when it is not to be done any more.
    fn abandoned(&self) -> bool;
    /// Runs it and keeps the answer; `false` when it failed.
    fn run<'a>(&'a mut self, link: &'a mut Link<'_>) -> Boxed<'a, bool>;
    /// Replaces the answer by an error.
    fn fail(&mut self, error: StoreError);
    /// Sends the answer.
    fn answer(&mut self);
}

struct Task<W: Work> {
    doing: &'static str,
    work: W,
    out: Option<Result<W::Out, StoreError>>,
    reply: Option<oneshot::Sender<Result<W::Out, StoreError>>>,
}

impl<W: Work> Queued for Task<W> {
    fn doing(&self) -> &'static str {
        self.doing
    }

    fn abandoned(&self) -> bool {
        self.work.only_when_awaited() && self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn run<'a>(&'a mut self, link: &'a mut Link<'_>) -> Boxed<'a, bool> {
        Box::pin(async move {
            let out = self.work.run(link).await;
            let ok = out.is_ok();
            self.out = Some(out);
            ok
        })
    }

    fn fail(&mut self, error: StoreError) {
        self.out = Some(Err(error));
    }

    fn answer(&mut self) {
        if let (Some(reply), Some(out)) = (self.reply.take(), self.out.take()) {
            // Nobody waits any more: what was written stays written.
            let _ = reply.send(out);
        }
    }
}

/// The writer: takes what has queued up, commits it as one transaction, answers after the commit.
async fn write_all(mut conn: SqliteConnection, mut queue: mpsc::Receiver<Box<dyn Queued>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        batch.retain(|task| !task.abandoned());
        if batch.is_empty() {
            continue;
        }
        // One that fails takes its neighbours' work back with it: then each runs alone, and one failure hurts only itself.
        if !commit(&mut conn, &mut batch).await && batch.len() > 1 {
            for task in &mut batch {
                commit(&mut conn, std::slice::from_mut(task)).await;
            }
        }
        for mut task in batch.drain(..) {
            task.answer();
        }
    }
    let _ = conn.close().await;
}

/// One transaction; `false` when it was undone and each task should run alone. With one task, that task has its answer either way.
async fn commit(conn: &mut SqliteConnection, tasks: &mut [Box<dyn Queued>]) -> bool {
    if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await {
        // Nobody gets through now; to let each wait for the same lock again would take 10 s a task.
        fail_all(tasks, error);
        return true;
    }
    for task in &mut *tasks {
        if !task.run(&mut Link::Sqlite(&mut *conn)).await {
            rollback(conn).await;
            return false;
        }
    }
    match sqlx::query("COMMIT").execute(&mut *conn).await {
        Ok(_) => true,
        Err(error) => {
            rollback(conn).await;
            fail_all(tasks, error);
            false
        }
    }
}

/// The first task gets the error itself, the others one of the same kind.
fn fail_all(tasks: &mut [Box<dyn Queued>], error: sqlx::Error) {
    let first = StoreError::query(tasks.first().map_or("write", |task| task.doing()), error);
    for task in tasks.iter_mut().skip(1) {
        task.fail(first.again(task.doing()));
    }
    if let Some(task) = tasks.first_mut() {
        task.fail(first);
    }
}

async fn rollback(conn: &mut SqliteConnection) {
    // SQLite has already rolled back by itself after some errors (disk full): then there is nothing to undo.
    let _ = sqlx::query("ROLLBACK").execute(conn).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_bot_and_of_ours_name_the_same_file() {
        assert_eq!(path("sqlite:///data/x.db").unwrap(), PathBuf::from("/data/x.db"));
        assert_eq!(path("sqlite://data/x.db").unwrap(), PathBuf::from("data/x.db"));
        assert_eq!(path("sqlite:x.db?mode=rwc").unwrap(), PathBuf::from("x.db"));
        assert_eq!(path("sqlite+aiosqlite:///./x.db").unwrap(), PathBuf::from("./x.db"));
        assert_eq!(path("sqlite+aiosqlite:////data/x.db").unwrap(), PathBuf::from("/data/x.db"));
        assert_eq!(path("sqlite:///./x.db").unwrap(), PathBuf::from("./x.db"));
        assert!(path("sqlite::memory:").is_err());
    }
}
