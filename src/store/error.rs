//! What can go wrong with the database, in words for a person: what was being done, what happened, what to do.
//! Foreign parts pass `text::Safe`; a URL's password is never part of a message.

use sqlx::migrate::MigrateError;

use crate::text::Safe;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address cannot be read.
    #[error("the database address `{url}` cannot be used: {why}; write `sqlite://PATH` or `postgres://USER@HOST/NAME`")]
    Url {
        /// Without its password.
        url: Safe,
        /// What is wrong with it.
        why: Safe,
    },
    /// The database could not be opened at all.
    #[error("the database {url} could not be opened: {cause}; check the address, the rights and that the server runs")]
    Open {
        /// Without its password.
        url: Safe,
        /// In the database's words.
        cause: Safe,
    },
    /// There is nothing to read.
    #[error("the database {url} holds no posts yet; `tagdeck import FILE`, or the dashboard without --read-only, creates it")]
    Empty {
        /// Without its password.
        url: Safe,
    },
    /// A bot's database that tagdeck was not attached to.
    #[error(
        "the database {url} belongs to the tagging bot and was not attached so far; \
         `tagdeck migrate --dry-run` shows what would be added, `tagdeck migrate` adds it"
    )]
    NotAttached {
        /// Without its password.
        url: Safe,
    },
    /// Tables of an older version, opened without the right to change them.
    #[error("the database {url} was written by an older tagdeck; `tagdeck migrate` brings it up to date")]
    Outdated {
        /// Without its password.
        url: Safe,
    },
    /// Tables of a newer version that this one cannot work on.
    #[error("the database {url} was written by a newer tagdeck; use that version, or another database")]
    Newer {
        /// Without its password.
        url: Safe,
    },
    /// Somebody else's table has a name that tagdeck needs.
    #[error("the database {url} has a table named `{table}` that is not tagdeck's; use another database or schema")]
    NameTaken {
        /// Without its password.
        url: Safe,
        /// The name.
        table: &'static str,
    },
    /// `undo` on a database that nothing was added to.
    #[error(
        "nothing was added to {url} that could be taken out again: {}",
        if *ours { "tagdeck itself made this database, or attached it before it kept a list of what it adds" } else { "tagdeck was never attached to it" }
    )]
    NothingToUndo {
        /// Without its password.
        url: Safe,
        /// Our tables are there.
        ours: bool,
    },
    /// A database to copy into that holds something.
    #[error("the database {url} already holds posts or jobs: name an empty or a new one, nothing was copied")]
    NotEmpty {
        /// Without its password.
        url: Safe,
    },
    /// A copy that is not what was copied.
    #[error("the copy of {table} differs from what was read ({why}); nothing was kept of it")]
    Differs {
        /// The table.
        table: &'static str,
        /// What differs.
        why: Safe,
    },
    /// Something that needs the database for itself.
    #[error("engines are at work on this database ({engines}): stop them first, or wait 30 s after their end")]
    EnginesAtWork {
        /// Their names.
        engines: Safe,
    },
    /// The schema could not be brought up to date.
    #[error("the tables of {url} could not be brought up to date, nothing was changed: {cause}")]
    Migrate {
        /// Without its password.
        url: Safe,
        /// In the database's words.
        cause: Safe,
    },
    /// An importer named a user that is not there and cannot be made.
    #[error("there is no user {user} in this database, and one could not be added: {cause}; name one that exists")]
    NoUser {
        /// `users.id`.
        user: i64,
        /// In the database's words.
        cause: Safe,
    },
    /// The store was opened only for reading.
    #[error("the database was opened for reading only, and to {doing} it must be written; start without --read-only")]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
    },
    /// Another program keeps the database.
    #[error(
        "the database is locked by another program (waited 10 s to {doing}); it is tried again, end that program if it lasts"
    )]
    Locked {
        /// What was being done.
        doing: &'static str,
    },
    /// Two transactions stood in each other's way, again and again.
    #[error("other workers kept changing the same rows while trying to {doing}: {cause}; it is tried again")]
    Conflict {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// No room.
    #[error("there is no room left on the database's disk to {doing}; free some, nothing was lost: {cause}")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// Reading or writing the file failed.
    #[error("the disk failed while trying to {doing}: {cause}; check the disk and the rights on the database's folder")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// The connection is gone.
    #[error("the connection to the database was lost while trying to {doing}: {cause}; it is tried again")]
    Lost {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// The file is damaged.
    #[error(
        "the database file is damaged ({cause}), found while trying to {doing}; restore a copy, or recover it with `sqlite3 FILE .recover`"
    )]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// Anything else that the database refused.
    #[error("the database refused to {doing}: {cause}")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// In the database's words.
        cause: Safe,
    },
    /// A row that is not what our tables can hold.
    #[error("the database answered with something unexpected while trying to {doing}: {what}")]
    Shape {
        /// What was being done.
        doing: &'static str,
        /// What was wrong.
        what: Safe,
    },
}

