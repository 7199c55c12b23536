"""Facets as they are stored and shown.

Marquez parses the facets that it knows and writes them out again: members that are null disappear, and the times of
`nominalTime` become instants in UTC. A stored facet carries the order of its event, so that the newest wins facet by
facet in whatever order events arrive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Facets = dict[str, Any]
"""Facets by name."""

_NOMINAL_TIMES = ("nominalStartTime", "nominalEndTime")


def format_instant(moment: datetime) -> str:
    """An instant as Java writes it: UTC, with no, three or six digits of a second."""
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    if moment.microsecond == 0:
        return f"{text}Z"
    if moment.microsecond % 1000 == 0:
        return f"{text}.{moment.microsecond // 1000:03d}Z"
    return f"{text}.{moment.microsecond:06d}Z"


def format_zoned(moment: datetime) -> str:
    """A time as Java's `ZonedDateTime.toString` writes it: seconds only where they are not zero."""
    text = format_instant(moment).removesuffix("Z")
    return f"{text.removesuffix(':00')}Z[UTC]"


def clean(facets: Mapping[str, Any]) -> Facets:
    """Facets without null members and with nominal times in UTC."""
    cleaned = without_nulls(dict(facets))
    nominal = cleaned.get("nominalTime")
    if isinstance(nominal, dict):
        for name in _NOMINAL_TIMES:
            if isinstance(nominal.get(name), str):
                nominal[name] = format_instant(datetime.fromisoformat(nominal[name]))
    return cleaned


def without_nulls(value: Any) -> Any:
    """A JSON value whose objects have no null members, at any depth."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    return value


def as_text(value: Any) -> str | None:
    """A JSON value as text: a string as it is, anything else as JSON.

    Types of columns come as Avro and Spark write them too: `["null", "string"]`, `{"type": "struct", …}`. Refusing such
    an event would lose the whole run.
    """
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)


def stored(facets: Mapping[str, Any], order: int) -> Facets:
    """Facets as columns hold them: `{name: [order of the event, facet]}`."""
    return {name: [order, facet] for name, facet in facets.items()}


def shown(column: Mapping[str, Any] | None) -> Facets:
    """The facets that a column holds."""
    return {name: facet for name, (_, facet) in (column or {}).items()}
