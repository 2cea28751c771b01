//! The open database: where reads go, and how a piece of writing becomes one transaction on either kind.
//! It knows no table: what is read or written is the caller's, in statements of `sql`.

use std::future::Future;
use std::pin::Pin;

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite};

use super::StoreError;
use super::calls::Reserve;
use super::finish::Ending;
use super::gather::Lane;
use super::link::{Link, Row};
use super::news::Newsroom;
use super::postgres::Server;
use super::sql::{self, Sql};
use super::sqlite::Embedded;
use crate::text::Safe;

/// A future that borrows.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One piece of writing, run inside one transaction. It may be run again from the start after a conflict or when
/// a neighbour in the same batch failed, so it keeps no state of its own.
pub(crate) trait Work: Send + Sync + 'static {
    /// What it answers with.
    type Out: Send + 'static;

    /// The statements. An error undoes all of them.
    fn run<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<Self::Out, StoreError>>;

    /// True when nobody waiting for the answer means that it must not be done at all.
    fn only_when_awaited(&self) -> bool {
        false
    }
}

/// Implements [`Work`] by an async block over `self` and the link.
macro_rules! work {
    ($name:ty => $out:ty, |$me:ident, $link:ident| $body:expr) => {
        $crate::store::base::work!($name => $out, false, |$me, $link| $body);
    };
    ($name:ty => $out:ty, $awaited:literal, |$me:ident, $link:ident| $body:expr) => {
        impl $crate::store::base::Work for $name {
            type Out = $out;
            fn run<'a>(
                &'a self,
                $link: &'a mut $crate::store::link::Link<'_>,
            ) -> $crate::store::base::Boxed<'a, Result<$out, $crate::store::StoreError>> {
                let $me = self;
                Box::pin(async move { $body })
            }
            fn only_when_awaited(&self) -> bool {
                $awaited
            }
        }
    };
}
pub(crate) use work;

/// The open database.
pub(crate) struct Base {
    /// Which kind.
    pub(crate) kind: Kind,
    /// A bot's database that was not attached, by its address: it lacks our tables, and only some statements may run.
    pub(crate) unattached: Option<Safe>,
    /// What its processes tell each other.
    pub(crate) news: Newsroom,
    /// Ends of jobs that wait to be written together.
    pub(super) endings: Lane<Ending>,
    /// Calls that wait to be recorded together.
    pub(super) reserves: Lane<Reserve>,
}

/// The two kinds of database, open.
pub(crate) enum Kind {
    /// A file.
    Embedded(Embedded),
    /// A server.
    Server(Server),
}

/// A connection taken for reading.
pub(crate) enum Reader {
    Embedded(PoolConnection<Sqlite>),
    Server(PoolConnection<Postgres>),
}

impl Reader {
    /// The connection as a link.
    pub(crate) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Embedded(conn) => Link::Sqlite(conn),
            Self::Server(conn) => Link::Postgres(conn),
        }
    }
}

impl Base {
    /// A connection for reading.
    pub(crate) async fn reader(&self, sql: &Sql) -> Result<Reader, StoreError> {
        if let Some(url) = &self.unattached
            && !sql::FOR_BOTS.iter().any(|allowed| allowed.sqlite == sql.sqlite)
        {
            return Err(StoreError::NotAttached { url: url.clone() });
        }
        match &self.kind {
            Kind::Embedded(base) => base.readers().acquire().await.map(Reader::Embedded),
            Kind::Server(base) => base.pool().acquire().await.map(Reader::Server),
        }
        .map_err(|error| StoreError::query(sql.doing, error))
    }

    /// Rows of one statement.
    pub(crate) async fn rows(&self, sql: &Sql, args: &[super::link::Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        self.reader(sql).await?.link().rows(sql, args).await
    }

    /// First row of one statement.
    pub(crate) async fn row(&self, sql: &Sql, args: &[super::link::Arg<'_>]) -> Result<Option<Row>, StoreError> {
        self.reader(sql).await?.link().row(sql, args).await
    }

    /// First column of the first row, an integer.
    pub(crate) async fn int(&self, sql: &Sql, args: &[super::link::Arg<'_>]) -> Result<Option<i64>, StoreError> {
        self.reader(sql).await?.link().int(sql, args).await
    }

    /// Runs a piece of writing in a transaction and answers after its commit.
    pub(crate) async fn write<W: Work>(&self, doing: &'static str, work: W) -> Result<W::Out, StoreError> {
        match &self.kind {
            Kind::Embedded(base) => base.write(doing, work).await,
            Kind::Server(base) => base.write(doing, work).await,
        }
    }
}
