"""The lineage graph around a job or a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Connection, Row
from weather_pipeline.marquez.embedded.datasets import DATASET_SUMMARY, dataset_summary
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.graph_models import Edge, Graph, JobNode, Node
from weather_pipeline.marquez.embedded.identity import dataset_key, dataset_node, job_key, job_node, splits
from weather_pipeline.marquez.embedded.jobs import summary
from weather_pipeline.marquez.embedded.models import DatasetSummary, Name, Run
from weather_pipeline.marquez.embedded.parameters import Connected, Depth
from weather_pipeline.marquez.embedded.runs import latest_runs, runs_by_id

router = APIRouter(prefix="/api/v1/lineage", tags=["lineage"])

NODE_NOT_FOUND = "HTTP 404 Not Found"

Sides = dict[bool, list[Name]]
"""The names at the other ends of a node's edges, by whether the dataset is the job's output; sorted."""

_PRODUCER_OR_READER: Final[LiteralString] = """
    SELECT e.job_id FROM job_edges e
    JOIN jobs j ON j.id = e.job_id AND NOT j.is_hidden
    JOIN job_versions v ON v.id = j.version_id
    WHERE e.dataset_id = %s ORDER BY e.is_output DESC, v.created_at DESC, v.id DESC LIMIT 1
"""
_JOBS: Final[LiteralString] = """
    SELECT j.*, parent.name AS parent_name, v.latest_run_id
    FROM unnest(jobs_around(%(start)s, %(depth)s)) AS near (id) JOIN jobs j ON j.id = near.id
    LEFT JOIN jobs parent ON parent.id = j.parent_id LEFT JOIN job_versions v ON v.id = j.version_id
"""
_EDGES: Final[LiteralString] = """
    SELECT e.job_id, e.dataset_id, e.is_output FROM job_edges e
    JOIN datasets d ON d.id = e.dataset_id AND NOT d.is_hidden
    WHERE e.job_id = ANY(%s)
"""


@router.get("")
async def get_lineage(
    connection: Connected, node_id: Annotated[str, Query(alias="nodeId")], depth: Depth = 20
) -> Graph:
    """The graph around a node, both directions.

    A step goes from a job to all jobs that share a dataset with its current version; a dataset starts at the job that
    writes it, else at one that reads it.
    """
    kind, _, rest = node_id.partition(":")
    if kind == "job":
        start = await _find_job(connection, rest)
        return await _graph(connection, start, depth)
    if kind == "dataset":
        dataset = await _find_dataset(connection, rest)
        cursor = await connection.execute(_PRODUCER_OR_READER, [dataset["id"]])
        row = await cursor.fetchone()
        if row is None:
            return Graph(graph=[_dataset_node(dataset, {False: [], True: []})])
        return await _graph(connection, row["job_id"], depth)
    raise NotFound(NODE_NOT_FOUND)


async def _find_job(connection: Connection, text: str) -> UUID:
    keys = [job_key(namespace, name) for namespace, name in splits(text)]
    cursor = await connection.execute(
        "SELECT id FROM jobs WHERE id = ANY(%s) AND NOT is_hidden ORDER BY length(namespace) LIMIT 1", [keys]
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Job", text.rpartition(":")[2]) if keys else NotFound(NODE_NOT_FOUND)
    return row["id"]


async def _find_dataset(connection: Connection, text: str) -> Row:
    keys = [dataset_key(namespace, name) for namespace, name in splits(text)]
    where = " AND n.id = ANY(%s) ORDER BY length(n.namespace) LIMIT 1"
    row = await (await connection.execute(DATASET_SUMMARY + where, [keys])).fetchone()
    if row is None:
        raise NotFound.named("Dataset", text.rpartition(":")[2]) if keys else NotFound(NODE_NOT_FOUND)
    return row


async def _graph(connection: Connection, start: UUID, depth: int) -> Graph:
    jobs = await (await connection.execute(_JOBS, {"start": start, "depth": depth})).fetchall()
    edges = await (await connection.execute(_EDGES, [[row["id"] for row in jobs]])).fetchall()
    dataset_ids = list({edge["dataset_id"] for edge in edges})
    where = " AND NOT n.is_alias AND n.dataset_id = ANY(%s)"
    datasets = await (await connection.execute(DATASET_SUMMARY + where, [dataset_ids])).fetchall()
    names = {row["id"]: Name(namespace=row["namespace"], name=row["name"]) for row in [*datasets, *jobs]}
    sides = _sides(edges, names)
    nodes = [*await _job_nodes(connection, jobs, sides), *(_dataset_node(row, sides[row["id"]]) for row in datasets)]
    return Graph(graph=sorted(nodes, key=lambda node: node.id))


def _sides(edges: Sequence[Row], names: dict[UUID, Name]) -> dict[UUID, Sides]:
    sides: dict[UUID, Sides] = defaultdict(lambda: {False: [], True: []})
    for edge in edges:
        job, dataset = names.get(edge["job_id"]), names.get(edge["dataset_id"])
        # One may have been hidden since the query before.
        if job and dataset:
            sides[edge["job_id"]][edge["is_output"]].append(dataset)
            sides[edge["dataset_id"]][edge["is_output"]].append(job)
    for ends in sides.values():
        for found in ends.values():
            found.sort(key=lambda name: (name.namespace, name.name))
    return sides


async def _job_nodes(connection: Connection, rows: Sequence[Row], sides: dict[UUID, Sides]) -> list[Node]:
    runs = await runs_by_id(connection, [row["latest_run_id"] for row in rows if row["latest_run_id"]])
    # A job that never ended a run shows the one it is in.
    unfinished = await latest_runs(connection, [row["id"] for row in rows if row["version_id"] is None], 1)
    nodes: list[Node] = []
    for row in rows:
        latest = runs.get(row["latest_run_id"]) or next(iter(unfinished.get(row["id"], [])), None)
        nodes.append(_job_node(row, sides[row["id"]], latest))
    return nodes


def _job_node(row: Row, sides: Sides, latest: Run | None) -> Node:
    node = job_node(row["namespace"], row["name"])
    data = JobNode.model_validate(
        {
            **summary(row),
            "inputs": sides[False],
            "outputs": sides[True],
            "latest_run": latest,
            "current_run_uuid": latest.id if latest else None,
        }
    )
    return Node(
        id=node,
        type="JOB",
        data=data,
        in_edges=[Edge(origin=_dataset_id(name), destination=node) for name in sides[False]],
        out_edges=[Edge(origin=node, destination=_dataset_id(name)) for name in sides[True]],
    )


def _dataset_node(row: Row, sides: Sides) -> Node:
    """A dataset; one that no job reads or writes has no sides."""
    node = dataset_node(row["namespace"], row["name"])
    return Node(
        id=node,
        type="DATASET",
        data=DatasetSummary.model_validate(dataset_summary(row)),
        in_edges=[Edge(origin=_job_id(name), destination=node) for name in sides[True]],
        out_edges=[Edge(origin=node, destination=_job_id(name)) for name in sides[False]],
    )


def _job_id(name: Name) -> str:
    return job_node(name.namespace, name.name)


def _dataset_id(name: Name) -> str:
    return dataset_node(name.namespace, name.name)
