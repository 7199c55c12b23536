"""Search by name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, LiteralString

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.errors import Refused
from weather_pipeline.marquez.embedded.models import SearchResult, SearchResults
from weather_pipeline.marquez.embedded.parameters import Choice, Connected, Limit

router = APIRouter(prefix="/api/v1/search", tags=["search"])

# Whatever `sort` says, Marquez orders by type and name.
_SELECT: Final[LiteralString] = """
    SELECT * FROM (
        SELECT 'DATASET' AS type, name, updated_at, namespace, 'dataset:' || namespace || ':' || name AS node_id
        FROM datasets WHERE NOT is_hidden
        UNION ALL
        SELECT 'JOB', name, updated_at, namespace, 'job:' || namespace || ':' || name FROM jobs WHERE NOT is_hidden
    ) AS named
    WHERE strpos(lower(name), lower(%(q)s)) > 0
      AND (%(type)s::text IS NULL OR type = %(type)s)
      AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)
      AND (%(before)s::timestamptz IS NULL OR updated_at < %(before)s)
      AND (%(after)s::timestamptz IS NULL OR updated_at > %(after)s)
    ORDER BY type, name, updated_at, namespace LIMIT %(limit)s
"""


class SearchFilter(Choice):
    """What to search."""

    JOB = "JOB"
    DATASET = "DATASET"


class SearchSort(Choice):
    """How Marquez's callers ask for results to be sorted."""

    NAME = "NAME"
    UPDATE_AT = "UPDATE_AT"


@router.get("")
async def search(
    *,
    connection: Connected,
    q: str,
    what: Annotated[SearchFilter | None, Query(alias="filter")] = None,
    sort: SearchSort = SearchSort.NAME,  # noqa: ARG001  (part of the contract, without effect in Marquez)
    namespace: str | None = None,
    before: datetime | None = None,
    after: datetime | None = None,
    limit: Limit = 10,
) -> SearchResults:
    """Jobs and datasets whose name contains `q`; `totalCount` counts what is answered."""
    if not q.strip():
        raise Refused("query param q must not be blank")
    parameters = {"q": q, "type": what, "namespace": namespace, "before": before, "after": after, "limit": limit}
    cursor = await connection.execute(_SELECT, parameters)
    results = [SearchResult.model_validate(row) for row in await cursor.fetchall()]
    return SearchResults(results=results, total_count=len(results))
