"""Jobs: list, read, versions, runs, hide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Connection, Row, count_rows
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.facets import shown
from weather_pipeline.marquez.embedded.identity import job_key
from weather_pipeline.marquez.embedded.models import Job, Jobs, JobVersion, JobVersions, Name, Run, Runs, VersionName
from weather_pipeline.marquez.embedded.parameters import Choice, Connected, Limit, Offset, PathName
from weather_pipeline.marquez.embedded.runs import latest_runs, runs_by_id, runs_of_job

router = APIRouter(prefix="/api/v1", tags=["jobs"])

_LATEST_RUNS = 10

_SELECT: Final[LiteralString] = """
    SELECT j.*, parent.name AS parent_name, r.job_facets AS run_facets, v.facets AS static_facets,
        v.inputs AS version_inputs, v.outputs AS version_outputs,
        ARRAY(SELECT tag FROM job_tags t WHERE t.job_id = j.id ORDER BY tag) AS tags
    FROM jobs j
    LEFT JOIN jobs parent ON parent.id = j.parent_id
    LEFT JOIN job_versions v ON v.id = j.version_id
    LEFT JOIN runs r ON r.id = v.latest_run_id
    WHERE NOT j.is_hidden
"""
_FILTER: Final[LiteralString] = """
    AND (%(namespace)s::text IS NULL OR j.namespace = %(namespace)s)
    AND (%(states)s::text[] IS NULL OR (
        SELECT state FROM runs latest WHERE latest.job_id = j.id ORDER BY state_at DESC, id DESC LIMIT 1
    ) = ANY(%(states)s))
    ORDER BY j.updated_at DESC, j.namespace, j.name LIMIT %(limit)s OFFSET %(offset)s
"""


class RunState(Choice):
    """The states of Marquez's runs. None is NEW here: a run begins with its first event."""

    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    ABORTED = "ABORTED"
    FAILED = "FAILED"


States = Annotated[list[RunState] | None, Query(alias="lastRunStates", description="Of the jobs' last runs.")]


async def require_job(connection: Connection, namespace: str, name: str) -> Row:
    """The job's row.

    Raises:
        NotFound: There is none, or it is hidden.
    """
    cursor = await connection.execute(_SELECT + " AND j.id = %s", [job_key(namespace, name)])
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Job", name)
    return row


def bare_job(row: Row) -> Job:
    """A job without its runs, as Marquez answers where it changes a job."""
    inputs = [Name.model_validate(name) for name in row["current_inputs"]]
    return _job(row, runs=[], inputs=inputs, outputs=[], facets=_facets(row))


