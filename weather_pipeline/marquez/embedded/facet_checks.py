"""What may be wrong with the facets that the service itself reads; other facets are stored as they are.

Every value that an answer shows as text is checked here, or made text when it is stored: an event that was accepted
must never break an answer. `tests/property/test_lineage_service.py` holds the service to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def facet_errors(facets: Mapping[str, Any]) -> list[str]:
    """What is wrong with the facets that the service reads; each error begins with the facet's name."""
    errors = [
        f"{name} must be an object"
        for name in _READ_FACETS
        if facets.get(name) is not None and not is_object(facets[name])
    ]
    for facet_name, key in _TEXTS:
        value = _member(facets, facet_name, key)
        if value is not None and not isinstance(value, str):
            errors.append(f"{facet_name}.{key} must be a string")
    for key in ("nominalStartTime", "nominalEndTime"):
        value = _member(facets, "nominalTime", key)
        if value is not None and (not isinstance(value, str) or parse_time(value) is None):
            errors.append(f"nominalTime.{key} must be an ISO 8601 time with an offset")
    source = _member(facets, "dataSource", "name")
    if isinstance(source, str) and len(source.encode()) > _SOURCE_NAME_BYTES:
        errors.append(f"dataSource.name must not be longer than {_SOURCE_NAME_BYTES} bytes in UTF-8")
    # Not `type`: whatever it is, it is shown as text (`facets.as_text`).
    errors += _list_errors(facets, "schema", "fields", ("name",), ("description",))
    errors += _list_errors(facets, "symlinks", "identifiers", ("namespace", "name"), ("type",))
    return errors + _column_errors(_member(facets, "columnLineage", "fields"))


def _member(facets: Mapping[str, Any], facet_name: str, key: str) -> Any:
    facet = facets.get(facet_name)
    return facet.get(key) if is_object(facet) else None


def _list_errors(
    facets: Mapping[str, Any], facet_name: str, key: str, required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    value = _member(facets, facet_name, key)
    if value is None:
        return []
    path = f"{facet_name}.{key}"
    if not isinstance(value, list) or not all(is_object(entry) for entry in value):
        return [f"{path} must be an array of objects"]
    return [
        f"{path}[{i}].{name} must be a string"
        for i, entry in enumerate(value)
        for name in (*required, *optional)
        if not isinstance(entry.get(name), str) and not (name in optional and entry.get(name) is None)
    ]


def _column_errors(columns: Any) -> list[str]:
    path = "columnLineage.fields"
    if columns is None:
        return []
    if not is_object(columns):
        return [f"{path} must be an object"]
    errors: list[str] = []
    for name, column in columns.items():
        sources = column.get("inputFields", []) if is_object(column) else None
        if not isinstance(sources, list):
            errors.append(f"{path}.{name}.inputFields must be an array")
            continue
        errors += [
            f"{path}.{name}.{key} must be a string"
            for key in ("transformationDescription", "transformationType")
            if not isinstance(column.get(key), str | None)
        ]
        for i, source in enumerate(sources):
            if not is_object(source) or not all(
                isinstance(source.get(key), str) for key in ("namespace", "name", "field")
            ):
                errors.append(f"{path}.{name}.inputFields[{i}] must have namespace, name and field as strings")
    return errors
