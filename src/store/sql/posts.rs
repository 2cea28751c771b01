//! The statements on lists of posts, their counts, and one post.
//! They run nothing.

use super::{Sql, piece, statements};

statements! {
    PAGE, "list posts": [
        "SELECT updated_at, ref_id FROM jobs WHERE kind = 'tag' AND state = $1 AND (updated_at, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) ORDER BY updated_at DESC, ref_id DESC LIMIT $5"
    ];
    /// Of every state: five short index walks, merged where the rows are, instead of a second index over all states.
    PAGE_ALL, "list posts": [
        "SELECT updated_at, ref_id FROM (" (top "pending") " UNION ALL " (top "retrying") " UNION ALL " (top "success") " UNION ALL " (top "failed")
        " UNION ALL " (top "skipped") ") merged ORDER BY updated_at DESC, ref_id DESC LIMIT $4"
    ];
    PAGE_USER, "list a user's posts": [
        "SELECT updated_at, ref_id FROM jobs WHERE kind = 'tag' AND state = $1 AND (updated_at, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) AND user_id = $6 ORDER BY updated_at DESC, ref_id DESC LIMIT $5"
    ];
    PAGE_CHANNEL, "list a channel's posts": [
        "SELECT updated_at, ref_id FROM jobs WHERE kind = 'tag' AND state = $1 AND (updated_at, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) AND (CAST($6 AS BIGINT) IS NULL OR user_id = $6) AND channel_id = $7 \
        ORDER BY updated_at DESC, ref_id DESC LIMIT $5"
    ];
    PAGE_NO_CHANNEL, "list posts of no channel": [
        "SELECT updated_at, ref_id FROM jobs" by_channel " WHERE kind = 'tag' AND state = $1 AND (updated_at, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) AND (CAST($6 AS BIGINT) IS NULL OR user_id = $6) AND channel_id IS NULL \
        ORDER BY updated_at DESC, ref_id DESC LIMIT $5"
    ];
    // The second condition on the state names the index of the order.
    BY_PASSES, "list posts by their passes": [
        "SELECT attempts, ref_id FROM jobs WHERE kind = 'tag' AND state IN ('failed', 'retrying') AND state = $1 AND (attempts, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) AND (CAST($5 AS BIGINT) IS NULL OR user_id = $5) \
        ORDER BY attempts DESC, ref_id DESC LIMIT $6"
    ];
    BY_CLASS, "list posts by their errors": [
        "SELECT error_class, ref_id FROM jobs WHERE kind = 'tag' AND state IN ('failed', 'retrying') AND state = $1 AND (" class_in_bytes ", ref_id) > ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) AND (CAST($5 AS BIGINT) IS NULL OR user_id = $5) \
        ORDER BY " class_in_bytes ", ref_id LIMIT $6"
    ];
    WITHOUT_CLASS, "list posts without an error": [
        "SELECT ref_id FROM jobs WHERE kind = 'tag' AND state IN ('failed', 'retrying') AND state = $1 AND error_class IS NULL AND ref_id > $2 \
        AND (CAST($3 AS BIGINT) IS NULL OR user_id = $3) ORDER BY ref_id LIMIT $4"
    ];
    BY_ID, "list posts by id": [
        "SELECT ref_id FROM jobs WHERE kind = 'tag' AND state IN ('failed', 'retrying') AND state = $1 AND ref_id > $2 \
        AND (CAST($3 AS TEXT) IS NULL OR error_class = $3) AND (CAST($4 AS BIGINT) IS NULL OR user_id = $4) ORDER BY ref_id LIMIT $5"
    ];
    /// Skips from channel to channel along the index of jobs: a channel that has no row of its own is found too.
    CHANNELS_WITH, "find the channels of posts": [
        "WITH RECURSIVE walked(id) AS (SELECT MIN(channel_id) FROM jobs" by_channel " WHERE kind = 'tag' UNION ALL \
            SELECT (SELECT MIN(j.channel_id) FROM jobs j" by_channel " WHERE j.kind = 'tag' AND j.channel_id > walked.id) FROM walked WHERE walked.id IS NOT NULL) \
        SELECT walked.id, c.channel_title, c.channel_username FROM walked LEFT JOIN channels c ON c.id = walked.id \
        WHERE walked.id IS NOT NULL AND (walked.id = CAST($2 AS BIGINT) OR EXISTS \
            (SELECT 1 FROM jobs j WHERE j.kind = 'tag' AND j.channel_id = walked.id AND j.state IN " (texts "$1") "))"
    ];
    TEXTS, "search posts": ["SELECT id, channel_id, text FROM posts WHERE id IN " (ids "$1")];
    LINES, "read posts": [
        "SELECT p.id, c.channel_title, c.channel_username, p.telegram_message_id, CAST(p.posted_at AS TEXT), p.tagging_status, \
            CAST(p.tags AS TEXT), SUBSTR(p.text, 1, 200), j.state, j.attempts, j.error_class, j.error, j.updated_at, j.visible_at \
        FROM posts p JOIN jobs j ON j.kind = 'tag' AND j.ref_id = p.id LEFT JOIN channels c ON c.id = p.channel_id \
        WHERE p.id IN " (ids "$1")
    ];
    DETAIL, "read a post": [
        "SELECT p.id, c.channel_title, c.channel_username, p.telegram_message_id, CAST(p.posted_at AS TEXT), p.tagging_status, \
            CAST(p.tags AS TEXT), SUBSTR(p.text, 1, 200), j.state, COALESCE(j.attempts, p.tagging_attempts, 0), j.error_class, \
            COALESCE(j.error, p.tagging_error), COALESCE(j.updated_at, 0), COALESCE(j.visible_at, 0), \
            p.user_id, p.text, p.url, COALESCE(j.max_attempts, 0), j.model, CASE WHEN j.visible_at > " now " THEN j.owner END \
        FROM posts p LEFT JOIN jobs j ON j.kind = 'tag' AND j.ref_id = p.id LEFT JOIN channels c ON c.id = p.channel_id WHERE p.id = $1"
    ];
    IMAGES, "read a post's images": [
        "SELECT i.id, i.path, j.state, j.error_class, j.error, SUBSTR(d.text, 1, 20000) FROM images i \
        LEFT JOIN jobs j ON j.kind = 'ocr' AND j.ref_id = i.id LEFT JOIN documents d ON d.image_id = i.id WHERE i.post_id = $1 ORDER BY i.id"
    ];
    CHANNELS, "read the channels": ["SELECT id, channel_title, channel_username FROM channels ORDER BY id"];
    COUNT_STATE, "count posts": [
        "SELECT COUNT(*) FROM jobs WHERE kind = 'tag' AND state = $1 AND (CAST($2 AS TEXT) IS NULL OR error_class = $2)"
    ];
    COUNT_USER, "count a user's posts": [
        "SELECT COUNT(*) FROM jobs WHERE kind = 'tag' AND state = $1 AND (CAST($2 AS TEXT) IS NULL OR error_class = $2) AND user_id = $3"
    ];
    COUNT_CHANNEL, "count a channel's posts": [
        "SELECT COUNT(*) FROM jobs WHERE kind = 'tag' AND state = $1 AND (CAST($2 AS TEXT) IS NULL OR error_class = $2) \
        AND (CAST($3 AS BIGINT) IS NULL OR user_id = $3) AND channel_id = $4"
    ];
    COUNTERS, "read the counters": [
        "SELECT key, CAST(SUM(n) AS BIGINT) FROM counters WHERE user_id = $1 GROUP BY key"
    ];
    RECOUNT, "check the counters": [
        "SELECT COUNT(*) FROM (SELECT key, COUNT(*) AS n FROM tagdeck_post_keys GROUP BY key) t \
        FULL JOIN (SELECT key, SUM(n) AS n FROM counters WHERE user_id = 0 GROUP BY key HAVING SUM(n) <> 0) c ON c.key = t.key \
        WHERE COALESCE(t.n, 0) <> COALESCE(c.n, 0)"
    ];
    CLEAR_COUNTERS, "clear the counters": ["DELETE FROM counters"];
    FILL_COUNTERS, "fill the counters": [
        "INSERT INTO counters (user_id, key, slot, n) SELECT 0, key, 0, COUNT(*) FROM tagdeck_post_keys GROUP BY key \
        UNION ALL SELECT user_id, key, 0, COUNT(*) FROM tagdeck_post_keys WHERE user_id <> 0 GROUP BY user_id, key"
    ];
    JOBLESS, "find posts without a job": [
        "INSERT INTO newcomers (post_id) SELECT p.id FROM posts p WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'tag' AND j.ref_id = p.id) \
        AND NOT EXISTS (SELECT 1 FROM newcomers n WHERE n.post_id = p.id)"
    ];
    COUNT_JOBLESS, "count posts without a job": [
        "SELECT COUNT(*) FROM posts p WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'tag' AND j.ref_id = p.id)"
    ];
    USER, "look a user up": ["SELECT id FROM users WHERE id = $1"];
    VOCABULARY, "read a channel's tags": [
        "SELECT CAST(tags AS TEXT) FROM posts WHERE channel_id = $1 AND tagging_status = 'success' ORDER BY id DESC LIMIT 1000"
    ];
}
