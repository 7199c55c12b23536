"""Runs: one, of a job, the newest of all, their facets, and what they depend on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query, Response

from weather_pipeline.marquez.embedded.database import Connection, Row, count_rows
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.facets import shown
from weather_pipeline.marquez.embedded.models import (
    Name,
    RecentRun,
    RecentRuns,
    Run,
    RunDataset,
    RunFacets,
    VersionName,
)
from weather_pipeline.marquez.embedded.parameters import Choice, Connected, Limit, Offset

router = APIRouter(prefix="/api/v1/jobs/runs", tags=["runs"])

_BY_ID: Final[LiteralString] = "SELECT * FROM run_rows WHERE id = ANY(%s)"
_LATEST: Final[LiteralString] = """
    SELECT r.* FROM unnest(%(jobs)s::uuid[]) AS job (id) CROSS JOIN LATERAL (
        SELECT * FROM run_rows WHERE job_id = job.id ORDER BY state_at DESC, id DESC LIMIT %(count)s
    ) r ORDER BY r.state_at DESC, r.id DESC
"""
_OF_JOB: Final[LiteralString] = """
    SELECT * FROM run_rows WHERE job_id = %s
    ORDER BY started_at DESC NULLS LAST, state_at DESC, id DESC LIMIT %s OFFSET %s
"""
_RECENT: Final[LiteralString] = """
    SELECT * FROM run_rows WHERE NOT is_hidden ORDER BY state_at DESC, id DESC LIMIT %s OFFSET %s
"""
_DATASETS: Final[LiteralString] = """
    SELECT i.run_id, false AS is_output, d.namespace, d.name, i.version_id AS version, i.facets
    FROM run_inputs i JOIN datasets d ON d.id = i.dataset_id WHERE i.run_id = ANY(%(runs)s)
    UNION ALL
    SELECT v.run_id, true, d.namespace, d.name, v.id, v.output_facets
    FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id WHERE v.run_id = ANY(%(runs)s)
    ORDER BY namespace, name, version
"""


class FacetType(Choice):
    """Whose facets."""

    RUN = "run"
    JOB = "job"


async def build_runs(connection: Connection, rows: Sequence[Row]) -> list[Run]:
    """Runs from rows of the view `run_rows`; one query for all their datasets."""
    datasets = await _datasets_of(connection, [row["id"] for row in rows])
    return [Run.model_validate(_content(row, datasets)) for row in rows]


async def runs_by_id(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Run]:
    """The runs of these ids."""
    if not ids:
        return {}
    cursor = await connection.execute(_BY_ID, [list(ids)])
    return {run.id: run for run in await build_runs(connection, await cursor.fetchall())}


async def latest_runs(connection: Connection, jobs: Sequence[UUID], count: int) -> dict[UUID, list[Run]]:
    """The newest runs of each job, the newest first."""
    if not jobs:
        return {}
    cursor = await connection.execute(_LATEST, {"jobs": list(jobs), "count": count})
    rows = await cursor.fetchall()
    found: dict[UUID, list[Run]] = defaultdict(list)
    for row, run in zip(rows, await build_runs(connection, rows), strict=True):
        found[row["job_id"]].append(run)
    return found


async def runs_of_job(connection: Connection, job: UUID, limit: int, offset: int) -> tuple[list[Run], int]:
    """A page of a job's runs, the last started first, and how many there are."""
    cursor = await connection.execute(_OF_JOB, [job, limit, offset])
    runs = await build_runs(connection, await cursor.fetchall())
    return runs, await count_rows(connection, "FROM runs WHERE job_id = %s", [job])


@router.get("")
async def list_recent_runs(connection: Connected, limit: Limit = 100, offset: Offset = 0) -> RecentRuns:
    """The newest runs of all jobs, the newest first. Marquez has no such list; the first seed expects one."""
    cursor = await connection.execute(_RECENT, [limit, offset])
    rows = await cursor.fetchall()
    datasets = await _datasets_of(connection, [row["id"] for row in rows])
    runs = [
        RecentRun.model_validate(
            _content(row, datasets) | {"job": Name(namespace=row["job_namespace"], name=row["job_name"])}
        )
        for row in rows
    ]
    return RecentRuns(runs=runs, total_count=await count_rows(connection, "FROM run_rows WHERE NOT is_hidden"))


@router.get("/{run_id}")
async def get_run(connection: Connected, run_id: UUID) -> Run:
    """One run."""
    found = await runs_by_id(connection, [run_id])
    if not found:
        raise NotFound.named("Run", str(run_id))
    return found[run_id]


@router.get("/{run_id}/facets", response_model=RunFacets)
async def get_run_facets(
    connection: Connected, run_id: UUID, facet_type: Annotated[FacetType, Query(alias="type")]
) -> RunFacets | Response:
    """The facets of a run or of its job; an empty body where there are none, as Marquez answers."""
    cursor = await connection.execute("SELECT facets, job_facets FROM runs WHERE id = %s", [run_id])
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Run", str(run_id))
    facets = shown(row["job_facets"] if facet_type is FacetType.JOB else row["facets"])
    return RunFacets(run_id=run_id, facets=facets) if facets else Response()


async def _datasets_of(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    if runs:
        cursor = await connection.execute(_DATASETS, {"runs": list(runs)})
        for row in await cursor.fetchall():
            found[row["run_id"]].append(row)
    return found


def _content(row: Row, datasets: dict[UUID, list[Row]]) -> dict[str, Any]:
    version = None
    if row["job_version_id"] is not None:
        # As Marquez: the run's own job, also where its end named another one, which then has the version.
        names = {"namespace": row["job_namespace"], "name": row["job_name"]}
        version = VersionName(**names, version=row["job_version_id"])
    mine = datasets.get(row["id"], [])
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        # Marquez never answers them here; the nominalTime facet has them.
        "nominal_start_time": None,
        "nominal_end_time": None,
        "state": row["state"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "duration_ms": _milliseconds(row["started_at"], row["ended_at"]),
        "args": row["args"],
        "job_version": version,
        "input_dataset_versions": [_run_dataset(entry) for entry in mine if not entry["is_output"]],
        "output_dataset_versions": [_run_dataset(entry) for entry in mine if entry["is_output"]],
        "facets": shown(row["facets"]),
    }


def _run_dataset(row: Row) -> RunDataset:
    version = VersionName(namespace=row["namespace"], name=row["name"], version=row["version"])
    return RunDataset(dataset_version_id=version, facets=shown(row["facets"]))


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return int((end - start).total_seconds() * 1000)
