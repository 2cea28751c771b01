-- The tables of tagdeck. The first four have the shape of the bot this replaces and may already be there, with data.
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    telegram_id BIGINT,
    username VARCHAR,
    created_at DATETIME
);
CREATE TABLE IF NOT EXISTS channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_username VARCHAR,
    channel_id BIGINT,
    channel_title VARCHAR
);
CREATE TABLE IF NOT EXISTS user_channel (
    user_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    is_active BOOLEAN DEFAULT TRUE,
    PRIMARY KEY (user_id, channel_id)
);
CREATE TABLE IF NOT EXISTS posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER,
    channel_id INTEGER,
    telegram_message_id BIGINT,
    text TEXT,
    views INTEGER,
    url VARCHAR,
    posted_at DATETIME,
    parsed_at DATETIME,
    tags JSON,
    enriched_content TEXT,
    tagging_status VARCHAR DEFAULT 'pending',
    tagging_attempts INTEGER DEFAULT 0,
    last_tagging_attempt DATETIME,
    tagging_error TEXT
);
CREATE INDEX IF NOT EXISTS tagdeck_posts_message ON posts (channel_id, telegram_message_id);
-- The newest tagged posts of a channel: its vocabulary, without a table of uses to keep up.
CREATE INDEX IF NOT EXISTS tagdeck_posts_vocabulary ON posts (channel_id, id) WHERE tagging_status = 'success';
CREATE INDEX IF NOT EXISTS tagdeck_channels_telegram ON channels (channel_id);

CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    post_id BIGINT NOT NULL,
    path TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (post_id, path)
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    image_id BIGINT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    markdown TEXT NOT NULL,
    json TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    ref_id BIGINT NOT NULL,
    user_id BIGINT,
    channel_id BIGINT,
    state TEXT NOT NULL,
    visible_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    crashes BIGINT NOT NULL DEFAULT 0,
    fence BIGINT NOT NULL DEFAULT 0,
    owner TEXT,
    cancel BIGINT NOT NULL DEFAULT 0,
    priority BIGINT NOT NULL DEFAULT 0,
    error_class TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (kind, ref_id)
);
CREATE INDEX tagdeck_jobs_due ON jobs (kind, visible_at, id) WHERE state IN ('pending', 'retrying');
CREATE INDEX tagdeck_jobs_leased ON jobs (kind, visible_at) WHERE owner IS NOT NULL;
CREATE INDEX tagdeck_jobs_page ON jobs (kind, state, updated_at DESC, ref_id DESC, error_class);
CREATE INDEX tagdeck_jobs_user ON jobs (user_id, state, updated_at DESC, ref_id DESC) WHERE kind = 'tag';
CREATE INDEX tagdeck_jobs_channel ON jobs (channel_id, state, updated_at DESC, ref_id DESC) WHERE kind = 'tag';

-- Every call, written before it is sent; the raw body last, so that a row's other columns are read without it.
CREATE TABLE job_calls (
    id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    worker TEXT NOT NULL,
    pass BIGINT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    day BIGINT NOT NULL,
    reserved_micros BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT,
    http_status BIGINT,
    elapsed_ms BIGINT,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    cost_micros BIGINT,
    request_id TEXT,
    reason TEXT,
    body BLOB
);
CREATE INDEX tagdeck_calls_post ON job_calls (post_id, id);
CREATE INDEX tagdeck_calls_window ON job_calls (provider, sent_at);
CREATE INDEX tagdeck_calls_open ON job_calls (job_id) WHERE ended_at IS NULL;

