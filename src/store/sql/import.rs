//! The statements of the import.
//! They run nothing.

use super::{Sql, piece, statements};

statements! {
    /// One import at a time: neither a channel nor a message has a unique key in the bot's tables.
    IMPORT_LOCK, "wait for another import": [import_lock];
    ADD_USER, "add a user": ["INSERT INTO users (id, telegram_id) VALUES ($1, $1)"];
    CHANNEL, "look a channel up": [
        "SELECT id FROM channels WHERE channel_id = $1 ORDER BY id LIMIT 1"
    ];
    ADD_CHANNEL, "add a channel": [
        "INSERT INTO channels (channel_username, channel_id, channel_title) VALUES ($1, $2, $3) RETURNING id"
    ];
    JOIN_CHANNEL, "link a channel to its user": [
        "INSERT INTO user_channel (user_id, channel_id, is_active) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), TRUE \
        WHERE NOT EXISTS (SELECT 1 FROM user_channel WHERE user_id = $1 AND channel_id = $2)"
    ];
    KNOWN, "compare posts": [
        "SELECT id, telegram_message_id, text FROM posts WHERE channel_id = $1 AND telegram_message_id IN " (ids "$2") " ORDER BY id DESC"
    ];
    KNOWN_IMAGES, "compare images": ["SELECT post_id, path FROM images WHERE post_id IN " (ids "$1")];
    /// Rows of [message id, text, url, posted at].
    ADD_POSTS, "add posts": [
        "INSERT INTO posts (user_id, channel_id, telegram_message_id, text, url, posted_at, parsed_at, tagging_status, tagging_attempts) \
        SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST(" (cell "0") " AS BIGINT), " (cell "1") ", " (cell "2") ", " (stamp_cell "3") ", "
        wall ", 'pending', 0 FROM " (rows "$1") " RETURNING id, telegram_message_id"
    ];
    EDIT_TEXT, "update a post": ["UPDATE posts SET text = $2 WHERE id = $1"];
    /// What a person decided by hand stays, whatever the text.
    EDIT_POST, "start an edited post anew": [
        "UPDATE posts SET tags = NULL, tagging_status = 'pending', tagging_attempts = 0, tagging_error = NULL WHERE id = $1 \
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'tag' AND j.ref_id = posts.id AND j.state = 'skipped' AND j.error_class = 'by_hand')"
    ];
    /// Rows of [post, path].
    ADD_IMAGES, "add images": [
        "INSERT INTO images (post_id, path, created_at) SELECT CAST(" (cell "0") " AS BIGINT), " (cell "1") ", " now " FROM " (rows "$1")
        " WHERE TRUE ON CONFLICT (post_id, path) DO NOTHING RETURNING id"
    ];
    ADD_OCR_JOBS, "make jobs for images": [
        "INSERT INTO jobs (kind, ref_id, state, visible_at, max_attempts, created_at, updated_at) \
        SELECT 'ocr', i.id, 'pending', " now ", $2, " now ", " now " FROM images i WHERE i.id IN " (ids "$1") " ON CONFLICT (kind, ref_id) DO NOTHING"
    ];
    /// `$2`: wait in ms for images to be read, 0 for none; a post that is being worked on is taken away from its worker.
    RESTART_JOBS, "tag edited posts anew": [
        "UPDATE jobs SET state = 'pending', attempts = 0, max_attempts = $3, crashes = 0, fence = fence + 1, owner = NULL, cancel = 0, error = NULL, \
            visible_at = " now " + CASE WHEN $2 > 0 AND EXISTS (SELECT 1 FROM images i JOIN jobs o ON o.kind = 'ocr' AND o.ref_id = i.id \
                WHERE i.post_id = jobs.ref_id AND o.state IN ('pending', 'retrying')) THEN $2 ELSE 0 END, \
            error_class = CASE WHEN $2 > 0 AND EXISTS (SELECT 1 FROM images i JOIN jobs o ON o.kind = 'ocr' AND o.ref_id = i.id \
                WHERE i.post_id = jobs.ref_id AND o.state IN ('pending', 'retrying')) THEN 'waiting_ocr' END, \
            updated_at = " now " WHERE kind = 'tag' AND ref_id IN " (ids "$1") " AND NOT (state = 'skipped' AND COALESCE(error_class, '') = 'by_hand')"
    ];
}
