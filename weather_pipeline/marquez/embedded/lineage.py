"""The lineage graph around a job or a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Connection, Row
from weather_pipeline.marquez.embedded.datasets import DATASET_SELECT, dataset_summary
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.graph_models import Edge, Graph, JobNode, Node
from weather_pipeline.marquez.embedded.identity import dataset_key, dataset_node, job_key, job_node, splits
from weather_pipeline.marquez.embedded.jobs import summary
from weather_pipeline.marquez.embedded.models import DatasetSummary, Name
from weather_pipeline.marquez.embedded.parameters import Connected, Depth
from weather_pipeline.marquez.embedded.runs import latest_runs, runs_by_id

router = APIRouter(prefix="/api/v1/lineage", tags=["lineage"])

NODE_NOT_FOUND = "HTTP 404 Not Found"

_PRODUCER_OR_READER: Final[LiteralString] = """
    SELECT e.job_id FROM job_edges e
    JOIN jobs j ON j.id = e.job_id AND NOT j.is_hidden
    JOIN job_versions v ON v.id = j.version_id
    WHERE e.dataset_id = %s ORDER BY e.is_output DESC, v.created_at DESC, v.id DESC LIMIT 1
"""
_NEIGHBOURS: Final[LiteralString] = """
    SELECT DISTINCT theirs.job_id FROM job_edges mine
    JOIN job_edges theirs ON theirs.dataset_id = mine.dataset_id
    JOIN jobs j ON j.id = theirs.job_id AND NOT j.is_hidden
    WHERE mine.job_id = ANY(%(frontier)s) AND theirs.job_id <> ALL(%(seen)s)
"""
_JOBS: Final[LiteralString] = """
    SELECT j.*, parent.name AS parent_name, v.latest_run_id
    FROM jobs j LEFT JOIN jobs parent ON parent.id = j.parent_id LEFT JOIN job_versions v ON v.id = j.version_id
    WHERE j.id = ANY(%s)
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
        return await _graph(connection, row["job_id"], depth) if row else _orphan(dataset)
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
    row = await (await connection.execute(DATASET_SELECT + where, [keys])).fetchone()
    if row is None:
        raise NotFound.named("Dataset", text.rpartition(":")[2]) if keys else NotFound(NODE_NOT_FOUND)
    return row


async def _graph(connection: Connection, start: UUID, depth: int) -> Graph:
    jobs = await _walk(connection, start, depth)
    edges = await (await connection.execute(_EDGES, [jobs])).fetchall()
    dataset_ids = list({edge["dataset_id"] for edge in edges})
    where = " AND NOT n.is_alias AND n.dataset_id = ANY(%s)"
    datasets = await (await connection.execute(DATASET_SELECT + where, [dataset_ids])).fetchall()
    job_rows = await (await connection.execute(_JOBS, [jobs])).fetchall()
    names = {row["id"]: Name(namespace=row["namespace"], name=row["name"]) for row in [*datasets, *job_rows]}
    nodes = [*await _job_nodes(connection, job_rows, edges, names), *_dataset_nodes(datasets, edges, names)]
    return Graph(graph=sorted(nodes, key=lambda node: node.id))


async def _walk(connection: Connection, start: UUID, depth: int) -> list[UUID]:
    """The jobs within `depth` steps: one query for each step."""
    seen = frontier = [start]
    for _ in range(depth):
        cursor = await connection.execute(_NEIGHBOURS, {"frontier": frontier, "seen": seen})
        frontier = [row["job_id"] for row in await cursor.fetchall()]
        if not frontier:
            break
        seen = [*seen, *frontier]
    return seen


async def _job_nodes(
    connection: Connection, rows: Sequence[Row], edges: Sequence[Row], names: dict[UUID, Name]
) -> list[Node]:
    runs = await runs_by_id(connection, [row["latest_run_id"] for row in rows if row["latest_run_id"]])
    # A job that never ended a run shows the one it is in.
    unfinished = await latest_runs(connection, [row["id"] for row in rows if row["version_id"] is None], 1)
    nodes: list[Node] = []
    for row in rows:
        node = job_node(row["namespace"], row["name"])
        sides = _sides([edge for edge in edges if edge["job_id"] == row["id"]], "dataset_id", names)
        latest = runs.get(row["latest_run_id"]) or next(iter(unfinished.get(row["id"], [])), None)
        data = JobNode.model_validate(
            {
                **summary(row),
                "inputs": sides[False],
                "outputs": sides[True],
                "latest_run": latest,
                "current_run_uuid": latest.id if latest else None,
            }
        )
        into = [Edge(origin=_dataset_id(name), destination=node) for name in sides[False]]
        out = [Edge(origin=node, destination=_dataset_id(name)) for name in sides[True]]
        nodes.append(Node(id=node, type="JOB", data=data, in_edges=into, out_edges=out))
    return nodes


def _dataset_nodes(rows: Sequence[Row], edges: Sequence[Row], names: dict[UUID, Name]) -> list[Node]:
    nodes: list[Node] = []
    for row in rows:
        node = dataset_node(row["namespace"], row["name"])
        sides = _sides([edge for edge in edges if edge["dataset_id"] == row["id"]], "job_id", names)
        nodes.append(
            Node(
                id=node,
                type="DATASET",
                data=DatasetSummary.model_validate(dataset_summary(row)),
                in_edges=[Edge(origin=_job_id(name), destination=node) for name in sides[True]],
                out_edges=[Edge(origin=node, destination=_job_id(name)) for name in sides[False]],
            )
        )
    return nodes


def _sides(edges: Sequence[Row], other: str, names: dict[UUID, Name]) -> dict[bool, list[Name]]:
    """The names at the other end of edges, by whether the dataset is an output; sorted."""
    sides: dict[bool, list[Name]] = defaultdict(list)
    for edge in edges:
        if edge[other] in names:
            sides[edge["is_output"]].append(names[edge[other]])
    for found in sides.values():
        found.sort(key=lambda name: (name.namespace, name.name))
    return sides


def _orphan(row: Row) -> Graph:
    """A dataset that no job reads or writes."""
    node = dataset_node(row["namespace"], row["name"])
    data = DatasetSummary.model_validate(dataset_summary(row))
    return Graph(graph=[Node(id=node, type="DATASET", data=data, in_edges=[], out_edges=[])])


def _job_id(name: Name) -> str:
    return job_node(name.namespace, name.name)


def _dataset_id(name: Name) -> str:
    return dataset_node(name.namespace, name.name)
