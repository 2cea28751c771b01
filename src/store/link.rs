//! One connection of either database behind one face: a statement, its arguments, its rows.
//! It knows no table; it decides neither when a transaction begins nor what is tried again.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, TypeInfo, ValueRef};

use super::StoreError;
use super::sql::Sql;

/// A connection that statements run on; inside a transaction when the caller began one.
pub(crate) enum Link<'c> {
    /// The embedded database.
    Sqlite(&'c mut SqliteConnection),
    /// The server.
    Postgres(&'c mut PgConnection),
}

/// An argument of a statement, in the few types the tables have.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT; a NUL, which PostgreSQL cannot store, becomes U+FFFD on both databases.
    Text(Option<&'a str>),
    /// BLOB or BYTEA.
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<Option<&'a [u8]>> for Arg<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// Text as both databases can hold it.
pub(crate) fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// The arguments of one statement, `$1` first.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::link::Arg::from($value)),*] };
}
pub(crate) use args;

macro_rules! bound {
    ($db:ty, $sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<$db>($sql);
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(*value),
                Arg::Text(value) => query.bind(value.map(|text| storable(text).into_owned())),
                Arg::Bytes(value) => query.bind(value.map(<[u8]>::to_vec)),
            };
        }
        query
    }};
}

impl Link<'_> {
    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(conn) => {
                let rows = bound!(Sqlite, sql.sqlite, args).fetch_all(&mut **conn).await;
                rows.map(|rows| rows.into_iter().map(|row| Row::new(RowOf::Sqlite(row), sql)).collect())
            }
            Self::Postgres(conn) => {
                let rows = bound!(Postgres, sql.postgres, args).fetch_all(&mut **conn).await;
                rows.map(|rows| rows.into_iter().map(|row| Row::new(RowOf::Postgres(row), sql)).collect())
            }
        }
        .map_err(|error| StoreError::query(sql.doing, error))
    }

    /// Runs a statement and returns its first row.
    pub(crate) async fn row(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement and returns the first column of its first row, an integer.
    pub(crate) async fn int(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<Option<i64>, StoreError> {
        match self.row(sql, args).await? {
            Some(row) => row.opt_int(0),
            None => Ok(None),
        }
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) async fn run(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(conn) => bound!(Sqlite, sql.sqlite, args).execute(&mut **conn).await.map(|done| done.rows_affected()),
            Self::Postgres(conn) => {
                bound!(Postgres, sql.postgres, args).execute(&mut **conn).await.map(|done| done.rows_affected())
            }
        }
        .map_err(|error| StoreError::query(sql.doing, error))
    }
}

enum RowOf {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// One row of an answer; columns by number from 0.
pub(crate) struct Row {
    row: RowOf,
    doing: &'static str,
}

macro_rules! column {
    ($self:expr, $at:expr, $as:ty) => {
        match &$self.row {
            RowOf::Sqlite(row) => row.try_get_unchecked::<$as, _>($at),
            RowOf::Postgres(row) => row.try_get::<$as, _>($at),
        }
        .map_err(|error| StoreError::query($self.doing, error))
    };
}

impl Row {
    fn new(row: RowOf, sql: &Sql) -> Self {
        Self { row, doing: sql.doing }
    }

    /// An integer; a legacy PostgreSQL table may hold it in four or two bytes.
    pub(crate) fn opt_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        if let RowOf::Postgres(row) = &self.row {
            let column = row.try_column(at).map_err(|error| StoreError::query(self.doing, error))?;
            return match column.type_info().name() {
                "INT4" => Ok(column!(self, at, Option<i32>)?.map(i64::from)),
                "INT2" => Ok(column!(self, at, Option<i16>)?.map(i64::from)),
                _ => column!(self, at, Option<i64>),
            };
        }
        column!(self, at, Option<i64>)
    }

    /// An integer that is never NULL.
    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.opt_int(at)?.ok_or_else(|| StoreError::shape(self.doing, "a number is missing"))
    }

    /// Text or NULL. SQLite keeps any type in any column: a number comes as its digits.
    pub(crate) fn opt_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        if let RowOf::Sqlite(row) = &self.row {
            let value = row.try_get_raw(at).map_err(|error| StoreError::query(self.doing, error))?;
            if !value.is_null() && value.type_info().name() == "INTEGER" {
                return Ok(self.opt_int(at)?.map(|number| number.to_string()));
            }
        }
        column!(self, at, Option<String>)
    }

    /// Bytes, as they were stored.
    pub(crate) fn opt_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, StoreError> {
        column!(self, at, Option<Vec<u8>>)
    }

    /// Text, NULL read as empty.
    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        Ok(self.opt_text(at)?.unwrap_or_default())
    }

    /// A word of a closed list, `None` for NULL and for words not in it.
    pub(crate) fn word<T: std::str::FromStr>(&self, at: usize) -> Result<Option<T>, StoreError> {
        Ok(self.opt_text(at)?.and_then(|word| word.parse().ok()))
    }
}
