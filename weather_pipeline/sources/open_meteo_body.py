"""Open-Meteo's answers, read strictly: HTTP 200 can carry a broken body, and each way is told apart.

A failure while streaming is appended to the body as text, and a place that no model covers gave a literal `nan`, which
is no JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeGuard

import pyarrow as pa

from weather_pipeline.errors import SourceUnavailable
from weather_pipeline.weather.bronze import BRONZE_SCHEMA
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.locations import Location
from weather_pipeline.weather.schema import VARIABLE_BY_NAME

VARIABLES: tuple[str, ...] = tuple(VARIABLE_BY_NAME)
"""The hourly variables we ask for."""

TIME_FORMAT = "%Y-%m-%dT%H:%M"

_STREAMING_ERROR = re.compile(r"Unexpected error while streaming data:?\s*(?P<why>.*)", re.DOTALL)
_LITERAL_NAN = re.compile(r"[\[:,]\s*-?nan\b", re.IGNORECASE)
_LATITUDE = re.compile(r'"latitude"\s*:')
_NAN_LATITUDE = re.compile(_LATITUDE.pattern + r"\s*-?nan\b", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_MAX_DEGREES_AWAY = 1.0
"""Grids are at most 0.25° wide: an answer further away is for another place."""


class BrokenBody(SourceUnavailable):
    """HTTP 200 with a body that can't be used; another attempt may bring a whole one."""


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of one answer and the units it named."""

    table: pa.Table
    units: Mapping[str, str]


def parse_body(
    content: bytes, locations: Sequence[Location], start: datetime, end: datetime, *, source: str = "open-meteo"
) -> Body:
    """Read one answer into rows.

    Args:
        content: The body as received.
        locations: The places asked for; answers are matched to them by position.
        start: First hour asked for, UTC.
        end: End of the hours asked for, exclusive. Hours outside were not asked for and are left out.
        source: Name stored with every row.

    Raises:
        BrokenBody: The body can't be used; the message says in which way.
    """
    answer = _decode(content, locations)
    answers = answer if isinstance(answer, list) else [answer]
    if len(answers) != len(locations):
        raise BrokenBody(f"Open-Meteo answered for {len(answers)} places, {len(locations)} were asked for.")
    asked = {hour.strftime(TIME_FORMAT) for hour in hours_between(start, end)}
    columns: dict[str, list[Any]] = {name: [] for name in BRONZE_SCHEMA.names}
    units: dict[str, str] = {}
    for location, part in zip(locations, answers, strict=True):
        part_units = _units(part, location)
        if units and part_units != units:
            raise BrokenBody(f"Open-Meteo named other units for {location.id} ({part_units}) than before ({units}).")
        units = part_units
        _append_rows(columns, part, location, asked, source)
    if not columns["time"]:
        raise BrokenBody(f"Open-Meteo's answer covers none of the hours asked for ({start:%Y-%m-%dT%H:%M}Z and on).")
    return Body(pa.table(columns, schema=BRONZE_SCHEMA), units)


def _decode(content: bytes, locations: Sequence[Location]) -> Any:
    text = content.decode("utf-8", errors="replace")
    try:
        answer = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BrokenBody(_what_is_wrong(text, error, locations)) from error
    if isinstance(answer, dict) and answer.get("error"):
        raise BrokenBody(f"Open-Meteo answered 200 with an error: {answer.get('reason')}")
    return answer


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"literal {constant}")


def _what_is_wrong(text: str, error: ValueError, locations: Sequence[Location]) -> str:
    if match := _STREAMING_ERROR.search(text):
        return f"Open-Meteo broke off while streaming: {match['why'].strip()[:200] or '(no reason)'}"
    if match := _NAN_LATITUDE.search(text):
        position = len(_LATITUDE.findall(text, 0, match.start()))
        place = locations[position].id if position < len(locations) else "a place that was not asked for"
        return f"Open-Meteo sent a literal nan as the coordinates of {place}: no model covers it. Check where it lies."
    if _LITERAL_NAN.search(text) or "literal" in str(error):
        return "Open-Meteo sent a literal nan as a value, which is no JSON."
    if not text.lstrip().startswith(("{", "[")):
        return f"The answer is no JSON but {text[:80]!r}. Check that WEATHER_OPEN_METEO_URL names an Open-Meteo API."
    return f"The answer is truncated or malformed JSON after {len(text)} characters: {error}"


def _units(part: Any, location: Location) -> dict[str, str]:
    if not isinstance(part, dict):
        raise BrokenBody(f"The answer for {location.id} is a {type(part).__name__}, not an object.")
    units = part.get("hourly_units")
    if not isinstance(units, dict):
        raise BrokenBody(f"The answer for {location.id} has no hourly_units; it has {sorted(part)}.")
    missing = [variable for variable in VARIABLES if not isinstance(units.get(variable), str)]
    if missing:
        raise BrokenBody(f"The answer for {location.id} names no unit for {', '.join(missing)}.")
    return {variable: units[variable] for variable in VARIABLES}


def _append_rows(
    columns: dict[str, list[Any]], part: Mapping[str, Any], location: Location, asked: set[str], source: str
) -> None:
    _check_place_and_zone(part, location)
    hourly = part.get("hourly")
    if not isinstance(hourly, dict) or not isinstance(hourly.get("time"), list):
        raise BrokenBody(f"The answer for {location.id} has no hourly times.")
    times: list[Any] = hourly["time"]
    series = {variable: _series(hourly, variable, len(times), location) for variable in VARIABLES}
    for index, time in enumerate(times):
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise BrokenBody(f"The answer for {location.id} has the time {time!r}, not an ISO 8601 hour.")
        if time not in asked:
            continue
        row = {name: values[index] for name, values in series.items()}
        row |= {"location_id": location.id, "time": time, "source": source}
        row |= {name: part.get(name) for name in ("latitude", "longitude", "elevation")}
        for name, values in columns.items():
            values.append(row[name])


def _check_place_and_zone(part: Mapping[str, Any], location: Location) -> None:
    latitude, longitude = part.get("latitude"), part.get("longitude")
    if not _is_number(latitude) or not _is_number(longitude):
        raise BrokenBody(f"The answer for {location.id} has the coordinates {latitude!r}, {longitude!r}.")
    if max(abs(latitude - location.latitude), abs(longitude - location.longitude)) > _MAX_DEGREES_AWAY:
        raise BrokenBody(
            f"The answer at the position of {location.id} is for {latitude}, {longitude}, "
            f"not for {location.latitude}, {location.longitude}."
        )
    if part.get("utc_offset_seconds") != 0:
        raise BrokenBody(
            f"The answer for {location.id} is {part.get('utc_offset_seconds')!r} s off UTC; timezone=GMT was asked for."
        )


def _series(hourly: Mapping[str, Any], variable: str, length: int, location: Location) -> list[float | None]:
    values = hourly.get(variable)
    if not isinstance(values, list):
        raise BrokenBody(f"The answer for {location.id} lacks the variable {variable}.")
    if len(values) != length:
        raise BrokenBody(f"The answer for {location.id} has {len(values)} values of {variable} for {length} hours.")
    for value in values:
        if value is not None and not _is_number(value):
            raise BrokenBody(f"The answer for {location.id} has {value!r} as {variable}, not a number.")
    return values


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
