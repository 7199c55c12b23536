"""Datasets: list, read, versions, hide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter

from weather_pipeline.marquez.embedded.database import Connection, Row, count_rows
from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.facets import shown
from weather_pipeline.marquez.embedded.identity import dataset_key, schema_key
from weather_pipeline.marquez.embedded.models import (
    ColumnLineage,
    ColumnSource,
    Dataset,
    Datasets,
    DatasetVersion,
    DatasetVersions,
    Field,
    Name,
)
from weather_pipeline.marquez.embedded.namespaces import require_namespace
from weather_pipeline.marquez.embedded.parameters import Connected, Limit, Offset, PathName
from weather_pipeline.marquez.embedded.runs import runs_by_id

router = APIRouter(prefix="/api/v1/namespaces/{namespace}/datasets", tags=["datasets"])

_SELECT: Final[LiteralString] = """
    SELECT n.namespace, n.name, n.is_alias, d.id, d.type, d.physical_name, d.created_at, d.updated_at, d.source_name,
        d.description, d.is_deleted, d.version_id, v.fields, v.lifecycle_state, {facets}
        (SELECT coalesce(json_agg(json_build_array(t.field, t.tag) ORDER BY t.field, t.tag), '[]')
         FROM dataset_tags t WHERE t.dataset_id = d.id) AS tags
    FROM dataset_names n
    JOIN datasets d ON d.id = n.dataset_id
    LEFT JOIN dataset_versions v ON v.id = d.version_id
    WHERE NOT d.is_hidden
"""
_DATASET: Final[LiteralString] = _SELECT.format(facets="v.facets,")
DATASET_SUMMARY: Final[LiteralString] = _SELECT.format(facets="")
"""All that `dataset_summary` takes: facets may be large, and a summary does not show them."""


async def require_dataset(connection: Connection, namespace: str, name: str) -> Row:
    """The dataset's row, by its name or one of its other names.

    Raises:
        NotFound: There is none, or it is hidden.
    """
    cursor = await connection.execute(_DATASET + " AND n.id = %s", [dataset_key(namespace, name)])
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Dataset", name)
    return row


def build_dataset(row: Row, *, with_columns: bool = True) -> Dataset:
    """A dataset from a row of `_DATASET`.

    Under one of its other names it answers without facets, and where a dataset is changed without column lineage: so
    does Marquez.
    """
    facets = {} if row["is_alias"] else shown(row["facets"])
    return Dataset.model_validate(
        {
            **dataset_summary(row),
            "current_version": row["version_id"],
            "column_lineage": column_lineage(facets) if with_columns else None,
            "facets": facets,
            "deleted": row["is_deleted"],
        }
    )


def dataset_summary(row: Row) -> dict[str, Any]:
    """What every answer about a dataset takes from a row of `DATASET_SUMMARY`."""
    tags = _tags(row)
    return {
        "id": Name(namespace=row["namespace"], name=row["name"]),
        "type": row["type"],
        "name": row["name"],
        "physical_name": row["physical_name"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "namespace": row["namespace"],
        "source_name": row["source_name"],
        "fields": _fields(row["fields"], tags),
        "tags": tags[""],
        "last_modified_at": None,
        "description": row["description"],
        "last_lifecycle_state": row["lifecycle_state"],
    }


def column_lineage(facets: Mapping[str, Any]) -> list[ColumnLineage] | None:
    """The columns that a dataset's columns are made of, from its column lineage facet; None without one."""
    columns = facets.get("columnLineage", {}).get("fields")
    if not columns:
        return None
    return [_column(name, column) for name, column in columns.items()]


@router.get("")
async def list_datasets(connection: Connected, namespace: PathName, limit: Limit = 100, offset: Offset = 0) -> Datasets:
    """A namespace's datasets by name."""
    await require_namespace(connection, namespace)
    where = " AND n.namespace = %s ORDER BY n.name LIMIT %s OFFSET %s"
    cursor = await connection.execute(_DATASET + where, [namespace, limit, offset])
    rows = await cursor.fetchall()
    total = await count_rows(
        connection,
        "FROM dataset_names n JOIN datasets d ON d.id = n.dataset_id WHERE n.namespace = %s AND NOT d.is_hidden",
        [namespace],
    )
    return Datasets(datasets=[build_dataset(row) for row in rows], total_count=total)


