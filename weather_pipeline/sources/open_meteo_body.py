"""Open-Meteo's answers, read strictly: HTTP 200 can carry a broken body, and each way is told apart.

A failure while streaming is appended to the body as text, and a place that no model covers gave a literal `nan`, which
is no JSON. Damage that is one place's own is told apart from damage to the whole answer: the rest is read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from weather_pipeline.sources.answers import TIME_FORMAT, Body, BrokenBody, is_number
from weather_pipeline.sources.open_meteo_api import VARIABLES
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Lack
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.locations import Location
from weather_pipeline.weather.schema import VARIABLE_BY_NAME

_STREAMING_ERROR = re.compile(r"Unexpected error while streaming data:?\s*(?P<why>.*)", re.DOTALL)
_LITERAL_NAN = re.compile(r"(?<=[\[:,])(\s*)-?nan\b", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_MAX_DEGREES_AWAY = 1.0
"""Grids are at most 0.25° wide: an answer further away is for another place."""


def parse_body(
    content: bytes,
    locations: Sequence[Location],
    start: datetime,
    end: datetime,
    *,
    source: str = "open-meteo",
    variables: Sequence[str] = VARIABLES,
) -> Body:
    """Read one answer into rows.

    A place without coordinates is covered by no model and has no rows. A reading that is a literal nan, and a variable
    that a single place's answer lacks, is null in the rows. Both are named in `lacks`.

    Args:
        content: The body as received.
        locations: The places asked for; answers are matched to them by position.
        start: First hour asked for, UTC.
        end: End of the hours asked for, exclusive. Hours outside were not asked for and are left out.
        source: Name stored with every row.
        variables: What was asked for; the other columns are null, in the unit in which we store them.

    Raises:
        BrokenBody: The body can't be used; the message says in which way.
    """
    answer = _decode(content)
    answers = answer if isinstance(answer, list) else [answer]
    if len(answers) != len(locations):
        raise BrokenBody(f"Open-Meteo answered for {len(answers)} places, {len(locations)} were asked for.")
    asked = {hour.strftime(TIME_FORMAT) for hour in hours_between(start, end)}
    reader = _Reader(tuple(variables), asked, source)
    for location, part in zip(locations, answers, strict=True):
        reader.read(part, location)
    body = reader.body()
    if not body.table.num_rows and len(body.lacks) < len(locations):
        raise BrokenBody(f"Open-Meteo's answer covers none of the hours asked for ({start:%Y-%m-%dT%H:%M}Z and on).")
    return body


def merged(bodies: Sequence[Body]) -> Body:
    """Several answers as one.

    Raises:
        BrokenBody: They name different units.
    """
    units = [body.units for body in bodies if body.units]
    if any(each != units[0] for each in units):
        raise BrokenBody(f"Open-Meteo named other units in a second answer ({units[-1]}) than before ({units[0]}).")
    return Body(
        pa.concat_tables([body.table for body in bodies]),
        units[0] if units else {},
        tuple(lack for body in bodies for lack in body.lacks),
    )


def not_covered(location: Location, reason: str) -> Body:
    """The answer for a place that no model covers."""
    return Body(BRONZE_SCHEMA.empty_table(), {}, (Lack(location.id, reason),))


class _Reader:
    """Reads the answers of one body, place by place."""

    def __init__(self, variables: tuple[str, ...], asked: set[str], source: str) -> None:
        self._variables = variables
        self._asked = asked
        self._source = source
        self._columns: dict[str, list[Any]] = {name: [] for name in BRONZE_SCHEMA.names}
        self._units: dict[str, str] = {}
        self._lacks: list[Lack] = []
        self._missing: dict[str, list[str]] = {}
        self._covered = 0
        self._may_pass = False

    def read(self, part: Any, location: Location) -> None:
        """Read one place's answer.

        Raises:
            BrokenBody: It can't be used.
        """
        if not isinstance(part, dict):
            raise BrokenBody(f"The answer for {location.id} is a {type(part).__name__}, not an object.")
        if _is_nan(part.get("latitude")) or _is_nan(part.get("longitude")):
            words = "Open-Meteo sent a literal nan as its coordinates: no model covers it. Check where it lies."
            self._lacks.append(Lack(location.id, words))
            return
        self._covered += 1
        self._read_units(part, location)
        _check_place_and_zone(part, location)
        hourly = part.get("hourly")
        if not isinstance(hourly, dict) or not isinstance(hourly.get("time"), list):
            raise BrokenBody(f"The answer for {location.id} has no hourly times.")
        self._append_rows(part, hourly, location)

    def body(self) -> Body:
        """What was read.

        Raises:
            BrokenBody: A variable lacks in the answers of all places.
        """
        for variable, places in self._missing.items():
            if len(places) == self._covered:
                raise BrokenBody(f"The answer for {places[-1]} lacks the variable {variable}, and so do all others.")
        units = {name: str(column.unit) for name, column in VARIABLE_BY_NAME.items() if name not in self._variables}
        table = pa.table(self._columns, schema=BRONZE_SCHEMA)
        return Body(table, {**units, **self._units} if self._units else {}, tuple(self._lacks), self._may_pass)

    def _read_units(self, part: Mapping[str, Any], location: Location) -> None:
        named = part.get("hourly_units")
        if not isinstance(named, dict):
            raise BrokenBody(f"The answer for {location.id} has no hourly_units; it has {sorted(part)}.")
        missing = [variable for variable in self._variables if not isinstance(named.get(variable), str)]
        if missing:
            raise BrokenBody(f"The answer for {location.id} names no unit for {', '.join(missing)}.")
        units = {variable: named[variable] for variable in self._variables}
        if self._units and units != self._units:
            raise BrokenBody(f"Open-Meteo named other units for {location.id} ({units}) than before ({self._units}).")
        self._units = units

    def _append_rows(self, part: Mapping[str, Any], hourly: Mapping[str, Any], location: Location) -> None:
        times: list[Any] = hourly["time"]
        series = {name: self._series(hourly, name, len(times), location) for name in self._variables}
        for index, time in enumerate(times):
            if not isinstance(time, str) or not _TIME.fullmatch(time):
                raise BrokenBody(f"The answer for {location.id} has the time {time!r}, not an ISO 8601 hour.")
            if time not in self._asked:
                continue
            row: dict[str, Any] = {name: values[index] for name, values in series.items()}
            row |= {"location_id": location.id, "time": time, "source": self._source}
            row |= {name: part.get(name) for name in ("latitude", "longitude", "elevation")}
            for name, values in self._columns.items():
                values.append(row.get(name))

    def _series(
        self, hourly: Mapping[str, Any], variable: str, length: int, location: Location
    ) -> Sequence[float | None]:
        if variable not in hourly:
            self._missing.setdefault(variable, []).append(location.id)
            self._note(location, f"the answer lacks the variable {variable}")
            return [None] * length
        values = hourly[variable]
        if not isinstance(values, list):
            raise BrokenBody(f"The answer for {location.id} has {values!r} as {variable}, not a list.")
        if len(values) != length:
            raise BrokenBody(f"The answer for {location.id} has {len(values)} values of {variable} for {length} hours.")
        for value in values:
            if value is not None and not is_number(value) and not _is_nan(value):
                raise BrokenBody(f"The answer for {location.id} has {value!r} as {variable}, not a number.")
        if count := sum(map(_is_nan, values)):
            self._note(location, f"Open-Meteo sent a literal nan as {variable}, {count} of {length} hours")
        return [None if _is_nan(value) else value for value in values]

    def _note(self, location: Location, reason: str) -> None:
        self._lacks.append(Lack(location.id, reason))
        self._may_pass = True


def _decode(content: bytes) -> Any:
    text = content.decode("utf-8", errors="replace")
    try:
        answer = _json(text)
    except (ValueError, RecursionError) as error:
        raise BrokenBody(_what_is_wrong(text, error)) from error
    if isinstance(answer, dict) and answer.get("error"):
        raise BrokenBody(f"Open-Meteo answered 200 with an error: {answer.get('reason')}")
    return answer


def _json(text: str) -> Any:
    """JSON, and what Open-Meteo makes of it where a model has no value: a literal nan."""
    try:
        return json.loads(text, parse_constant=_constant)
    except ValueError:
        spelled, count = _LITERAL_NAN.subn(r"\1NaN", text)
        if not count:
            raise
        return json.loads(spelled, parse_constant=_constant)


def _constant(constant: str) -> float:
    if constant != "NaN":
        raise ValueError(f"literal {constant}")
    return math.nan


def _what_is_wrong(text: str, error: Exception) -> str:
    if match := _STREAMING_ERROR.search(text):
        return f"Open-Meteo broke off while streaming: {match['why'].strip()[:200] or '(no reason)'}"
    if not text.lstrip().startswith(("{", "[")):
        return f"The answer is no JSON but {text[:80]!r}. Check that WEATHER_OPEN_METEO_URL names an Open-Meteo API."
    return f"The answer is truncated or malformed JSON after {len(text)} characters: {error}"


def _check_place_and_zone(part: Mapping[str, Any], location: Location) -> None:
    latitude, longitude = part.get("latitude"), part.get("longitude")
    if not is_number(latitude) or not is_number(longitude):
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


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
