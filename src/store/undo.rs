//! Takes everything of tagdeck's out of a bot's database again: the reverse of attaching.
//! It touches no row of the bot's; of its tables only columns that attaching has added go.

use super::direct::{Direct, Kind, kind};
use super::legacy::{ADDED, OURS, VERSIONS};
use super::{Access, Plan, StoreError};
use crate::text::grouped;

/// Names of our own beside the tables, in the order in which they can go: what is named last is used by what is named first.
const IN_SQLITE: [(&str, &str); 3] = [
    ("TRIGGER", "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 8) = 'tagdeck_'"),
    ("VIEW", "SELECT name FROM sqlite_master WHERE type = 'view' AND substr(name, 1, 8) = 'tagdeck_'"),
    ("INDEX", "SELECT name FROM sqlite_master WHERE type = 'index' AND substr(name, 1, 8) = 'tagdeck_' AND sql IS NOT NULL"),
];
const IN_POSTGRES: [(&str, &str); 4] = [
    (
        "TRIGGER",
        "SELECT DISTINCT trigger_name || ' ON ' || event_object_table FROM information_schema.triggers \
         WHERE trigger_schema = current_schema() AND left(trigger_name, 8) = 'tagdeck_'",
    ),
    (
        "VIEW",
        "SELECT CAST(table_name AS TEXT) FROM information_schema.views WHERE table_schema = current_schema() AND left(table_name, 8) = 'tagdeck_'",
    ),
    (
        "FUNCTION",
        "SELECT CAST(CAST(p.oid AS regprocedure) AS TEXT) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname = current_schema() AND left(p.proname, 8) = 'tagdeck_'",
    ),
    (
        "INDEX",
        "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = current_schema() AND left(indexname, 8) = 'tagdeck_' \
         AND left(tablename, 8) <> 'tagdeck_'",
    ),
];

/// What `undo` would take away.
struct Undoing {
    plan: Plan,
    statements: Vec<String>,
    /// The file goes back to a rollback journal.
    gives_up_wal: bool,
}

/// What would go, without doing it.
pub(super) async fn plan(url: &str) -> Result<Plan, StoreError> {
    let mut direct = Direct::open(url, Access::ReadOnly).await?;
    let undoing = undoing(url, &mut direct).await;
    direct.close().await;
    Ok(undoing?.plan)
}

/// Does it, whole or not at all.
pub(super) async fn undo(url: &str) -> Result<Plan, StoreError> {
    let mut direct = Direct::open(url, Access::ReadWrite).await?;
    let done = take_out(url, &mut direct).await;
    direct.close().await;
    done
}

async fn take_out(url: &str, direct: &mut Direct) -> Result<Plan, StoreError> {
    direct.script(if kind(url)? == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await?;
    let mut undoing = match undoing(url, direct).await {
        Ok(undoing) => undoing,
        Err(error) => return Err(roll_back(direct, error).await),
    };
    for statement in &undoing.statements {
        if let Err(error) = direct.script(statement).await {
            return Err(roll_back(direct, error).await);
        }
    }
    direct.script("COMMIT").await?;
    if undoing.gives_up_wal && direct.script("PRAGMA journal_mode = DELETE").await.is_err() {
        // Whoever has the file open works on in this mode as well as before.
        undoing.plan.steps.pop();
        undoing.plan.steps.push("leave the file in write-ahead logging, since another program has it open".to_owned());
    }
    Ok(undoing.plan)
}

/// The cause counts, not whether the connection, which is closed next, could still be told.
async fn roll_back(direct: &mut Direct, error: StoreError) -> StoreError {
    let _ = direct.script("ROLLBACK").await;
    error
}

async fn undoing(url: &str, direct: &mut Direct) -> Result<Undoing, StoreError> {
    let sqlite = kind(url)? == Kind::Sqlite;
    let tables = direct.tables().await?;
    let there = |table: &str| tables.iter().any(|name| name == table);
    if !there(ADDED) {
        return Err(StoreError::NothingToUndo { url: super::error::shown(url), ours: there(VERSIONS) });
    }
    direct.refuse_newer(url).await?;
    if there("workers") {
        direct.refuse_engines().await?;
    }
    let added = direct.texts(&format!("SELECT what FROM {ADDED} ORDER BY what")).await?;
    let named: &[(&str, &str)] = if sqlite { &IN_SQLITE } else { &IN_POSTGRES };
    let (mut statements, mut steps) = (Vec::new(), Vec::new());
    for (what, names) in named {
        let names = direct.texts(names).await?;
        if !names.is_empty() {
            steps.push(format!("remove the {} {}", plural(what), names.join(", ")));
        }
        statements.extend(names.iter().map(|name| format!("DROP {what} {name}")));
    }
    let mut held = Vec::new();
    for table in OURS.into_iter().chain([VERSIONS, ADDED]).filter(|table| there(table)) {
        if direct.is_view(table).await? {
            continue;
        }
        if let Some(what) = worth_a_word(table) {
            let rows = direct.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await?;
            let rows: i64 = rows.first().and_then(|count| count.parse().ok()).unwrap_or_default();
            held.push(format!("{} {what}", grouped(rows)));
        }
        statements.push(format!("DROP TABLE {table}"));
    }
    steps.push(format!("remove tagdeck's own tables and with them {}", held.join(", ")));
    for what in &added {
        if let Some(column) = what.strip_prefix("column ") {
            steps.push(format!("remove the column posts.{column}, which tagdeck has added"));
            statements.push(format!("ALTER TABLE posts DROP COLUMN {column}"));
        } else if let Some(table) = what.strip_prefix("table ") {
            steps.push(format!("remove the table {table}, which tagdeck has added"));
            statements.push(format!("DROP TABLE IF EXISTS {table}"));
        }
    }
    let gives_up_wal = sqlite && added.iter().any(|what| what == "wal");
    if gives_up_wal {
        steps.push("switch the file back from write-ahead logging".to_owned());
    }
    Ok(Undoing { plan: Plan { steps }, statements, gives_up_wal })
}

/// What a person loses with a table, where that is more than bookkeeping.
fn worth_a_word(table: &str) -> Option<&'static str> {
    match table {
        "documents" => Some("documents"),
        "job_calls" => Some("recorded calls"),
        "images" => Some("images"),
        _ => None,
    }
}

fn plural(what: &str) -> String {
    if what == "INDEX" { "indexes".to_owned() } else { format!("{}s", what.to_lowercase()) }
}
