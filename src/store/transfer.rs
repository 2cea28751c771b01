//! Copies a whole database into another one of either kind, in one transaction, and compares what has arrived with what was read.
//! It works on no running engine's database, and it moves no file: images and stored documents stay where they are.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::direct::{Direct, Kind, kind};
use super::error::shown;
use super::legacy;
use super::{Access, StoreError, stamp};
use crate::text::{Safe, hex};

/// Rows read and written at once: documents may hold a megabyte each.
const ROWS: usize = 200;

/// How a column is carried over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cast {
    /// BIGINT or INTEGER.
    Int,
    /// BOOLEAN, which SQLite keeps as 0 and 1.
    Flag,
    /// TEXT.
    Text,
    /// TEXT in SQLite, JSON in PostgreSQL.
    Json,
    /// Text in SQLite, TIMESTAMP in PostgreSQL.
    Stamp,
    /// BLOB or BYTEA, carried as hex.
    Bytes,
}
use Cast::{Bytes, Flag, Int, Json, Stamp, Text};

/// One table to copy.
struct Table {
    name: &'static str,
    /// Its rows have a number of their own, `id`, by which they are read in pages.
    by_id: bool,
    /// The bot's: there may be columns more, or fewer.
    legacy: bool,
    columns: &'static [(&'static str, Cast)],
}

/// In the order in which they are written.
const TABLES: &[Table] = &[
    Table {
        name: "users",
        by_id: true,
        legacy: true,
        columns: &[("id", Int), ("telegram_id", Int), ("username", Text), ("created_at", Stamp)],
    },
    Table {
        name: "channels",
        by_id: true,
        legacy: true,
        columns: &[("id", Int), ("channel_username", Text), ("channel_id", Int), ("channel_title", Text)],
    },
    Table {
        name: "user_channel",
        by_id: false,
        legacy: true,
        columns: &[("user_id", Int), ("channel_id", Int), ("is_active", Flag)],
    },
    Table {
        name: "posts",
        by_id: true,
        legacy: true,
        columns: &[
            ("id", Int),
            ("user_id", Int),
            ("channel_id", Int),
            ("telegram_message_id", Int),
            ("text", Text),
            ("views", Int),
            ("url", Text),
            ("posted_at", Stamp),
            ("parsed_at", Stamp),
            ("tags", Json),
            ("enriched_content", Text),
            ("tagging_status", Text),
            ("tagging_attempts", Int),
            ("last_tagging_attempt", Stamp),
            ("tagging_error", Text),
        ],
    },
    Table {
        name: "images",
        by_id: true,
        legacy: false,
        columns: &[("id", Int), ("post_id", Int), ("path", Text), ("created_at", Int)],
    },
    Table {
        name: "documents",
        by_id: true,
        legacy: false,
        columns: &[
            ("id", Int),
            ("image_id", Int),
            ("sha256", Text),
            ("text", Text),
            ("markdown", Text),
            ("json", Text),
            ("created_at", Int),
        ],
    },
    Table {
        name: "outputs",
        by_id: true,
        legacy: false,
        columns: &[
            ("id", Int),
            ("sha256", Text),
            ("source", Text),
            ("key", Text),
            ("bytes", Int),
            ("state", Text),
            ("place", Text),
            ("md_sha256", Text),
            ("json_sha256", Text),
            ("created_at", Int),
            ("stored_at", Int),
        ],
    },
    Table {
        name: "jobs",
        by_id: true,
        legacy: false,
        columns: &[
            ("id", Int),
            ("kind", Text),
            ("ref_id", Int),
            ("user_id", Int),
            ("channel_id", Int),
            ("state", Text),
            ("visible_at", Int),
            ("attempts", Int),
            ("max_attempts", Int),
            ("crashes", Int),
            ("fence", Int),
            ("owner", Text),
            ("cancel", Int),
            ("priority", Int),
            ("error_class", Text),
            ("error", Text),
            ("created_at", Int),
            ("updated_at", Int),
            ("model", Text),
        ],
    },
    Table {
        name: "job_calls",
        by_id: true,
        legacy: false,
        columns: &[
            ("id", Int),
            ("job_id", Int),
            ("post_id", Int),
            ("worker", Text),
            ("pass", Int),
            ("provider", Text),
            ("model", Text),
            ("day", Int),
            ("reserved_micros", Int),
            ("sent_at", Int),
            ("ended_at", Int),
            ("outcome", Text),
            ("http_status", Int),
            ("elapsed_ms", Int),
            ("prompt_tokens", Int),
            ("completion_tokens", Int),
            ("cost_micros", Int),
            ("request_id", Text),
            ("reason", Text),
            ("body", Bytes),
            ("why", Text),
            ("headers", Text),
        ],
    },
    Table {
        name: "usage",
        by_id: false,
        legacy: false,
        columns: &[("provider", Text), ("day", Int), ("calls", Int), ("spent_micros", Int)],
    },
    Table {
        name: "models",
        by_id: false,
        legacy: false,
        columns: &[
            ("provider", Text),
            ("model", Text),
            ("format", Text),
            ("breaker", Text),
            ("off_reason", Text),
            ("updated_at", Int),
        ],
    },
    Table {
        name: "pauses",
        by_id: false,
        legacy: false,
        columns: &[("scope", Text), ("until_at", Int), ("reason", Text), ("created_at", Int)],
    },
];

