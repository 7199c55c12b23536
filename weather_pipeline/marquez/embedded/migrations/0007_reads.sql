-- What answers and retention look up, and 0001 has no index for.

-- The runs that a run started.
CREATE INDEX runs_by_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
