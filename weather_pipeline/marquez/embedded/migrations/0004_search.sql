-- Full-text search over jobs and datasets. Storing an event writes nothing here: a search first brings up to date what
-- was written since the last one (text_search.py). So these tables are a cache: what a crash of PostgreSQL empties, the
-- next search fills.

-- What a job last did and said: its newest run, or where it never ran what a job event said.
CREATE VIEW job_news AS
SELECT j.id AS job_id, run.id AS run_id, run.state, run.facets AS run_facets,
    coalesce(nullif(run.job_facets, '{}'), v.facets) AS facets
FROM jobs j
LEFT JOIN job_versions v ON v.id = j.version_id
LEFT JOIN LATERAL (
    SELECT id, state, facets, job_facets FROM runs WHERE runs.job_id = j.id ORDER BY state_at DESC, id DESC LIMIT 1
) AS run ON true;

CREATE UNLOGGED TABLE job_search (
    id uuid PRIMARY KEY,
    row_version xid NOT NULL,          -- xmin of the job's row when the words were taken
    digest uuid NOT NULL,              -- of the texts that the words were taken from
    words tsvector NOT NULL
);
CREATE INDEX job_search_by_words ON job_search USING gin (words);

CREATE UNLOGGED TABLE dataset_search (LIKE job_search INCLUDING ALL);

-- What a column of facets holds at some paths, as a JSON array.
CREATE FUNCTION search_texts(facets jsonb, paths jsonpath[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- A new value, because one that is stored compressed would be decompressed for every path.
    content CONSTANT jsonb := coalesce(facets, '{}') || '{}';
    texts jsonb := '[]';
    path jsonpath;
BEGIN
    FOREACH path IN ARRAY paths LOOP
        texts := texts || jsonb_path_query_array(content, path, silent => true);
    END LOOP;
    RETURN texts;
END
$$;

-- The words of an array of strings: runs of letters and digits, in lower case; `rainGauge` is one word and also two.
-- Between two strings the positions have a gap, so that no phrase reaches from one into the next.
CREATE FUNCTION search_vector(texts jsonb, weight "char") RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    most CONSTANT integer := 100000;
    content text := texts::text;
    parted text;
BEGIN
    -- A tsvector has room for a megabyte. Its words take up to four times the bytes of the text.
    IF octet_length(content) > most THEN
        content := left(content, most);
        WHILE octet_length(content) > most LOOP
            content := left(content, length(content) / 2);
        END LOOP;
        content := jsonb_build_array(regexp_replace(content, '\\.', ' ', 'g'))::text;
    END IF;
    -- These characters make PostgreSQL's parser see addresses, paths, tags and numbers where words are wanted.
    content := regexp_replace(content, '[-+./:@&<>~]+', ' ', 'g');
    parted := regexp_replace(content, '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g');
    RETURN setweight(
        jsonb_to_tsvector(
            'simple',
            CASE WHEN parted = content THEN content::jsonb ELSE content::jsonb || parted::jsonb END,
            '["string"]'
        ),
        weight
    );
END
$$;

-- The words of a job or a dataset. What is too much even so is found by its names: one row must not keep all others from
-- being found.
CREATE FUNCTION search_words(names jsonb, contents jsonb, circumstances jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN search_vector(names, 'A') || search_vector(contents, 'C') || search_vector(circumstances, 'D');
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN search_vector(names, 'A');
END
$$;

-- All words in a row; of the last one its beginning is enough.
CREATE FUNCTION search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(left(word, 500), ' <-> ' ORDER BY place) || ':*', '')::tsquery
    FROM regexp_split_to_table(lower(q), '[^[:alnum:]]+') WITH ORDINALITY AS split (word, place)
    WHERE word <> '' AND place <= 40
$$;
