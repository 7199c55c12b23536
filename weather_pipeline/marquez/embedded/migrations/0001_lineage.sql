-- Lineage as Marquez answers it. Keys are computed from names (identity.py), so that an event is stored without
-- reading any key back. What the newest event says counts, whatever order events arrive in. `event_order` says how new
-- that event is (events.py); null: nothing but the name is known, from an event about something else. Facets are kept as
-- {name: [order of the event, facet]}: they are replaced one by one.

CREATE FUNCTION merge_facets(old jsonb, new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN new = '{}' THEN old ELSE old || coalesce((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(new)
        WHERE old -> key IS NULL OR (old -> key -> 0)::bigint <= (value -> 0)::bigint
    ), '{}') END
$$;

-- The datasets of an event, as ingest.py posts them.
CREATE FUNCTION posted_datasets(posted json) RETURNS TABLE (
    dataset_id uuid, namespace text, name text, is_output boolean, version_id uuid, description text,
    source_name text, lifecycle_state text, fields jsonb, facets jsonb, io_facets jsonb
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT * FROM json_to_recordset(posted) AS p (
        dataset_id uuid, namespace text, name text, is_output boolean, version_id uuid, description text,
        source_name text, lifecycle_state text, fields jsonb, facets jsonb, io_facets jsonb
    )
$$;

CREATE TABLE namespaces (
    name text PRIMARY KEY,
    owner_name text NOT NULL,
    description text,
    is_hidden boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

INSERT INTO namespaces (name, owner_name, description, created_at, updated_at) VALUES (
    'default', 'anonymous',
    'The default global namespace for dataset, job, and run metadata not belonging to a user-specified namespace.',
    now(), now()
);

CREATE TABLE sources (
    name text PRIMARY KEY,
    type text NOT NULL,
    connection_url text,
    url_order bigint,                  -- of the newest event that gave a URL
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

INSERT INTO sources (name, type, created_at, updated_at) VALUES ('default', 'POSTGRESQL', now(), now());

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    name text NOT NULL,
    simple_name text NOT NULL,
    parent_id uuid,
    type text NOT NULL,
    description text,
    location text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,   -- the newest event time
    event_order bigint,
    version_id uuid,
    version_at timestamptz,            -- event time that made version_id current
    current_inputs jsonb NOT NULL,     -- [{namespace, name}] of the newest run event
    is_hidden boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX jobs_by_namespace ON jobs (namespace);

CREATE TABLE job_versions (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL,
    location text,
    inputs uuid[] NOT NULL,
    outputs uuid[] NOT NULL,
    created_at timestamptz NOT NULL,   -- the first end of a run of it, or time of a job event about it
    latest_at timestamptz NOT NULL,    -- the last of these
    latest_run_id uuid,
    latest_run_at timestamptz,         -- end of that run
    first_told_at timestamptz,         -- the first and the last of its job events
    last_told_at timestamptz,
    facets jsonb NOT NULL DEFAULT '{}' -- of a job event; those of a run are on the run
) WITH (fillfactor = 70);
CREATE INDEX job_versions_by_job ON job_versions (job_id, created_at);

-- The graph: inputs and outputs of every job's current version.
CREATE TABLE job_edges (
    job_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    is_output boolean NOT NULL,
    PRIMARY KEY (job_id, dataset_id, is_output)
);
CREATE INDEX job_edges_by_dataset ON job_edges (dataset_id, job_id);

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL,
    job_order bigint,                  -- of the oldest event, which names that job
    external_id text,                  -- the run id as sent, where it is not a UUID
    parent_run_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    state text NOT NULL,
    state_at timestamptz NOT NULL,     -- the newest event time
    event_order bigint,
    started_at timestamptz,
    ended_at timestamptz,
    ended_job uuid,                    -- the job that the newest end names: its versions tell of the run
    args jsonb NOT NULL,
    job_version_id uuid,
    facets jsonb NOT NULL,
    job_facets jsonb NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX runs_by_job ON runs (job_id, state_at DESC);
CREATE INDEX runs_by_start ON runs (job_id, started_at DESC NULLS LAST, state_at DESC);
CREATE INDEX runs_by_time ON runs (state_at DESC);
CREATE INDEX runs_by_version ON runs (job_version_id, ended_at) WHERE job_version_id IS NOT NULL;

CREATE VIEW run_rows AS
SELECT r.*, j.namespace AS job_namespace, j.name AS job_name, j.is_hidden
FROM runs r JOIN jobs j ON j.id = r.job_id;

CREATE TABLE datasets (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    name text NOT NULL,
    physical_name text NOT NULL,
    source_name text NOT NULL,
    source_order bigint,               -- of the newest event that named a source
    type text NOT NULL,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,   -- the newest event time
    event_order bigint,
    version_id uuid,
    version_at timestamptz,            -- event time that made version_id current; -infinity: only ever read
    read_at timestamptz,               -- the newest event that read it
    read_by uuid,                      -- its run; null: it has none, or there are several
    is_deleted boolean NOT NULL,
    is_hidden boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX datasets_by_namespace ON datasets (namespace);

-- Other names of a dataset (symlinks facet).
CREATE TABLE dataset_aliases (
    id uuid PRIMARY KEY,
    dataset_id uuid NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    type text
);
CREATE INDEX dataset_aliases_by_dataset ON dataset_aliases (dataset_id);
CREATE INDEX dataset_aliases_by_namespace ON dataset_aliases (namespace);

CREATE VIEW dataset_names AS
SELECT id, id AS dataset_id, namespace, name, false AS is_alias FROM datasets
UNION ALL
SELECT id, dataset_id, namespace, name, true FROM dataset_aliases;

CREATE TABLE dataset_versions (
    id uuid PRIMARY KEY,
    dataset_id uuid NOT NULL,
    run_id uuid,                       -- the run that wrote it
    fields jsonb NOT NULL,             -- its writer's, then those that only readers name: ordered_fields tells
    field_orders jsonb NOT NULL DEFAULT '[]',
    lifecycle_state text NOT NULL,
    facets jsonb NOT NULL,
    output_facets jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    current_at timestamptz             -- first event time that made it current; of one that nobody wrote the year 1
) WITH (fillfactor = 80);
CREATE INDEX dataset_versions_by_dataset ON dataset_versions (dataset_id, created_at DESC);
CREATE INDEX dataset_versions_by_currency ON dataset_versions (dataset_id, current_at) WHERE current_at IS NOT NULL;
CREATE INDEX dataset_versions_by_run ON dataset_versions (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE run_inputs (
    run_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version_id uuid NOT NULL,
    read_at timestamptz NOT NULL,      -- the run's first event time that names the dataset
    facets jsonb NOT NULL,
    PRIMARY KEY (run_id, dataset_id)
);

CREATE TABLE column_lineage (
    id uuid PRIMARY KEY,               -- of the four that follow
    output_dataset_id uuid NOT NULL,
    output_field text NOT NULL,
    input_dataset_id uuid NOT NULL,
    input_field text NOT NULL,
    transformation_description text,
    transformation_type text,
    event_order bigint NOT NULL        -- one for all that a column is made of
);
-- A name may be longer than an index takes.
CREATE INDEX column_lineage_by_output ON column_lineage (output_dataset_id, md5(output_field));
CREATE INDEX column_lineage_by_input ON column_lineage (input_dataset_id, md5(input_field));

CREATE TABLE tags (
    name text PRIMARY KEY,
    description text
);

CREATE TABLE job_tags (
    job_id uuid NOT NULL,
    tag text NOT NULL,
    PRIMARY KEY (job_id, tag)
);

-- field is '' for a tag of the dataset itself.
CREATE TABLE dataset_tags (
    dataset_id uuid NOT NULL,
    field text NOT NULL,
    tag text NOT NULL,
    PRIMARY KEY (dataset_id, field, tag)
);

-- Every accepted event as it was received.
CREATE TABLE lineage_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    event_type text NOT NULL,          -- START, RUNNING, …; JOB and DATASET for events without a run
    run_id uuid,
    body json NOT NULL
);
CREATE INDEX lineage_events_by_time ON lineage_events (event_at, id);
