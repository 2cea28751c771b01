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
        "INSERT INTO usage (provider, day, calls, spent_micros) VALUES ($1, $2, $4, $3) \
        ON CONFLICT (provider, day) DO UPDATE SET calls = usage.calls + $4, spent_micros = usage.spent_micros + $3 \
        RETURNING calls, spent_micros"
    ];
    UNCHARGE, "take a reservation back": [
        "UPDATE usage SET calls = calls - 1, spent_micros = spent_micros - $3 WHERE provider = $1 AND day = $2"
    ];
    SENT, "record a call": [
        "INSERT INTO job_calls (job_id, post_id, worker, pass, provider, model, reserved_micros, why, day, sent_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, " today ", " now ") RETURNING id, day"
    ];
    /// `SENT` for many; the rows hold its arguments in their order.
    SENT_MANY, "record calls": [
        "INSERT INTO job_calls (job_id, post_id, worker, pass, provider, model, reserved_micros, why, day, sent_at) \
        SELECT CAST(" (cell "0") " AS BIGINT), CAST(" (cell "1") " AS BIGINT), " (cell "2") ", CAST(" (cell "3") " AS BIGINT), "
        (cell "4") ", " (cell "5") ", CAST(" (cell "6") " AS BIGINT), " (cell "7") ", " today ", " now " FROM " (rows "$1")
        " RETURNING id, day, job_id, pass, provider, model"
    ];
    SENT_NOW, "record a call": ["UPDATE job_calls SET sent_at = " now " WHERE id = $1"];
    UNSENT, "take a call back": ["DELETE FROM job_calls WHERE id = $1"];
    /// A call already written off as `unknown` may still be answered: the owner was slow, not dead.
    ENDED, "record the end of a call": [
        "UPDATE job_calls SET ended_at = " now ", outcome = $2, http_status = $3, elapsed_ms = $4, prompt_tokens = $5, completion_tokens = $6, \
            cost_micros = $7, request_id = $8, reason = $9, body = $10, headers = $11 \
        WHERE id = $1 AND (ended_at IS NULL OR outcome = 'unknown') RETURNING provider, day, reserved_micros, id"
    ];
    /// `ENDED` for many; the rows hold its arguments in their order.
    ENDED_MANY, "record the ends of calls": [
        "UPDATE job_calls SET ended_at = " now ", outcome = new_outcome, http_status = new_status, elapsed_ms = new_elapsed, \
            prompt_tokens = new_prompt, completion_tokens = new_completion, cost_micros = new_cost, request_id = new_request, \
            reason = new_reason, body = new_body, headers = new_headers \
        FROM (SELECT CAST(" (cell "0") " AS BIGINT) AS ended_call, " (cell "1") " AS new_outcome, CAST(" (cell "2") " AS BIGINT) AS new_status, CAST("
            (cell "3") " AS BIGINT) AS new_elapsed, CAST(" (cell "4") " AS BIGINT) AS new_prompt, CAST(" (cell "5")
            " AS BIGINT) AS new_completion, CAST(" (cell "6") " AS BIGINT) AS new_cost, " (cell "7") " AS new_request, " (cell "8")
            " AS new_reason, " (bytes_cell "9") " AS new_body, " (cell "10") " AS new_headers FROM " (rows "$1") ") ended \
        WHERE job_calls.id = ended_call AND (ended_at IS NULL OR outcome = 'unknown') RETURNING provider, day, reserved_micros, id"
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
