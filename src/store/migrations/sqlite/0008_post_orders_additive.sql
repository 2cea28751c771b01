-- The lists of failed and retrying posts in another order than the newest first. Partial: a job that ends well costs them nothing.
CREATE INDEX tagdeck_jobs_passes ON jobs (kind, state, attempts DESC, ref_id DESC, error_class, user_id) WHERE kind = 'tag' AND state IN ('failed', 'retrying');
CREATE INDEX tagdeck_jobs_class ON jobs (kind, state, error_class, ref_id, user_id) WHERE kind = 'tag' AND state IN ('failed', 'retrying');
CREATE INDEX tagdeck_jobs_ref ON jobs (kind, state, ref_id, error_class, user_id) WHERE kind = 'tag' AND state IN ('failed', 'retrying');

-- The image an event is about, so that whoever reads the line can go to it.
ALTER TABLE events ADD COLUMN image_id BIGINT;
