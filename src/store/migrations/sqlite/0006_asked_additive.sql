-- The model that an operator asked for, until the job is done; of each call why its model was asked, and what the answer's headers said.
-- A worker of the version before passes the first by and leaves the others empty.
ALTER TABLE jobs ADD COLUMN model TEXT;
ALTER TABLE job_calls ADD COLUMN why TEXT;
ALTER TABLE job_calls ADD COLUMN headers TEXT;
