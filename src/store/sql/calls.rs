//! The statements on calls and quotas.
//! They run nothing.

use super::{Sql, piece, statements};

statements! {
    GATE, "queue for a provider's limits": [
        "INSERT INTO usage (provider, day) VALUES ($1, 0) ON CONFLICT (provider, day) DO UPDATE SET calls = usage.calls"
    ];
    /// The oldest of the last `$2` calls, if all of them went out within the window.
    WINDOW, "count the calls of the last minute": [
        "SELECT sent_at FROM job_calls WHERE provider = $1 AND sent_at > " now " - 61000 ORDER BY sent_at DESC LIMIT 1 OFFSET $2"
    ];
    CHARGE, "reserve a call": [
        "INSERT INTO usage (provider, day, calls, spent_micros) VALUES ($1, $2, 1, $3) \
        ON CONFLICT (provider, day) DO UPDATE SET calls = usage.calls + 1, spent_micros = usage.spent_micros + $3 \
        RETURNING calls, spent_micros"
    ];
    UNCHARGE, "take a reservation back": [
        "UPDATE usage SET calls = calls - 1, spent_micros = spent_micros - $3 WHERE provider = $1 AND day = $2"
    ];
    SENT, "record a call": [
        "INSERT INTO job_calls (job_id, post_id, worker, pass, provider, model, reserved_micros, why, day, sent_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, " today ", " now ") RETURNING id, day"
    ];
    SENT_NOW, "record a call": ["UPDATE job_calls SET sent_at = " now " WHERE id = $1"];
    UNSENT, "take a call back": ["DELETE FROM job_calls WHERE id = $1"];
    /// A call already written off as `unknown` may still be answered: the owner was slow, not dead.
    ENDED, "record the end of a call": [
        "UPDATE job_calls SET ended_at = " now ", outcome = $2, http_status = $3, elapsed_ms = $4, prompt_tokens = $5, completion_tokens = $6, \
            cost_micros = $7, request_id = $8, reason = $9, body = $10, headers = $11 \
        WHERE id = $1 AND (ended_at IS NULL OR outcome = 'unknown') RETURNING provider, day, reserved_micros"
    ];
    /// By the index on provider and time: of one job there is none.
    LAST_CALL, "read the last call of a job": [
        "SELECT " now " - sent_at, outcome FROM job_calls WHERE provider = $2 AND sent_at > " now " - $3 AND job_id = $1 ORDER BY id DESC LIMIT 1"
    ];
    SETTLE, "settle the price of a call": [
        "UPDATE usage SET spent_micros = spent_micros + $3 WHERE provider = $1 AND day = $2"
    ];
    USAGE_TODAY, "read today's use": ["SELECT provider, calls, spent_micros FROM usage WHERE day = " today " ORDER BY provider"];
    NEWEST_CALL, "find the newest call": ["SELECT MAX(id) FROM job_calls"];
    /// The first call after `$1` that may still change, or whose neighbours may not have been committed so far.
    FIRST_LOOSE_CALL, "find calls in flight": [
        "SELECT MIN(id) FROM job_calls WHERE id > $1 AND (ended_at IS NULL OR sent_at > " now " - 120000)"
    ];
    COUNT_CALLS, "count calls": [
        "SELECT provider, model, outcome, CASE WHEN id < $2 THEN 1 ELSE 0 END, COUNT(*) FROM job_calls \
        WHERE id > $1 AND ended_at IS NOT NULL GROUP BY 1, 2, 3, 4"
    ];
    CALLS, "read the calls of a post": [
        "SELECT id, pass, provider, model, sent_at, ended_at, outcome, http_status, prompt_tokens, completion_tokens, cost_micros, reason, why \
        FROM job_calls WHERE post_id = $1 ORDER BY id DESC LIMIT 200"
    ];
    ANSWER, "read the answer to a call": [
        "SELECT id, pass, provider, model, sent_at, ended_at, outcome, http_status, prompt_tokens, completion_tokens, cost_micros, reason, why, \
            post_id, worker, elapsed_ms, request_id, headers, body FROM job_calls WHERE id = $1"
    ];
}