@router.get("/{dataset}")
async def get_dataset(connection: Connected, namespace: PathName, dataset: PathName) -> Dataset:
    """One dataset."""
    return build_dataset(await require_dataset(connection, namespace, dataset))


@router.delete("/{dataset}")
async def delete_dataset(connection: Connected, namespace: PathName, dataset: PathName) -> Dataset:
    """Hide a dataset, until an event names it again."""
    row = await require_dataset(connection, namespace, dataset)
    await connection.execute("UPDATE datasets SET is_hidden = true WHERE id = %s", [row["id"]])
    return build_dataset(row, with_columns=False)


@router.get("/{dataset}/versions")
async def list_dataset_versions(
    connection: Connected, namespace: PathName, dataset: PathName, limit: Limit = 100, offset: Offset = 0
) -> DatasetVersions:
    """A dataset's versions, the newest first."""
    row = await require_dataset(connection, namespace, dataset)
    cursor = await connection.execute(
        "SELECT * FROM dataset_versions WHERE dataset_id = %s ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s",
        [row["id"], limit, offset],
    )
    versions = await _versions(connection, row, await cursor.fetchall())
    # Not by a window over the page: it would read every version whole.
    total = await count_rows(connection, "FROM dataset_versions WHERE dataset_id = %s", [row["id"]])
    return DatasetVersions(versions=versions, total_count=total)


@router.get("/{dataset}/versions/{version}")
async def get_dataset_version(
    connection: Connected, namespace: PathName, dataset: PathName, version: UUID
) -> DatasetVersion:
    """One version of a dataset."""
    row = await require_dataset(connection, namespace, dataset)
    cursor = await connection.execute(
        "SELECT * FROM dataset_versions WHERE dataset_id = %s AND id = %s", [row["id"], version]
    )
    versions = await _versions(connection, row, await cursor.fetchall())
    if not versions:
        raise NotFound.named("Dataset version", str(version))
    return versions[0]


async def _versions(connection: Connection, dataset: Row, rows: list[Row]) -> list[DatasetVersion]:
    runs = await runs_by_id(connection, [row["run_id"] for row in rows if row["run_id"]])
    tags = _tags(dataset)
    return [
        DatasetVersion(
            id=Name(namespace=dataset["namespace"], name=dataset["name"]),
            type=dataset["type"],
            name=dataset["name"],
            physical_name=dataset["physical_name"],
            created_at=row["created_at"],
            version=row["id"],
            namespace=dataset["namespace"],
            source_name=dataset["source_name"],
            # Columns are tagged in the current version.
            fields=_fields(row["fields"], tags if row["id"] == dataset["version_id"] else defaultdict(list)),
            tags=tags[""],
            lifecycle_state=row["lifecycle_state"],
            description=dataset["description"],
            current_schema_version=schema_key(dataset["id"], row["fields"]),
            created_by_run=runs.get(row["run_id"]),
            facets=shown(row["facets"]),
        )
        for row in rows
    ]


def _tags(row: Row) -> dict[str, list[str]]:
    """Tags by column; those of the dataset itself under the empty name."""
    tags: dict[str, list[str]] = defaultdict(list)
    for field, tag in row["tags"]:
        tags[field].append(tag)
    return tags


def _fields(fields: list[dict[str, Any]] | None, tags: dict[str, list[str]]) -> list[Field]:
    return [
        Field(
            name=field["name"],
            type=field.get("type"),
            tags=tags[field["name"]],
            description=field.get("description"),
        )
        for field in fields or []
    ]


def _column(name: str, column: Mapping[str, Any]) -> ColumnLineage:
    transformation = {
        "transformation_description": column.get("transformationDescription"),
        "transformation_type": column.get("transformationType"),
    }
    sources = [
        ColumnSource(namespace=source["namespace"], dataset=source["name"], field=source["field"], **transformation)
        for source in column.get("inputFields", [])
    ]
    return ColumnLineage(name=name, input_fields=sources, **transformation)
