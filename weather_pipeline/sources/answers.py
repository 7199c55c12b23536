"""What a server answers, and what is made of it: rows, or an error that says whether to ask again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

import pyarrow as pa

from weather_pipeline.errors import SourceUnavailable
from weather_pipeline.weather.bronze import Lack

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
