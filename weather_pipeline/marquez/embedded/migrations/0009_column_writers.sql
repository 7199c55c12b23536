-- Two jobs may write one table, each its own rows: what one says a column is made of leaves what the other said.
-- The job by the name that its events have; the zero UUID for events without a job; NULL where it was not kept yet.
ALTER TABLE column_lineage ADD COLUMN written_by uuid;

-- The newest event of a job that maps a column replaces all that the job's older events said about that column: what is
-- stored of both is all of the same order. What events of the same order say is put together.
CREATE OR REPLACE FUNCTION store_column_lineage(this_order bigint, columns jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Each column is looked up once, whatever the planner takes the table's size for.
    WITH posted AS MATERIALIZED (
        SELECT DISTINCT ON (p.id) p.* FROM jsonb_to_recordset(columns) AS p (
            id uuid, output_dataset_id uuid, output_field text, input_dataset_id uuid, input_field text, written_by uuid,
            transformation_description text, transformation_type text
        ) ORDER BY p.id, p.transformation_description DESC NULLS LAST, p.transformation_type DESC NULLS LAST
    ), mapped AS MATERIALIZED (
        SELECT o.output_dataset_id, o.output_field, o.written_by, stored.ids, stored.newest
        FROM (SELECT DISTINCT output_dataset_id, output_field, written_by FROM posted) AS o
        CROSS JOIN LATERAL (
            SELECT array_agg(c.id) AS ids, max(c.event_order) AS newest FROM column_lineage c
            WHERE c.output_dataset_id = o.output_dataset_id AND md5(c.output_field) = md5(o.output_field)
              AND c.output_field = o.output_field AND coalesce(c.written_by, o.written_by) = o.written_by
        ) AS stored
    ), gone AS (
        DELETE FROM column_lineage WHERE id = ANY (ARRAY(
            SELECT unnest(m.ids) FROM mapped m WHERE m.newest < this_order EXCEPT SELECT p.id FROM posted p
        ))
    )
    INSERT INTO column_lineage AS c (
        id, output_dataset_id, output_field, input_dataset_id, input_field, written_by, transformation_description,
        transformation_type, event_order
    )
    SELECT p.*, this_order FROM posted p JOIN mapped m USING (output_dataset_id, output_field, written_by)
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
