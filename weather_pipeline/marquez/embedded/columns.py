"""The column graph around a dataset or one of its columns."""

from __future__ import annotations

from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import Connection, Row
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.graph_models import ColumnNode, ColumnNodeSource, Edge, Graph, Node
from weather_pipeline.marquez.embedded.identity import dataset_key, field_node, splits
from weather_pipeline.marquez.embedded.parameters import Connected, Depth

router = APIRouter(prefix="/api/v1/column-lineage", tags=["lineage"])

Column = tuple[UUID, str]
"""A dataset's key and a column."""

_FIELDS: Final[LiteralString] = """
    SELECT d.id, n.id AS named, f.field ->> 'name' AS field
    FROM dataset_names n JOIN datasets d ON d.id = n.dataset_id AND NOT d.is_hidden
    JOIN dataset_versions v ON v.id = d.version_id
    CROSS JOIN LATERAL jsonb_array_elements(v.fields) AS f (field)
    WHERE n.id = ANY(%s) ORDER BY length(n.namespace)
"""
_EDGES: Final[LiteralString] = "SELECT * FROM columns_around(%s, %s, %s, %s)"
_DATASETS: Final[LiteralString] = """
    SELECT d.id, d.namespace, d.name, d.version_id, v.fields
    FROM datasets d LEFT JOIN dataset_versions v ON v.id = d.version_id WHERE d.id = ANY(%s)
"""


@router.get("")
async def get_column_lineage(
    connection: Connected,
    node_id: Annotated[str, Query(alias="nodeId")],
    depth: Depth = 20,
    with_downstream: Annotated[bool, Query(alias="withDownstream")] = False,
) -> Graph:
    """The columns that a column, or all columns of a dataset, are made of; with `withDownstream` what they feed."""
    start = await _start(connection, node_id)
    edges = await _edges(connection, start, depth, with_downstream=with_downstream)
    keys = {row[key] for row in edges for key in ("output_dataset_id", "input_dataset_id")}
    cursor = await connection.execute(_DATASETS, [list(keys)])
    datasets = {row["id"]: row for row in await cursor.fetchall()}
    return Graph(graph=_nodes(edges, datasets))


async def _start(connection: Connection, node_id: str) -> set[Column]:
    kind, _, rest = node_id.partition(":")
    if kind == "dataset":
        keys = [dataset_key(namespace, name) for namespace, name in splits(rest)]
        rows = await (await connection.execute(_FIELDS, [keys])).fetchall()
        # Of the ways to read the node id the first that names a dataset counts.
        start = {(row["id"], row["field"]) for row in rows if row["named"] == rows[0]["named"]}
    elif kind == "datasetField":
        readings = [(dataset_key(ns, name), field) for ns, tail in splits(rest) for name, field in splits(tail)]
        rows = await (await connection.execute(_FIELDS, [[key for key, _ in readings]])).fetchall()
        wanted = set(readings)
        start = {(row["id"], row["field"]) for row in rows if (row["named"], row["field"]) in wanted}
    else:
        start = set()
    if not start:
        raise NotFound("Could not find node")
    return start


async def _edges(connection: Connection, start: set[Column], depth: int, *, with_downstream: bool) -> list[Row]:
    """Edges between columns within `depth` steps; a column that nothing feeds has no graph, as in Marquez."""
    datasets, fields = [dataset for dataset, _ in start], [field for _, field in start]
    cursor = await connection.execute(_EDGES, [datasets, fields, depth, with_downstream])
    return _newest(await cursor.fetchall())


def _newest(edges: list[Row]) -> list[Row]:
    """Each edge once, as the job that wrote last made it: several may make a column of the same one."""
    ends = ("output_dataset_id", "output_field", "input_dataset_id", "input_field")
    about = ("transformation_description", "transformation_type")
    oldest_first = sorted(edges, key=lambda row: (row["event_order"], *(row[name] or "" for name in about)))
    return list({tuple(row[end] for end in ends): row for row in oldest_first}.values())


def _nodes(edges: list[Row], datasets: dict[UUID, Row]) -> list[Node]:
    outputs: dict[Column, list[Row]] = {}
    inputs: dict[Column, list[Row]] = {}
    for row in sorted(edges, key=lambda row: _node_id((row["input_dataset_id"], row["input_field"]), datasets)):
        outputs.setdefault((row["output_dataset_id"], row["output_field"]), []).append(row)
        inputs.setdefault((row["input_dataset_id"], row["input_field"]), []).append(row)
    columns = sorted({*outputs, *inputs}, key=lambda column: _node_id(column, datasets))
    return [_node(column, outputs.get(column, []), inputs.get(column, []), datasets) for column in columns]


def _node(column: Column, sources: list[Row], readers: list[Row], datasets: dict[UUID, Row]) -> Node:
    node = _node_id(column, datasets)
    row = datasets[column[0]]
    data = ColumnNode(
        namespace=row["namespace"],
        dataset=row["name"],
        dataset_version=row["version_id"],
        field=column[1],
        # Marquez knows the type of a column only where something feeds it.
        field_type=_field_type(row, column[1]) if sources else "",
        transformation_description=sources[0]["transformation_description"] if sources else None,
        transformation_type=sources[0]["transformation_type"] if sources else None,
        input_fields=[_source(source, datasets) for source in sources],
    )
    upstream = [_node_id((source["input_dataset_id"], source["input_field"]), datasets) for source in sources]
    downstream = [_node_id((reader["output_dataset_id"], reader["output_field"]), datasets) for reader in readers]
    return Node(
        id=node,
        type="DATASET_FIELD",
        data=data,
        # Origin and destination as Marquez answers them: from the column to what it is made of.
        in_edges=[Edge(origin=node, destination=other) for other in sorted(upstream)],
        out_edges=[Edge(origin=node, destination=other) for other in sorted(downstream)],
    )


def _source(edge: Row, datasets: dict[UUID, Row]) -> ColumnNodeSource:
    row = datasets[edge["input_dataset_id"]]
    return ColumnNodeSource(
        namespace=row["namespace"],
        dataset=row["name"],
        dataset_version=row["version_id"],
        field=edge["input_field"],
        transformation_description=edge["transformation_description"],
        transformation_type=edge["transformation_type"],
    )


def _node_id(column: Column, datasets: dict[UUID, Row]) -> str:
    row = datasets[column[0]]
    return field_node(row["namespace"], row["name"], column[1])


def _field_type(row: Row, name: str) -> str:
    return next((field.get("type") or "" for field in row["fields"] or [] if field["name"] == name), "")
