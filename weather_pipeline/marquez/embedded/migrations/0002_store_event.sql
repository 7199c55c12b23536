-- Storing an event is one function: one call for all events of a transaction, with plans that each connection keeps.
-- ingest.py posts what it stores.

-- As in 0001, without an executor for each call where there is nothing to merge.
CREATE OR REPLACE FUNCTION merge_facets(old jsonb, new jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF new = '{}' THEN
        RETURN old;
    ELSIF old = '{}' THEN
        RETURN new;
    END IF;
    RETURN old || coalesce((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(new)
        WHERE old -> key IS NULL OR (old -> key -> 0)::bigint <= (value -> 0)::bigint
    ), '{}');
END
$$;

-- As in 0001, in time that grows with the number of fields and not with its square.
CREATE OR REPLACE FUNCTION merge_fields(old jsonb, new jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF old = new THEN
        RETURN old;
    END IF;
    RETURN old || coalesce((
        SELECT jsonb_agg(field ORDER BY position)
        FROM jsonb_array_elements(new) WITH ORDINALITY AS added (field, position)
        WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(old) AS known (entry) WHERE known.entry ->> 'name' = field ->> 'name'
        )
    ), '[]');
END
$$;

DROP FUNCTION posted_datasets(json);

-- A dataset of an event, as ingest.py posts it.
CREATE TYPE posted_dataset AS (
    dataset_id uuid, namespace text, name text, is_output boolean, makes_version boolean, version_id uuid,
    description text, source_name text, lifecycle_state text, fields jsonb, facets jsonb, io_facets jsonb
);

-- One transaction stores at a time (ingest.py). Nothing that an event brings may undo what a newer event brought: every
-- update compares times, and where they may be equal the order of the events.
CREATE FUNCTION store_event(event jsonb, event_body text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    event_time CONSTANT timestamptz := event ->> 'at';
    this_order CONSTANT bigint := event ->> 'order';
    event_run CONSTANT uuid := event ->> 'run_id';
    event_job CONSTANT uuid := event -> 'job' ->> 'id';
    posted CONSTANT posted_dataset[] := ARRAY(
        SELECT p FROM jsonb_populate_recordset(NULL::posted_dataset, event -> 'datasets') AS p
    );
    job_location text := event -> 'job' ->> 'location';
    run_ended timestamptz;
    run_job uuid;
    run_version uuid;
    job_version uuid;
    version_before uuid;
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_array_elements_text(event -> 'namespaces') AS p (name)
        WHERE NOT EXISTS (SELECT FROM namespaces n WHERE n.name = p.name AND NOT n.is_hidden)
    ) THEN
        INSERT INTO namespaces AS n (name, owner_name, created_at, updated_at)
        SELECT p.name, 'anonymous', event_time, event_time
        FROM jsonb_array_elements_text(event -> 'namespaces') AS p (name)
        ON CONFLICT (name) DO UPDATE SET is_hidden = false WHERE n.is_hidden;
    END IF;

    IF event ? 'sources' THEN
        INSERT INTO sources AS s (name, type, connection_url, created_at, updated_at)
        SELECT p.name, 'POSTGRESQL', p.url, event_time, event_time
        FROM jsonb_to_recordset(event -> 'sources') AS p (name text, url text)
        WHERE NOT EXISTS (
            SELECT FROM sources known WHERE known.name = p.name AND (p.url IS NULL OR known.connection_url = p.url)
        )
        ON CONFLICT (name) DO UPDATE
        SET connection_url = excluded.connection_url, updated_at = greatest(s.updated_at, excluded.updated_at)
        WHERE s.connection_url IS NULL OR excluded.updated_at >= s.updated_at;
    END IF;

    -- A parent that is only known by name: never touches one that is there.
    IF event ? 'parent' THEN
        INSERT INTO jobs (id, namespace, name, simple_name, type, created_at, updated_at, current_inputs)
        SELECT p.job_id, p.namespace, p.name, p.name, 'BATCH', event_time, event_time, '[]'
        FROM jsonb_to_record(event -> 'parent') AS p (job_id uuid, namespace text, name text)
        ON CONFLICT DO NOTHING;
    END IF;

    IF event_job IS NOT NULL THEN
        INSERT INTO jobs AS j (
            id, namespace, name, simple_name, parent_id, type, description, location, created_at, updated_at,
            event_order, current_inputs
        )
        SELECT event_job, p.namespace, p.name, p.simple_name, p.parent_id, p.type, p.description, p.location, event_time,
            event_time, this_order, p.current_inputs
        FROM jsonb_to_record(event -> 'job') AS p (
            namespace text, name text, simple_name text, parent_id uuid, type text, description text, location text,
            current_inputs jsonb
        )
        ON CONFLICT (id) DO UPDATE SET
            type = CASE WHEN excluded.event_order < j.event_order THEN j.type ELSE excluded.type END,
            description = CASE
                WHEN excluded.event_order < j.event_order THEN j.description ELSE excluded.description
            END,
            location = CASE WHEN excluded.event_order < j.event_order THEN j.location ELSE excluded.location END,
            current_inputs = CASE
                WHEN excluded.event_order < j.event_order THEN j.current_inputs ELSE excluded.current_inputs
            END,
            created_at = least(j.created_at, excluded.created_at),
            updated_at = greatest(j.updated_at, excluded.updated_at),
            event_order = greatest(j.event_order, excluded.event_order),
            is_hidden = false
        RETURNING version_id INTO version_before;
    END IF;

    IF event ? 'parent' THEN
        INSERT INTO runs (
            id, job_id, external_id, created_at, updated_at, state, state_at, started_at, args, facets, job_facets
        )
        SELECT p.run_id, p.job_id, p.external_id, event_time, event_time, 'RUNNING', event_time, event_time, '{}', '{}',
            '{}'
        FROM jsonb_to_record(event -> 'parent') AS p (run_id uuid, job_id uuid, external_id text)
        ON CONFLICT DO NOTHING;
    END IF;

    -- Of a parent that was known by its name only nothing stays: not the time of the event that named it either.
    IF event_run IS NOT NULL THEN
        INSERT INTO runs AS r (
            id, job_id, external_id, parent_run_id, created_at, updated_at, state, state_at, event_order, started_at,
            ended_at, args, facets, job_facets
        )
        SELECT
            event_run, event_job, p.external_id, p.parent_run_id, event_time, event_time, p.state, event_time, this_order,
            CASE WHEN p.state = 'RUNNING' THEN event_time END, CASE WHEN p.state <> 'RUNNING' THEN event_time END,
            p.args, p.facets, event -> 'job_facets'
        FROM jsonb_to_record(event -> 'run') AS p (
            external_id text, parent_run_id uuid, state text, args jsonb, facets jsonb
        )
        ON CONFLICT (id) DO UPDATE SET
            parent_run_id = coalesce(r.parent_run_id, excluded.parent_run_id),
            state = CASE WHEN excluded.event_order < r.event_order THEN r.state ELSE excluded.state END,
            state_at = CASE WHEN excluded.event_order < r.event_order THEN r.state_at ELSE excluded.state_at END,
            event_order = greatest(r.event_order, excluded.event_order),
            started_at = CASE
                WHEN r.event_order IS NULL THEN excluded.started_at ELSE greatest(r.started_at, excluded.started_at)
            END,
            ended_at = greatest(r.ended_at, excluded.ended_at),
            created_at = least(r.created_at, excluded.created_at),
            updated_at = greatest(r.updated_at, excluded.updated_at),
            args = excluded.args || r.args,
            facets = merge_facets(r.facets, excluded.facets),
            job_facets = merge_facets(r.job_facets, excluded.job_facets)
        RETURNING ended_at, job_id, job_version_id, job_facets -> 'sourceCodeLocation' -> 1 ->> 'url'
        INTO run_ended, run_job, run_version, job_location;
        -- A run is that of the first job which used its id; its words are found by what was written to the job's row
        -- (text_search.py).
        IF run_job <> event_job THEN
            UPDATE jobs SET updated_at = updated_at WHERE id = run_job;
        END IF;
    END IF;

    IF cardinality(posted) > 0 THEN
        PERFORM store_datasets(event, event_time, this_order, event_run, posted);
    END IF;

    -- Every event of a run that has ended is counted, also one that arrives after the end.
    IF event_job IS NOT NULL AND (event_run IS NULL OR run_ended IS NOT NULL) THEN
        job_version := store_job_version(
            event, event_job, event_run, coalesce(run_ended, event_time), job_location, posted
        );
        UPDATE jobs SET version_id = job_version, version_at = coalesce(run_ended, event_time)
        WHERE id = event_job AND (version_at IS NULL OR version_at <= coalesce(run_ended, event_time));
        IF FOUND AND job_version IS DISTINCT FROM version_before THEN
            PERFORM show_job_edges(event_job, job_version);
        END IF;
        IF run_version <> job_version THEN
            PERFORM leave_job_version(run_version);
        END IF;
    END IF;

    IF event ? 'columns' THEN
        PERFORM store_column_lineage(event_time, event -> 'columns');
    END IF;

    INSERT INTO lineage_events (event_at, event_type, run_id, body)
    VALUES (event_time, event ->> 'event_type', event_run, event_body::json);
END
$$;

CREATE FUNCTION store_datasets(
    event jsonb, event_time timestamptz, this_order bigint, event_run uuid, posted posted_dataset[]
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Only a run that completed makes its versions current; so does an event without a run that describes its dataset.
    makes_current CONSTANT boolean := event ->> 'makes_current';
BEGIN
    INSERT INTO datasets AS d (
        id, namespace, name, physical_name, source_name, type, description, created_at, updated_at, event_order,
        is_deleted
    )
    SELECT DISTINCT ON (p.dataset_id)
        p.dataset_id, p.namespace, p.name, p.name, p.source_name, 'DB_TABLE', p.description, event_time, event_time,
        this_order, upper(p.lifecycle_state) = 'DROP'
    FROM unnest(posted) AS p
    ORDER BY p.dataset_id, p.is_output DESC
    ON CONFLICT (id) DO UPDATE SET
        -- An event that names no source says nothing about it.
        source_name = CASE WHEN d.source_name = 'default' THEN excluded.source_name ELSE d.source_name END,
        description = CASE WHEN excluded.event_order < d.event_order THEN d.description ELSE excluded.description END,
        is_deleted = CASE WHEN excluded.event_order < d.event_order THEN d.is_deleted ELSE excluded.is_deleted END,
        created_at = least(d.created_at, excluded.created_at),
        updated_at = greatest(d.updated_at, excluded.updated_at),
        event_order = greatest(d.event_order, excluded.event_order),
        is_hidden = false;

    IF event ? 'aliases' THEN
        INSERT INTO dataset_aliases (id, dataset_id, namespace, name, type)
        SELECT p.id, p.dataset_id, p.namespace, p.name, p.type
        FROM jsonb_to_recordset(event -> 'aliases') AS p (
            id uuid, dataset_id uuid, namespace text, name text, type text
        )
        WHERE NOT EXISTS (SELECT FROM datasets d WHERE d.id = p.id)
        ON CONFLICT DO NOTHING;
    END IF;

    -- A run reads the version that was current when its first event that names the dataset happened, whenever events
    -- arrive: one that comes again, or late, when the dataset has a newer version, does not make the run read that. The
    -- version is locked, so that retention does not take it away meanwhile.
    WITH read AS (
        SELECT DISTINCT ON (p.dataset_id)
            p.dataset_id, p.version_id, p.fields, p.lifecycle_state, p.facets || p.io_facets AS facets, p.io_facets,
            CASE
                WHEN before.read_at <= event_time THEN before.version_id
                WHEN d.version_at < event_time THEN d.version_id
                ELSE (
                    SELECT v.id FROM dataset_versions v
                    WHERE v.dataset_id = p.dataset_id AND v.current_at <= event_time
                      AND (v.run_id = event_run) IS NOT TRUE
                    ORDER BY v.current_at DESC LIMIT 1 FOR KEY SHARE
                )
            END AS known
        FROM unnest(posted) AS p
        JOIN datasets d ON d.id = p.dataset_id
        LEFT JOIN run_inputs before ON before.run_id = event_run AND before.dataset_id = p.dataset_id
        WHERE NOT p.is_output
        ORDER BY p.dataset_id
    ), made AS (
        -- Nobody is known to have written the dataset by then.
        INSERT INTO dataset_versions AS v (
            id, dataset_id, fields, lifecycle_state, facets, output_facets, created_at, current_at
        )
        SELECT read.version_id, read.dataset_id, read.fields, read.lifecycle_state, read.facets, '{}', event_time,
            '0001-01-01T00:00:00Z'
        FROM read WHERE read.known IS NULL
        ON CONFLICT (id) DO UPDATE SET
            facets = merge_facets(v.facets, excluded.facets),
            created_at = least(v.created_at, excluded.created_at),
            current_at = excluded.current_at
    ), mapped AS (
        INSERT INTO run_inputs AS i (run_id, dataset_id, version_id, read_at, facets)
        SELECT event_run, read.dataset_id, coalesce(read.known, read.version_id), event_time, read.io_facets
        FROM read WHERE event_run IS NOT NULL
        ON CONFLICT (run_id, dataset_id) DO UPDATE SET
            version_id = excluded.version_id,
            read_at = least(i.read_at, excluded.read_at),
            facets = merge_facets(i.facets, excluded.facets)
        WHERE excluded.read_at < i.read_at OR excluded.facets <> '{}'
    ), described AS (
        UPDATE dataset_versions v
        SET facets = merge_facets(v.facets, read.facets), fields = merge_fields(v.fields, read.fields)
        FROM read WHERE v.id = read.known AND read.facets <> '{}'
    )
    UPDATE datasets d SET version_id = read.version_id, version_at = '-infinity'
    FROM read WHERE read.known IS NULL AND d.id = read.dataset_id AND d.version_id IS NULL;

    INSERT INTO dataset_versions AS v (
        id, dataset_id, run_id, fields, lifecycle_state, facets, output_facets, created_at, current_at
    )
    SELECT DISTINCT ON (p.version_id)
        p.version_id, p.dataset_id, event_run, p.fields, p.lifecycle_state, p.facets, p.io_facets, event_time,
        CASE WHEN makes_current THEN event_time END
    FROM unnest(posted) AS p
    WHERE p.is_output AND p.makes_version
    ORDER BY p.version_id
    ON CONFLICT (id) DO UPDATE SET
        run_id = coalesce(v.run_id, excluded.run_id),
        facets = merge_facets(v.facets, excluded.facets),
        output_facets = merge_facets(v.output_facets, excluded.output_facets),
        created_at = least(v.created_at, excluded.created_at),
        current_at = least(v.current_at, excluded.current_at);

    IF makes_current THEN
        UPDATE datasets d SET version_id = p.version_id, version_at = event_time
        FROM unnest(posted) AS p
        WHERE p.is_output AND p.makes_version AND d.id = p.dataset_id
          AND (d.version_at IS NULL OR d.version_at <= event_time);

        -- Runs that read the version before this one, and later than this one was there, did read this one.
        UPDATE run_inputs i SET version_id = p.version_id
        FROM unnest(posted) AS p
        JOIN datasets d ON d.id = p.dataset_id AND d.updated_at > event_time
        CROSS JOIN LATERAL (
            SELECT v.id FROM dataset_versions v
            WHERE v.dataset_id = p.dataset_id AND v.current_at <= event_time AND v.id <> p.version_id
            ORDER BY v.current_at DESC LIMIT 1
        ) AS before
        WHERE p.is_output AND p.makes_version AND i.version_id = before.id AND i.read_at > event_time
          AND i.run_id IS DISTINCT FROM event_run;
    END IF;
END
$$;

-- The version of a job with this location, these inputs and outputs: what all events that arrived say of its run.
CREATE FUNCTION store_job_version(
    event jsonb, event_job uuid, event_run uuid, ended timestamptz, job_location text, posted posted_dataset[]
) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    read uuid[];
    written uuid[];
    stored uuid;
BEGIN
    SELECT
        coalesce(array_agg(io.dataset_id ORDER BY io.dataset_id) FILTER (WHERE NOT io.is_output), '{}'),
        coalesce(array_agg(io.dataset_id ORDER BY io.dataset_id) FILTER (WHERE io.is_output), '{}')
    INTO read, written
    FROM (
        SELECT p.dataset_id, p.is_output FROM unnest(posted) AS p
        UNION SELECT i.dataset_id, false FROM run_inputs i WHERE i.run_id = event_run
        UNION SELECT v.dataset_id, true FROM dataset_versions v WHERE v.run_id = event_run
    ) AS io;

    INSERT INTO job_versions AS v (id, job_id, location, inputs, outputs, created_at, latest_run_id, latest_at, facets)
    VALUES (
        md5(concat_ws('|', event_job, coalesce(job_location, ''), read::text, written::text))::uuid,
        event_job, job_location, read, written, ended, event_run, ended,
        CASE WHEN event ->> 'event_type' = 'JOB' THEN event -> 'job_facets' ELSE '{}' END
    )
    ON CONFLICT (id) DO UPDATE SET
        latest_run_id = CASE
            WHEN excluded.latest_at >= v.latest_at THEN coalesce(excluded.latest_run_id, v.latest_run_id)
            ELSE v.latest_run_id
        END,
        latest_at = greatest(v.latest_at, excluded.latest_at),
        created_at = least(v.created_at, excluded.created_at),
        facets = merge_facets(v.facets, excluded.facets)
    RETURNING v.id INTO stored;

    UPDATE runs SET job_version_id = stored WHERE id = event_run AND job_version_id IS DISTINCT FROM stored;
    RETURN stored;
END
$$;

-- A run whose events did not arrive in order was taken for one of another version until now.
CREATE FUNCTION leave_job_version(left_version uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    newest record;
BEGIN
    SELECT r.id, r.ended_at INTO newest FROM job_versions v JOIN runs r ON r.job_id = v.job_id
    WHERE v.id = left_version AND r.job_version_id = v.id AND r.state_at >= v.created_at
    ORDER BY r.state_at DESC, r.id DESC LIMIT 1;
    IF FOUND THEN
        UPDATE job_versions SET latest_run_id = newest.id, latest_at = newest.ended_at WHERE id = left_version;
    ELSE
        -- One with two times was also told of by others: a job event, or runs that retention has deleted.
        DELETE FROM job_versions v WHERE v.id = left_version AND v.created_at = v.latest_at
          AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = v.job_id AND j.version_id = v.id);
    END IF;
END
$$;

-- The graph shows what a job's current version reads and writes.
CREATE FUNCTION show_job_edges(shown_job uuid, shown_version uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_edges WHERE job_id = shown_job;
    INSERT INTO job_edges (job_id, dataset_id, is_output)
    SELECT shown_job, unnest(v.inputs), false FROM job_versions v WHERE v.id = shown_version
    UNION ALL
    SELECT shown_job, unnest(v.outputs), true FROM job_versions v WHERE v.id = shown_version;
END
$$;

-- The newest event that maps a column replaces all that older events said about that column.
CREATE FUNCTION store_column_lineage(event_time timestamptz, columns jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH posted AS (
        SELECT DISTINCT ON (p.id) p.* FROM jsonb_to_recordset(columns) AS p (
            id uuid, output_dataset_id uuid, output_field text, input_dataset_id uuid, input_field text,
            transformation_description text, transformation_type text
        ) ORDER BY p.id
    ), gone AS (
        DELETE FROM column_lineage c USING posted p
        WHERE c.output_dataset_id = p.output_dataset_id AND c.output_field = p.output_field
          AND c.updated_at < event_time AND c.id NOT IN (SELECT posted.id FROM posted)
    )
    INSERT INTO column_lineage AS c (
        id, output_dataset_id, output_field, input_dataset_id, input_field, transformation_description,
        transformation_type, updated_at
    )
    SELECT p.*, event_time FROM posted p
    WHERE NOT EXISTS (
        SELECT FROM column_lineage newer WHERE newer.output_dataset_id = p.output_dataset_id
          AND newer.output_field = p.output_field AND newer.updated_at > event_time
    )
    ON CONFLICT (id) DO UPDATE SET
        transformation_description = excluded.transformation_description,
        transformation_type = excluded.transformation_type,
        updated_at = excluded.updated_at;
END
$$;
