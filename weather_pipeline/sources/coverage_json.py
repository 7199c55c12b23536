"""CoverageJSON's point series, read strictly: what an EDR server sends for measuring stations.

The format is OGC 21-069r2 (CoverageJSON 1.0). Read is what it allows for readings at fixed points: a `Coverage` or a
`CoverageCollection` of the domain type `PointSeries` that holds its domains and ranges itself. The member
`eumetnet:locationId` is EUMETNET's addition: which station a coverage is of.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from weather_pipeline.sources.answers import BrokenBody, is_number

_LOCATION_ID = "eumetnet:locationId"


@dataclass(frozen=True, slots=True)
class PointSeries:
    """The readings of one point.

    Attributes:
        location_id: Which station it is, where the server says so.
        longitude: Degrees east.
        latitude: Degrees north.
        times: When, UTC.
        values: Parameter → one value for each time; None where there is no reading.
    """

    location_id: str | None
    longitude: float
    latitude: float
    times: tuple[datetime, ...]
    values: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True)
class Coverages:
    """What one body holds.

    Attributes:
        series: All point series; a station may have several, as for parameters with other times. There may be none.
        units: Parameter → unit as the server named it: its symbol, else its label.
    """

    series: tuple[PointSeries, ...]
    units: Mapping[str, str]


def parse_coverages(content: bytes, parameters: Collection[str]) -> Coverages:
    """Read one body.

    Args:
        content: The body as received.
        parameters: The parameters asked for; others are not looked at.

    Raises:
        BrokenBody: It is no CoverageJSON with point series; the message says in which way.
    """
    document = _mapping(_decode(content), "The answer")
    kind = document.get("type")
    if kind == "Coverage":
        coverages: list[Any] = [document]
    elif kind == "CoverageCollection":
        coverages = _list(document.get("coverages"), "The collection's coverages")
    else:
        raise BrokenBody(
            f"The answer is JSON of the type {kind!r}, not CoverageJSON. Check that the URL is of an EDR API."
        )
    parts = [_mapping(coverage, f"Coverage {number}") for number, coverage in enumerate(coverages, start=1)]
    series = tuple(
        _point_series(part, document.get("domainType"), parameters, f"Coverage {number}")
        for number, part in enumerate(parts, start=1)
    )
    return Coverages(series, _units([document, *parts], parameters))


def _decode(content: bytes) -> Any:
    text = content.decode("utf-8", errors="replace")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith(("{", "[")):
            raise BrokenBody(
                f"The answer is no JSON but {text[:80]!r}. Check that the URL is of an EDR API."
            ) from error
        raise BrokenBody(f"The answer is truncated or malformed JSON after {len(text)} characters: {error}") from error


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"literal {constant}, which is no JSON")


def _point_series(
    coverage: Mapping[str, Any], domain_type: Any, parameters: Collection[str], where: str
) -> PointSeries:
    if coverage.get("type") != "Coverage":
        raise BrokenBody(f"{where} is of the type {coverage.get('type')!r}, not Coverage.")
    domain = _mapping(coverage.get("domain"), f"{where}: its domain")
    domain_type = domain.get("domainType", domain_type)
    if domain_type not in (None, "PointSeries"):
        raise BrokenBody(f"{where} has the domain type {domain_type!r}, not PointSeries.")
    axes = _mapping(domain.get("axes"), f"{where}: its axes")
    times = tuple(_time(value, where) for value in _axis(axes, "t", where))
    ranges = _mapping(coverage.get("ranges"), f"{where}: its ranges")
    location_id = coverage.get(_LOCATION_ID)
    return PointSeries(
        location_id=location_id if isinstance(location_id, str) else None,
        longitude=_coordinate(axes, "x", where),
        latitude=_coordinate(axes, "y", where),
        times=times,
        values={name: _values(ranges[name], name, len(times), where) for name in parameters if name in ranges},
    )


def _axis(axes: Mapping[str, Any], name: str, where: str) -> list[Any]:
    axis = _mapping(axes.get(name), f"{where}: its axis {name}")
    return _list(axis.get("values"), f"{where}: the values of its axis {name}")


def _coordinate(axes: Mapping[str, Any], name: str, where: str) -> float:
    values = _axis(axes, name, where)
    if len(values) != 1 or not is_number(values[0]):
        raise BrokenBody(f"{where} has {values!r} on its axis {name}; a point has one number there.")
    return float(values[0])


def _time(value: Any, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BrokenBody(f"{where} has the time {value!r}, not an ISO 8601 moment with its zone.")


def _values(array: Any, name: str, length: int, where: str) -> tuple[float | None, ...]:
    array = _mapping(array, f"{where}: its range {name}")
    if array.get("type") != "NdArray":
        raise BrokenBody(f"{where}: its range {name} is of the type {array.get('type')!r}, not NdArray.")
    values = _list(array.get("values"), f"{where}: the values of {name}")
    # The axes x and y have one value each, so an array of any shape that fits has as many values as there are times.
    if len(values) != length:
        raise BrokenBody(f"{where} has {len(values)} values of {name} for {length} times.")
    for value in values:
        if value is not None and not is_number(value):
            raise BrokenBody(f"{where} has {value!r} as {name}, not a number.")
    return tuple(values)


def _units(holders: Iterable[Mapping[str, Any]], parameters: Collection[str]) -> dict[str, str]:
    """Units stand with the collection, with each coverage, or both."""
    units: dict[str, str] = {}
    for holder in holders:
        described = _mapping(holder.get("parameters") or {}, "The answer's description of parameters")
        for name in parameters:
            unit = _unit(described.get(name))
            if unit is not None and units.setdefault(name, unit) != unit:
                raise BrokenBody(f"The answer names two units for {name}: {units[name]!r} and {unit!r}.")
    return units


def _unit(parameter: Any) -> str | None:
    unit = parameter.get("unit") if isinstance(parameter, dict) else None
    if not isinstance(unit, dict):
        return None
    symbol, label = unit.get("symbol"), unit.get("label")
    if isinstance(symbol, dict):
        symbol = symbol.get("value")
    if isinstance(label, dict):  # language → text
        label = label.get("en", next(iter(label.values()), None))
    return next((text for text in (symbol, label) if isinstance(text, str) and text), None)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BrokenBody(f"{what} is a {type(value).__name__}, not an object.")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise BrokenBody(f"{what} are a {type(value).__name__}, not a list.")
    return value
