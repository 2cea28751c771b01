//! What a database is (ours, a bot's, empty), and attaching to a bot's: adding what is missing and nothing else.
//! It rewrites no row of the bot's; what its columns mean is read rightly instead (LEGACY.md).

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::migrate::{MigrateError, Migrator};

use super::base::work;
use super::direct::{Direct, Kind, kind, names};
use super::error::shown;
use super::link::{Link, args};
use super::{Access, Plan, Store, StoreError, sql, sqlite};
use crate::config::Tagging;
use crate::domain::StatusCounts;
use crate::text::{Safe, counted, grouped};

/// Where the versions of our tables are kept: a bot may have `_sqlx_migrations` or `alembic_version` of its own.
pub(super) const VERSIONS: &str = "_tagdeck_migrations";
/// What attaching has added to a bot's database, for `undo`: `column NAME`, `table NAME`, `wal`. Only a bot's database has it.
pub(super) const ADDED: &str = "tagdeck_added";
/// Tables of our own; the bot's four are made only where they are missing.
pub(super) const OURS: [&str; 14] = [
    "jobs",
    "job_calls",
    "images",
    "documents",
    "outputs",
    "counters",
    "newcomers",
    "usage",
    "models",
    "probes",
    "pauses",
    "workers",
    "events",
    "tagdeck_post_keys",
];
const BOTS: [&str; 3] = ["users", "channels", "user_channel"];
/// The columns that the bot's own migration adds.
const COLUMNS: [(&str, &str, &str); 4] = [
    ("tagging_status", "VARCHAR DEFAULT 'pending'", "VARCHAR DEFAULT 'pending'"),
    ("tagging_attempts", "INTEGER DEFAULT 0", "INTEGER DEFAULT 0"),
    ("last_tagging_attempt", "DATETIME", "TIMESTAMP"),
    ("tagging_error", "TEXT", "TEXT"),
];

/// A bot's database that was not attached.
#[derive(Clone, Debug)]
pub(super) struct Bot {
    missing: Vec<usize>,
    tables: Vec<String>,
}

impl Bot {
    /// True when its tagging columns are there.
    pub(super) fn has_status(&self) -> bool {
        !self.missing.iter().any(|column| *column < 2)
    }
}

/// What a database is.
enum Shape {
    /// Nothing of ours nor of a bot's.
    Blank { tables: Vec<String> },
    /// With our tables, of this version; if that is newer than ours, whether only in ways that need not concern us.
    Ours { version: i64, fits: bool },
    /// A bot's.
    Bots(Bot),
}

