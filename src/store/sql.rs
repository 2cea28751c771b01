//! Every statement of the store, one text for both databases, and the few pieces in which they differ.
//! It runs nothing. A test prepares each statement on SQLite and on PostgreSQL.

mod calls;
mod fleet;
mod hand;
mod images;
mod import;
mod outputs;
mod posts;

pub(crate) use calls::*;
pub(crate) use fleet::*;
pub(crate) use hand::*;
pub(crate) use images::*;
pub(crate) use import::*;
pub(crate) use outputs::*;
pub(crate) use posts::*;

/// One statement.
#[derive(Debug)]
pub(crate) struct Sql {
    /// What it is for, in words that follow "trying to".
    pub(crate) doing: &'static str,
    /// For SQLite.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL.
    pub(crate) postgres: &'static str,
}

/// What differs. Quoted text is the same in both.
macro_rules! piece {
    ($db:ident, $text:literal) => { $text };
    // Database time, epoch milliseconds. Not `clock_timestamp()`: it is volatile, and no index could be used for a comparison with it.
    (sqlite, now) => { "CAST(unixepoch('subsec') * 1000 AS INTEGER)" };
    (postgres, now) => { "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)" };
    // Database time as the legacy columns hold it: UTC, microseconds.
    (sqlite, wall) => { "strftime('%Y-%m-%d %H:%M:%f000', 'now')" };
    (postgres, wall) => { "statement_timestamp()" };
    // The whole days since 1970 of the database's clock.
    (sqlite, today) => { "(CAST(unixepoch() AS INTEGER) / 86400)" };
    (postgres, today) => { "(CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp())) AS BIGINT) / 86400)" };
    (sqlite, skip_locked) => { "" };
    (postgres, skip_locked) => { " FOR UPDATE SKIP LOCKED" };
    (sqlite, import_lock) => { "SELECT 1" };
    (postgres, import_lock) => { "SELECT 1 FROM (SELECT pg_advisory_xact_lock(8386658438741223)) locked" };
    (sqlite, event_lock) => { "SELECT 1" };
    (postgres, event_lock) => { "SELECT 1 FROM (SELECT pg_advisory_xact_lock(8386658438741224)) locked" };
    (sqlite, tables) => { "sqlite_master WHERE type IN ('table', 'view')" };
    (postgres, tables) => {
        "(SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = current_schema()) t"
    };
    (sqlite, post_columns) => { "pragma_table_info('posts')" };
    (postgres, post_columns) => {
        "(SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'posts') c"
    };
    // A class of errors in the order of its bytes, as SQLite and Rust have it, whatever the database's language is.
    (sqlite, class_in_bytes) => { "error_class" };
    (postgres, class_in_bytes) => { "error_class COLLATE \"C\"" };
    // SQLite knows no statistics before somebody has asked for them: left alone it walks every failed post for a channel without one.
    (sqlite, by_channel) => { " INDEXED BY tagdeck_jobs_channel" };
    (postgres, by_channel) => { "" };
    // A parameter for a column that legacy PostgreSQL tables have as JSON or JSONB.
    (sqlite, (json $p:literal)) => { $p };
    (postgres, (json $p:literal)) => { concat!("CAST(", $p, " AS JSON)") };
    // Text `YYYY-MM-DD HH:MM:SS.ffffff` for a column that is a timestamp in PostgreSQL, with time zone or without (the session's is UTC).
    (sqlite, (stamp $p:literal)) => { $p };
    (postgres, (stamp $p:literal)) => { concat!("CAST(", $p, " AS TIMESTAMP)") };
    (sqlite, (stamp_cell $at:literal)) => { concat!("json_extract(value, '$[", $at, "]')") };
    (postgres, (stamp_cell $at:literal)) => { concat!("CAST(value->>", $at, " AS TIMESTAMP)") };
    // A JSON array of integers as a list for IN.
    (sqlite, (ids $p:literal)) => { concat!("(SELECT value FROM json_each(", $p, "))") };
    (postgres, (ids $p:literal)) => { concat!("(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(", $p, " AS JSON)))") };
    // A JSON array of texts as a list for IN.
    (sqlite, (texts $p:literal)) => { concat!("(SELECT value FROM json_each(", $p, "))") };
    (postgres, (texts $p:literal)) => { concat!("(SELECT value FROM json_array_elements_text(CAST(", $p, " AS JSON)))") };
    // A JSON array of pairs [job, fence] as a table.
    (sqlite, (held $p:literal)) => {
        concat!("(SELECT json_extract(value, '$[0]') AS held_job, json_extract(value, '$[1]') AS held_fence FROM json_each(", $p, ")) held")
    };
    (postgres, (held $p:literal)) => {
        concat!("(SELECT CAST(value->>0 AS BIGINT) AS held_job, CAST(value->>1 AS BIGINT) AS held_fence FROM json_array_elements(CAST(", $p, " AS JSON))) held")
    };
    // A JSON array of arrays as a table with a column `value`; `cell` reads one place of a row.
    (sqlite, (rows $p:literal)) => { concat!("json_each(", $p, ")") };
    (postgres, (rows $p:literal)) => { concat!("json_array_elements(CAST(", $p, " AS JSON))") };
    (sqlite, (cell $at:literal)) => { concat!("json_extract(value, '$[", $at, "]')") };
    (postgres, (cell $at:literal)) => { concat!("(value->>", $at, ")") };
    // Bytes in such a place, as hexadecimal digits.
    (sqlite, (bytes_cell $at:literal)) => { concat!("unhex(json_extract(value, '$[", $at, "]'))") };
    (postgres, (bytes_cell $at:literal)) => { concat!("decode(value->>", $at, ", 'hex')") };
    // The top of the list of one state; `$1`, `$2` the key before it, `$3` an error class, `$4` how many.
    ($db:ident, (top $state:literal)) => {
        concat!("SELECT * FROM (SELECT updated_at, ref_id FROM jobs WHERE kind = 'tag' AND state = '", $state, "' AND (updated_at, ref_id) < ($1, $2) \
        AND (CAST($3 AS TEXT) IS NULL OR error_class = $3) ORDER BY updated_at DESC, ref_id DESC LIMIT $4) ", $state)
    };
    // True when a post holds at least one tag; the argument names the column.
    ($db:ident, (tagged $column:literal)) => {
        concat!("COALESCE(REPLACE(TRIM(CAST(", $column, " AS TEXT)), ' ', ''), '') NOT IN ('', 'null', '[]')")
    };
}

