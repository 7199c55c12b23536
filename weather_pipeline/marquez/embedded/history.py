"""The events received, as Marquez shows them: parsed and written out again with every member it knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, LiteralString

from fastapi import APIRouter, Query

from weather_pipeline.marquez.embedded.database import count_rows
from weather_pipeline.marquez.embedded.events import Kind
from weather_pipeline.marquez.embedded.facet_checks import parse_time
from weather_pipeline.marquez.embedded.facets import clean, format_instant
from weather_pipeline.marquez.embedded.models import Events
from weather_pipeline.marquez.embedded.parameters import Choice, Connected, Limit, Offset

router = APIRouter(prefix="/api/v1/events", tags=["events"])

_RUN_FACETS = ("nominalTime", "parent")
_JOB_FACETS = ("documentation", "sourceCodeLocation", "sql", "jobType")
_DATASET_FACETS = (
    "documentation", "schema", "dataSource", "description", "lifecycleStateChange", "columnLineage", "symlinks",
)  # fmt: skip

_MEMBERS = {
    Kind.RUN: ("eventType", "run", "job", "inputs", "outputs"),
    Kind.JOB: ("job", "inputs", "outputs"),
    Kind.DATASET: ("dataset",),
}

_FOUND: Final[LiteralString] = "FROM lineage_events WHERE event_at < %(before)s AND event_at >= %(after)s"


class Direction(Choice):
    """Order of events by their time."""

    ASC = "asc"
    DESC = "desc"


@router.get("/lineage")
async def list_events(
    *,
    connection: Connected,
    before: datetime = datetime(2030, 1, 1, tzinfo=UTC),
    after: datetime = datetime(1970, 1, 1, tzinfo=UTC),
    direction: Annotated[Direction, Query(alias="sortDirection")] = Direction.DESC,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Events:
    """Events whose time lies in a range, the newest first unless asked otherwise."""
    parameters = {"before": _zoned(before), "after": _zoned(after), "limit": limit, "offset": offset}
    order: LiteralString = "event_at DESC, id DESC" if direction is Direction.DESC else "event_at, id"
    page: LiteralString = f"SELECT body {_FOUND} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s"
    rows = await (await connection.execute(page, parameters)).fetchall()
    total = await count_rows(connection, _FOUND, parameters)
    return Events(events=[present(row["body"]) for row in rows], total_count=total)


def present(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as Marquez shows it: known members are there even where they are null, unknown ones are left out."""
    at = parse_time(event["eventTime"])
    kind = Kind.of(event)
    # Members that an event of this kind does not have were never checked: they are unknown ones.
    own = {name: event.get(name) for name in _MEMBERS[kind]}
    shown: dict[str, Any] = {
        "eventType": own.get("eventType"),
        "eventTime": format_instant(at) if at else event["eventTime"],
        "run": _owner(own.get("run"), ("runId",), _RUN_FACETS),
        "job": _owner(own.get("job"), ("namespace", "name"), _JOB_FACETS),
        "inputs": _datasets(own.get("inputs")),
        "outputs": _datasets(own.get("outputs")),
        "producer": event.get("producer"),
        "schemaURL": event.get("schemaURL"),
    }
    if kind is Kind.DATASET:
        shown["dataset"] = _dataset(event["dataset"])
    return shown


def _owner(owner: Mapping[str, Any] | None, names: tuple[str, ...], facets: tuple[str, ...]) -> dict[str, Any] | None:
    if owner is None:
        return None
    return {name: owner.get(name) for name in names} | {"facets": _facets(owner.get("facets"), facets)}


def _datasets(datasets: list[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if datasets is None else [_dataset(dataset) for dataset in datasets]


def _dataset(dataset: Mapping[str, Any]) -> dict[str, Any]:
    facets = _facets(dataset.get("facets"), _DATASET_FACETS)
    if facets:
        _complete(facets)
    return {
        "namespace": dataset.get("namespace"),
        "name": dataset.get("name"),
        "facets": facets,
        "inputFacets": dataset.get("inputFacets"),
        "outputFacets": dataset.get("outputFacets"),
    }


def _facets(facets: Mapping[str, Any] | None, known: tuple[str, ...]) -> dict[str, Any] | None:
    if facets is None:
        return None
    return dict.fromkeys(known) | clean(facets)


def _complete(facets: dict[str, Any]) -> None:
    """Add the null members of columns and column lineage."""
    for field in (facets["schema"] or {}).get("fields", []):
        field.setdefault("type", None)
        field.setdefault("description", None)
    for column in (facets["columnLineage"] or {}).get("fields", {}).values():
        column.setdefault("transformationDescription", None)
        column.setdefault("transformationType", None)


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
