//! A million posts in a database, by SQL of its own: minutes faster than importing them.
//! It asserts nothing.

#![allow(dead_code, reason = "each bench uses its own part of it")]

use super::databases::Db;

/// The status of post `n`, as an old, busy database looks: 70 % success, the rest spread.
pub const MIXED: &str = "CASE WHEN n % 100 < 70 THEN 'success' WHEN n % 100 < 80 THEN 'failed' WHEN n % 100 < 85 THEN 'retrying' WHEN n % 100 < 90 THEN 'skipped' ELSE 'pending' END";
/// Nothing went well.
pub const FAILED: &str = "'failed'";

/// When job `id` was changed last: those that nobody has tried yet in the order of their import, the others in none.
pub const AS_IMPORTED: &str =
    "CASE WHEN tagging_status = 'pending' THEN 1600000000000 + id ELSE 1700000000000 + id * 7919 % 1000003 END";
/// All in no order, so that each job that ends changes pages of its own in every index: the worst there is.
pub const SCATTERED: &str = "1700000000000 + id * 7919 % 1000003";

/// Fills the tables behind the triggers' back; one user, one channel and one class are rare.
pub async fn fill(db: &Db, status: &str, changed: &str) {
    drop(db.store().await);
    let numbers = if db.is_sqlite() {
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000)"
    } else {
        "WITH s AS (SELECT n FROM generate_series(1, 1000000) n)"
    };
    let (off, on) = if db.is_sqlite() {
        ("DROP TRIGGER tagdeck_posts_insert;", "")
    } else {
        ("ALTER TABLE posts DISABLE TRIGGER ALL;", "ALTER TABLE posts ENABLE TRIGGER ALL; ANALYZE;")
    };
    let body = "substr('Погода в городе меняется каждый час, и никто не знает, что будет завтра утром. Новости спорта, экономики и культуры. ', 1 + n % 20) || n";
    let tags =
        if db.is_sqlite() { "'[\"погода\",\"город\"]'" } else { "CAST('[\"погода\",\"город\"]' AS JSON)" };
    db.run(&format!(
        "{off}
        INSERT INTO users (id, telegram_id) VALUES (1, 1), (2, 2), (3, 3);
        INSERT INTO channels (id, channel_id, channel_title) {numbers} SELECT n, n, 'Канал ' || n FROM s WHERE n <= 100;
        INSERT INTO posts (id, user_id, channel_id, telegram_message_id, text, posted_at, tags, tagging_status, tagging_attempts)
            {numbers} SELECT n, CASE WHEN n % 100000 = 0 THEN 3 ELSE 1 + n % 2 END, 1 + n % 99, n, {body}, NULL,
            CASE WHEN {status} = 'success' THEN {tags} END, {status}, CASE WHEN {status} <> 'pending' THEN 1 ELSE 0 END FROM s;
        UPDATE posts SET channel_id = 100 WHERE id % 50000 = 7;
        INSERT INTO jobs (kind, ref_id, user_id, channel_id, state, visible_at, attempts, max_attempts, error_class, created_at, updated_at)
            SELECT 'tag', id, user_id, channel_id, tagging_status, CASE WHEN tagging_status = 'retrying' THEN 4000000000000 ELSE 1 END,
            tagging_attempts, 5, CASE WHEN id % 100000 = 75 THEN 'rare' WHEN tagging_status = 'failed' THEN 'timeout' END, 1, {changed}
            FROM posts;
        DELETE FROM newcomers;
        INSERT INTO job_calls (job_id, post_id, worker, pass, provider, model, day, reserved_micros, sent_at, ended_at)
            {numbers} SELECT n, n, 'w', 1, 'p', 'm', 1, 0, n, n FROM s;
        DELETE FROM counters;
        INSERT INTO counters (user_id, key, slot, n) SELECT 0, key, 0, COUNT(*) FROM tagdeck_post_keys GROUP BY key
            UNION ALL SELECT user_id, key, 0, COUNT(*) FROM tagdeck_post_keys GROUP BY user_id, key;
        {on}"
    ))
    .await;
}
