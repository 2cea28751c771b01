//! PostgreSQL: a pool whose sessions run in UTC, and transactions that are tried again after a conflict.
//! It knows no table.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

use super::base::Work;
use super::error::shown;
use super::link::Link;
use super::{Access, StoreError};
use crate::text::Safe;

/// Tries of one transaction that others keep getting in the way of.
const TRIES: u32 = 8;

/// A worker that was stopped or cut off in the middle of a transaction keeps its rows locked for so long at most.
const STALLED: &str = "15000";

/// A PostgreSQL database.
pub(crate) struct Server {
    pool: PgPool,
    access: Access,
}

/// How every session connects: UTC, so that timestamps with and without time zone mean the same.
pub(crate) fn options(url: &str, access: Access) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Url { url: shown(url), why: Safe::line(&error.to_string()).clipped(200) })?;
    let read_only = match access {
        Access::ReadWrite => "off",
        Access::ReadOnly => "on",
    };
    Ok(options
        .application_name("tagdeck")
        .statement_cache_capacity(200)
        .options([("TimeZone", "UTC"), ("default_transaction_read_only", read_only)]))
}

/// One connection outside any pool, for migrations.
pub(crate) async fn connect(url: &str, access: Access) -> Result<PgConnection, StoreError> {
    PgConnection::connect_with(&options(url, access)?).await.map_err(|error| StoreError::open(&shown(url), error))
}

impl Server {
    /// Opens the pool and takes one connection, to fail early.
    pub(crate) async fn open(url: &str, access: Access) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .min_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options(url, access)?.options([("idle_in_transaction_session_timeout", STALLED)]))
            .await
            .map_err(|error| StoreError::open(&shown(url), error))?;
        Ok(Self { pool, access })
    }

    /// The pool.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs a piece of writing in a transaction; conflicts are tried again after a short, growing, random wait.
    pub(crate) async fn write<W: Work>(&self, doing: &'static str, work: W) -> Result<W::Out, StoreError> {
        if matches!(self.access, Access::ReadOnly) {
            return Err(StoreError::ReadOnly { doing });
        }
        let mut tries = 0;
        loop {
            match self.once(doing, &work).await {
                Err(StoreError::Conflict { .. }) if tries + 1 < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=(4 << tries)))).await;
                }
                answer => return answer,
            }
        }
    }

    async fn once<W: Work>(&self, doing: &'static str, work: &W) -> Result<W::Out, StoreError> {
        let mut conn = self.pool.acquire().await.map_err(|error| StoreError::query(doing, error))?;
        let done = transact(&mut conn, doing, work).await;
        if let Err(StoreError::ReadOnly { .. }) = done {
            // After a failover this connection may still lead to the server that was the primary; the next one leads where the
            // address does.
            conn.close_on_drop();
            return Err(StoreError::Lost { doing, cause: Safe::fixed("the server takes no writes, as a standby does") });
        }
        done
    }
}

async fn transact<W: Work>(conn: &mut PgConnection, doing: &'static str, work: &W) -> Result<W::Out, StoreError> {
    let mut transaction = conn.begin().await.map_err(|error| StoreError::query(doing, error))?;
    let out = work.run(&mut Link::Postgres(&mut transaction)).await?;
    transaction.commit().await.map_err(|error| StoreError::query(doing, error))?;
    Ok(out)
}
