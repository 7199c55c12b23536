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

-- Fields of a version, and where they come from. First those that its writer named. Then those that only readers name:
-- each as the oldest event that names it has it, the oldest event first. `orders` tells for each field [order of that
-- event, place in it], of the writer's []; a number is the order of the one event that named them all.
CREATE FUNCTION ordered_fields(fields jsonb, orders jsonb) RETURNS TABLE (field jsonb, since bigint, place bigint)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    one_order CONSTANT bigint := CASE WHEN jsonb_typeof(orders) = 'number' THEN orders::bigint END;
    known CONSTANT jsonb := CASE WHEN jsonb_typeof(orders) = 'array' THEN orders ELSE '[]' END;
BEGIN
    RETURN QUERY
    SELECT entry, coalesce(one_order, (known_order ->> 0)::bigint), coalesce((known_order ->> 1)::bigint, ordinal)
    FROM ROWS FROM (jsonb_array_elements(fields), jsonb_array_elements(known))
        WITH ORDINALITY AS listed (entry, known_order, ordinal)
    WHERE entry IS NOT NULL;
END
$$;

-- Whether a reader names what is known, and none of it before the events that it is known from: most do.
CREATE FUNCTION names_known_fields(fields jsonb, orders jsonb, new_fields jsonb, new_orders jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN new_fields = '[]' OR (
        new_fields = fields AND jsonb_typeof(new_orders) = 'number'
        AND (
            CASE WHEN jsonb_typeof(orders) = 'number' THEN orders ELSE orders -> -1 -> 0 END::bigint
            > new_orders::bigint
        ) IS NOT TRUE
    );
END
$$;

-- Both together, in time that grows with their number and not with its square.
CREATE FUNCTION fold_fields(INOUT fields jsonb, INOUT orders jsonb, new_fields jsonb, new_orders jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    SELECT
        coalesce(jsonb_agg(named.field ORDER BY named.since NULLS FIRST, named.place), '[]'),
        coalesce(
            jsonb_agg(
                CASE WHEN named.since IS NULL THEN '[]' ELSE jsonb_build_array(named.since, named.place) END
                ORDER BY named.since NULLS FIRST, named.place
            ),
            '[]'
        )
    INTO fields, orders
    FROM (
        SELECT DISTINCT ON (said.field ->> 'name') said.*
        FROM (
            SELECT * FROM ordered_fields(fields, orders) UNION ALL SELECT * FROM ordered_fields(new_fields, new_orders)
        ) AS said
        ORDER BY said.field ->> 'name', said.since NULLS FIRST, said.place
    ) AS named;
END
$$;

-- The fields of a version with those that a reader names, and where they come from then: one function each, because one
-- that returns both needs a query around it, which every event would pay for.
CREATE FUNCTION merge_fields(fields jsonb, orders jsonb, new_fields jsonb, new_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF names_known_fields(fields, orders, new_fields, new_orders) THEN
        RETURN fields;
    END IF;
    RETURN (fold_fields(fields, orders, new_fields, new_orders)).fields;
END
$$;

CREATE FUNCTION merge_field_orders(fields jsonb, orders jsonb, new_fields jsonb, new_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF names_known_fields(fields, orders, new_fields, new_orders) THEN
        RETURN orders;
    END IF;
    RETURN (fold_fields(fields, orders, new_fields, new_orders)).orders;
END
$$;

DROP FUNCTION posted_datasets(json);

-- A dataset of an event, as ingest.py posts it. `version_id` is the version that an output makes, and of an input the
-- one that nobody wrote. `is_read`: the event also has it as an input.
CREATE TYPE posted_dataset AS (
    dataset_id uuid, namespace text, name text, is_output boolean, is_read boolean, makes_version boolean,
    version_id uuid, description text, source_name text, lifecycle_state text, fields jsonb, facets jsonb,
    io_facets jsonb
);

-- The namespaces and sources that the events of a transaction name, each with the times of the first and the last of
-- these events.
CREATE FUNCTION store_names(names jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO namespaces AS n (name, owner_name, created_at, updated_at)
    SELECT p.name, 'anonymous', p.first_at, p.last_at
    FROM jsonb_to_recordset(names -> 'namespaces') AS p (name text, first_at timestamptz, last_at timestamptz)
    ON CONFLICT (name) DO UPDATE SET
        created_at = least(n.created_at, excluded.created_at),
        updated_at = greatest(n.updated_at, excluded.updated_at),
        is_hidden = false;

    IF names ? 'sources' THEN
        INSERT INTO sources AS s (name, type, connection_url, url_order, created_at, updated_at)
        SELECT p.name, 'POSTGRESQL', p.url, p.url_order, p.first_at, p.last_at
        FROM jsonb_to_recordset(names -> 'sources') AS p (
            name text, url text, url_order bigint, first_at timestamptz, last_at timestamptz
        )
        ON CONFLICT (name) DO UPDATE SET
            -- An event that gives no URL says nothing about it.
            connection_url = CASE
                WHEN excluded.url_order IS NULL OR excluded.url_order < s.url_order THEN s.connection_url
                ELSE excluded.connection_url
            END,
            url_order = greatest(s.url_order, excluded.url_order),
            created_at = least(s.created_at, excluded.created_at),
            updated_at = greatest(s.updated_at, excluded.updated_at);
    END IF;
END
$$;

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
    shown_version uuid;
    version_job uuid := event -> 'job' ->> 'id';
    run_job uuid;
    run_job_before uuid;
    run_ended timestamptz;
    run_ended_before timestamptz;
    run_version uuid;
BEGIN
    -- A parent that is only known by name is as old as the first event that names it, and never touches one that has
    -- events of its own.
    IF event ? 'parent' THEN
        INSERT INTO jobs AS j (id, namespace, name, simple_name, type, created_at, updated_at, current_inputs)
        SELECT p.job_id, p.namespace, p.name, p.name, 'BATCH', event_time, event_time, '[]'
        FROM jsonb_to_record(event -> 'parent') AS p (job_id uuid, namespace text, name text)
        ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, updated_at = excluded.updated_at
        WHERE j.event_order IS NULL AND excluded.created_at < j.created_at;
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
            simple_name = CASE
                WHEN excluded.event_order < j.event_order THEN j.simple_name ELSE excluded.simple_name
            END,
            parent_id = CASE WHEN excluded.event_order < j.event_order THEN j.parent_id ELSE excluded.parent_id END,
            type = CASE WHEN excluded.event_order < j.event_order THEN j.type ELSE excluded.type END,
            description = CASE
                WHEN excluded.event_order < j.event_order THEN j.description ELSE excluded.description
            END,
            location = CASE WHEN excluded.event_order < j.event_order THEN j.location ELSE excluded.location END,
            current_inputs = CASE
                WHEN excluded.event_order < j.event_order THEN j.current_inputs ELSE excluded.current_inputs
            END,
            created_at = CASE
                WHEN j.event_order IS NULL THEN excluded.created_at ELSE least(j.created_at, excluded.created_at)
            END,
            updated_at = CASE
                WHEN j.event_order IS NULL THEN excluded.updated_at ELSE greatest(j.updated_at, excluded.updated_at)
            END,
            event_order = greatest(j.event_order, excluded.event_order),
            is_hidden = false
        RETURNING j.version_id INTO shown_version;
    END IF;

    IF event ? 'parent' THEN
        INSERT INTO runs AS r (
            id, job_id, external_id, created_at, updated_at, state, state_at, started_at, args, facets, job_facets
        )
        SELECT p.run_id, p.job_id, p.external_id, event_time, event_time, 'RUNNING', event_time, event_time, '{}', '{}',
            '{}'
        FROM jsonb_to_record(event -> 'parent') AS p (run_id uuid, job_id uuid, external_id text)
        ON CONFLICT (id) DO UPDATE SET
            created_at = excluded.created_at,
            updated_at = excluded.updated_at,
            state_at = excluded.state_at,
            started_at = excluded.started_at
        WHERE r.event_order IS NULL AND excluded.created_at < r.created_at;
    END IF;

    -- Of a parent that was known by its name only nothing stays: neither what its job was called nor the times of the
    -- events that named it.
    IF event_run IS NOT NULL THEN
        INSERT INTO runs AS r (
            id, job_id, job_order, external_id, parent_run_id, created_at, updated_at, state, state_at, event_order,
            started_at, ended_at, ended_job, args, facets, job_facets
        )
        SELECT
            event_run, event_job, this_order, p.external_id, p.parent_run_id, event_time, event_time, p.state, event_time,
            this_order, CASE WHEN p.state = 'RUNNING' THEN event_time END,
            CASE WHEN p.state <> 'RUNNING' THEN event_time END, CASE WHEN p.state <> 'RUNNING' THEN event_job END,
            p.args, p.facets, event -> 'job_facets'
        FROM jsonb_to_record(event -> 'run') AS p (
            external_id text, parent_run_id uuid, state text, args jsonb, facets jsonb
        )
        ON CONFLICT (id) DO UPDATE SET
            job_id = CASE
                WHEN r.job_order IS NULL OR excluded.job_order < r.job_order THEN excluded.job_id ELSE r.job_id
            END,
            job_order = least(r.job_order, excluded.job_order),
            parent_run_id = coalesce(r.parent_run_id, excluded.parent_run_id),
            state = CASE WHEN excluded.event_order < r.event_order THEN r.state ELSE excluded.state END,
            state_at = CASE WHEN excluded.event_order < r.event_order THEN r.state_at ELSE excluded.state_at END,
            event_order = greatest(r.event_order, excluded.event_order),
            started_at = CASE
                WHEN r.event_order IS NULL THEN excluded.started_at ELSE greatest(r.started_at, excluded.started_at)
            END,
            ended_at = greatest(r.ended_at, excluded.ended_at),
            ended_job = CASE
                WHEN excluded.ended_at IS NULL OR excluded.ended_at < r.ended_at THEN r.ended_job ELSE excluded.ended_job
            END,
            created_at = CASE
                WHEN r.event_order IS NULL THEN excluded.created_at ELSE least(r.created_at, excluded.created_at)
            END,
            updated_at = CASE
                WHEN r.event_order IS NULL THEN excluded.updated_at ELSE greatest(r.updated_at, excluded.updated_at)
            END,
            args = excluded.args || r.args,
            facets = merge_facets(r.facets, excluded.facets),
            job_facets = merge_facets(r.job_facets, excluded.job_facets)
        RETURNING
            r.job_id, r.ended_at, coalesce(r.ended_job, event_job), r.job_version_id,
            r.job_facets -> 'sourceCodeLocation' -> 1 ->> 'url',
            -- The statement reads the row as it was.
            CASE WHEN r.job_order = this_order AND r.event_order > this_order THEN (
                SELECT before.job_id FROM runs before WHERE before.id = event_run
            ) END,
            CASE WHEN r.job_version_id IS NOT NULL THEN (
                SELECT before.ended_at FROM runs before WHERE before.id = event_run
            ) END
        INTO run_job, run_ended, version_job, run_version, job_location, run_job_before, run_ended_before;
        -- A run is that of the job that its oldest event names; its words are found by what was written to the job's row
        -- (text_search.py).
        IF run_job <> event_job OR run_job_before <> run_job THEN
            UPDATE jobs SET updated_at = updated_at WHERE id IN (run_job, run_job_before);
        END IF;
        IF version_job <> event_job THEN
            SELECT version_id INTO shown_version FROM jobs WHERE id = version_job;
        END IF;
    END IF;

    IF cardinality(posted) > 0 THEN
        PERFORM store_datasets(event, event_time, this_order, event_run, posted);
    END IF;

    -- Every event of a run that has ended is counted, also one that arrives after the end.
    IF event_job IS NOT NULL AND (event_run IS NULL OR run_ended IS NOT NULL) THEN
        PERFORM store_job_version(
            event, version_job, shown_version, job_location, posted, coalesce(run_ended, event_time), event_run,
            run_version, run_ended_before
        );
    END IF;

    IF event ? 'columns' THEN
        PERFORM store_column_lineage(this_order, event -> 'columns');
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
        id, namespace, name, physical_name, source_name, source_order, type, description, created_at, updated_at,
        event_order, read_at, read_by, is_deleted
    )
    SELECT DISTINCT ON (p.dataset_id)
        p.dataset_id, p.namespace, p.name, p.name, coalesce(p.source_name, 'default'),
        CASE WHEN p.source_name IS NOT NULL THEN this_order END, 'DB_TABLE', p.description, event_time, event_time,
        this_order, CASE WHEN p.is_read THEN event_time END, CASE WHEN p.is_read THEN event_run END,
        upper(p.lifecycle_state) = 'DROP'
    FROM unnest(posted) AS p
    ORDER BY p.dataset_id, p.is_output DESC
    ON CONFLICT (id) DO UPDATE SET
        -- An event that names no source says nothing about it.
        source_name = CASE
            WHEN excluded.source_order IS NULL OR excluded.source_order < d.source_order THEN d.source_name
            ELSE excluded.source_name
        END,
        source_order = greatest(d.source_order, excluded.source_order),
        description = CASE WHEN excluded.event_order < d.event_order THEN d.description ELSE excluded.description END,
        is_deleted = CASE WHEN excluded.event_order < d.event_order THEN d.is_deleted ELSE excluded.is_deleted END,
        created_at = least(d.created_at, excluded.created_at),
        updated_at = greatest(d.updated_at, excluded.updated_at),
        event_order = greatest(d.event_order, excluded.event_order),
        read_at = greatest(d.read_at, excluded.read_at),
        read_by = CASE
            WHEN d.read_at IS NULL OR excluded.read_at > d.read_at THEN excluded.read_by
            WHEN excluded.read_at = d.read_at AND excluded.read_by IS DISTINCT FROM d.read_by THEN NULL
            ELSE d.read_by
        END,
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
    -- arrive: one that comes again, or late, when the dataset has a newer version, does not make the run read that. It
    -- never reads a version that it writes itself. The version is locked, so that retention does not take it away
    -- meanwhile. Where nobody is known to have written the dataset by then, it is the version that nobody wrote.
    WITH read AS (
        SELECT DISTINCT ON (p.dataset_id)
            p.dataset_id, p.version_id AS unwritten, p.fields, p.lifecycle_state, p.facets || p.io_facets AS facets,
            p.io_facets,
            coalesce(
                CASE
                    WHEN before.read_at <= event_time THEN before.version_id
                    WHEN d.version_at < event_time AND NOT EXISTS (
                        SELECT FROM dataset_versions own WHERE own.id = d.version_id AND own.run_id = event_run
                    ) THEN d.version_id
                    ELSE (
                        SELECT v.id FROM dataset_versions v
                        WHERE v.dataset_id = p.dataset_id AND v.current_at <= event_time
                          AND (v.run_id = event_run) IS NOT TRUE
                        ORDER BY v.current_at DESC, v.id DESC LIMIT 1 FOR KEY SHARE
                    )
                END,
                p.version_id
            ) AS version_id
        FROM unnest(posted) AS p
        JOIN datasets d ON d.id = p.dataset_id
        LEFT JOIN run_inputs before ON before.run_id = event_run AND before.dataset_id = p.dataset_id
        WHERE NOT p.is_output
        ORDER BY p.dataset_id
    ), made AS (
        INSERT INTO dataset_versions AS v (
            id, dataset_id, fields, field_orders, lifecycle_state, facets, output_facets, created_at, current_at
        )
        SELECT read.version_id, read.dataset_id, read.fields, to_jsonb(this_order), read.lifecycle_state, read.facets,
            '{}', event_time, '0001-01-01T00:00:00Z'
        FROM read WHERE read.version_id = read.unwritten
        ON CONFLICT (id) DO UPDATE SET
            fields = merge_fields(v.fields, v.field_orders, excluded.fields, excluded.field_orders),
            field_orders = merge_field_orders(v.fields, v.field_orders, excluded.fields, excluded.field_orders),
            lifecycle_state = CASE
                WHEN excluded.facets ? 'lifecycleStateChange' THEN coalesce(
                    merge_facets(v.facets, excluded.facets)
                        -> 'lifecycleStateChange' -> 1 ->> 'lifecycleStateChange',
                    ''
                )
                ELSE v.lifecycle_state
            END,
            facets = merge_facets(v.facets, excluded.facets),
            created_at = least(v.created_at, excluded.created_at)
        WHERE excluded.facets <> '{}' OR excluded.created_at < v.created_at
    ), mapped AS (
        INSERT INTO run_inputs AS i (run_id, dataset_id, version_id, read_at, facets)
        SELECT event_run, read.dataset_id, read.version_id, event_time, read.io_facets
        FROM read WHERE event_run IS NOT NULL
        ON CONFLICT (run_id, dataset_id) DO UPDATE SET
            version_id = excluded.version_id,
            read_at = least(i.read_at, excluded.read_at),
            facets = merge_facets(i.facets, excluded.facets)
        WHERE excluded.read_at < i.read_at OR excluded.facets <> '{}'
    ), described AS (
        UPDATE dataset_versions v SET
            facets = merge_facets(v.facets, read.facets),
            fields = merge_fields(v.fields, v.field_orders, read.fields, to_jsonb(this_order)),
            field_orders = merge_field_orders(v.fields, v.field_orders, read.fields, to_jsonb(this_order))
        FROM read WHERE v.id = read.version_id AND read.version_id <> read.unwritten AND read.facets <> '{}'
    )
    UPDATE datasets d SET version_id = read.version_id, version_at = '-infinity'
    FROM read WHERE read.version_id = read.unwritten AND d.id = read.dataset_id AND d.version_id IS NULL;

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
        facets = merge_facets(v.facets, excluded.facets),
        output_facets = merge_facets(v.output_facets, excluded.output_facets),
        created_at = least(v.created_at, excluded.created_at),
        current_at = least(v.current_at, excluded.current_at);

    IF makes_current THEN
        UPDATE datasets d SET version_id = p.version_id, version_at = event_time
        FROM unnest(posted) AS p
        WHERE p.is_output AND p.makes_version AND d.id = p.dataset_id
          -- Of two of the same time the one with the greater id, here as among readers: not the one that came last.
          AND (d.version_at IS NULL OR (d.version_at, d.version_id) <= (event_time, p.version_id));

        IF EXISTS (
            SELECT FROM unnest(posted) AS p JOIN datasets d ON d.id = p.dataset_id
            WHERE p.is_output AND p.makes_version AND (
                d.read_at > event_time
                OR d.read_at = event_time AND (d.read_by IS DISTINCT FROM event_run OR event_run IS NULL)
            )
        ) THEN
            PERFORM correct_reads(event_time, event_run, posted);
        END IF;
    END IF;
END
$$;

-- Somebody read a dataset after it was written, and the write arrives only now.
CREATE FUNCTION correct_reads(event_time timestamptz, event_run uuid, posted posted_dataset[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Who read the version before this one did read this one. Only who wrote that read one that was older still.
    WITH before AS (
        SELECT p.dataset_id, p.version_id AS written, v.id, v.run_id
        FROM unnest(posted) AS p
        CROSS JOIN LATERAL (
            SELECT v.id, v.run_id FROM dataset_versions v
            WHERE v.dataset_id = p.dataset_id AND v.current_at <= event_time AND v.id <> p.version_id
              AND (v.current_at, v.id) < (event_time, p.version_id)
            ORDER BY v.current_at DESC, v.id DESC LIMIT 1
        ) AS v
        WHERE p.is_output AND p.makes_version
    ), reads AS (
        SELECT i.run_id, i.dataset_id, before.written FROM before JOIN run_inputs i ON i.version_id = before.id
        WHERE i.read_at >= event_time
        UNION
        SELECT i.run_id, i.dataset_id, before.written
        FROM before
        JOIN run_inputs i ON i.run_id = before.run_id AND i.dataset_id = before.dataset_id
        JOIN dataset_versions v ON v.id = i.version_id AND (v.current_at, v.id) < (event_time, before.written)
        WHERE i.read_at >= event_time
    )
    UPDATE run_inputs i SET version_id = reads.written FROM reads
    WHERE i.run_id = reads.run_id AND i.dataset_id = reads.dataset_id AND i.run_id IS DISTINCT FROM event_run;

    -- The version that nobody wrote is there for those who read the dataset before its first write. Where none of them
    -- is left it was this one, and what they said of it holds for this one.
    WITH unwritten AS (
        SELECT
            v.id, p.version_id AS written,
            (SELECT min(i.read_at) FROM run_inputs i WHERE i.version_id = v.id) AS read_at
        FROM unnest(posted) AS p
        JOIN dataset_versions v ON v.dataset_id = p.dataset_id AND v.id <> p.version_id
        WHERE p.is_output AND p.makes_version AND v.current_at = '0001-01-01T00:00:00Z' AND v.run_id IS NULL
          AND v.created_at >= event_time
    ), still_read AS (
        UPDATE dataset_versions v SET created_at = unwritten.read_at FROM unwritten
        WHERE v.id = unwritten.id AND unwritten.read_at IS NOT NULL
    ), gone AS (
        DELETE FROM dataset_versions v USING unwritten WHERE v.id = unwritten.id AND unwritten.read_at IS NULL
        RETURNING unwritten.written, v.fields, v.field_orders, v.facets
    )
    UPDATE dataset_versions v SET
        facets = merge_facets(v.facets, gone.facets),
        fields = merge_fields(v.fields, v.field_orders, gone.fields, gone.field_orders),
        field_orders = merge_field_orders(v.fields, v.field_orders, gone.fields, gone.field_orders)
    FROM gone WHERE v.id = gone.written;
END
$$;

-- The version of a job with some location, inputs and outputs: those of a job event, or what all events that arrived say
-- of a run. Each tells of its version at a time: a job event at its own, a run when it ended.
CREATE FUNCTION store_job_version(
    event jsonb, version_job uuid, shown_version uuid, job_location text, posted posted_dataset[], told_at timestamptz,
    event_run uuid, run_version uuid, run_told_at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    read uuid[];
    written uuid[];
    told_version uuid;
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
    told_version := md5(concat_ws('|', version_job, coalesce(job_location, ''), read::text, written::text))::uuid;
    IF told_version = run_version AND told_at = run_told_at THEN
        RETURN;
    END IF;

    INSERT INTO job_versions AS v (
        id, job_id, location, inputs, outputs, created_at, latest_at, latest_run_id, latest_run_at, first_told_at,
        last_told_at, facets
    )
    VALUES (
        told_version, version_job, job_location, read, written, told_at, told_at, event_run,
        CASE WHEN event_run IS NOT NULL THEN told_at END, CASE WHEN event_run IS NULL THEN told_at END,
        CASE WHEN event_run IS NULL THEN told_at END,
        CASE WHEN event ->> 'event_type' = 'JOB' THEN event -> 'job_facets' ELSE '{}' END
    )
    ON CONFLICT (id) DO UPDATE SET
        created_at = least(v.created_at, excluded.created_at),
        latest_at = greatest(v.latest_at, excluded.latest_at),
        latest_run_id = CASE
            WHEN excluded.latest_run_at IS NULL
                OR (excluded.latest_run_at, excluded.latest_run_id) < (v.latest_run_at, v.latest_run_id)
                THEN v.latest_run_id
            ELSE excluded.latest_run_id
        END,
        latest_run_at = greatest(v.latest_run_at, excluded.latest_run_at),
        first_told_at = least(v.first_told_at, excluded.first_told_at),
        last_told_at = greatest(v.last_told_at, excluded.last_told_at),
        facets = merge_facets(v.facets, excluded.facets);

    UPDATE jobs SET version_id = told_version, version_at = told_at
    WHERE id = version_job AND (version_at IS NULL OR version_at <= told_at);
    IF FOUND AND told_version IS DISTINCT FROM shown_version THEN
        PERFORM show_job_edges(version_job, told_version);
    END IF;

    IF event_run IS NOT NULL THEN
        UPDATE runs SET job_version_id = told_version
        WHERE id = event_run AND job_version_id IS DISTINCT FROM told_version;
        IF run_version IS NOT NULL THEN
            PERFORM settle_job_version(run_version, run_told_at);
        END IF;
    END IF;
END
$$;

-- A run whose events did not arrive in order was taken for one of this version, or for one that ended at this time, until
-- now. What others tell stays: runs of this version, job events, and runs that retention has deleted, of which only that
-- they were earlier or later is known.
CREATE FUNCTION settle_job_version(left_version uuid, left_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    version job_versions;
    newest_run uuid;
    newest_run_at timestamptz;
    first_at timestamptz;
    last_at timestamptz;
    shown_version uuid;
    shown_at timestamptz;
BEGIN
    SELECT * INTO version FROM job_versions v WHERE v.id = left_version;
    SELECT r.id, r.ended_at INTO newest_run, newest_run_at FROM runs r WHERE r.job_version_id = left_version
    ORDER BY r.ended_at DESC, r.id DESC LIMIT 1;
    first_at := least(
        version.first_told_at,
        CASE WHEN version.created_at < left_at THEN version.created_at END,
        (SELECT r.ended_at FROM runs r WHERE r.job_version_id = left_version ORDER BY r.ended_at LIMIT 1)
    );
    last_at := greatest(
        version.last_told_at, CASE WHEN version.latest_at > left_at THEN version.latest_at END, newest_run_at
    );
    IF first_at IS NOT NULL OR last_at IS NOT NULL THEN
        UPDATE job_versions SET
            created_at = coalesce(first_at, last_at),
            latest_at = coalesce(last_at, first_at),
            latest_run_id = newest_run,
            latest_run_at = newest_run_at
        WHERE id = left_version;
    ELSE
        DELETE FROM job_versions WHERE id = left_version;
    END IF;

    -- Where the run tells of another job now, the version that its job shows may be another.
    IF EXISTS (
        SELECT FROM jobs j
        WHERE j.id = version.job_id AND j.version_id = left_version AND (j.version_at <= last_at) IS NOT TRUE
    ) THEN
        SELECT v.id, v.latest_at INTO shown_version, shown_at FROM job_versions v
        -- Retention waits for it, or has deleted it already.
        WHERE v.job_id = version.job_id ORDER BY v.latest_at DESC, v.id LIMIT 1 FOR KEY SHARE;
        UPDATE jobs SET version_id = shown_version, version_at = shown_at WHERE id = version.job_id;
        PERFORM show_job_edges(version.job_id, shown_version);
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

-- The newest event that maps a column replaces all that older events said about that column: what is stored about one is
-- all of the same order. What events of the same order say is put together.
CREATE FUNCTION store_column_lineage(this_order bigint, columns jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Each column is looked up once, whatever the planner takes the table's size for.
    WITH posted AS MATERIALIZED (
        SELECT DISTINCT ON (p.id) p.* FROM jsonb_to_recordset(columns) AS p (
            id uuid, output_dataset_id uuid, output_field text, input_dataset_id uuid, input_field text,
            transformation_description text, transformation_type text
        ) ORDER BY p.id, p.transformation_description DESC NULLS LAST, p.transformation_type DESC NULLS LAST
    ), mapped AS MATERIALIZED (
        SELECT o.output_dataset_id, o.output_field, stored.ids, stored.newest
        FROM (SELECT DISTINCT output_dataset_id, output_field FROM posted) AS o
        CROSS JOIN LATERAL (
            SELECT array_agg(c.id) AS ids, max(c.event_order) AS newest FROM column_lineage c
            WHERE c.output_dataset_id = o.output_dataset_id AND md5(c.output_field) = md5(o.output_field)
              AND c.output_field = o.output_field
        ) AS stored
    ), gone AS (
        DELETE FROM column_lineage WHERE id = ANY (ARRAY(
            SELECT unnest(m.ids) FROM mapped m WHERE m.newest < this_order EXCEPT SELECT p.id FROM posted p
        ))
    )
    INSERT INTO column_lineage AS c (
        id, output_dataset_id, output_field, input_dataset_id, input_field, transformation_description,
        transformation_type, event_order
    )
    SELECT p.*, this_order FROM posted p JOIN mapped m USING (output_dataset_id, output_field)
    WHERE (m.newest > this_order) IS NOT TRUE
    ON CONFLICT (id) DO UPDATE SET
        transformation_description = excluded.transformation_description,
        transformation_type = excluded.transformation_type,
        event_order = excluded.event_order
    WHERE c.event_order < excluded.event_order
       OR (coalesce(c.transformation_description, ''), coalesce(c.transformation_type, ''))
        < (coalesce(excluded.transformation_description, ''), coalesce(excluded.transformation_type, ''));
END
$$;
