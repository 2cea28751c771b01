//! The statements on stored documents and where they come from.
//! They run nothing.

use super::{Sql, piece, statements};

statements! {
    ORIGIN_OF_KEY, "find the image of a stored document": [
        "SELECT i.id, i.post_id, i.path FROM outputs o JOIN documents d ON d.sha256 = o.sha256 JOIN images i ON i.id = d.image_id \
        WHERE o.key = $1 ORDER BY CASE WHEN i.post_id IS NULL THEN 1 ELSE 0 END, i.id LIMIT 1"
    ];
    ORIGIN_OF_CONTENT, "find the image of a content": [
        "SELECT i.id, i.post_id, i.path FROM documents d JOIN images i ON i.id = d.image_id \
        WHERE d.sha256 = $1 ORDER BY CASE WHEN i.post_id IS NULL THEN 1 ELSE 0 END, i.id LIMIT 1"
    ];
    OUTPUTS, "list outputs": [
        "SELECT o.id, o.sha256, o.source, o.key, o.bytes, o.state, o.place, o.md_sha256, o.json_sha256, o.created_at, o.stored_at, \
            j.error_class, j.error FROM outputs o LEFT JOIN jobs j ON j.kind = 'upload' AND j.ref_id = o.id \
        WHERE o.id > $1 ORDER BY o.id LIMIT $2"
    ];
    OUTPUTS_OF, "look outputs up": [
        "SELECT o.id, o.sha256, o.source, o.key, o.bytes, o.state, o.place, o.md_sha256, o.json_sha256, o.created_at, o.stored_at, j.error_class, j.error \
        FROM outputs o LEFT JOIN jobs j ON j.kind = 'upload' AND j.ref_id = o.id WHERE o.sha256 >= $1 AND o.sha256 < $2 ORDER BY o.sha256 LIMIT 8"
    ];
    COUNT_ALL_OUTPUTS, "count outputs": ["SELECT COUNT(*) FROM outputs"];
    COUNT_UNSENT, "count the documents that nobody stores": [
        "SELECT COUNT(DISTINCT d.sha256) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM outputs o WHERE o.sha256 = d.sha256)"
    ];
    KNOWN_KEYS, "compare keys with the outputs": [
        "SELECT DISTINCT key FROM outputs WHERE key IN " (texts "$1")
    ];
}