impl StoreError {
    /// True when the same may succeed later without anybody changing anything but the weather.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::Conflict { .. } | Self::Full { .. } | Self::Disk { .. } | Self::Lost { .. } => true,
            Self::Url { .. }
            | Self::Open { .. }
            | Self::Empty { .. }
            | Self::NotAttached { .. }
            | Self::Outdated { .. }
            | Self::Newer { .. }
            | Self::NameTaken { .. }
            | Self::Migrate { .. }
            | Self::NoUser { .. }
            | Self::ReadOnly { .. }
            | Self::Damaged { .. }
            | Self::Query { .. }
            | Self::NothingToUndo { .. }
            | Self::EnginesAtWork { .. }
            | Self::NotEmpty { .. }
            | Self::Differs { .. }
            | Self::Shape { .. } => false,
        }
    }

    /// What a database driver said, sorted by what can be done about it.
    pub(crate) fn query(doing: &'static str, error: sqlx::Error) -> Self {
        let cause = cause(&error);
        match error {
            sqlx::Error::Database(said) => {
                let code = said.code().unwrap_or_default();
                // SQLite gives extended result codes, whose low byte is the primary one; PostgreSQL a five-letter SQLSTATE.
                match (said.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some(), code.as_ref()) {
                    (true, code) => match code.parse::<i64>().unwrap_or_default() & 0xff {
                        5 | 6 => Self::Locked { doing },
                        8 => Self::ReadOnly { doing },
                        10 | 14 => Self::Disk { doing, cause },
                        13 => Self::Full { doing, cause },
                        11 | 26 => Self::Damaged { doing, cause },
                        _ => Self::Query { doing, cause },
                    },
                    (false, "40001" | "40P01") => Self::Conflict { doing, cause },
                    (false, "55P03") => Self::Locked { doing },
                    (false, "25006") => Self::ReadOnly { doing },
                    (false, "53100") => Self::Full { doing, cause },
                    // 25P03, 57P05: the server ended a session that stood still, as after a suspend.
                    (false, "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03") => Self::Lost { doing, cause },
                    (false, code) if code.starts_with("08") => Self::Lost { doing, cause },
                    (false, _) => Self::Query { doing, cause },
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Lost { doing, cause },
            _ => Self::Query { doing, cause },
        }
    }

    /// The same failure for another caller of one transaction.
    pub(crate) fn again(&self, doing: &'static str) -> Self {
        match self {
            Self::Locked { .. } => Self::Locked { doing },
            Self::ReadOnly { .. } => Self::ReadOnly { doing },
            Self::Full { cause, .. } => Self::Full { doing, cause: cause.clone() },
            Self::Disk { cause, .. } => Self::Disk { doing, cause: cause.clone() },
            Self::Lost { cause, .. } => Self::Lost { doing, cause: cause.clone() },
            Self::Damaged { cause, .. } => Self::Damaged { doing, cause: cause.clone() },
            other => Self::Query { doing, cause: Safe::line(&other.to_string()).clipped(300) },
        }
    }

    /// A row of the wrong shape.
    pub(crate) fn shape(doing: &'static str, what: &str) -> Self {
        Self::Shape { doing, what: Safe::line(what).clipped(200) }
    }

    /// A failure while opening.
    pub(crate) fn open(url: &Safe, error: sqlx::Error) -> Self {
        match Self::query("open it", error) {
            damaged @ Self::Damaged { .. } => damaged,
            locked @ Self::Locked { .. } => locked,
            // A file may be read in such a folder only while somebody who may write there has it open.
            Self::ReadOnly { .. } if url.starts_with("sqlite") => Self::Open {
                url: url.clone(),
                cause: Safe::fixed(
                    "SQLite keeps what its readers share in a file beside it, and this user may not write in that folder",
                ),
            },
            other => Self::Open { url: url.clone(), cause: other.cause_in_words() },
        }
    }

    /// A failure while creating or changing tables.
    pub(crate) fn migrate(url: &Safe, error: &MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer { url: url.clone() },
            MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => {
                Self::Migrate { url: url.clone(), cause: cause(inner) }
            }
            other => Self::Migrate { url: url.clone(), cause: Safe::line(&other.to_string()).clipped(300) },
        }
    }

    fn cause_in_words(self) -> Safe {
        match self {
            Self::Lost { cause, .. }
            | Self::Query { cause, .. }
            | Self::Full { cause, .. }
            | Self::Disk { cause, .. }
            | Self::Conflict { cause, .. } => cause,
            other => Safe::line(&other.to_string()).clipped(300),
        }
    }
}

