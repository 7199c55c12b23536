-- Retention (retention.py): what is old goes, and how old something is depends on when it happened and when it arrived.

-- When a row arrived first. What is there already counts as arrived now: it stays for a whole retention more.
ALTER TABLE runs ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE dataset_versions ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE job_versions ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();

-- Old versions, without reading them all; runs and events have such an index. The few versions of jobs have none: every
-- run that ends would write it.
CREATE INDEX dataset_versions_by_time ON dataset_versions (created_at);

-- Which runs read a version, and which of them later than a write that arrives late.
CREATE INDEX IF NOT EXISTS run_inputs_by_version ON run_inputs (version_id, read_at);