/// One table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: &'static str,
    /// Rows.
    pub rows: u64,
    /// SHA-256 over all rows in their order, lower-case hex: the same in both databases.
    pub sha256: String,
    /// Columns of the bot's own that tagdeck does not know; they were not copied.
    pub left_out: Vec<String>,
}

/// Copies everything; `told` hears of each table how many rows have been written so far.
///
/// All or nothing: until the last comparison succeeds the other database holds none of it.
pub(super) async fn copy(
    from: &str,
    to: &str,
    told: &mut (dyn FnMut(&'static str, u64) + Send),
) -> Result<Vec<Copied>, StoreError> {
    legacy::require_current(from).await?;
    if !legacy::is_missing_file(to)? {
        let mut there = Direct::open(to, Access::ReadOnly).await?;
        let empty = is_empty(&mut there).await;
        there.close().await;
        if !empty? {
            return Err(StoreError::NotEmpty { url: shown(to) });
        }
    }
    legacy::create(to).await?;
    let (mut source, mut target) = (Direct::open(from, Access::ReadOnly).await?, Direct::open(to, Access::ReadWrite).await?);
    let done = async {
        // One moment of the source, whatever is written there meanwhile.
        source
            .script(if kind(from)? == Kind::Sqlite { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" })
            .await?;
        source.refuse_engines().await?;
        target.script(if kind(to)? == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await?;
        if !is_empty(&mut target).await? {
            return Err(StoreError::NotEmpty { url: shown(to) });
        }
        let mut copied = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            copied.push(copy_table(table, (&mut source, kind(from)?), (&mut target, kind(to)?), told).await?);
        }
        target.script("DELETE FROM newcomers WHERE post_id IN (SELECT ref_id FROM jobs WHERE kind = 'tag')").await?;
        target.script("COMMIT").await?;
        Ok(copied)
    }
    .await;
    // Closed without a commit, neither keeps anything.
    source.close().await;
    target.close().await;
    done
}

async fn is_empty(direct: &mut Direct) -> Result<bool, StoreError> {
    let tables = direct.tables().await?;
    for table in ["posts", "jobs", "users"].iter().filter(|table| tables.iter().any(|there| there == *table)) {
        if !direct.texts(&format!("SELECT 'one' FROM {table} LIMIT 1")).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn copy_table(
    table: &Table,
    (source, from): (&mut Direct, Kind),
    (target, to): (&mut Direct, Kind),
    told: &mut (dyn FnMut(&'static str, u64) + Send),
) -> Result<Copied, StoreError> {
    let there = source.columns(table.name).await?;
    let columns: Vec<(&str, Cast)> =
        table.columns.iter().copied().filter(|(name, _)| !table.legacy || there.iter().any(|column| column == name)).collect();
    let left_out = there.into_iter().filter(|name| !table.columns.iter().any(|(known, _)| known == name)).collect();
    let (mut pages, mut read, mut rows) = (Pages::of(table, &columns, from), Sha256::new(), 0);
    let insert = insert(table.name, &columns, to);
    while let Some(page) = pages.next(source).await? {
        digest(&page, &mut read);
        rows += page.len() as u64;
        target.insert(&insert, &Value::Array(page).to_string()).await.map_err(|error| named(table.name, error))?;
        told(table.name, rows);
    }
    let (mut pages, mut written, mut arrived) = (Pages::of(table, &columns, to), Sha256::new(), 0);
    while let Some(page) = pages.next(target).await? {
        digest(&page, &mut written);
        arrived += page.len() as u64;
    }
    let (read, written) = (hex(&read.finalize()), hex(&written.finalize()));
    if rows != arrived {
        return Err(StoreError::Differs {
            table: table.name,
            why: Safe::line(&format!("rows read: {rows}, arrived: {arrived}")),
        });
    }
    if read != written {
        return Err(StoreError::Differs { table: table.name, why: Safe::fixed("same rows, another hash") });
    }
    if table.by_id && to == Kind::Postgres {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM {0}), false)",
            table.name
        );
        target.script(&next).await?;
    }
    Ok(Copied { table: table.name, rows, sha256: read, left_out })
}

/// Which table would not take a row.
fn named(table: &'static str, error: StoreError) -> StoreError {
    match error {
        StoreError::Query { cause, .. } => StoreError::Differs { table, why: cause },
        other => other,
    }
}

fn digest(page: &[Value], hash: &mut Sha256) {
    for row in page {
        hash.update(row.to_string());
        hash.update(b"\n");
    }
}

/// Reads a table in its order, a page at a time.
struct Pages {
    text: String,
    stamps: Vec<usize>,
    by_id: bool,
    after: i64,
    ended: bool,
}

impl Pages {
    fn of(table: &Table, columns: &[(&str, Cast)], kind: Kind) -> Self {
        let cells: Vec<String> = columns.iter().map(|(name, cast)| cell(name, *cast, kind)).collect();
        let make = if kind == Kind::Sqlite { "json_array" } else { "json_build_array" };
        let row = format!("CAST({make}({}) AS TEXT)", cells.join(", "));
        let name = table.name;
        let text = if table.by_id {
            format!("SELECT {row} FROM {name} WHERE id > $1 ORDER BY id LIMIT {ROWS}")
        } else {
            // These are small: a row a model, a provider's day, a pause, a user's channel. Bytes order them alike in both databases.
            let collate = if kind == Kind::Sqlite { "" } else { " COLLATE \"C\"" };
            let order: Vec<String> = columns
                .iter()
                .map(|(name, cast)| if *cast == Text { format!("{name}{collate}") } else { (*name).to_owned() })
                .collect();
            format!("SELECT {row} FROM {name} ORDER BY {}", order.join(", "))
        };
        let stamps = columns.iter().enumerate().filter(|(_, (_, cast))| *cast == Stamp).map(|(at, _)| at).collect();
        Self { text, stamps, by_id: table.by_id, after: i64::MIN, ended: false }
    }

    /// The next rows, each an array of its columns; `None` at the end.
    async fn next(&mut self, direct: &mut Direct) -> Result<Option<Vec<Value>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let texts = if self.by_id { direct.texts_after(&self.text, self.after).await? } else { direct.texts(&self.text).await? };
        self.ended = !self.by_id || texts.len() < ROWS;
        let mut rows = Vec::with_capacity(texts.len());
        for text in texts {
            let mut row: Value = serde_json::from_str(&text)
                .map_err(|error| StoreError::shape("read a row", &format!("it is no JSON: {error}")))?;
            for at in &self.stamps {
                if let Some(Value::String(time)) = row.get_mut(*at) {
                    *time = even(time);
                }
            }
            rows.push(row);
        }
        if let Some(last) = rows.last() {
            self.after = last.get(0).and_then(Value::as_i64).unwrap_or(i64::MAX);
        }
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// A time as PostgreSQL would give it back: UTC, six digits of a second. What is no time stays as it is.
fn even(time: &str) -> String {
    let digits = time.split_once('.').map_or("", |(_, fraction)| fraction);
    if time.len() == 26 && digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Microseconds are more than epoch milliseconds could carry.
        return time.replacen('T', " ", 1);
    }
    stamp::read(time).and_then(stamp::written).unwrap_or_else(|| time.to_owned())
}

/// A column as it is read into JSON.
fn cell(name: &str, cast: Cast, kind: Kind) -> String {
    match (cast, kind) {
        (Int, _) | (Text, Kind::Sqlite) => name.to_owned(),
        (Flag, _) => format!("CAST({name} AS INTEGER)"),
        (Json, _) | (Text, Kind::Postgres) | (Stamp, Kind::Sqlite) => format!("CAST({name} AS TEXT)"),
        (Stamp, Kind::Postgres) => format!("to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')"),
        (Bytes, Kind::Sqlite) => format!("CASE WHEN {name} IS NULL THEN NULL ELSE lower(hex({name})) END"),
        (Bytes, Kind::Postgres) => format!("encode({name}, 'hex')"),
    }
}

/// The statement that writes a page: `$1` is a JSON array of rows.
fn insert(table: &str, columns: &[(&str, Cast)], kind: Kind) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (_, cast))| match (kind, cast) {
            (Kind::Sqlite, Bytes) => format!("unhex(json_extract(value, '$[{at}]'))"),
            (Kind::Sqlite, _) => format!("json_extract(value, '$[{at}]')"),
            (Kind::Postgres, Int) => format!("CAST(value->>{at} AS BIGINT)"),
            (Kind::Postgres, Flag) => format!("CAST(CAST(value->>{at} AS INTEGER) AS BOOLEAN)"),
            (Kind::Postgres, Text) => format!("value->>{at}"),
            (Kind::Postgres, Json) => format!("CAST(value->>{at} AS JSON)"),
            (Kind::Postgres, Stamp) => format!("CAST(value->>{at} AS TIMESTAMP)"),
            (Kind::Postgres, Bytes) => format!("decode(value->>{at}, 'hex')"),
        })
        .collect();
    let rows = if kind == Kind::Sqlite { "json_each($1)" } else { "json_array_elements(CAST($1 AS JSON))" };
    format!("INSERT INTO {table} ({}) SELECT {} FROM {rows}", names.join(", "), values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// What the triggers of the new database fill, and who is at work now and says what.
    const NOT_COPIED: [&str; 5] = ["counters", "newcomers", "workers", "events", "probes"];

    #[tokio::test]
    async fn no_table_and_no_column_of_ours_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let _store = Store::open(&url, Access::ReadWrite).await.unwrap();
        let mut direct = Direct::open(&url, Access::ReadOnly).await.unwrap();
        for name in direct.tables().await.unwrap() {
            if name.starts_with("sqlite_") || name == legacy::VERSIONS || direct.is_view(&name).await.unwrap() {
                continue;
            }
            let Some(table) = TABLES.iter().find(|table| table.name == name) else {
                assert!(NOT_COPIED.contains(&name.as_str()), "the table {name} is neither copied nor named as not copied");
                continue;
            };
            let mut there = direct.columns(&name).await.unwrap();
            let mut copied: Vec<String> = table.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            there.sort_unstable();
            copied.sort_unstable();
            assert_eq!(copied, there, "columns of {name}");
        }
    }

    #[test]
    fn times_are_compared_as_both_databases_give_them() {
        assert_eq!(even("2024-03-01 10:20:30.123456"), "2024-03-01 10:20:30.123456");
        assert_eq!(even("2024-03-01T10:20:30"), "2024-03-01 10:20:30.000000");
        assert_eq!(even("2024-03-01 13:20:30.5+03"), "2024-03-01 10:20:30.500000");
        assert_eq!(even("вчера"), "вчера");
    }
}
