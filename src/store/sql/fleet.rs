//! The statements on workers and on the log they share.
//! They run nothing.

use super::{Sql, piece, statements};

statements! {
    HEARTBEAT, "say that this engine is alive": [
        "INSERT INTO workers (name, kinds, version, started_at, seen_at) VALUES ($1, $2, $3, " now ", " now ") \
        ON CONFLICT (name) DO UPDATE SET kinds = excluded.kinds, version = excluded.version, seen_at = excluded.seen_at"
    ];
    /// Not an insert: who has said farewell does not come back by its last numbers.
    SHOW_WORKER, "show what this engine does": [
        "UPDATE workers SET provider = $2, doing = $3, numbers = $4, seen_at = " now " WHERE name = $1"
    ];
    /// An hour after its last sign of life nobody looks for a dead worker any more.
    BURY, "forget dead engines": ["DELETE FROM workers WHERE seen_at < " now " - 3600000"];
    FAREWELL, "say that this engine ends": ["DELETE FROM workers WHERE name = $1"];
    WORKERS, "read who is at work": [
        "SELECT name, kinds, version, provider, doing, numbers, started_at, seen_at, CASE WHEN seen_at > " now " - 30000 THEN 1 ELSE 0 END \
        FROM workers ORDER BY started_at, name"
    ];
    ANY_ALIVE, "count the engines at work": ["SELECT COUNT(*) FROM workers WHERE seen_at > " now " - 30000"];
    ALIVE, "count the engines at work": [
        "SELECT COUNT(*) FROM workers WHERE seen_at > " now " - 30000 AND (',' || kinds || ',') LIKE ('%,' || $1 || ',%')"
    ];
    /// One writer after the other, so that ids become visible in their order: a reader goes on behind the last it has seen.
    EVENT_LOCK, "queue for the shared log": ["" event_lock];
    ADD_EVENTS, "write to the shared log": [
        "INSERT INTO events (worker, time, kind, post_id, model, outcome, text, image_id) \
        SELECT $2, CAST(" (cell "0") " AS BIGINT), " (cell "1") ", CAST(" (cell "2") " AS BIGINT), " (cell "3") ", " (cell "4") ", " (cell "5") ", CAST(" (cell "6") " AS BIGINT) FROM " (rows "$1")
    ];
    TRIM_EVENTS, "shorten the shared log": ["DELETE FROM events WHERE id <= (SELECT MAX(id) FROM events) - $1"];
    LAST_EVENTS, "read the shared log": [
        "SELECT id, worker, time, kind, post_id, model, outcome, text, image_id FROM events WHERE worker <> $1 ORDER BY id DESC LIMIT $2"
    ];
    EVENTS_AFTER, "read the shared log": [
        "SELECT id, worker, time, kind, post_id, model, outcome, text, image_id FROM events WHERE id > $1 AND worker <> $2 ORDER BY id LIMIT $3"
    ];
}
