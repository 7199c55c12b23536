"""The runs that a run depends on, and those that depend on it, by the dataset versions that they read and wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Row
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.graph_models import (
    DownstreamRun,
    DownstreamRuns,
    RunSource,
    RunStatus,
    RunTarget,
    UpstreamRun,
    UpstreamRuns,
)
from weather_pipeline.marquez.embedded.models import VersionName
from weather_pipeline.marquez.embedded.parameters import Connected, Depth

router = APIRouter(prefix="/api/v1/runlineage", tags=["lineage"])

_RUNS: Final[LiteralString] = """
    SELECT r.id, r.state, r.started_at, r.ended_at, j.namespace, j.name, coalesce(r.job_version_id, j.version_id, j.id)
        AS version
    FROM {walk} AS found JOIN runs r ON r.id = found.run_id JOIN jobs j ON j.id = r.job_id
    ORDER BY found.distance, r.state_at DESC, r.id DESC
"""
_UPSTREAM: Final[LiteralString] = _RUNS.format(walk="runs_upstream(%(run)s, %(depth)s)")
_DOWNSTREAM: Final[LiteralString] = _RUNS.format(walk="runs_downstream(%(run)s, %(depth)s, %(limit)s)") + (
    "LIMIT %(limit)s"
)
_INPUTS: Final[LiteralString] = """
    SELECT i.run_id, d.namespace, d.name, v.id AS version, producer.id AS produced_by_run_id
    FROM run_inputs i JOIN dataset_versions v ON v.id = i.version_id JOIN datasets d ON d.id = i.dataset_id
    -- The run that wrote it may be gone (retention.py).
    LEFT JOIN runs producer ON producer.id = v.run_id
    WHERE i.run_id = ANY(%s) ORDER BY d.namespace, d.name
"""
_OUTPUTS: Final[LiteralString] = """
    SELECT v.run_id, d.namespace, d.name, v.id AS version, ARRAY(
        SELECT reader.run_id FROM (
            SELECT i.run_id FROM run_inputs i WHERE i.version_id = v.id LIMIT %(limit)s
        ) AS reader ORDER BY reader.run_id
    ) AS consumed_by_run_ids
    FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id
    WHERE v.run_id = ANY(%(runs)s) ORDER BY d.namespace, d.name, v.id
"""

_MOST_RUNS = 10_000

RunId = Annotated[UUID, Query(alias="runId")]


@router.get("/upstream")
async def get_upstream_runs(connection: Connected, run_id: RunId, depth: Depth = 20) -> UpstreamRuns:
    """A run and those that wrote what it read, and so on; the nearest first."""
    rows = await (await connection.execute(_UPSTREAM, {"run": run_id, "depth": depth})).fetchall()
    if not rows:
        raise NotFound.named("Run", str(run_id))
    inputs = _by_run(await (await connection.execute(_INPUTS, [[row["id"] for row in rows]])).fetchall())
    return UpstreamRuns(
        runs=[
            UpstreamRun(
                job=_job(row), run=_run(row), inputs=[RunSource.model_validate(source) for source in inputs[row["id"]]]
            )
            for row in rows
        ]
    )


@router.get("/downstream")
async def get_downstream_runs(
    connection: Connected,
    run_id: RunId,
    depth: Depth = 20,
    limit: Annotated[int, Query(ge=1, le=_MOST_RUNS, description="Most runs to answer.")] = 1000,
) -> DownstreamRuns:
    """A run and those that read what it wrote, and so on; the nearest first. Marquez has no such answer.

    A version that stays current for long is read by very many runs: `limit` bounds how many runs are answered, and how
    many are named as readers of a version.
    """
    parameters = {"run": run_id, "depth": depth, "limit": limit}
    rows = await (await connection.execute(_DOWNSTREAM, parameters)).fetchall()
    if not rows:
        raise NotFound.named("Run", str(run_id))
    parameters = {"runs": [row["id"] for row in rows], "limit": limit}
    outputs = _by_run(await (await connection.execute(_OUTPUTS, parameters)).fetchall())
    return DownstreamRuns(
        runs=[
            DownstreamRun(
                job=_job(row),
                run=_run(row),
                outputs=[RunTarget.model_validate(target) for target in outputs[row["id"]]],
            )
            for row in rows
        ]
    )


def _by_run(rows: Iterable[Row]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["run_id"]].append(row)
    return found


def _job(row: Row) -> VersionName:
    return VersionName(namespace=row["namespace"], name=row["name"], version=row["version"])


def _run(row: Row) -> RunStatus:
    return RunStatus(id=row["id"], start=row["started_at"], end=row["ended_at"], status=row["state"])