/// True when SQLite says that another program keeps the file (BUSY or LOCKED).
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(said) = error else { return false };
    let is_sqlite = said.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
    is_sqlite && said.code().and_then(|code| code.parse::<i64>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// The database's own words, without the driver's frame around them.
fn cause(error: &sqlx::Error) -> Safe {
    let text = match error {
        sqlx::Error::Database(said) => said.message().to_owned(),
        other => other.to_string(),
    };
    Safe::line(&text).clipped(300)
}

/// A database address as it may be shown: without its password.
pub(crate) fn shown(url: &str) -> Safe {
    let hidden = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            let user = &url[scheme + 3..at];
            let user = user.split(':').next().unwrap_or_default();
            format!("{}{user}{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    };
    // Both drivers also take the password as a parameter of the address.
    let hidden = match hidden.split_once('?') {
        Some((place, parameters)) => {
            let kept: Vec<_> = parameters.split('&').filter(|p| !p.to_ascii_lowercase().starts_with("password")).collect();
            if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) }
        }
        None => hidden,
    };
    Safe::line(&hidden).clipped(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(
            &*shown("postgres://bot:s3cr@t@db.example/tags?password=x&sslmode=require"),
            "postgres://bot@db.example/tags?sslmode=require"
        );
        assert_eq!(&*shown("postgres://bot@db/tags"), "postgres://bot@db/tags");
        assert_eq!(&*shown("sqlite:///data/tagdeck.db"), "sqlite:///data/tagdeck.db");
        assert_eq!(&*shown("postgres://:pw@h/d"), "postgres://@h/d");
    }

    #[tokio::test]
    async fn a_folder_in_which_a_file_cannot_even_be_read_is_told_as_such() {
        use sqlx::{Connection, Executor, SqliteConnection};
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        conn.execute("PRAGMA query_only = 1").await.unwrap();
        let refused = conn.execute("CREATE TABLE t (x)").await.unwrap_err();
        let told = StoreError::open(&shown("sqlite:///data/tagdeck.db"), refused).to_string();
        assert!(told.contains("this user may not write in that folder; check the address, the rights"), "{told}");
    }

    #[test]
    fn only_what_may_pass_by_itself_is_transient() {
        assert!(StoreError::Locked { doing: "claim jobs" }.is_transient());
        assert!(!StoreError::ReadOnly { doing: "claim jobs" }.is_transient());
        assert!(StoreError::query("claim jobs", sqlx::Error::PoolTimedOut).is_transient());
        assert!(!StoreError::query("claim jobs", sqlx::Error::RowNotFound).is_transient());
    }
}
