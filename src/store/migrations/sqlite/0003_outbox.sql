-- An image need not belong to a post: it may be a file that somebody handed in. Copied twice and not renamed, for a rename reads
-- the triggers on posts, which name the table.
CREATE TABLE images_kept AS SELECT id, post_id, path, created_at FROM images;
DROP TABLE images;
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    post_id BIGINT,
    path TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (post_id, path)
);
INSERT INTO images (id, post_id, path, created_at) SELECT id, post_id, path, created_at FROM images_kept ORDER BY id;
DROP TABLE images_kept;
CREATE INDEX tagdeck_images_alone ON images (path, id) WHERE post_id IS NULL;

-- One row for each content: where its document goes in the blob store, and whether it is there. An `upload` job points here.
CREATE TABLE outputs (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    place TEXT,
    md_sha256 TEXT,
    json_sha256 TEXT,
    created_at BIGINT NOT NULL,
    stored_at BIGINT
);
CREATE INDEX tagdeck_outputs_state ON outputs (state, created_at, bytes);
CREATE INDEX tagdeck_outputs_key ON outputs (key);
-- Uploads go by age, whatever was put off meanwhile.
CREATE INDEX tagdeck_jobs_uploads ON jobs (id) WHERE kind = 'upload' AND state IN ('pending', 'retrying');
