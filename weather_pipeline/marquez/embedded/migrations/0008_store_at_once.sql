-- All that storing events needs, in one call: a round trip for each step would keep the turn while this process does
-- other work. Each statement of a function sees what was stored until it begins, so the lock comes first.

-- Stores events unless some name in them is known otherwise: then nothing is stored, and the answer is false.
--   patience: milliseconds to wait for the turn
--   turn: the lock of the transaction that stores
--   datasets, parents: the keys of dataset names and of parent runs in the events
--   names, events, bodies: as ingest.py makes them where none of these is known
CREATE FUNCTION store_at_once(
    patience text, turn bigint, datasets uuid[], parents uuid[], names jsonb, events jsonb, bodies text[]
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true), set_config('enable_seqscan', 'off', true);
    PERFORM pg_advisory_xact_lock(turn);
    PERFORM set_config('lock_timeout', '0', true);
    IF EXISTS (SELECT FROM dataset_aliases a WHERE a.id = ANY(datasets))
        OR EXISTS (SELECT FROM runs r WHERE r.id = ANY(parents))
    THEN
        RETURN false;
    END IF;
    PERFORM store_names(names);
    PERFORM store_event(posted.event, posted.body)
    FROM ROWS FROM (jsonb_array_elements(events), unnest(bodies)) AS posted (event, body);
    RETURN true;
END $$;