-- Day 0 is no day: it is the row a provider's calls queue at while the minute window is counted.
CREATE TABLE usage (
    provider TEXT NOT NULL,
    day BIGINT NOT NULL,
    calls BIGINT NOT NULL DEFAULT 0,
    spent_micros BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, day)
);
CREATE TABLE models (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    format TEXT NOT NULL,
    breaker TEXT NOT NULL,
    off_reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (provider, model)
);
CREATE TABLE pauses (
    scope TEXT PRIMARY KEY,
    until_at BIGINT,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE workers (
    name TEXT PRIMARY KEY,
    kinds TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
-- Posts written by whomever, without a job so far; the trigger fills it, `adopt` empties it.
CREATE TABLE newcomers (post_id INTEGER PRIMARY KEY);
INSERT INTO newcomers (post_id) SELECT id FROM posts;

-- Posts by user (0: all) and key: a status (`failed:ATTEMPTS` for failed ones) or `tagged`. Slots are for PostgreSQL.
CREATE TABLE counters (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    slot BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (user_id, key, slot)
) WITHOUT ROWID;

-- One row a post and key; a post with tags, no attempts and `pending` is a success: the bot's own back-fill missed it.
CREATE VIEW tagdeck_post_keys AS
SELECT id, user_id,
    CASE
        WHEN tagging_status IN ('retrying', 'success', 'skipped') THEN tagging_status
        WHEN tagging_status = 'failed' THEN 'failed:' || COALESCE(tagging_attempts, 0)
        WHEN tagging_status = 'pending' THEN CASE WHEN COALESCE(tagging_attempts, 0) = 0
            AND COALESCE(REPLACE(TRIM(CAST(tags AS TEXT)), ' ', ''), '') NOT IN ('', 'null', '[]') THEN 'success' ELSE 'pending' END
        ELSE 'no_status'
    END AS key
FROM posts
UNION ALL
SELECT id, user_id, 'tagged' FROM posts
WHERE COALESCE(REPLACE(TRIM(CAST(tags AS TEXT)), ' ', ''), '') NOT IN ('', 'null', '[]');

INSERT INTO counters (user_id, key, slot, n)
SELECT 0, key, 0, COUNT(*) FROM tagdeck_post_keys GROUP BY key
UNION ALL
SELECT user_id, key, 0, COUNT(*) FROM tagdeck_post_keys WHERE user_id <> 0 GROUP BY user_id, key;

CREATE TRIGGER tagdeck_posts_insert AFTER INSERT ON posts BEGIN
    INSERT INTO newcomers (post_id) SELECT NEW.id WHERE NOT EXISTS (SELECT 1 FROM newcomers WHERE post_id = NEW.id);
    INSERT INTO counters (user_id, key, slot, n)
    SELECT u.column1, k.key, 0, 0
    FROM (VALUES (0), (NEW.user_id)) u CROSS JOIN tagdeck_post_keys k
    WHERE k.id = NEW.id AND u.column1 IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM counters c WHERE c.user_id = u.column1 AND c.key = k.key AND c.slot = 0);
    UPDATE counters SET n = n + 1
    WHERE user_id IN (0, NEW.user_id) AND slot = 0 AND key IN (SELECT k.key FROM tagdeck_post_keys k WHERE k.id = NEW.id);
END;
CREATE TRIGGER tagdeck_posts_delete BEFORE DELETE ON posts BEGIN
    UPDATE counters SET n = n - 1
    WHERE user_id IN (0, OLD.user_id) AND slot = 0 AND key IN (SELECT k.key FROM tagdeck_post_keys k WHERE k.id = OLD.id);
    DELETE FROM newcomers WHERE post_id = OLD.id;
    DELETE FROM jobs WHERE kind = 'ocr' AND ref_id IN (SELECT id FROM images WHERE post_id = OLD.id);
    DELETE FROM documents WHERE image_id IN (SELECT id FROM images WHERE post_id = OLD.id);
    DELETE FROM images WHERE post_id = OLD.id;
    DELETE FROM jobs WHERE kind = 'tag' AND ref_id = OLD.id;
END;
CREATE TRIGGER tagdeck_posts_before_update BEFORE UPDATE OF tags, tagging_status, tagging_attempts, user_id ON posts
WHEN OLD.tagging_status IS NOT NEW.tagging_status OR OLD.tags IS NOT NEW.tags
    OR OLD.tagging_attempts IS NOT NEW.tagging_attempts OR OLD.user_id IS NOT NEW.user_id
BEGIN
    UPDATE counters SET n = n - 1
    WHERE user_id IN (0, OLD.user_id) AND slot = 0 AND key IN (SELECT k.key FROM tagdeck_post_keys k WHERE k.id = OLD.id);
END;
CREATE TRIGGER tagdeck_posts_after_update AFTER UPDATE OF tags, tagging_status, tagging_attempts, user_id ON posts
WHEN OLD.tagging_status IS NOT NEW.tagging_status OR OLD.tags IS NOT NEW.tags
    OR OLD.tagging_attempts IS NOT NEW.tagging_attempts OR OLD.user_id IS NOT NEW.user_id
BEGIN
    INSERT INTO counters (user_id, key, slot, n)
    SELECT u.column1, k.key, 0, 0
    FROM (VALUES (0), (NEW.user_id)) u CROSS JOIN tagdeck_post_keys k
    WHERE k.id = NEW.id AND u.column1 IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM counters c WHERE c.user_id = u.column1 AND c.key = k.key AND c.slot = 0);
    UPDATE counters SET n = n + 1
    WHERE user_id IN (0, NEW.user_id) AND slot = 0 AND key IN (SELECT k.key FROM tagdeck_post_keys k WHERE k.id = NEW.id);
END;
CREATE TRIGGER tagdeck_posts_move AFTER UPDATE OF user_id, channel_id ON posts
WHEN OLD.user_id IS NOT NEW.user_id OR OLD.channel_id IS NOT NEW.channel_id
BEGIN
    UPDATE jobs SET user_id = NEW.user_id, channel_id = NEW.channel_id WHERE kind = 'tag' AND ref_id = NEW.id;
END;