/// An address as both the bot's settings and ours may write it: without SQLAlchemy's driver.
pub(super) fn plain(url: &str) -> String {
    let url = url.trim();
    match url.split_once("://") {
        Some((scheme, rest)) => match scheme.split_once('+') {
            Some(("postgresql" | "postgres", _)) => format!("postgres://{rest}"),
            _ => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

impl Direct {
    async fn shape(&mut self) -> Result<Shape, StoreError> {
        let newest = newest(self.kind());
        let mut link = self.link();
        let tables = names(&mut link, &sql::TABLES).await?;
        if tables.iter().any(|table| table == VERSIONS) {
            let version = link.int(&sql::APPLIED, args![]).await?.unwrap_or_default();
            let strange = link.int(&sql::STRANGE, args![newest]).await?.unwrap_or_default();
            return Ok(Shape::Ours { version, fits: strange == 0 });
        }
        if !tables.iter().any(|table| table == "posts") {
            return Ok(Shape::Blank { tables });
        }
        let columns = names(&mut link, &sql::COLUMNS).await?;
        let missing = (0..COLUMNS.len()).filter(|at| !columns.iter().any(|name| name == COLUMNS[*at].0)).collect();
        Ok(Shape::Bots(Bot { missing, tables }))
    }

    /// Refuses tables of a newer version, even of one that this one can work on.
    pub(super) async fn refuse_newer(&mut self, url: &str) -> Result<(), StoreError> {
        match self.shape().await? {
            Shape::Ours { version, .. } if version > newest(self.kind()) => Err(StoreError::Newer { url: shown(url) }),
            _ => Ok(()),
        }
    }

    async fn add_column(&mut self, at: usize) -> Result<(), StoreError> {
        let (name, in_sqlite, in_postgres) = COLUMNS[at];
        let done = match self {
            Self::Sqlite(conn) => sqlx::query(AssertSqlSafe(format!("ALTER TABLE posts ADD COLUMN {name} {in_sqlite}")))
                .execute(conn)
                .await
                .map(drop),
            Self::Postgres(conn) => {
                let text = format!("ALTER TABLE posts ADD COLUMN IF NOT EXISTS {name} {in_postgres}");
                sqlx::query(AssertSqlSafe(text)).execute(conn).await.map(drop)
            }
        };
        done.map_err(|error| StoreError::query("add a column to posts", error))
    }

    async fn run_migrations(&mut self) -> Result<(), MigrateError> {
        let migrator = migrator(self.kind());
        match self {
            Self::Sqlite(conn) => migrator.run(conn).await,
            Self::Postgres(conn) => migrator.run(conn).await,
        }
    }
}

/// A migration whose name ends in `_additive` promises that a program which does not know it goes on working: it adds tables, and
/// columns that may stay empty, and nothing that is read or written before means anything else after it.
fn migrator(kind: Kind) -> Migrator {
    let mut migrator = match kind {
        Kind::Sqlite => sqlx::migrate!("src/store/migrations/sqlite"),
        Kind::Postgres => sqlx::migrate!("src/store/migrations/postgres"),
    };
    migrator.dangerous_set_table_name(Cow::Borrowed(VERSIONS));
    migrator
}

fn newest(kind: Kind) -> i64 {
    migrator(kind).iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// True when an address names a file that is not there.
pub(super) fn is_missing_file(url: &str) -> Result<bool, StoreError> {
    Ok(kind(url)? == Kind::Sqlite && !sqlite::path(url)?.exists())
}

/// Makes a database ready to be opened; says whether it is a bot's, to be read only.
pub(super) async fn prepare(url: &str, access: Access) -> Result<Option<Bot>, StoreError> {
    let shape = if is_missing_file(url)? {
        Shape::Blank { tables: Vec::new() }
    } else {
        // For reading: to look at a bot's file must not turn on WAL in it.
        let mut direct = Direct::open(url, Access::ReadOnly).await?;
        let shape = direct.shape().await;
        direct.close().await;
        shape?
    };
    let newest = newest(kind(url)?);
    match (shape, access) {
        (Shape::Bots(bot), Access::ReadOnly) => Ok(Some(bot)),
        (Shape::Bots(_), Access::ReadWrite) => Err(StoreError::NotAttached { url: shown(url) }),
        (Shape::Blank { .. }, Access::ReadOnly) => Err(StoreError::Empty { url: shown(url) }),
        (Shape::Blank { tables }, Access::ReadWrite) => {
            check_names(url, &tables)?;
            create(url).await.map(|()| None)
        }
        // While a fleet is brought up to a new version, its older workers go on.
        (Shape::Ours { version, fits }, _) if version > newest => {
            if fits {
                Ok(None)
            } else {
                Err(StoreError::Newer { url: shown(url) })
            }
        }
        (Shape::Ours { version, .. }, _) if version == newest => Ok(None),
        (Shape::Ours { .. }, Access::ReadOnly) => Err(StoreError::Outdated { url: shown(url) }),
        (Shape::Ours { .. }, Access::ReadWrite) => create(url).await.map(|()| None),
    }
}

/// Refuses a database that is not ours in the version of now: what a newer version keeps, this one would leave behind.
pub(super) async fn require_current(url: &str) -> Result<(), StoreError> {
    if !is_missing_file(url)? {
        let mut direct = Direct::open(url, Access::ReadOnly).await?;
        let checked = direct.refuse_newer(url).await;
        direct.close().await;
        checked?;
    }
    match prepare(url, Access::ReadOnly).await? {
        None => Ok(()),
        Some(_) => Err(StoreError::NotAttached { url: shown(url) }),
    }
}

/// Creates our tables, or brings them up to date.
pub(super) async fn create(url: &str) -> Result<(), StoreError> {
    if kind(url)? == Kind::Sqlite {
        let path = sqlite::path(url)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Open {
                url: shown(url),
                cause: Safe::line(&format!("its folder could not be made: {error}")).clipped(300),
            })?;
        }
    }
    let mut direct = Direct::open(url, Access::ReadWrite).await?;
    let mut done = direct.run_migrations().await;
    // Programs that open one new file at once: whoever comes second with a step fails at it, finds it made, and goes on with the next.
    for _ in 0..newest(kind(url)?) {
        if done.is_ok() {
            break;
        }
        done = direct.run_migrations().await;
    }
    direct.close().await;
    done.map_err(|error| StoreError::migrate(&shown(url), &error))
}

fn check_names(url: &str, tables: &[String]) -> Result<(), StoreError> {
    match OURS.into_iter().find(|ours| tables.iter().any(|table| table == ours)) {
        Some(table) => Err(StoreError::NameTaken { url: shown(url), table }),
        None => Ok(()),
    }
}

/// What attaching would do.
pub(super) async fn plan(url: &str) -> Result<Plan, StoreError> {
    if is_missing_file(url)? {
        return Ok(Plan { steps: vec!["create the database file and its tables".to_owned()] });
    }
    let mut direct = Direct::open(url, Access::ReadOnly).await?;
    let shape = direct.shape().await;
    let steps = match shape {
        Err(error) => Err(error),
        Ok(Shape::Blank { tables }) => check_names(url, &tables).map(|()| vec!["create the tables".to_owned()]),
        Ok(Shape::Ours { version, .. }) => steps_for_ours(url, &mut direct.link(), version).await,
        Ok(Shape::Bots(bot)) => match check_names(url, &bot.tables) {
            Ok(()) => steps_for_bot(url, &mut direct.link(), &bot).await,
            Err(error) => Err(error),
        },
    };
    direct.close().await;
    steps.map(|steps| Plan { steps })
}

async fn steps_for_ours(url: &str, link: &mut Link<'_>, version: i64) -> Result<Vec<String>, StoreError> {
    let newest = newest(kind(url)?);
    if version > newest {
        return Err(StoreError::Newer { url: shown(url) });
    }
    let mut steps = Vec::new();
    if version < newest {
        steps.push(format!("bring the tables from version {version} to {newest}"));
    }
    let jobless = link.int(&sql::COUNT_JOBLESS, args![]).await?.unwrap_or_default();
    if jobless > 0 {
        steps.push(format!("make jobs for {} none", counted(jobless, "post that has", "posts that have")));
    }
    if link.int(&sql::RECOUNT, args![]).await?.unwrap_or_default() > 0 {
        steps.push("count all posts anew: the counters do not agree with them".to_owned());
    }
    Ok(steps)
}

async fn steps_for_bot(url: &str, link: &mut Link<'_>, bot: &Bot) -> Result<Vec<String>, StoreError> {
    let sqlite = kind(url)? == Kind::Sqlite;
    let mut steps = Vec::new();
    for at in &bot.missing {
        let (name, in_sqlite, in_postgres) = COLUMNS[*at];
        steps.push(format!("add the column posts.{name} {}", if sqlite { in_sqlite } else { in_postgres }));
    }
    for table in BOTS {
        if !bot.tables.iter().any(|there| there == table) {
            steps.push(format!("create the table {table}, which the bot's database lacks"));
        }
    }
    steps.push(format!("create tagdeck's own tables: {VERSIONS}, {}", OURS[..OURS.len() - 1].join(", ")));
    steps.push(
        "create triggers on posts, which keep the counts and notice new posts, and three indexes on posts and channels"
            .to_owned(),
    );
    if sqlite {
        steps.push("switch the file to write-ahead logging, so that the bot and tagdeck do not lock each other out".to_owned());
    }
    let rows = if bot.has_status() {
        link.rows(&sql::BOT_STATS, args![None::<i64>]).await?
    } else {
        link.rows(&sql::BOT_STATS_BARE, args![None::<i64>]).await?
    };
    let counts = super::stats::counts(&rows)?;
    steps.push(format!(
        "make jobs for {}, leaving posts as they are: {}",
        counted(super::posts::total(&counts), "post", "posts"),
        in_words(&counts)
    ));
    Ok(steps)
}

fn in_words(counts: &StatusCounts) -> String {
    [
        (counts.success, "success"),
        (counts.pending, "pending"),
        (counts.retrying, "retrying"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.no_status, "without a status"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", grouped(count)))
    .collect::<Vec<_>>()
    .join(", ")
}

/// Attaches, or brings up to date.
pub(super) async fn migrate(url: &str) -> Result<Plan, StoreError> {
    let plan = plan(url).await?;
    if !is_missing_file(url)? {
        let mut direct = Direct::open(url, Access::ReadOnly).await?;
        let shape = direct.shape().await;
        direct.close().await;
        if let Shape::Bots(bot) = shape? {
            attach(url, &bot).await?;
        }
    }
    create(url).await?;
    let store = Store::open(url, Access::ReadWrite).await?;
    store.base.write(sql::RECOUNT.doing, Mend).await?;
    store.adopt(Tagging::default().max_attempts).await?;
    Ok(plan)
}

/// Adds the columns that a bot's table lacks. What is added is noted first: a crash in between must not make it the bot's own.
async fn attach(url: &str, bot: &Bot) -> Result<(), StoreError> {
    let mut reading = Direct::open(url, Access::ReadOnly).await?;
    let had_wal = reading.has_wal().await;
    reading.close().await;
    let mut direct = Direct::open(url, Access::ReadWrite).await?;
    direct.script(&format!("CREATE TABLE IF NOT EXISTS {ADDED} (what TEXT PRIMARY KEY)")).await?;
    let columns = bot.missing.iter().map(|at| format!("column {}", COLUMNS[*at].0));
    let tables =
        BOTS.iter().filter(|table| !bot.tables.iter().any(|there| there == *table)).map(|table| format!("table {table}"));
    let wal = (!had_wal?).then(|| "wal".to_owned());
    for what in columns.chain(tables).chain(wal) {
        direct.script(&format!("INSERT INTO {ADDED} (what) VALUES ('{what}') ON CONFLICT (what) DO NOTHING")).await?;
    }
    for at in &bot.missing {
        direct.add_column(*at).await?;
    }
    direct.close().await;
    Ok(())
}

/// Finds posts without a job that no trigger reported, and counts anew if the counters went astray.
struct Mend;

work!(Mend => (), |_me, link| {
    link.run(&sql::JOBLESS, args![]).await?;
    if link.int(&sql::RECOUNT, args![]).await?.unwrap_or_default() > 0 {
        link.run(&sql::CLEAR_COUNTERS, args![]).await?;
        link.run(&sql::FILL_COUNTERS, args![]).await?;
    }
    Ok(())
});
