"""The SQL that stores one event. Every statement works on all datasets of the event at once.

All statements of an event go to the server in one round trip. Rows are locked in one order, so that concurrent events
wait for each other and never deadlock: namespaces, sources, jobs, runs, datasets, versions, the rest; within a table by
key. A dataset's row is locked before anything that hangs on it.

Nothing that an event brings may undo what a newer event brought: every update compares event times.
"""

from __future__ import annotations

from typing import Final, LiteralString

RESOLVE: Final[LiteralString] = """
    SELECT 'alias' AS kind, id, dataset_id AS target, NULL AS namespace, NULL AS name
    FROM dataset_aliases WHERE id = ANY(%(datasets)s)
    UNION ALL
    SELECT 'parent', r.id, j.id, j.namespace, j.name FROM runs r JOIN jobs j ON j.id = r.job_id
    WHERE r.id = %(parent_run_id)s::uuid
"""

NAMESPACES: Final[LiteralString] = """
    WITH shown AS (
        UPDATE namespaces SET is_hidden = false WHERE is_hidden AND name = ANY(%(namespaces)s)
    )
    INSERT INTO namespaces (name, owner_name, created_at, updated_at)
    SELECT name, 'anonymous', %(at)s::timestamptz, %(at)s::timestamptz
    FROM unnest(%(namespaces)s::text[]) AS name ORDER BY name
    ON CONFLICT DO NOTHING
"""

SOURCES: Final[LiteralString] = """
    INSERT INTO sources (name, type, connection_url, created_at, updated_at)
    SELECT p.name, 'POSTGRESQL', p.url, %(at)s::timestamptz, %(at)s::timestamptz
    FROM json_to_recordset(%(sources)s::json) AS p (name text, url text)
    WHERE NOT EXISTS (
        SELECT FROM sources s WHERE s.name = p.name AND (p.url IS NULL OR s.connection_url = p.url)
    )
    ORDER BY p.name
    ON CONFLICT (name) DO UPDATE
    SET connection_url = excluded.connection_url, updated_at = greatest(sources.updated_at, excluded.updated_at)
"""

JOBS: Final[LiteralString] = """
    INSERT INTO jobs AS j (
        id, namespace, name, simple_name, parent_id, type, description, location, created_at, updated_at,
        current_inputs
    )
    SELECT id, namespace, name, simple_name, parent_id, type, description, location, %(at)s::timestamptz,
        %(at)s::timestamptz, current_inputs
    FROM json_to_recordset(%(jobs)s::json) AS p (
        id uuid, namespace text, name text, simple_name text, parent_id uuid, type text, description text,
        location text, current_inputs jsonb
    )
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET
        type = CASE WHEN excluded.updated_at >= j.updated_at THEN excluded.type ELSE j.type END,
        description = CASE WHEN excluded.updated_at >= j.updated_at THEN excluded.description ELSE j.description END,
        location = CASE WHEN excluded.updated_at >= j.updated_at THEN excluded.location ELSE j.location END,
        current_inputs = CASE
            WHEN excluded.updated_at >= j.updated_at THEN excluded.current_inputs ELSE j.current_inputs
        END,
        created_at = least(j.created_at, excluded.created_at),
        updated_at = greatest(j.updated_at, excluded.updated_at),
        is_hidden = false
"""

# A parent that is only known by name: never touches one that is there.
PARENT_JOB: Final[LiteralString] = """
    INSERT INTO jobs (id, namespace, name, simple_name, type, created_at, updated_at, current_inputs)
    VALUES (%(id)s, %(namespace)s, %(name)s, %(name)s, 'BATCH', %(at)s, %(at)s, '[]')
    ON CONFLICT DO NOTHING
"""

PARENT_RUN: Final[LiteralString] = """
    INSERT INTO runs (
        id, job_id, external_id, created_at, updated_at, state, state_at, started_at, args, facets, job_facets
    )
    VALUES (%(run_id)s, %(id)s, %(external_id)s, %(at)s, %(at)s, 'RUNNING', %(at)s, %(at)s, '{}', '{}', '{}')
    ON CONFLICT DO NOTHING
"""

# Of two events with the same time the one that ends the run is the newer.
RUN: Final[LiteralString] = """
    INSERT INTO runs AS r (
        id, job_id, external_id, parent_run_id, created_at, updated_at, state, state_at, started_at, ended_at, args,
        facets, job_facets
    )
    VALUES (
        %(run_id)s, %(job_id)s, %(external_id)s, %(parent_run_id)s, %(at)s, %(at)s, %(state)s, %(at)s,
        CASE WHEN %(state)s = 'RUNNING' THEN %(at)s::timestamptz END,
        CASE WHEN %(state)s <> 'RUNNING' THEN %(at)s::timestamptz END,
        %(args)s::jsonb, %(run_facets)s::jsonb, %(job_facets)s::jsonb
    )
    ON CONFLICT (id) DO UPDATE SET
        parent_run_id = coalesce(r.parent_run_id, excluded.parent_run_id),
        state = CASE
            WHEN (excluded.state_at, excluded.state <> 'RUNNING') >= (r.state_at, r.state <> 'RUNNING')
            THEN excluded.state ELSE r.state
        END,
        state_at = greatest(r.state_at, excluded.state_at),
        started_at = greatest(r.started_at, excluded.started_at),
        ended_at = greatest(r.ended_at, excluded.ended_at),
        created_at = least(r.created_at, excluded.created_at),
        updated_at = greatest(r.updated_at, excluded.updated_at),
        args = excluded.args || r.args,
        facets = merge_facets(r.facets, excluded.facets),
        job_facets = merge_facets(r.job_facets, excluded.job_facets)
"""

