"""Tags of datasets, their columns, and jobs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from weather_pipeline.marquez.embedded.api_schema import TAG, request_body
from weather_pipeline.marquez.embedded.body import Body, aside, parse_json
from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.datasets import build_dataset, require_dataset
from weather_pipeline.marquez.embedded.errors import InvalidBody, NotFound, Refused
from weather_pipeline.marquez.embedded.jobs import bare_job, require_job
from weather_pipeline.marquez.embedded.models import Dataset, Job, Tag, Tags
from weather_pipeline.marquez.embedded.parameters import Connected, Limit, Offset, PathName

router = APIRouter(prefix="/api/v1", tags=["tags"])

_DATASET = "/namespaces/{namespace}/datasets/{dataset}"
_NAME_LENGTH = 256
_CREATE = "INSERT INTO tags (name) VALUES (%s) ON CONFLICT DO NOTHING"
_TAG = "INSERT INTO dataset_tags (dataset_id, field, tag) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_UNTAG = "DELETE FROM dataset_tags WHERE dataset_id = %s AND field = %s AND tag = %s"


@router.get("/tags")
async def list_tags(connection: Connected, limit: Limit = 100, offset: Offset = 0) -> Tags:
    """All tags by name."""
    cursor = await connection.execute("SELECT * FROM tags ORDER BY name LIMIT %s OFFSET %s", [limit, offset])
    return Tags(tags=[Tag.model_validate(row) for row in await cursor.fetchall()])


@router.put("/tags/{tag}", openapi_extra=request_body(TAG, required=False))
async def put_tag(body: Body, connection: Connected, tag: PathName) -> Tag:
    """Create a tag or change its description."""
    _check_name(tag)
    description = _description(await aside(len(body), parse_json, body) if body.strip() else {})
    cursor = await connection.execute(
        "INSERT INTO tags (name, description) VALUES (%s, %s) "
        "ON CONFLICT (name) DO UPDATE SET description = excluded.description RETURNING *",
        [tag, description],
    )
    return Tag.model_validate(await cursor.fetchone())


@router.post(_DATASET + "/tags/{tag}")
async def tag_dataset(connection: Connected, namespace: PathName, dataset: PathName, tag: PathName) -> Dataset:
    """Tag a dataset; makes the tag where there is none."""
    return await _tag_dataset(connection, namespace, dataset, "", tag)


@router.delete(_DATASET + "/tags/{tag}")
async def untag_dataset(connection: Connected, namespace: PathName, dataset: PathName, tag: PathName) -> Dataset:
    """Take a tag off a dataset."""
    row = await require_dataset(connection, namespace, dataset)
    await connection.execute(_UNTAG, [row["id"], "", tag])
    return build_dataset(await require_dataset(connection, namespace, dataset), with_columns=False)


@router.post(_DATASET + "/fields/{field}/tags/{tag}")
async def tag_field(
    connection: Connected, namespace: PathName, dataset: PathName, field: PathName, tag: PathName
) -> Dataset:
    """Tag a column; makes the tag where there is none."""
    row = await require_dataset(connection, namespace, dataset)
    if field not in {known["name"] for known in row["fields"] or []}:
        raise NotFound.named("Field", field)
    return await _tag_dataset(connection, namespace, dataset, field, tag)


@router.delete(_DATASET + "/fields/{field}/tags/{tag}")
async def untag_field(
    connection: Connected, namespace: PathName, dataset: PathName, field: PathName, tag: PathName
) -> Dataset:
    """Take a tag off a column."""
    row = await require_dataset(connection, namespace, dataset)
    await connection.execute(_UNTAG, [row["id"], field, tag])
    return build_dataset(await require_dataset(connection, namespace, dataset), with_columns=False)


@router.post("/namespaces/{namespace}/jobs/{job}/tags/{tag}")
async def tag_job(connection: Connected, namespace: PathName, job: PathName, tag: PathName) -> Job:
    """Tag a job; makes the tag where there is none."""
    _check_name(tag)
    row = await require_job(connection, namespace, job)
    async with connection.transaction():
        await connection.execute(_CREATE, [tag])
        await connection.execute(
            "INSERT INTO job_tags (job_id, tag) VALUES (%s, %s) ON CONFLICT DO NOTHING", [row["id"], tag]
        )
    return bare_job(await require_job(connection, namespace, job))


@router.delete("/namespaces/{namespace}/jobs/{job}/tags/{tag}")
async def untag_job(connection: Connected, namespace: PathName, job: PathName, tag: PathName) -> Job:
    """Take a tag off a job."""
    row = await require_job(connection, namespace, job)
    await connection.execute("DELETE FROM job_tags WHERE job_id = %s AND tag = %s", [row["id"], tag])
    return bare_job(await require_job(connection, namespace, job))


async def _tag_dataset(connection: Connection, namespace: str, dataset: str, field: str, tag: str) -> Dataset:
    _check_name(tag)
    row = await require_dataset(connection, namespace, dataset)
    async with connection.transaction():
        await connection.execute(_CREATE, [tag])
        await connection.execute(_TAG, [row["id"], field, tag])
    return build_dataset(await require_dataset(connection, namespace, dataset), with_columns=False)


def _check_name(tag: str) -> None:
    if not tag.strip() or len(tag) > _NAME_LENGTH:
        raise Refused(f"tag must be 1 to {_NAME_LENGTH} characters: got {tag[:_NAME_LENGTH]!r}")


def _description(document: Any) -> str | None:
    if not isinstance(document, dict):
        raise InvalidBody(["The request body must be a JSON object"])
    description = document.get("description")
    if not isinstance(description, str | None):
        raise InvalidBody(["description must be a string"])
    return description
