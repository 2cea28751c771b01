-- What a worker shows of itself beside its heartbeat. A worker of the version before leaves these empty.
ALTER TABLE workers ADD COLUMN provider TEXT;
ALTER TABLE workers ADD COLUMN doing TEXT;
ALTER TABLE workers ADD COLUMN numbers TEXT;

-- The newest lines of all workers' live logs; bounded, and no history: that is `job_calls`.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    worker TEXT NOT NULL,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    post_id BIGINT,
    model TEXT,
    outcome TEXT,
    text TEXT NOT NULL
);