/// The statements that need none of our tables.
pub(crate) const FOR_BOTS: [&Sql; 4] = [&NOW, &USER, &BOT_STATS, &BOT_STATS_BARE];

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident, $doing:literal: [$($piece:tt)+];)+) => {
        $($(#[$doc])* pub(crate) const $name: Sql = Sql {
            doing: $doing,
            sqlite: concat!($(piece!(sqlite, $piece)),+),
            postgres: concat!($(piece!(postgres, $piece)),+),
        };)+

        /// Every statement of this file, with its name.
        #[cfg(test)]
        pub(super) const THESE: &[(&str, &Sql)] = &[$((stringify!($name), &$name)),+];
    };
}
use {piece, statements};

statements! {
    NOW, "read the database's clock": ["SELECT " now];

    // Jobs.

    /// A lease that ran out with its owner still set is a crash: the pass is given back, three times.
    CLAIM, "claim jobs": [
        "WITH due AS MATERIALIZED (SELECT id AS due_id FROM jobs WHERE kind = $1 AND state IN ('pending', 'retrying') AND visible_at <= " now
        " ORDER BY visible_at, id LIMIT $4" skip_locked ") \
        UPDATE jobs SET \
            state = CASE WHEN owner IS NOT NULL AND crashes >= 3 THEN 'failed' ELSE state END, \
            error_class = CASE WHEN owner IS NOT NULL AND crashes >= 3 THEN 'crashes_engine' ELSE error_class END, \
            error = CASE WHEN owner IS NOT NULL AND crashes >= 3 THEN $5 ELSE error END, \
            updated_at = CASE WHEN owner IS NOT NULL AND crashes >= 3 THEN " now " ELSE updated_at END, \
            attempts = CASE WHEN owner IS NOT NULL OR attempts >= max_attempts THEN attempts ELSE attempts + 1 END, \
            crashes = CASE WHEN owner IS NOT NULL THEN crashes + 1 ELSE crashes END, \
            owner = CASE WHEN owner IS NOT NULL AND crashes >= 3 THEN NULL ELSE $2 END, \
            fence = fence + 1, priority = 0, visible_at = " now " + $3 \
        WHERE id IN (SELECT due_id FROM due) \
        RETURNING id, fence, ref_id, attempts, max_attempts, state, model"
    ];
    /// As `CLAIM`, of these jobs alone.
    CLAIM_THESE, "claim jobs": [
        "WITH due AS MATERIALIZED (SELECT id AS due_id FROM jobs WHERE kind = $1 AND state IN ('pending', 'retrying') AND visible_at <= " now
        " AND id IN " (ids "$4") " AND owner IS NULL ORDER BY id" skip_locked ") \
        UPDATE jobs SET attempts = CASE WHEN attempts >= max_attempts THEN attempts ELSE attempts + 1 END, owner = $2, fence = fence + 1, \
            priority = 0, visible_at = " now " + $3 \
        WHERE id IN (SELECT due_id FROM due) \
        RETURNING id, fence, ref_id, attempts, max_attempts, state, model"
    ];
    /// Among the first that are due: those a person has just asked for are due before all others.
    ASKED_DUE, "look for posts whose model was asked for": [
        "SELECT id FROM (SELECT id, model, owner FROM jobs WHERE kind = 'tag' AND state IN ('pending', 'retrying') AND visible_at <= " now
        " ORDER BY visible_at, id LIMIT 1000) due WHERE model IS NOT NULL AND owner IS NULL LIMIT $1"
    ];
    CLAIMED_POSTS, "read the posts of claimed jobs": [
        "SELECT id, user_id, channel_id, text FROM posts WHERE id IN " (ids "$1")
    ];
    CLAIMED_TEXTS, "read the recognised text of claimed posts": [
        "SELECT i.post_id, d.text, d.sha256 FROM images i JOIN documents d ON d.image_id = i.id WHERE i.post_id IN " (ids "$1") " ORDER BY i.post_id, i.id"
    ];
    CLAIMED_IMAGES, "read the images of claimed jobs": [
        "SELECT id, post_id, path FROM images WHERE id IN " (ids "$1")
    ];
    DROP_JOBS, "remove jobs whose post is gone": ["DELETE FROM jobs WHERE id IN " (ids "$1")];
    /// `COALESCE`: with `owner IS NOT NULL` PostgreSQL walked the index of leased jobs, dead rows and all, instead of the primary key.
    EXTEND, "extend leases": [
        "UPDATE jobs SET visible_at = " now " + $2 FROM " (held "$1")
        " WHERE jobs.id = held_job AND jobs.fence = held_fence AND COALESCE(owner, '') <> '' RETURNING id"
    ];
    RELEASE, "give jobs back": [
        "UPDATE jobs SET owner = NULL, visible_at = " now ", attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END FROM " (held "$1")
        " WHERE jobs.id = held_job AND jobs.fence = held_fence AND COALESCE(owner, '') <> ''"
    ];
    FINISH, "finish a job": [
        "UPDATE jobs SET state = $3, error_class = $4, error = $5, visible_at = " now " + $6, attempts = attempts - $7, \
            crashes = 0, owner = NULL, cancel = 0, model = CASE WHEN $3 IN ('pending', 'retrying') THEN model END, updated_at = " now " \
        WHERE id = $1 AND fence = $2 AND COALESCE(owner, '') <> '' RETURNING kind, ref_id, attempts"
    ];
    /// `FINISH` for many; the rows hold its arguments in their order.
    FINISH_MANY, "finish jobs": [
        "UPDATE jobs SET state = new_state, error_class = new_class, error = new_error, visible_at = " now " + new_after, \
            attempts = attempts - given_back, crashes = 0, owner = NULL, cancel = 0, \
            model = CASE WHEN new_state IN ('pending', 'retrying') THEN model END, updated_at = " now " \
        FROM (SELECT CAST(" (cell "0") " AS BIGINT) AS held_job, CAST(" (cell "1") " AS BIGINT) AS held_fence, " (cell "2") " AS new_state, "
            (cell "3") " AS new_class, " (cell "4") " AS new_error, CAST(" (cell "5") " AS BIGINT) AS new_after, CAST(" (cell "6")
            " AS BIGINT) AS given_back FROM " (rows "$1") ") ended \
        WHERE jobs.id = held_job AND jobs.fence = held_fence AND COALESCE(owner, '') <> '' RETURNING id, kind, ref_id, attempts, fence"
    ];
    POSTS_TAGGED, "write posts' tags": [
        "UPDATE posts SET tagging_status = 'success', tagging_attempts = new_attempts, last_tagging_attempt = " wall ", tagging_error = NULL, \
            tags = " (json "new_tags") " \
        FROM (SELECT CAST(" (cell "0") " AS BIGINT) AS post, CAST(" (cell "1") " AS INTEGER) AS new_attempts, " (cell "2") " AS new_tags FROM "
        (rows "$1") ") ended WHERE posts.id = post"
    ];
    POSTS_ENDED, "write posts' status": [
        "UPDATE posts SET tagging_status = new_status, tagging_attempts = new_attempts, last_tagging_attempt = " wall ", tagging_error = new_error \
        FROM (SELECT CAST(" (cell "0") " AS BIGINT) AS post, CAST(" (cell "1") " AS INTEGER) AS new_attempts, " (cell "2") " AS new_status, "
        (cell "3") " AS new_error FROM " (rows "$1") ") ended WHERE posts.id = post"
    ];
    POST_TAGGED, "write a post's tags": [
        "UPDATE posts SET tagging_status = 'success', tagging_attempts = $2, last_tagging_attempt = " wall ", tagging_error = NULL, \
            tags = " (json "$3") " WHERE id = $1"
    ];
    POST_ENDED, "write a post's status": [
        "UPDATE posts SET tagging_status = $2, tagging_attempts = $3, last_tagging_attempt = " wall ", tagging_error = $4 WHERE id = $1"
    ];
    /// `$1` = 1: no other engine can be alive (SQLite).
    RECOVER_CALLS, "close the calls of a dead engine": [
        "UPDATE job_calls SET outcome = 'unknown', ended_at = " now ", reason = $2 \
        WHERE ended_at IS NULL AND ($1 = 1 OR NOT EXISTS (SELECT 1 FROM jobs j \
            WHERE j.id = job_calls.job_id AND j.owner = job_calls.worker AND j.visible_at > " now "))"
    ];
    RECOVER_JOBS, "free the jobs of a dead engine": [
        "UPDATE jobs SET visible_at = " now " WHERE owner IS NOT NULL AND visible_at > " now
    ];
    SOME_NEWCOMER, "look for posts without a job": ["SELECT post_id FROM newcomers LIMIT 1"];
    NEWCOMERS, "find posts without a job": [
        "SELECT post_id FROM newcomers ORDER BY post_id LIMIT $1" skip_locked
    ];
    NOT_NEW, "take note of posts that have a job now": ["DELETE FROM newcomers WHERE post_id IN " (ids "$1")];
    /// Right state for what others wrote (LEGACY.md). `$3`: how long a post with images waits for their text.
    ADOPT, "make jobs for posts": [
        "INSERT INTO jobs (kind, ref_id, user_id, channel_id, state, visible_at, attempts, max_attempts, error_class, error, created_at, updated_at) \
        SELECT 'tag', p.id, p.user_id, p.channel_id, \
            CASE WHEN p.tagging_status IN ('success', 'failed', 'skipped') THEN p.tagging_status \
                WHEN p.tagging_status = 'retrying' THEN CASE WHEN COALESCE(p.tagging_attempts, 0) >= $2 THEN 'failed' ELSE 'retrying' END \
                WHEN COALESCE(p.tagging_attempts, 0) = 0 AND " (tagged "p.tags") " THEN 'success' ELSE 'pending' END, "
        now " + CASE WHEN $3 > 0 AND EXISTS (SELECT 1 FROM images i WHERE i.post_id = p.id) THEN $3 ELSE 0 END, \
            COALESCE(p.tagging_attempts, 0), $2, \
            CASE WHEN $3 > 0 AND EXISTS (SELECT 1 FROM images i WHERE i.post_id = p.id) THEN 'waiting_ocr' END, \
            p.tagging_error, " now ", " now " \
        FROM posts p WHERE p.id IN " (ids "$1") " ON CONFLICT (kind, ref_id) DO NOTHING"
    ];
    /// In one statement: an idle worker asks this once a second. Counts stop at `$2`, with leased jobs on top of the later ones.
    OUTLOOK, "look for jobs": [
        "SELECT (SELECT COUNT(*) FROM jobs WHERE kind = $1 AND owner IS NOT NULL AND visible_at > " now "), \
            (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE kind = $1 AND state IN ('pending', 'retrying') AND visible_at <= " now
            " ORDER BY visible_at, id LIMIT $2) counted), \
            (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE kind = $1 AND state IN ('pending', 'retrying') AND visible_at > " now
            " ORDER BY visible_at, id LIMIT $2 + (SELECT COUNT(*) FROM jobs WHERE kind = $1 AND owner IS NOT NULL AND visible_at > " now ")) counted), \
            (SELECT MIN(visible_at) FROM jobs WHERE kind = $1 AND state IN ('pending', 'retrying') AND visible_at > " now ")"
    ];
    STOP_WAITING, "stop waiting for the text of images": [
        "UPDATE jobs SET visible_at = " now ", error_class = NULL \
        WHERE kind = 'tag' AND state IN ('pending', 'retrying') AND owner IS NULL AND error_class = 'waiting_ocr'"
    ];
    /// `$3` = 1: whatever its state. The second column: a person decided about it by hand.
    ELIGIBLE, "find posts to try again": [
        "SELECT p.id, CASE WHEN j.state = 'skipped' AND j.error_class = 'by_hand' THEN 1 ELSE 0 END FROM posts p JOIN jobs j ON j.kind = 'tag' AND j.ref_id = p.id WHERE p.id IN " (ids "$1")
        " AND (TRIM(COALESCE(p.text, '')) <> '' OR EXISTS (SELECT 1 FROM images i WHERE i.post_id = p.id)) \
        AND ($3 = 1 OR (j.state IN ('failed', 'retrying') AND j.attempts < $2 AND (j.owner IS NULL OR j.visible_at <= " now ")))"
    ];
    /// Due at 0: before everything that only waits its turn.
    RETRY_JOBS, "try posts again": [
        "UPDATE jobs SET state = 'retrying', visible_at = 0, owner = NULL, max_attempts = $2, crashes = 0, cancel = 0, priority = 1, \
            error_class = CASE WHEN error_class = 'waiting_ocr' THEN NULL ELSE error_class END, updated_at = " now " \
        WHERE kind = 'tag' AND ref_id IN " (ids "$1") " AND state IN ('failed', 'retrying') AND attempts < $2 \
            AND (owner IS NULL OR visible_at <= " now ") RETURNING ref_id"
    ];
    RETRY_POSTS, "mark posts for another try": [
        "UPDATE posts SET tagging_status = 'retrying' WHERE id IN " (ids "$1") " AND tagging_status <> 'retrying'"
    ];
    /// A post that keeps its tags becomes `retrying`, since `pending` with tags and no attempts reads as a success.
    FORCE_POSTS, "start posts anew": [
        "UPDATE posts SET tagging_attempts = 0, tagging_error = NULL, tagging_status = CASE WHEN " (tagged "tags")
        " THEN 'retrying' ELSE 'pending' END WHERE id IN " (ids "$1")
    ];
    /// The fence grows: whoever works on it now has lost it. `$3`: the model to ask first.
    FORCE_JOBS, "start jobs anew": [
        "UPDATE jobs SET state = (SELECT p.tagging_status FROM posts p WHERE p.id = ref_id), attempts = 0, max_attempts = $2, crashes = 0, \
            fence = fence + 1, owner = NULL, cancel = 0, priority = 1, visible_at = 0, error_class = NULL, error = NULL, model = $3, updated_at = " now " \
        WHERE kind = 'tag' AND ref_id IN " (ids "$1") " RETURNING ref_id"
    ];

    /// A bot's database that was not attached: as the counters would be.
    BOT_STATS, "count the bot's posts": [
        "SELECT key, COUNT(*) FROM (\
            SELECT CASE WHEN tagging_status IN ('retrying', 'success', 'skipped') THEN CAST(tagging_status AS TEXT) \
                WHEN tagging_status = 'failed' THEN 'failed:' || CAST(COALESCE(tagging_attempts, 0) AS TEXT) \
                WHEN tagging_status = 'pending' THEN CASE WHEN COALESCE(tagging_attempts, 0) = 0 AND " (tagged "tags") " THEN 'success' ELSE 'pending' END \
                ELSE 'no_status' END AS key FROM posts WHERE CAST($1 AS BIGINT) IS NULL OR user_id = $1 \
            UNION ALL SELECT 'tagged' FROM posts WHERE (CAST($1 AS BIGINT) IS NULL OR user_id = $1) AND " (tagged "tags")
        ") keyed GROUP BY key"
    ];
    /// The same before the bot's own tagging columns: they would say `pending` everywhere.
    BOT_STATS_BARE, "count the bot's posts": [
        "SELECT key, COUNT(*) FROM (\
            SELECT CASE WHEN " (tagged "tags") " THEN 'success' ELSE 'pending' END AS key FROM posts WHERE CAST($1 AS BIGINT) IS NULL OR user_id = $1 \
            UNION ALL SELECT 'tagged' FROM posts WHERE (CAST($1 AS BIGINT) IS NULL OR user_id = $1) AND " (tagged "tags")
        ") keyed GROUP BY key"
    ];

    // Bounded: with a million failed posts the newest tell the causes as well as all of them.
    FAILURES, "count the failed posts by cause": [
        "SELECT error_class, COUNT(*) FROM (\
            SELECT error_class FROM jobs WHERE kind = 'tag' AND state = 'failed' ORDER BY updated_at DESC, id DESC LIMIT 10000\
        ) newest GROUP BY error_class ORDER BY 2 DESC, 1"
    ];

    // What kind of database it is.

    TABLES, "read the list of tables": ["SELECT name FROM " tables];
    COLUMNS, "read the columns of posts": ["SELECT name FROM " post_columns];
    STRANGE, "read the version of the tables": [
        "SELECT COUNT(*) FROM _tagdeck_migrations WHERE version > $1 AND description NOT LIKE '%additive'"
    ];
    APPLIED, "read the version of the tables": ["SELECT MAX(version) FROM _tagdeck_migrations"];

    // What engines share.

    PAUSES, "read the pauses": [
        "SELECT scope, until_at, reason FROM pauses WHERE until_at IS NULL OR until_at > " now " ORDER BY scope"
    ];
    SET_PAUSE, "pause": [
        "INSERT INTO pauses (scope, until_at, reason, created_at) VALUES ($1, $2, $3, " now ") \
        ON CONFLICT (scope) DO UPDATE SET until_at = excluded.until_at, reason = excluded.reason, created_at = excluded.created_at"
    ];
    CLEAR_PAUSE, "resume": ["DELETE FROM pauses WHERE scope = $1"];
    /// Free, for an older opening, or run out: then it is this worker's.
    TAKE_PROBE, "take the one call that finds out whether a model is back": [
        "INSERT INTO probes (provider, model, opening, owner, until_at) VALUES ($1, $2, $3, $4, " now " + $5) \
        ON CONFLICT (provider, model) DO UPDATE SET opening = excluded.opening, owner = excluded.owner, until_at = excluded.until_at \
        WHERE probes.opening < excluded.opening OR probes.until_at <= " now " RETURNING 1"
    ];
    PROBE_ENDS, "look when another worker's call ends": ["SELECT until_at FROM probes WHERE provider = $1 AND model = $2"];
    GIVE_BACK_PROBE, "give the call back that finds out whether a model is back": [
        "UPDATE probes SET until_at = 0 WHERE provider = $1 AND model = $2 AND opening = $3 AND owner = $4"
    ];
    MODELS, "read the models' state": ["SELECT provider, model, format, breaker, off_reason, updated_at FROM models ORDER BY provider, model"];
    SAVE_MODEL, "keep a model's state": [
        "INSERT INTO models (provider, model, format, breaker, off_reason, updated_at) VALUES ($1, $2, $3, $4, $5, " now ") \
        ON CONFLICT (provider, model) DO UPDATE SET format = excluded.format, breaker = excluded.breaker, off_reason = excluded.off_reason, \
            updated_at = excluded.updated_at"
    ];
}

