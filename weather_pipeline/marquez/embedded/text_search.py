"""Search in what jobs and datasets say of themselves: Marquez's `/api/v2beta/search`, by PostgreSQL's full-text search.

Marquez asks OpenSearch for the words of `q` in a row, of the last one its beginning, in some fields. So does this:
words are what stands between characters that are neither letters nor digits. The words of every job and dataset are in
tables of their own (migrations/0004_search.sql). Storing an event does not touch them: a search first reads the words
of those rows again that were written since the last search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, LiteralString
from uuid import UUID

import psycopg
from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded import locks
from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.errors import Refused
from weather_pipeline.marquez.embedded.events import EVENT_TYPE_OF_STATE
from weather_pipeline.marquez.embedded.facets import shown
from weather_pipeline.marquez.embedded.highlights import highlight
from weather_pipeline.marquez.embedded.parameters import Connected
from weather_pipeline.marquez.embedded.search_models import DatasetHit, DatasetHits, JobHit, JobHits

router = APIRouter(prefix="/api/v2beta/search", tags=["search"])

JOB_FIELDS = (
    "facets.sql.query", "facets.sourceCode.sourceCode", "facets.sourceCode.language",
    "runFacets.processing_engine.name", "run_id", "name", "namespace", "type",
)  # fmt: skip
DATASET_FIELDS = (
    "run_id", "name", "namespace", "facets.schema.fields.name", "facets.schema.fields.type",
    "facets.columnLineage.fields.*.inputFields.name", "facets.columnLineage.fields.*.inputFields.namespace",
    "facets.columnLineage.fields.*.inputFields.field", "facets.columnLineage.fields.*.transformationDescription",
    "facets.columnLineage.fields.*.transformationType",
)  # fmt: skip
"""What is searched, as Marquez has it."""

_HITS = 10
_SHORTEST_RUN_ID = 8
"""A run id is found by its first group, or by more of it: fewer digits would be those of any word."""

_REFRESHED_TOGETHER = 2000

# LATERAL and LIMIT let the texts be looked up after the rows that were written are known, and only for these.
_JOB_TEXTS: Final[LiteralString] = """
    SELECT j.id, j.xmin AS row_version, jsonb_build_array(j.name) AS names,
        search_texts(news.facets, %(facets)s::jsonpath[]) AS contents,
        jsonb_build_array(j.namespace, j.type) || search_texts(news.run_facets, %(run_facets)s::jsonpath[])
            AS circumstances
    FROM jobs j LEFT JOIN job_search s ON s.id = j.id JOIN job_news news ON news.job_id = j.id
    WHERE s.row_version IS DISTINCT FROM j.xmin
"""
_DATASET_TEXTS: Final[LiteralString] = """
    SELECT d.id, d.xmin AS row_version, jsonb_build_array(d.name) AS names,
        search_texts(v.facets, %(facets)s::jsonpath[]) AS contents, jsonb_build_array(d.namespace) AS circumstances
    FROM datasets d LEFT JOIN dataset_search s ON s.id = d.id
    LEFT JOIN LATERAL (SELECT facets FROM dataset_versions WHERE id = d.version_id LIMIT 1) AS v ON true
    WHERE s.row_version IS DISTINCT FROM d.xmin
"""

# Most rows were written by an event that says what those before said: only their version is noted.
_REFRESH: Final[LiteralString] = """
    WITH written AS MATERIALIZED (
        SELECT *, md5((names, contents, circumstances)::text)::uuid AS digest FROM ({texts}) AS texts LIMIT %(most)s
    ), unchanged AS (
        UPDATE {table} s SET row_version = written.row_version FROM written
        WHERE s.id = written.id AND s.digest = written.digest
        RETURNING s.id
    ), changed AS (
        INSERT INTO {table} (id, row_version, digest, words)
        SELECT id, row_version, digest, search_words(names, contents, circumstances)
        FROM written WHERE NOT EXISTS (SELECT FROM unchanged WHERE unchanged.id = written.id)
        ON CONFLICT (id) DO UPDATE
        SET row_version = excluded.row_version, digest = excluded.digest, words = excluded.words
    )
    SELECT count(*) AS rows FROM written
"""
_REFRESH_JOBS: Final[LiteralString] = _REFRESH.format(table="job_search", texts=_JOB_TEXTS)
_REFRESH_DATASETS: Final[LiteralString] = _REFRESH.format(table="dataset_search", texts=_DATASET_TEXTS)

_FIND_JOBS: Final[LiteralString] = """
    WITH found AS (
        SELECT s.id, ts_rank(s.words, query) AS rank FROM search_query(%(q)s) AS query
        JOIN job_search s ON s.words @@ query
        UNION ALL
        SELECT r.job_id, 1 FROM runs r WHERE r.id BETWEEN %(first_run)s::uuid AND %(last_run)s::uuid AND NOT EXISTS (
            SELECT FROM runs newer WHERE newer.job_id = r.job_id AND (newer.state_at, newer.id) > (r.state_at, r.id)
        )
    ), best AS (
        SELECT j.id, j.namespace, j.name, j.type, row_number() OVER (
            ORDER BY lower(j.name) = lower(%(q)s) DESC, f.rank DESC, length(j.name), j.updated_at DESC, j.id
        ) AS place
        FROM (SELECT id, max(rank) AS rank FROM found GROUP BY id) AS f JOIN jobs j ON j.id = f.id AND NOT j.is_hidden
        ORDER BY place LIMIT %(limit)s
    )
    SELECT best.*, news.* FROM best JOIN job_news news ON news.job_id = best.id ORDER BY place
