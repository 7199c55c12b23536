"""What may be wrong with the facets that the service itself reads; other facets are stored as they are.

Every value that an answer shows as text is checked here, or made text when it is stored: an event that was accepted
must never break an answer. `tests/property/test_lineage_service.py` holds the service to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

_READ_FACETS = (
    "nominalTime", "parent", "documentation", "sourceCodeLocation", "jobType", "schema", "dataSource",
    "lifecycleStateChange", "symlinks", "columnLineage",
)  # fmt: skip
_TEXTS = (
    ("documentation", "description"),
    ("sourceCodeLocation", "url"),
    ("jobType", "processingType"),
    ("jobType", "integration"),
    ("jobType", "jobType"),
    ("dataSource", "name"),
    ("dataSource", "uri"),
    ("lifecycleStateChange", "lifecycleStateChange"),
)
_SOURCE_NAME_BYTES = 2000
"""Longest name of a data source in UTF-8: it is a key, and PostgreSQL's indexes end at about 2,700."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value of parsed JSON is an object. Asked for each part of each event: an ABC would be slow."""
    return isinstance(value, dict)


def parse_time(value: str) -> datetime | None:
    """An ISO 8601 time with an offset, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def facet_errors(facets: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the facets that the service reads; each error begins with the facet's name.

    One by one: an event may have millions, and nobody wants to hear of more than a few.
    """
    for name in _READ_FACETS:
        if facets.get(name) is not None and not is_object(facets[name]):
            yield f"{name} must be an object"
    for facet_name, key in _TEXTS:
        value = _member(facets, facet_name, key)
        if value is not None and not isinstance(value, str):
            yield f"{facet_name}.{key} must be a string"
    for key in ("nominalStartTime", "nominalEndTime"):
        value = _member(facets, "nominalTime", key)
        if value is not None and (not isinstance(value, str) or parse_time(value) is None):
            yield f"nominalTime.{key} must be an ISO 8601 time with an offset"
    source = _member(facets, "dataSource", "name")
    if isinstance(source, str) and len(source.encode()) > _SOURCE_NAME_BYTES:
        yield f"dataSource.name must not be longer than {_SOURCE_NAME_BYTES} bytes in UTF-8"
    # Not `type`: whatever it is, it is shown as text (`facets.as_text`).
    yield from _list_errors(facets, "schema", "fields", ("name",), ("description",))
    yield from _list_errors(facets, "symlinks", "identifiers", ("namespace", "name"), ("type",))
    yield from _column_errors(_member(facets, "columnLineage", "fields"))


def _member(facets: Mapping[str, Any], facet_name: str, key: str) -> Any:
    facet = facets.get(facet_name)
    return facet.get(key) if is_object(facet) else None


def _list_errors(
    facets: Mapping[str, Any], facet_name: str, key: str, required: Sequence[str], optional: Sequence[str]
) -> Iterator[str]:
    value = _member(facets, facet_name, key)
    if value is None:
        return
    path = f"{facet_name}.{key}"
    if not isinstance(value, list) or not all(is_object(entry) for entry in value):
        yield f"{path} must be an array of objects"
        return
    for i, entry in enumerate(value):
        for name in (*required, *optional):
            if not isinstance(entry.get(name), str) and not (name in optional and entry.get(name) is None):
                yield f"{path}[{i}].{name} must be a string"


def _column_errors(columns: Any) -> Iterator[str]:
    path = "columnLineage.fields"
    if columns is None:
        return
    if not is_object(columns):
        yield f"{path} must be an object"
        return
    for name, column in columns.items():
        shown = f"{path}.{name[:100]}"
        sources = column.get("inputFields", []) if is_object(column) else None
        if not isinstance(sources, list):
            yield f"{shown}.inputFields must be an array"
            continue
        for key in ("transformationDescription", "transformationType"):
            if not isinstance(column.get(key), str | None):
                yield f"{shown}.{key} must be a string"
        for i, source in enumerate(sources):
            if not is_object(source) or not all(
                isinstance(source.get(key), str) for key in ("namespace", "name", "field")
            ):
                yield f"{shown}.inputFields[{i}] must have namespace, name and field as strings"
