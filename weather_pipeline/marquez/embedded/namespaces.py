"""Namespaces: list, read, create, hide."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from weather_pipeline.marquez.embedded.api_schema import NAMESPACE, request_body
from weather_pipeline.marquez.embedded.body import Body, aside, parse_json
from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.errors import InvalidBody, NotFound
from weather_pipeline.marquez.embedded.ingest import take_turn
from weather_pipeline.marquez.embedded.models import Namespace, Namespaces
from weather_pipeline.marquez.embedded.parameters import Connected, Limit, Offset, PathName, database_of
from weather_pipeline.marquez.embedded.reading import namespace_error

router = APIRouter(prefix="/api/v1/namespaces", tags=["namespaces"])

_PUT = """
    INSERT INTO namespaces (name, owner_name, description, created_at, updated_at)
    VALUES (%(name)s, %(owner)s, %(description)s, now(), now())
    ON CONFLICT (name) DO UPDATE SET
        owner_name = excluded.owner_name, description = excluded.description, updated_at = now(), is_hidden = false
    RETURNING *
"""


async def require_namespace(connection: Connection, name: str) -> Namespace:
    """The namespace of this name.

    Raises:
        NotFound: There is none.
    """
    cursor = await connection.execute("SELECT * FROM namespaces WHERE name = %s", [name])
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Namespace", name)
    return Namespace.model_validate(row)


@router.get("")
async def list_namespaces(connection: Connected, limit: Limit = 100, offset: Offset = 0) -> Namespaces:
    """All namespaces by name, the hidden ones too."""
    cursor = await connection.execute("SELECT * FROM namespaces ORDER BY name LIMIT %s OFFSET %s", [limit, offset])
    return Namespaces(namespaces=[Namespace.model_validate(row) for row in await cursor.fetchall()])


@router.get("/{namespace}")
async def get_namespace(connection: Connected, namespace: PathName) -> Namespace:
    """One namespace."""
    return await require_namespace(connection, namespace)


@router.put("/{namespace}", openapi_extra=request_body(NAMESPACE, required=False))
async def put_namespace(body: Body, connection: Connected, namespace: PathName) -> Namespace:
    """Create or change a namespace; the owner is `anonymous` where the body names none."""
    error = namespace_error("namespace", namespace)
    if error:
        raise InvalidBody([error])
    owner, description = _meta(await aside(len(body), parse_json, body) if body.strip() else {})
    parameters = {"name": namespace, "owner": owner, "description": description}
    cursor = await connection.execute(_PUT, parameters)
    return Namespace.model_validate(await cursor.fetchone())


@router.delete("/{namespace}")
async def delete_namespace(request: Request, connection: Connected, namespace: PathName) -> Namespace:
    """Hide a namespace with its jobs and datasets, until an event names it again."""
    before = await require_namespace(connection, namespace)
    async with connection.transaction():
        await take_turn(connection, database_of(request).limits.turn_seconds)
        await connection.execute("UPDATE namespaces SET is_hidden = true WHERE name = %s", [namespace])
        await connection.execute("UPDATE jobs SET is_hidden = true WHERE namespace = %s", [namespace])
        await connection.execute("UPDATE datasets SET is_hidden = true WHERE namespace = %s", [namespace])
    return before


def _meta(document: Any) -> tuple[str, str | None]:
    if not isinstance(document, dict):
        raise InvalidBody(["The request body must be a JSON object"])
    owner, description = document.get("ownerName"), document.get("description")
    values = {"ownerName": owner, "description": description}
    errors = [f"{key} must be a string" for key, value in values.items() if not isinstance(value, str | None)]
    if errors:
        raise InvalidBody(errors)
    return owner or "anonymous", description
