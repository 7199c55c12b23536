"""What a server answers, and what is made of it: rows, or an error that says whether to ask again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

import pyarrow as pa

from weather_pipeline.errors import SourceUnavailable
from weather_pipeline.weather.bronze import Lack
from weather_pipeline.weather.hours import HOUR, hours_between
from weather_pipeline.weather.schema import VARIABLE_BY_NAME

TIME_FORMAT = "%Y-%m-%dT%H:%M"
"""How bronze writes the hour of a reading."""


class BrokenBody(SourceUnavailable):
    """HTTP 200 with a body that can't be used; another attempt may bring a whole one."""


class NotYetThere(SourceUnavailable):
    """The source has these hours later: minutes may bring them, seconds will not."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer over HTTP; the key is cut out wherever the server said it back.

    Attributes:
        status: HTTP status.
        phrase: The status in words.
        headers: Headers; their names in any case.
        content: The body.
        at: When it had arrived, UTC.
    """

    status: int
    phrase: str
    headers: Mapping[str, str]
    content: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of one answer and the units it named.

    Attributes:
        table: Rows, `BRONZE_SCHEMA`.
        units: Variable → unit as named.
        lacks: What single places lack; all else is in the rows.
        may_pass: Whether another attempt may bring what lacks.
    """

    table: pa.Table
    units: Mapping[str, str]
    lacks: tuple[Lack, ...] = ()
    may_pass: bool = False


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of JSON is a number that a column can hold: JSON's may be larger than every float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def check_every_hour_is_there(rows: pa.Table, start: datetime, end: datetime, server: str) -> None:
    """Refuse an answer in which no place has any reading for an hour: loaded, it would delete what is there.

    Args:
        rows: What all places sent, `BRONZE_SCHEMA`.
        start: First hour asked for, UTC.
        end: End of the range, exclusive.
        server: The server's base URL, for the message.

    Raises:
        NotYetThere: Names the hours without a reading, and those that are there.
    """
    readings = zip(*(rows[variable].to_pylist() for variable in VARIABLE_BY_NAME), strict=True)
    present = {
        time
        for time, values in zip(rows["time"].to_pylist(), readings, strict=True)
        if any(value is not None for value in values)
    }
    asked = hours_between(start, end)
    there = [hour for hour in asked if hour.strftime(TIME_FORMAT) in present]
    if len(there) == len(asked):
        return
    lacking = [hour for hour in asked if hour not in there]
    words = f"{server} has no reading of any place yet for {_spans(lacking)}, so nothing of this request is stored."
    rest = f" {_spans(there)} is there: ask for that alone, or for all later." if there else " Ask again later."
    raise NotYetThere(words + rest)


def _spans(hours: Sequence[datetime]) -> str:
    """Hours as half-open ranges, in words."""
    return ", ".join(f"{first:%Y-%m-%dT%H:%MZ} to before {end:%Y-%m-%dT%H:%MZ}" for first, end in _ranges(hours))


def _ranges(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    first = hours[0]
    for hour, following in zip(hours, (*hours[1:], None), strict=True):
        if following != hour + HOUR:
            yield first, hour + HOUR
            first = following or first
