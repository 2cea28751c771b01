//! Statements of what a person looks at and decides by hand: images in lists, posts skipped or tagged, models asked.
//! The pieces in which the databases differ are the parent's.

use super::{Sql, piece, statements};

statements! {
    /// `$3` = 1: tagged ones too. The fence grows: whoever works on it now has lost it.
    BY_HAND, "take posts out of the engine's hands": [
        "UPDATE jobs SET state = 'skipped', error_class = 'by_hand', error = $2, crashes = 0, fence = fence + 1, owner = NULL, cancel = 0, \
            priority = 0, model = NULL, visible_at = " now ", updated_at = " now " \
        WHERE kind = 'tag' AND ref_id IN " (ids "$1") " AND ($3 = 1 OR state <> 'success') RETURNING ref_id"
    ];
    TAGS_BY_HAND, "write a post's tags by hand": [
        "UPDATE posts SET tags = " (json "$2") ", tagging_status = 'skipped', tagging_error = NULL, last_tagging_attempt = " wall " WHERE id = $1"
    ];
    SKIP_POSTS, "pass over posts": [
        "UPDATE posts SET tagging_status = 'skipped', last_tagging_attempt = " wall " WHERE id IN " (ids "$1")
    ];
    ASKED, "find the models asked about posts": [
        "SELECT DISTINCT post_id, provider, model FROM job_calls WHERE post_id IN " (ids "$1")
    ];
    IMAGE_PAGE, "list images": [
        "SELECT updated_at, ref_id FROM jobs WHERE kind = 'ocr' AND state = $1 AND (updated_at, ref_id) < ($2, $3) \
        AND (CAST($4 AS TEXT) IS NULL OR error_class = $4) ORDER BY updated_at DESC, ref_id DESC LIMIT $5"
    ];
    IMAGE_LINES, "read images": [
        "SELECT i.id, i.post_id, i.path, j.state, j.attempts, j.max_attempts, j.error_class, j.error, j.updated_at, j.visible_at, \
            CASE WHEN j.owner IS NOT NULL AND j.visible_at > " now " THEN 1 ELSE 0 END \
        FROM images i JOIN jobs j ON j.kind = 'ocr' AND j.ref_id = i.id WHERE i.id IN " (ids "$1")
    ];
    IMAGE_DOCUMENT, "read an image's document": ["SELECT SUBSTR(text, 1, 20000), json FROM documents WHERE image_id = $1"];
    /// Not what was read: the same content would only be given its own document again.
    REREAD, "read images again": [
        "UPDATE jobs SET state = 'pending', attempts = 0, crashes = 0, fence = fence + 1, owner = NULL, cancel = 0, priority = 1, \
            visible_at = 0, error_class = NULL, error = NULL, updated_at = " now " \
        WHERE kind = 'ocr' AND ref_id IN " (ids "$1") " AND state IN ('failed', 'skipped', 'retrying') AND (owner IS NULL OR visible_at <= " now ") \
        RETURNING ref_id"
    ];
}