#[cfg(test)]
#[path = "../../tests/support/postgres.rs"]
mod postgres;

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

    use super::*;
    use crate::store::{Access, Store};

    /// Every statement; a file that is not named here is found by the compiler: its list is never read then.
    const ALL: [&[(&str, &Sql)]; 8] =
        [THESE, calls::THESE, fleet::THESE, hand::THESE, images::THESE, import::THESE, outputs::THESE, posts::THESE];

    #[tokio::test]
    async fn every_statement_can_be_prepared_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let _store = Store::open(&url, Access::ReadWrite).await.unwrap();
        let mut conn = SqliteConnection::connect(&url).await.unwrap();
        for (name, sql) in ALL.into_iter().flatten() {
            let prepared = conn.prepare(sql.sqlite.into_sql_str()).await;
            assert!(prepared.is_ok(), "{name}: {:?}\n{}", prepared.err(), sql.sqlite);
        }
    }

    #[tokio::test]
    async fn every_statement_can_be_prepared_on_postgresql() {
        let Some(url) = postgres::database().await else { return };
        let _store = Store::open(&url, Access::ReadWrite).await.unwrap();
        let mut conn = PgConnection::connect(&url).await.unwrap();
        for (name, sql) in ALL.into_iter().flatten() {
            let prepared = conn.prepare(sql.postgres.into_sql_str()).await;
            assert!(prepared.is_ok(), "{name}: {:?}\n{}", prepared.err(), sql.postgres);
        }
    }
}
