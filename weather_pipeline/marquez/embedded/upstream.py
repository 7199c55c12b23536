"""The runs that a run depends on, by the dataset versions that it read."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Row
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.graph_models import RunSource, RunStatus, UpstreamRun, UpstreamRuns
from weather_pipeline.marquez.embedded.models import VersionName
from weather_pipeline.marquez.embedded.parameters import Connected, Depth

router = APIRouter(prefix="/api/v1/runlineage", tags=["lineage"])

_RUNS: Final[LiteralString] = """
    WITH RECURSIVE upstream (run_id, depth) AS (
        SELECT %(run)s::uuid, 0
        UNION
        SELECT v.run_id, u.depth + 1 FROM upstream u
        JOIN run_inputs i ON i.run_id = u.run_id
        JOIN dataset_versions v ON v.id = i.version_id AND v.run_id IS NOT NULL
        WHERE u.depth < %(depth)s
    )
    SELECT r.id, r.state, r.started_at, r.ended_at, j.namespace, j.name, coalesce(r.job_version_id, j.version_id, j.id)
        AS version
    FROM (SELECT run_id, min(depth) AS depth FROM upstream GROUP BY run_id) AS found
    JOIN runs r ON r.id = found.run_id JOIN jobs j ON j.id = r.job_id
    ORDER BY found.depth, r.state_at DESC, r.id DESC
"""
_INPUTS: Final[LiteralString] = """
    SELECT i.run_id, d.namespace, d.name, v.id AS version, producer.id AS produced_by_run_id
    FROM run_inputs i JOIN dataset_versions v ON v.id = i.version_id JOIN datasets d ON d.id = i.dataset_id
    -- The run that wrote it may be gone (retention.py).
    LEFT JOIN runs producer ON producer.id = v.run_id
    WHERE i.run_id = ANY(%s) ORDER BY d.namespace, d.name
"""


@router.get("/upstream")
async def get_upstream_runs(
    connection: Connected, run_id: Annotated[UUID, Query(alias="runId")], depth: Depth = 20
) -> UpstreamRuns:
    """A run and those that wrote what it read, and so on; the nearest first."""
    rows = await (await connection.execute(_RUNS, {"run": run_id, "depth": depth})).fetchall()
    if not rows:
        raise NotFound.named("Run", str(run_id))
    inputs: dict[UUID, list[Row]] = defaultdict(list)
    for row in await (await connection.execute(_INPUTS, [[row["id"] for row in rows]])).fetchall():
        inputs[row["run_id"]].append(row)
    return UpstreamRuns(
        runs=[
            UpstreamRun(
                job=VersionName(namespace=row["namespace"], name=row["name"], version=row["version"]),
                run=RunStatus(id=row["id"], start=row["started_at"], end=row["ended_at"], status=row["state"]),
                inputs=[RunSource.model_validate(source) for source in inputs[row["id"]]],
            )
            for row in rows
        ]
    )