@router.get("/jobs")
async def list_all_jobs(
    connection: Connected,
    states: States = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Jobs:
    """Jobs of all namespaces, the last changed first."""
    return await _list(connection, None, states, limit, offset)


@router.get("/namespaces/{namespace}/jobs")
async def list_jobs(
    connection: Connected,
    namespace: PathName,
    states: States = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Jobs:
    """Jobs of a namespace, the last changed first; none where the namespace does not exist."""
    return await _list(connection, namespace, states, limit, offset)


@router.get("/namespaces/{namespace}/jobs/{job}")
async def get_job(connection: Connected, namespace: PathName, job: PathName) -> Job:
    """One job with its newest runs."""
    row = await require_job(connection, namespace, job)
    runs = (await latest_runs(connection, [row["id"]], _LATEST_RUNS)).get(row["id"], [])
    if runs:
        return _with_runs(row, runs, facets=_facets(row))
    inputs, outputs = row["version_inputs"] or [], row["version_outputs"] or []
    names = await dataset_names(connection, [*inputs, *outputs], aliases=True)
    return _job(
        row,
        runs=[],
        inputs=[name for key in inputs for name in names[key]],
        outputs=[name for key in outputs for name in names[key]],
        facets=_facets(row),
    )


@router.delete("/namespaces/{namespace}/jobs/{job}")
async def delete_job(connection: Connected, namespace: PathName, job: PathName) -> Job:
    """Hide a job, until an event names it again."""
    row = await require_job(connection, namespace, job)
    await connection.execute("UPDATE jobs SET is_hidden = true WHERE id = %s", [row["id"]])
    return bare_job(row)


@router.get("/namespaces/{namespace}/jobs/{job}/runs")
async def list_job_runs(
    connection: Connected, namespace: PathName, job: PathName, limit: Limit = 100, offset: Offset = 0
) -> Runs:
    """A job's runs, the last started first."""
    row = await require_job(connection, namespace, job)
    runs, total = await runs_of_job(connection, row["id"], limit, offset)
    return Runs(runs=runs, total_count=total)


@router.get("/namespaces/{namespace}/jobs/{job}/versions")
async def list_job_versions(
    connection: Connected, namespace: PathName, job: PathName, limit: Limit = 100, offset: Offset = 0
) -> JobVersions:
    """A job's versions, the newest first."""
    row = await require_job(connection, namespace, job)
    cursor = await connection.execute(
        "SELECT * FROM job_versions WHERE job_id = %s ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s",
        [row["id"], limit, offset],
    )
    return JobVersions(versions=await _versions(connection, row, await cursor.fetchall()))


@router.get("/namespaces/{namespace}/jobs/{job}/versions/{version}")
async def get_job_version(connection: Connected, namespace: PathName, job: PathName, version: UUID) -> JobVersion:
    """One version of a job."""
    row = await require_job(connection, namespace, job)
    cursor = await connection.execute("SELECT * FROM job_versions WHERE job_id = %s AND id = %s", [row["id"], version])
    versions = await _versions(connection, row, await cursor.fetchall())
    if not versions:
        raise NotFound.named("Job version", str(version))
    return versions[0]


async def dataset_names(
    connection: Connection, keys: Sequence[UUID], *, aliases: bool = False
) -> dict[UUID, list[Name]]:
    """The names of datasets by key; with `aliases`, their other names too."""
    cursor = await connection.execute(
        "SELECT dataset_id, namespace, name FROM dataset_names WHERE dataset_id = ANY(%s) AND (NOT is_alias OR %s) "
        "ORDER BY is_alias, namespace, name",
        [list(keys), aliases],
    )
    names: dict[UUID, list[Name]] = defaultdict(list)
    for row in await cursor.fetchall():
        names[row["dataset_id"]].append(Name(namespace=row["namespace"], name=row["name"]))
    return names


async def _list(
    connection: Connection, namespace: str | None, states: list[RunState] | None, limit: int, offset: int
) -> Jobs:
    chosen = states and [state.value for state in states]
    parameters = {"namespace": namespace, "states": chosen, "limit": limit, "offset": offset}
    cursor = await connection.execute(_SELECT + _FILTER, parameters)
    rows = await cursor.fetchall()
    runs = await latest_runs(connection, [row["id"] for row in rows], _LATEST_RUNS)
    total = await count_rows(
        connection,
        "FROM jobs WHERE NOT is_hidden AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)",
        parameters,
    )
    return Jobs(jobs=[_listed(row, runs.get(row["id"], [])) for row in rows], total_count=total)


def _listed(row: Row, runs: list[Run]) -> Job:
    """A job in a list: one that never ran shows its last inputs only, as Marquez answers."""
    facets = row["run_facets"] or {}
    if runs:
        return _with_runs(row, runs, facets=facets)
    inputs = [Name.model_validate(name) for name in row["current_inputs"]]
    return _job(row, runs=[], inputs=inputs, outputs=[], facets=facets)


def _with_runs(row: Row, runs: list[Run], *, facets: Row) -> Job:
    latest = runs[0]
    inputs = _names(version.dataset_version_id for version in latest.input_dataset_versions)
    outputs = _names(version.dataset_version_id for version in latest.output_dataset_versions)
    return _job(row, runs=runs, inputs=inputs, outputs=outputs, facets=facets)


def _names(versions: Iterable[VersionName]) -> list[Name]:
    pairs = sorted({(version.namespace, version.name) for version in versions})
    return [Name(namespace=namespace, name=name) for namespace, name in pairs]


def _facets(row: Row) -> Row:
    return row["run_facets"] or row["static_facets"] or {}


def _job(row: Row, *, runs: list[Run], inputs: list[Name], outputs: list[Name], facets: Row) -> Job:
    visible = shown(facets)
    job_type = visible.get("jobType", {})
    return Job.model_validate(
        {
            **summary(row),
            "inputs": inputs,
            "outputs": outputs,
            "latest_run": runs[0] if runs else None,
            "latest_runs": runs or None,
            "facets": visible,
            "current_version": row["version_id"],
            "labels": [job_type[key] for key in ("jobType", "integration") if key in job_type],
            "tags": row["tags"],
        }
    )


def summary(row: Row) -> Row:
    """What every answer about a job takes from its row (with `parent_name`)."""
    return {
        "id": Name(namespace=row["namespace"], name=row["name"]),
        "type": row["type"],
        "name": row["name"],
        "simple_name": row["simple_name"],
        "parent_job_name": row["parent_name"],
        "parent_job_uuid": row["parent_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "namespace": row["namespace"],
        "location": row["location"],
        "description": row["description"],
    }


async def _versions(connection: Connection, job: Row, rows: Sequence[Row]) -> list[JobVersion]:
    names = await dataset_names(connection, [key for row in rows for key in (*row["inputs"], *row["outputs"])])
    run_ids = [row["latest_run_id"] for row in rows if row["latest_run_id"]]
    runs = await runs_by_id(connection, run_ids)
    cursor = await connection.execute("SELECT id, job_facets FROM runs WHERE id = ANY(%s)", [run_ids])
    job_facets = {row["id"]: shown(row["job_facets"]) for row in await cursor.fetchall()}
    return [
        JobVersion(
            id=VersionName(namespace=job["namespace"], name=job["name"], version=row["id"]),
            name=job["name"],
            created_at=row["created_at"],
            version=row["id"],
            namespace=job["namespace"],
            location=row["location"],
            inputs=[name for key in row["inputs"] for name in names[key]],
            outputs=[name for key in row["outputs"] for name in names[key]],
            latest_run=_version_run(runs.get(row["latest_run_id"]), job_facets.get(row["latest_run_id"], {})),
        )
        for row in rows
    ]


def _version_run(run: Run | None, job_facets: Row) -> Run | None:
    """A version's run as Marquez answers it: with the job's facets, and without those of its datasets."""
    if run is None:
        return None
    inputs = [version.model_copy(update={"facets": {}}) for version in run.input_dataset_versions]
    outputs = [version.model_copy(update={"facets": {}}) for version in run.output_dataset_versions]
    changes = {"facets": job_facets, "input_dataset_versions": inputs, "output_dataset_versions": outputs}
    return run.model_copy(update=changes)
