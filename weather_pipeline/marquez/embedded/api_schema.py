"""What `/openapi.json` says beside the typed parameters and answers: bodies of requests, and answers that refuse.

Bodies are read by `reading.py`, which names every error; FastAPI does not see them.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from weather_pipeline.marquez.embedded.reading import NAME_LENGTH, NAMESPACE_PATTERN


class Failure(BaseModel):
    """Why a request failed."""

    code: int
    message: str


class Refusal(BaseModel):
    """Why a request was refused: each error names a field."""

    errors: list[str]


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": Refusal | Failure, "description": "The request can't be answered as it is."},
    "503": {"model": Failure, "description": "The database is away: send the request again, after `Retry-After`."},
}
"""The answers that every route may give."""


def request_body(schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """A route's `openapi_extra`: it takes such a body as JSON."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


_NAMES = {
    "namespace": {"type": "string", "pattern": f"^{NAMESPACE_PATTERN.pattern}$"},
    "name": {"type": "string", "pattern": r"\S", "maxLength": NAME_LENGTH},
}
_FACETS = {"type": "object", "additionalProperties": {"type": "object"}}
_RUN = _object(["runId"], runId={"type": "string", "format": "uuid"}, facets=_FACETS)
_JOB = _object(["namespace", "name"], **_NAMES, facets=_FACETS)
_INPUT = _object(["namespace", "name"], **_NAMES, facets=_FACETS, inputFacets=_FACETS)
_OUTPUT = _object(["namespace", "name"], **_NAMES, facets=_FACETS, outputFacets=_FACETS)
_SIDES = {"inputs": {"type": "array", "items": _INPUT}, "outputs": {"type": "array", "items": _OUTPUT}}


def _event(kind: str, required: list[str], **properties: Any) -> dict[str, Any]:
    origin = {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "pattern": f"/{kind}$"},
    }
    return {"title": kind, **_object(["eventTime", "producer", "schemaURL", *required], **origin, **properties)}


_TYPES = ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]

EVENT: Final[dict[str, Any]] = {
    "anyOf": [
        _event("RunEvent", ["run", "job"], eventType={"enum": _TYPES}, run=_RUN, job=_JOB, **_SIDES),
        _event("JobEvent", ["job"], job=_JOB, **_SIDES),
        _event("DatasetEvent", ["dataset"], dataset=_object(["namespace", "name"], **_NAMES, facets=_FACETS)),
    ]
}
"""An event as OpenLineage describes it; the standard facets have schemas of their own (openlineage.io/spec/facets)."""

NAMESPACE: Final = _object([], ownerName={"type": ["string", "null"]}, description={"type": ["string", "null"]})
TAG: Final = _object([], description={"type": ["string", "null"]})
