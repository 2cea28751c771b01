//! Statements about images, what was read in them, and where that goes in the blob store.
//! The pieces in which the databases differ are the parent's.

use super::{Sql, piece, statements};

statements! {
    // Images that somebody handed in.

    /// The newest of that path: a file that was changed afterwards is another image.
    ALONE, "look for an image by its file": [
        "SELECT i.id, d.sha256, j.state FROM images i LEFT JOIN documents d ON d.image_id = i.id \
        LEFT JOIN jobs j ON j.kind = 'ocr' AND j.ref_id = i.id WHERE i.post_id IS NULL AND i.path = $1 ORDER BY i.id DESC LIMIT 1"
    ];
    ADD_IMAGE, "add an image": [
        "INSERT INTO images (post_id, path, created_at) VALUES (NULL, $1, " now ") RETURNING id"
    ];
    READ_AGAIN, "read an image again": [
        "UPDATE jobs SET state = 'pending', visible_at = " now ", attempts = 0, crashes = 0, fence = fence + 1, owner = NULL, cancel = 0, \
            error_class = NULL, error = NULL, updated_at = " now " WHERE kind = 'ocr' AND ref_id = $1 AND state IN ('failed', 'skipped')"
    ];
    /// An image whose document came from elsewhere than an OCR job.
    ADD_READ_JOB, "note that an image was read": [
        "INSERT INTO jobs (kind, ref_id, state, visible_at, attempts, max_attempts, created_at, updated_at) \
        VALUES ('ocr', $1, 'success', " now ", 1, $2, " now ", " now ") \
        ON CONFLICT (kind, ref_id) DO UPDATE SET state = 'success', fence = jobs.fence + 1, owner = NULL, cancel = 0, crashes = 0, \
            error_class = NULL, error = NULL, visible_at = excluded.visible_at, updated_at = excluded.updated_at"
    ];
    IMAGE, "read an image": [
        "SELECT i.id, i.post_id, i.path, i.created_at, j.state, j.error_class, j.error, j.attempts, j.updated_at, \
            d.sha256, d.created_at, o.key, o.state, o.place, o.stored_at \
        FROM images i LEFT JOIN jobs j ON j.kind = 'ocr' AND j.ref_id = i.id LEFT JOIN documents d ON d.image_id = i.id \
        LEFT JOIN outputs o ON o.sha256 = d.sha256 WHERE i.id = $1"
    ];
    DOCUMENT, "read a document": ["SELECT sha256, text, markdown, json FROM documents WHERE image_id = $1"];
    DOCUMENT_OF, "read the document of a content": [
        "SELECT sha256, text, markdown, json FROM documents WHERE sha256 = $1 ORDER BY id LIMIT 1"
    ];

    // Documents.

    IMAGE_POST, "find the post of an image": ["SELECT post_id FROM images WHERE id = $1"];
    ADD_DOCUMENT, "store a document": [
        "INSERT INTO documents (image_id, sha256, text, markdown, json, created_at) VALUES ($1, $2, $3, $4, $5, " now ") \
        ON CONFLICT (image_id) DO UPDATE SET sha256 = excluded.sha256, text = excluded.text, markdown = excluded.markdown, json = excluded.json"
    ];
    SAME_CONTENT, "look for a document of the same content": ["SELECT id FROM documents WHERE sha256 = $1 ORDER BY id LIMIT 1"];
    /// `source` in the JSON stays that of the file that was read.
    REUSE_DOCUMENT, "reuse a document": [
        "INSERT INTO documents (image_id, sha256, text, markdown, json, created_at) SELECT CAST($1 AS BIGINT), sha256, text, markdown, json, "
        now " FROM documents WHERE id = $2 \
        ON CONFLICT (image_id) DO UPDATE SET sha256 = excluded.sha256, text = excluded.text, markdown = excluded.markdown, json = excluded.json \
        RETURNING text"
    ];
    /// A post that was passed over because it had no text has one now.
    TOO_SHORT, "look for a post without text": [
        "SELECT max_attempts FROM jobs WHERE kind = 'tag' AND ref_id = $1 AND state = 'skipped' AND error_class = 'too_short'"
    ];
    CANCEL, "cancel the reading of an image": [
        "UPDATE jobs SET cancel = 1 WHERE kind = 'ocr' AND ref_id = $1 AND state IN ('pending', 'retrying') \
        RETURNING id, CASE WHEN owner IS NOT NULL AND visible_at > " now " THEN 1 ELSE 0 END"
    ];
    CANCEL_NOW, "end the reading of an image": [
        "UPDATE jobs SET state = 'skipped', error_class = 'cancelled', error = $2, owner = NULL, fence = fence + 1, cancel = 0, updated_at = " now
        " WHERE id = $1"
    ];
    CANCELLED, "look for cancelled jobs": ["SELECT id FROM jobs WHERE id IN " (ids "$1") " AND cancel = 1"];
    COUNT_OCR, "count the images to read": ["SELECT state, COUNT(*) FROM jobs WHERE kind = 'ocr' GROUP BY state"];
    /// The post's tag job is due when none of its images is still to be read.
    IMAGES_READ, "let a post go on": [
        "UPDATE jobs SET visible_at = " now ", error_class = NULL WHERE kind = 'tag' AND ref_id = $1 AND state IN ('pending', 'retrying') \
        AND owner IS NULL AND error_class = 'waiting_ocr' AND NOT EXISTS (SELECT 1 FROM images i JOIN jobs o ON o.kind = 'ocr' AND o.ref_id = i.id \
            WHERE i.post_id = $1 AND o.state IN ('pending', 'retrying'))"
    ];

    // The outbox.

    /// What somebody removed is stored again where it was: its image was read again.
    ADD_OUTPUT, "note where a document goes": [
        "INSERT INTO outputs (sha256, source, key, bytes, state, created_at) VALUES ($1, $2, $3, $4, 'waiting', " now ") \
        ON CONFLICT (sha256) DO UPDATE SET state = 'waiting', bytes = excluded.bytes, created_at = excluded.created_at \
        WHERE outputs.state = 'removed' RETURNING id"
    ];
    ADD_UPLOAD_JOB, "make an upload job": [
        "INSERT INTO jobs (kind, ref_id, state, visible_at, max_attempts, created_at, updated_at) \
        VALUES ('upload', $1, 'pending', " now ", $2, " now ", " now ") \
        ON CONFLICT (kind, ref_id) DO UPDATE SET state = 'pending', visible_at = excluded.visible_at, attempts = 0, \
            max_attempts = excluded.max_attempts, crashes = 0, fence = jobs.fence + 1, owner = NULL, cancel = 0, \
            error_class = NULL, error = NULL, updated_at = excluded.updated_at"
    ];
    /// By age. An engine that dies in the middle of an upload did not die of it: nothing is given up for that.
    CLAIM_UPLOADS, "claim uploads": [
        "WITH due AS MATERIALIZED (SELECT id AS due_id FROM jobs WHERE kind = 'upload' AND state IN ('pending', 'retrying') AND visible_at <= " now
        " ORDER BY id LIMIT $3" skip_locked ") \
        UPDATE jobs SET \
            attempts = CASE WHEN owner IS NOT NULL OR attempts >= max_attempts THEN attempts ELSE attempts + 1 END, \
            crashes = CASE WHEN owner IS NOT NULL THEN crashes + 1 ELSE crashes END, \
            owner = $1, fence = fence + 1, priority = 0, visible_at = " now " + $2 \
        WHERE id IN (SELECT due_id FROM due) RETURNING id, fence, ref_id, attempts, max_attempts"
    ];
    /// One of them, unless somebody works on it.
    CLAIM_UPLOAD, "claim an upload": [
        "UPDATE jobs SET attempts = CASE WHEN owner IS NOT NULL OR attempts >= max_attempts THEN attempts ELSE attempts + 1 END, \
            owner = $1, fence = fence + 1, visible_at = " now " + $2, state = 'retrying' \
        WHERE kind = 'upload' AND ref_id = $3 AND (state = 'failed' OR (state IN ('pending', 'retrying') AND (owner IS NULL OR visible_at <= " now "))) \
        RETURNING id, fence, ref_id, attempts, max_attempts"
    ];
    CLAIMED_OUTPUTS, "read what claimed uploads are about": [
        "SELECT id, sha256, source, key, bytes, (SELECT MIN(d.image_id) FROM documents d WHERE d.sha256 = outputs.sha256) FROM outputs WHERE id IN " (ids "$1")
    ];
    STORED, "note that a document is stored": [
        "UPDATE outputs SET state = 'stored', place = $2, md_sha256 = $3, json_sha256 = $4, stored_at = " now " WHERE id = $1"
    ];
    /// `$2` is the ending of the rendering that was removed; `$3` the blob store.
    OUTPUT_REMOVED, "note that a document was removed": [
        "UPDATE outputs SET \
            state = CASE WHEN CASE WHEN $2 = 'md' THEN json_sha256 ELSE md_sha256 END IS NULL THEN 'removed' ELSE state END, \
            md_sha256 = CASE WHEN $2 = 'md' THEN NULL ELSE md_sha256 END, json_sha256 = CASE WHEN $2 = 'json' THEN NULL ELSE json_sha256 END \
        WHERE key = $1 AND state = 'stored' AND place = $3"
    ];
    OUTPUT_STATE, "note the state of an upload": ["UPDATE outputs SET state = $2 WHERE id = $1"];
    DROP_OUTPUT, "forget an output without a document": ["DELETE FROM outputs WHERE id = $1"];
    /// What was put off while the blob store did not answer.
    UPLOADS_DUE, "try uploads again": [
        "UPDATE jobs SET visible_at = " now " WHERE kind = 'upload' AND state = 'retrying' AND owner IS NULL AND visible_at > " now
    ];
    FAILED_UPLOADS, "find failed uploads": ["SELECT id FROM outputs WHERE state = 'failed' ORDER BY id LIMIT $1"];
    OUTPUT_OF, "look an output up": [
        "SELECT o.id, o.sha256, o.source, o.key, o.bytes, o.state, o.place, o.md_sha256, o.json_sha256, o.created_at, o.stored_at, j.error_class, j.error \
        FROM outputs o LEFT JOIN jobs j ON j.kind = 'upload' AND j.ref_id = o.id WHERE o.sha256 = $1"
    ];
    WAITING_UPLOADS, "count the documents that wait for their upload": [
        "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), MIN(created_at) FROM outputs WHERE state = 'waiting'"
    ];
    COUNT_OUTPUTS, "count the outputs": ["SELECT state, COUNT(*) FROM outputs GROUP BY state"];
    /// Documents read while nothing was to be stored; `$1`: the last one looked at.
    UNSENT_DOCUMENTS, "find documents that are not stored": [
        "SELECT d.id, d.sha256, i.path FROM documents d JOIN images i ON i.id = d.image_id \
        WHERE d.id > $1 AND NOT EXISTS (SELECT 1 FROM outputs o WHERE o.sha256 = d.sha256) ORDER BY d.id LIMIT $2"
    ];
    DOCUMENT_BYTES, "measure a document": [
        "SELECT CAST(OCTET_LENGTH(markdown) + OCTET_LENGTH(json) AS BIGINT) FROM documents WHERE sha256 = $1 ORDER BY id LIMIT 1"
    ];
}
