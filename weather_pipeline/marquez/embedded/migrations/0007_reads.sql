-- What answers and retention look up, and 0001 has no index for.

-- The runs that a run started.
CREATE INDEX runs_by_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;

-- Events are counted by type (stats.py) without a look at the events themselves.
DROP INDEX lineage_events_by_time;
CREATE INDEX lineage_events_by_time ON lineage_events (event_at, id) INCLUDE (event_type);