DATASETS: Final[LiteralString] = """
    INSERT INTO datasets AS d (
        id, namespace, name, physical_name, source_name, type, description, created_at, updated_at, is_deleted
    )
    SELECT DISTINCT ON (dataset_id)
        dataset_id, namespace, name, name, source_name, 'DB_TABLE', description, %(at)s::timestamptz,
        %(at)s::timestamptz, upper(lifecycle_state) = 'DROP'
    FROM posted_datasets(%(datasets)s::json) AS p
    ORDER BY dataset_id, is_output DESC
    ON CONFLICT (id) DO UPDATE SET
        description = CASE WHEN excluded.updated_at >= d.updated_at THEN excluded.description ELSE d.description END,
        is_deleted = CASE WHEN excluded.updated_at >= d.updated_at THEN excluded.is_deleted ELSE d.is_deleted END,
        created_at = least(d.created_at, excluded.created_at),
        updated_at = greatest(d.updated_at, excluded.updated_at),
        is_hidden = false
"""

ALIASES: Final[LiteralString] = """
    INSERT INTO dataset_aliases (id, dataset_id, namespace, name, type)
    SELECT p.id, p.dataset_id, p.namespace, p.name, p.type
    FROM json_to_recordset(%(aliases)s::json) AS p (
        id uuid, dataset_id uuid, namespace text, name text, type text
    )
    WHERE NOT EXISTS (SELECT FROM datasets d WHERE d.id = p.id)
    ORDER BY p.id
    ON CONFLICT DO NOTHING
"""

# A write makes a version; so does a read of a dataset that nobody is known to have written.
DATASET_VERSIONS: Final[LiteralString] = """
    INSERT INTO dataset_versions AS v (
        id, dataset_id, run_id, fields, lifecycle_state, facets, output_facets, created_at
    )
    SELECT DISTINCT ON (p.version_id)
        p.version_id, p.dataset_id, CASE WHEN p.is_output THEN %(run_id)s::uuid END, p.fields, p.lifecycle_state,
        p.facets, CASE WHEN p.is_output THEN p.io_facets ELSE '{}' END, %(at)s::timestamptz
    FROM posted_datasets(%(datasets)s::json) AS p JOIN datasets d ON d.id = p.dataset_id
    WHERE p.is_output OR d.version_id IS NULL
    ORDER BY p.version_id, p.is_output DESC
    ON CONFLICT (id) DO UPDATE SET
        run_id = coalesce(v.run_id, excluded.run_id),
        facets = merge_facets(v.facets, excluded.facets),
        output_facets = merge_facets(v.output_facets, excluded.output_facets),
        created_at = least(v.created_at, excluded.created_at)
"""

# What a run read once stays what it read: an event that is sent again later, when the dataset has a newer version,
# changes nothing.
READS: Final[LiteralString] = """
    WITH read AS (
        SELECT DISTINCT ON (p.dataset_id)
            p.dataset_id, coalesce(before.version_id, d.version_id, p.version_id) AS version_id, p.fields,
            p.facets || p.io_facets AS facets, p.io_facets, d.version_id IS NULL AS is_new
        FROM posted_datasets(%(datasets)s::json) AS p
        JOIN datasets d ON d.id = p.dataset_id
        LEFT JOIN run_inputs before ON before.run_id = %(run_id)s::uuid AND before.dataset_id = p.dataset_id
        WHERE NOT p.is_output
        ORDER BY p.dataset_id
    ), mapped AS (
        INSERT INTO run_inputs AS i (run_id, version_id, dataset_id, facets)
        SELECT %(run_id)s::uuid, version_id, dataset_id, io_facets FROM read WHERE %(run_id)s::uuid IS NOT NULL
        ON CONFLICT (run_id, version_id) DO UPDATE SET facets = merge_facets(i.facets, excluded.facets)
        WHERE excluded.facets <> '{}'
    ), described AS (
        UPDATE dataset_versions v
        SET facets = merge_facets(v.facets, read.facets), fields = merge_fields(v.fields, read.fields)
        FROM read WHERE v.id = read.version_id AND read.facets <> '{}'
    )
    UPDATE datasets d SET version_id = read.version_id, version_at = '-infinity'
    FROM read WHERE read.is_new AND d.id = read.dataset_id
"""

# Only a run that completed makes its versions current; so does an event without a run that describes its dataset.
CURRENT_VERSIONS: Final[LiteralString] = """
    UPDATE datasets d SET version_id = p.version_id, version_at = %(at)s
    FROM posted_datasets(%(datasets)s::json) AS p
    WHERE p.is_output AND d.id = p.dataset_id AND (d.version_at IS NULL OR d.version_at <= %(at)s)
"""

