"""Answers of the full-text search: documents as Marquez gives them to OpenSearch, and where they match."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from weather_pipeline.marquez.embedded.events import StateChange
from weather_pipeline.marquez.embedded.facets import Facets
from weather_pipeline.marquez.embedded.highlights import Highlight
from weather_pipeline.marquez.embedded.models import Answer


class _Hit(Answer):
    run_id: UUID | None = Field(alias="run_id")
    event_type: StateChange | None
    name: str
    namespace: str
    facets: Facets


class JobHit(_Hit):
    """A job with its newest run; without one where only a job event described it."""

    type: Literal["BATCH", "STREAM"]
    run_facets: Facets


class DatasetHit(_Hit):
    """A dataset with the run that wrote its current version; without one where no run wrote it."""

    input_facets: Facets
    output_facets: Facets


class JobHits(Answer):
    """The jobs found, the best first, and where each of them matches."""

    hits: list[JobHit]
    highlights: list[Highlight]


class DatasetHits(Answer):
    """The datasets found, the best first, and where each of them matches."""

    hits: list[DatasetHit]
    highlights: list[Highlight]
