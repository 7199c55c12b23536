-- Graphs are walked in the database, breadth first: one call whatever the depth. A recursive query can't do that: it
-- keeps a node once for every number of steps that lead to it.

-- The jobs within so many steps of one, itself included. A step goes to all jobs that share a dataset.
CREATE FUNCTION jobs_around(start_job uuid, steps integer) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found uuid[] := ARRAY[start_job];
    job_ids uuid[] := found;
    next_jobs uuid[];
    dataset_ids uuid[] := '{}';
BEGIN
    FOR step IN 1..steps LOOP
        -- Edges lead both ways, so that nothing but what the step before reached can be met again.
        dataset_ids := ARRAY(
            SELECT e.dataset_id FROM job_edges e JOIN datasets d ON d.id = e.dataset_id AND NOT d.is_hidden
            WHERE e.job_id = ANY (job_ids)
            EXCEPT SELECT unnest(dataset_ids)
        );
        next_jobs := ARRAY(
            SELECT e.job_id FROM job_edges e JOIN jobs j ON j.id = e.job_id AND NOT j.is_hidden
            WHERE e.dataset_id = ANY (dataset_ids)
            EXCEPT SELECT unnest(job_ids)
        );
        EXIT WHEN cardinality(next_jobs) = 0;
        found := found || next_jobs;
        job_ids := next_jobs;
    END LOOP;
    RETURN found;
END
$$;

-- The edges that can be shown. A column may be made of a dataset that no event described, or of nothing (posted.py).
CREATE VIEW column_edges AS
SELECT c.* FROM column_lineage c
JOIN datasets input ON input.id = c.input_dataset_id AND NOT input.is_hidden
JOIN datasets output ON output.id = c.output_dataset_id AND NOT output.is_hidden;

-- The edges between columns within so many steps of some columns (a dataset and a field each): those that feed them, and
-- with `downstream` also what these and they feed. The first step goes upstream only.
CREATE FUNCTION columns_around(
    start_datasets uuid[], start_fields text[], steps integer, downstream boolean
) RETURNS SETOF column_edges
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found uuid[];
    edges uuid[];
BEGIN
    IF steps < 1 THEN
        RETURN;
    END IF;
    edges := ARRAY(
        SELECT c.id FROM unnest(start_datasets, start_fields) AS start (dataset_id, field)
        JOIN column_edges c ON c.output_dataset_id = start.dataset_id AND md5(c.output_field) = md5(start.field)
          AND c.output_field = start.field
    );
    found := edges;
    FOR step IN 2..steps LOOP
        EXIT WHEN cardinality(edges) = 0;
        edges := ARRAY(
            (
                SELECT c.id FROM (
                    SELECT DISTINCT input_dataset_id AS dataset_id, input_field AS field
                    FROM column_lineage WHERE id = ANY (edges)
                ) AS reached
                JOIN column_edges c ON c.output_dataset_id = reached.dataset_id
                  AND md5(c.output_field) = md5(reached.field) AND c.output_field = reached.field
                UNION
                SELECT c.id FROM (
                    SELECT DISTINCT output_dataset_id AS dataset_id, output_field AS field
                    FROM column_lineage WHERE id = ANY (edges) AND downstream
                ) AS reached
                JOIN column_edges c ON c.input_dataset_id = reached.dataset_id
                  AND md5(c.input_field) = md5(reached.field) AND c.input_field = reached.field
            )
            EXCEPT SELECT unnest(found)
        );
        found := found || edges;
    END LOOP;
    RETURN QUERY SELECT c.* FROM column_edges c WHERE c.id = ANY (found);
END
$$;

-- The runs that a run depends on, itself included, with the number of steps to each.
CREATE FUNCTION runs_upstream(start_run uuid, steps integer) RETURNS TABLE (run_id uuid, distance integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found uuid[] := ARRAY[start_run];
    reached uuid[] := found;
BEGIN
    RETURN QUERY SELECT start_run, 0;
    FOR step IN 1..steps LOOP
        reached := ARRAY(
            SELECT v.run_id FROM run_inputs i JOIN dataset_versions v ON v.id = i.version_id AND v.run_id IS NOT NULL
            WHERE i.run_id = ANY (reached)
            EXCEPT SELECT unnest(found)
        );
        EXIT WHEN cardinality(reached) = 0;
        RETURN QUERY SELECT unnest(reached), step;
        found := found || reached;
    END LOOP;
END
$$;

-- The runs that depend on a run, itself included, with the number of steps to each; the walk ends once there are as many
-- as wanted. Who read a version is found by the index run_inputs_by_version (0003_retention.sql).
CREATE FUNCTION runs_downstream(
    start_run uuid, steps integer, wanted integer
) RETURNS TABLE (run_id uuid, distance integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found uuid[] := ARRAY[start_run];
    reached uuid[] := found;
BEGIN
    RETURN QUERY SELECT start_run, 0;
    FOR step IN 1..steps LOOP
        reached := ARRAY(
            SELECT i.run_id FROM dataset_versions v JOIN run_inputs i ON i.version_id = v.id
            WHERE v.run_id = ANY (reached)
            EXCEPT SELECT unnest(found)
        );
        EXIT WHEN cardinality(reached) = 0;
        RETURN QUERY SELECT unnest(reached), step;
        found := found || reached;
        EXIT WHEN cardinality(found) >= wanted;
    END LOOP;
END
$$;