# Every event of a run that has ended is counted, also one that arrives after the end.
JOB_VERSION: Final[LiteralString] = """
    WITH ended AS (
        SELECT ended_at AS at FROM runs WHERE id = %(run_id)s::uuid AND ended_at IS NOT NULL
        UNION ALL SELECT %(at)s::timestamptz WHERE %(run_id)s::uuid IS NULL
    ), io AS (
        SELECT dataset_id, is_output FROM posted_datasets(%(datasets)s::json) AS p
        UNION SELECT dataset_id, false FROM run_inputs WHERE run_id = %(run_id)s::uuid
        UNION SELECT dataset_id, true FROM dataset_versions WHERE run_id = %(run_id)s::uuid
    ), sides AS (
        SELECT
            coalesce(array_agg(dataset_id ORDER BY dataset_id) FILTER (WHERE NOT is_output), '{}') AS inputs,
            coalesce(array_agg(dataset_id ORDER BY dataset_id) FILTER (WHERE is_output), '{}') AS outputs
        FROM io
    ), version AS (
        INSERT INTO job_versions AS v (
            id, job_id, location, inputs, outputs, created_at, latest_run_id, latest_at, facets
        )
        SELECT
            md5(concat_ws('|', %(job_id)s::uuid, coalesce(%(location)s::text, ''), inputs::text, outputs::text))::uuid,
            %(job_id)s::uuid, %(location)s::text, inputs, outputs, ended.at, %(run_id)s::uuid, ended.at,
            %(static_facets)s::jsonb
        FROM sides CROSS JOIN ended
        ON CONFLICT (id) DO UPDATE SET
            latest_run_id = CASE
                WHEN excluded.latest_at >= v.latest_at THEN coalesce(excluded.latest_run_id, v.latest_run_id)
                ELSE v.latest_run_id
            END,
            latest_at = greatest(v.latest_at, excluded.latest_at),
            created_at = least(v.created_at, excluded.created_at),
            facets = merge_facets(v.facets, excluded.facets)
        RETURNING id
    ), run AS (
        UPDATE runs SET job_version_id = version.id FROM version WHERE runs.id = %(run_id)s::uuid
    )
    UPDATE jobs SET version_id = version.id, version_at = ended.at
    FROM version CROSS JOIN ended
    WHERE jobs.id = %(job_id)s AND (version_at IS NULL OR version_at <= ended.at)
"""

JOB_EDGES: Final[LiteralString] = """
    WITH wanted AS (
        SELECT unnest(v.inputs) AS dataset_id, false AS is_output
        FROM jobs j JOIN job_versions v ON v.id = j.version_id WHERE j.id = %(job_id)s
        UNION ALL
        SELECT unnest(v.outputs), true
        FROM jobs j JOIN job_versions v ON v.id = j.version_id WHERE j.id = %(job_id)s
    ), gone AS (
        DELETE FROM job_edges e WHERE e.job_id = %(job_id)s AND NOT EXISTS (
            SELECT FROM wanted w WHERE w.dataset_id = e.dataset_id AND w.is_output = e.is_output
        )
    )
    INSERT INTO job_edges (job_id, dataset_id, is_output)
    SELECT %(job_id)s::uuid, w.dataset_id, w.is_output FROM wanted w
    WHERE NOT EXISTS (
        SELECT FROM job_edges e
        WHERE e.job_id = %(job_id)s AND e.dataset_id = w.dataset_id AND e.is_output = w.is_output
    )
"""

# The newest event that maps a column replaces all that older events said about that column.
COLUMN_LINEAGE: Final[LiteralString] = """
    WITH posted AS (
        SELECT DISTINCT ON (id) * FROM json_to_recordset(%(columns)s::json) AS p (
            id uuid, output_dataset_id uuid, output_field text, input_dataset_id uuid, input_field text,
            transformation_description text, transformation_type text
        ) ORDER BY id
    ), gone AS (
        DELETE FROM column_lineage c USING posted p
        WHERE c.output_dataset_id = p.output_dataset_id AND c.output_field = p.output_field
          AND c.updated_at < %(at)s AND c.id NOT IN (SELECT id FROM posted)
    )
    INSERT INTO column_lineage AS c (
        id, output_dataset_id, output_field, input_dataset_id, input_field, transformation_description,
        transformation_type, updated_at
    )
    SELECT p.*, %(at)s::timestamptz FROM posted p
    WHERE NOT EXISTS (
        SELECT FROM column_lineage newer WHERE newer.output_dataset_id = p.output_dataset_id
          AND newer.output_field = p.output_field AND newer.updated_at > %(at)s
    )
    ORDER BY p.id
    ON CONFLICT (id) DO UPDATE SET
        transformation_description = excluded.transformation_description,
        transformation_type = excluded.transformation_type,
        updated_at = excluded.updated_at
"""

RAW_EVENT: Final[LiteralString] = """
    INSERT INTO lineage_events (event_at, event_type, run_id, body)
    VALUES (%(at)s, %(event_type)s, %(run_id)s, %(body)s::json)
"""
