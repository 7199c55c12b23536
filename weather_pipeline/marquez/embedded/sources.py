"""Data sources: list, read."""

from __future__ import annotations

from fastapi import APIRouter

from weather_pipeline.marquez.embedded.errors import NotFound
from weather_pipeline.marquez.embedded.models import Source, Sources
from weather_pipeline.marquez.embedded.parameters import Connected, Limit, Offset, PathName

router = APIRouter(prefix="/api/v1/sources", tags=["sources"])

# A source that no event gave a URL has an empty one: Marquez answers 500 there.
_SELECT = """
    SELECT type, name, created_at, updated_at, coalesce(connection_url, '') AS connection_url, description
    FROM sources
"""


@router.get("")
async def list_sources(connection: Connected, limit: Limit = 100, offset: Offset = 0) -> Sources:
    """All sources by name."""
    cursor = await connection.execute(_SELECT + " ORDER BY name LIMIT %s OFFSET %s", [limit, offset])
    return Sources(sources=[Source.model_validate(row) for row in await cursor.fetchall()])


@router.get("/{source}")
async def get_source(connection: Connected, source: PathName) -> Source:
    """One source."""
    cursor = await connection.execute(_SELECT + " WHERE name = %s", [source])
    row = await cursor.fetchone()
    if row is None:
        raise NotFound.named("Source", source)
    return Source.model_validate(row)