"""
_FIND_DATASETS: Final[LiteralString] = """
    WITH found AS (
        SELECT s.id, ts_rank(s.words, query) AS rank FROM search_query(%(q)s) AS query
        JOIN dataset_search s ON s.words @@ query
        UNION ALL
        SELECT v.dataset_id, 1 FROM dataset_versions v JOIN datasets d ON d.version_id = v.id
        WHERE v.run_id BETWEEN %(first_run)s::uuid AND %(last_run)s::uuid
    ), best AS (
        SELECT d.namespace, d.name, d.version_id, row_number() OVER (
            ORDER BY lower(d.name) = lower(%(q)s) DESC, f.rank DESC, length(d.name), d.updated_at DESC, d.id
        ) AS place
        FROM (SELECT id, max(rank) AS rank FROM found GROUP BY id) AS f
        JOIN datasets d ON d.id = f.id AND NOT d.is_hidden
        ORDER BY place LIMIT %(limit)s
    )
    SELECT best.*, v.run_id, run.state, v.facets, v.output_facets
    FROM best LEFT JOIN dataset_versions v ON v.id = best.version_id LEFT JOIN runs run ON run.id = v.run_id
    ORDER BY place
"""

Words = Annotated[str, Query(description="Words in a row; of the last one its beginning is enough.")]


@router.get("/jobs")
async def search_jobs(connection: Connected, q: Words) -> JobHits:
    """Up to ten jobs that say the words of `q`, the best first, and where they say them."""
    _check(q)
    paths = {"facets": _paths(JOB_FIELDS, "facets"), "run_facets": _paths(JOB_FIELDS, "runFacets")}
    await _refresh(connection, _REFRESH_JOBS, paths)
    rows = await (await connection.execute(_FIND_JOBS, _parameters(q))).fetchall()
    hits = [
        JobHit(
            run_id=row["run_id"],
            event_type=EVENT_TYPE_OF_STATE.get(row["state"]),
            name=row["name"],
            type=row["type"],
            namespace=row["namespace"],
            facets=shown(row["facets"]),
            run_facets=shown(row["run_facets"]),
        )
        for row in rows
    ]
    documents = [hit.model_dump(mode="json", by_alias=True) for hit in hits]
    return JobHits(hits=hits, highlights=[highlight(document, JOB_FIELDS, q) for document in documents])


@router.get("/datasets")
async def search_datasets(connection: Connected, q: Words) -> DatasetHits:
    """Up to ten datasets that say the words of `q`, the best first, and where they say them."""
    _check(q)
    paths = {"facets": _paths(DATASET_FIELDS, "facets")}
    await _refresh(connection, _REFRESH_DATASETS, paths)
    rows = await (await connection.execute(_FIND_DATASETS, _parameters(q))).fetchall()
    hits = [
        DatasetHit(
            run_id=row["run_id"],
            event_type=EVENT_TYPE_OF_STATE.get(row["state"]),
            name=row["name"],
            namespace=row["namespace"],
            input_facets={},
            output_facets=shown(row["output_facets"]),
            facets=shown(row["facets"]),
        )
        for row in rows
    ]
    documents = [hit.model_dump(mode="json", by_alias=True) for hit in hits]
    return DatasetHits(hits=hits, highlights=[highlight(document, DATASET_FIELDS, q) for document in documents])


def run_id_range(q: str) -> tuple[UUID, UUID] | None:
    """The first and last run id that begin with what was searched; None where it is no beginning of a run id."""
    typed = q.strip().lower()
    digits = typed.replace("-", "")
    try:
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    except ValueError:
        return None
    return (first, last) if len(digits) >= _SHORTEST_RUN_ID and str(first).startswith(typed) else None


def _check(q: str) -> None:
    if not q.strip():
        raise Refused("query param q must not be blank")


def _parameters(q: str) -> dict[str, Any]:
    first, last = run_id_range(q) or (None, None)
    return {"q": q, "first_run": first, "last_run": last, "limit": _HITS}


def _paths(fields: Sequence[str], column: str) -> list[str]:
    """The strings in the fields that a column of facets holds, as JSON paths: a facet is kept as [time, facet]."""
    parts = [field.split(".", 2) for field in fields if field.startswith(f"{column}.")]
    return [f'$.{facet}[1].{rest} ? (@.type() == "string")' for _, facet, rest in parts]


async def _refresh(connection: Connection, statement: LiteralString, paths: Mapping[str, list[str]]) -> None:
    """Read the words of what was written, so many rows in a transaction: what one of them did is not lost."""
    parameters = {**paths, "most": _REFRESHED_TOGETHER}
    rows = _REFRESHED_TOGETHER
    try:
        while rows == _REFRESHED_TOGETHER:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [locks.SEARCH])
                # Planned each time: the tables may have grown a lot since the last search.
                row = await (await connection.execute(statement, parameters, prepare=False)).fetchone()
            rows = row["rows"] if row else 0
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
        # Otherwise answered as a bad value of the request, which has no part in it.
        raise RuntimeError("The words of what is stored can't be read.") from error
