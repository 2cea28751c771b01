//! One connection outside any pool, for what is done to a database as a whole: attaching, undoing, copying.
//! It knows no table; statements with arguments go through its link.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::error::shown;
use super::link::{Link, args};
use super::{Access, StoreError, postgres, sql, sqlite};
use crate::text::Safe;

/// The two kinds of database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// Which kind an address names.
pub(super) fn kind(url: &str) -> Result<Kind, StoreError> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme.split('+').next().unwrap_or_default() {
        "sqlite" => Ok(Kind::Sqlite),
        "postgres" | "postgresql" => Ok(Kind::Postgres),
        _ => Err(StoreError::Url { url: shown(url), why: Safe::fixed("it names neither SQLite nor PostgreSQL") }),
    }
}

/// One connection outside any pool.
pub(super) enum Direct {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Direct {
    pub(super) async fn open(url: &str, access: Access) -> Result<Self, StoreError> {
        match kind(url)? {
            Kind::Sqlite => sqlite::connect(url, access).await.map(Self::Sqlite),
            Kind::Postgres => postgres::connect(url, access).await.map(Self::Postgres),
        }
    }

    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(conn) => Link::Sqlite(conn),
            Self::Postgres(conn) => Link::Postgres(conn),
        }
    }

    /// Runs statements of our own making that have no arguments, as they stand.
    pub(super) async fn script(&mut self, text: &str) -> Result<(), StoreError> {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
            Self::Postgres(conn) => sqlx::raw_sql(text).execute(conn).await.map(drop),
        }
        .map_err(|error| StoreError::query("change the tables", error))
    }

    /// Refuses a database of ours that engines work on.
    pub(super) async fn refuse_engines(&mut self) -> Result<(), StoreError> {
        if self.link().int(&sql::ANY_ALIVE, args![]).await?.unwrap_or_default() == 0 {
            return Ok(());
        }
        let names = self.texts("SELECT name FROM workers ORDER BY name").await?;
        Err(StoreError::EnginesAtWork { engines: Safe::line(&names.join(", ")).clipped(200) })
    }

    /// The texts that such a statement gives in its first column.
    pub(super) async fn texts(&mut self, text: &str) -> Result<Vec<String>, StoreError> {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::query_scalar(text).fetch_all(conn).await,
            Self::Postgres(conn) => sqlx::query_scalar(text).fetch_all(conn).await,
        }
        .map_err(|error| StoreError::query("read what the database holds", error))
    }

    /// Names of the tables and views.
    pub(super) async fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        names(&mut self.link(), &sql::TABLES).await
    }

    /// Whether a name of ours is a view's.
    pub(super) async fn is_view(&mut self, name: &str) -> Result<bool, StoreError> {
        let views = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'view'",
            Self::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.views WHERE table_schema = current_schema()"
            }
        };
        Ok(self.texts(views).await?.iter().any(|view| view == name))
    }

    /// Names of a table's columns, in their order.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError> {
        let text = match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
            Self::Postgres(_) => format!(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        self.texts(&text).await
    }

    /// As `texts`, for a statement with one number.
    pub(super) async fn texts_after(&mut self, text: &str, after: i64) -> Result<Vec<String>, StoreError> {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::query_scalar(text).bind(after).fetch_all(conn).await,
            Self::Postgres(conn) => sqlx::query_scalar(text).bind(after).fetch_all(conn).await,
        }
        .map_err(|error| StoreError::query("read rows", error))
    }

    /// Writes rows that come as one text.
    pub(super) async fn insert(&mut self, text: &str, rows: &str) -> Result<(), StoreError> {
        let text = AssertSqlSafe(text.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::query(text).bind(rows).execute(conn).await.map(drop),
            Self::Postgres(conn) => sqlx::query(text).bind(rows).execute(conn).await.map(drop),
        }
        .map_err(|error| StoreError::query("write rows", error))
    }

    /// True when it needs no write-ahead logging of ours: PostgreSQL has its own.
    pub(super) async fn has_wal(&mut self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(self.texts("PRAGMA journal_mode").await?.iter().any(|mode| mode.eq_ignore_ascii_case("wal"))),
            Self::Postgres(_) => Ok(true),
        }
    }

    pub(super) async fn close(self) {
        // What was asked of it is done; a failure to say goodbye changes nothing.
        let _ = match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(conn) => conn.close().await,
        };
    }

    /// Which kind it is.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }
}

/// The names that a statement gives in its first column.
pub(super) async fn names(link: &mut Link<'_>, sql: &sql::Sql) -> Result<Vec<String>, StoreError> {
    link.rows(sql, args![]).await?.iter().map(|row| row.text(0)).collect()
}
