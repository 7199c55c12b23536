"""How Open-Meteo fails, for the replay server: a whole body to the answer that a bad day would make of it.

The reasons and the ways in which HTTP 200 is broken are Open-Meteo's own. Pure: nothing is sent or waited for here.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Self

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.weather.locations import LOCATIONS, Location

JSON_TYPE = "application/json; charset=utf-8"


class Kind(StrEnum):
    """One way to misbehave."""

    MINUTELY = "429-minutely"
    HOURLY = "429-hourly"
    DAILY = "429-daily"
    CONCURRENT = "429-concurrent"
    OVERLOADED = "503"
    REFUSED = "400"
    TRUNCATED = "truncated"
    """HTTP 200 with half a body, which the head says is whole."""
    CUT = "cut"
    """The connection ends in the middle of the body."""
    STREAMING_ERROR = "streaming-error"
    """HTTP 200 with the failure as text behind half a body."""
    NAN = "nan"
    """A reading is a literal nan, which is no JSON."""
    NOT_COVERED = "not-covered"
    """No model covers the last place: its coordinates are a literal nan, and it has no readings."""
    NOT_COVERED_REFUSED = "400-not-covered"
    """No model covers Amsterdam: every request with it is refused as a whole, and the reason does not name it."""
    SLOW = "slow"
    """The right answer, later than a client waits."""
    WRONG_JSON = "wrong-json"
    """JSON of another program."""
    NO_JSON = "no-json"
    """A page for people, as of a gateway."""
    MISSING_VARIABLE = "missing-variable"
    """The last variable asked for is not in the answer of the last place."""


_REASONS: Mapping[Kind, tuple[HTTPStatus, str]] = {
    Kind.MINUTELY: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "Minutely API request limit exceeded. Please try again in one minute.",
    ),
    Kind.HOURLY: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "Hourly API request limit exceeded. Please try again in the next hour.",
    ),
    Kind.DAILY: (HTTPStatus.TOO_MANY_REQUESTS, "Daily API request limit exceeded. Please try again tomorrow."),
    Kind.CONCURRENT: (HTTPStatus.TOO_MANY_REQUESTS, "Too many concurrent requests"),
    Kind.OVERLOADED: (HTTPStatus.SERVICE_UNAVAILABLE, "The service is overloaded"),
    Kind.REFUSED: (HTTPStatus.BAD_REQUEST, "Refused as it was told (misbehave)"),
}

_NEAR_DEGREES = 0.05

_LATE_SECONDS = 90.0
"""Longer than our client waits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes:
        status: The status code.
        body: What is sent.
        headers: Further headers; they replace the usual ones of the same name.
        missing: How many bytes more than the body the head promises, before the connection ends.
        delay: Seconds before anything is sent.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    delay: float = 0.0

    @classmethod
    def json(cls, body: Any) -> Self:
        """A body as JSON; where Python has a NaN, with the literal nan that Open-Meteo writes."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return cls(body=text.replace(":NaN", ":nan").replace("[NaN", "[nan").replace(",NaN", ",nan").encode())

    @classmethod
    def reason(cls, status: int, reason: str, **headers: str) -> Self:
        """An error in Open-Meteo's shape."""
        return cls(status, json.dumps({"error": True, "reason": reason}, ensure_ascii=False).encode(), headers)


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """A way to misbehave, for a number of answers; for all that follow where `times` is None."""

    kind: Kind
    times: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `KIND` or `KIND:N`, as in `503:2`.

        Raises:
            ConfigurationError: There is no such kind, or N is no whole number above 0.
        """
        name, colon, number = text.partition(":")
        if name not in set(Kind):
            raise ConfigurationError(f"{name!r} is no way to misbehave. There are: {', '.join(Kind)}.")
        if not colon:
            return cls(Kind(name))
        if not (number.isascii() and number.isdigit() and int(number)):
            raise ConfigurationError(f"{text!r}: after the colon stands how often, a whole number above 0.")
        return cls(Kind(name), int(number))


def kinds(plan: Sequence[Misbehaviour]) -> Iterator[Kind]:
    """The kind of each answer in turn; at its end the server behaves."""
    for part in plan:
        yield from itertools.repeat(part.kind) if part.times is None else itertools.repeat(part.kind, part.times)


def misbehave(kind: Kind, body: dict[str, Any] | list[dict[str, Any]]) -> Answer:
    """What becomes of a whole body.

    Args:
        kind: The way to misbehave.
        body: The body that a well-behaved server would send; it is not changed.
    """
    if kind is Kind.NOT_COVERED_REFUSED:
        return _refuse_the_place(body)
    if kind in _REASONS:
        return Answer.reason(*_REASONS[kind])
    good = Answer.json(body)
    half = good.body[: len(good.body) // 2]
    match kind:
        case Kind.TRUNCATED:
            answer = Answer(body=half)
        case Kind.CUT:
            answer = Answer(body=half, missing=len(good.body) - len(half))
        case Kind.STREAMING_ERROR:
            answer = Answer(body=half + b"Unexpected error while streaming data: timeoutReached")
        case Kind.SLOW:
            answer = Answer(body=good.body, delay=_LATE_SECONDS)
        case Kind.WRONG_JSON:
            answer = Answer.json({"status": "ok"})
        case Kind.NO_JSON:
            answer = Answer(body=b"<html><body>It works!</body></html>", headers={"Content-Type": "text/html"})
        case _:
            answer = Answer.json(_spoiled(kind, body))
    return answer


def _refuse_the_place(body: dict[str, Any] | list[dict[str, Any]]) -> Answer:
    places = body if isinstance(body, list) else [body]
    if any(_is_near(place["latitude"], place["longitude"], LOCATIONS[0]) for place in places):
        return Answer.reason(HTTPStatus.BAD_REQUEST, "No data is available for this location")
    return Answer.json(body)


def _is_near(latitude: float, longitude: float, location: Location) -> bool:
    return max(abs(latitude - location.latitude), abs(longitude - location.longitude)) <= _NEAR_DEGREES


def _spoiled(kind: Kind, body: dict[str, Any] | list[dict[str, Any]]) -> Any:
    spoiled = copy.deepcopy(body)
    last = spoiled[-1] if isinstance(spoiled, list) else spoiled
    variables = [name for name in last.get("hourly", {}) if name != "time"]
    match kind:
        case Kind.NOT_COVERED:
            last |= {"latitude": math.nan, "longitude": math.nan}
            for section in ("hourly", "hourly_units"):
                last.pop(section, None)
        case Kind.NAN:
            for name in variables[-1:]:
                last["hourly"][name] = [math.nan, *last["hourly"][name][1:]]
        case Kind.MISSING_VARIABLE:
            for name in variables[-1:]:
                del last["hourly"][name]
        case _:
            raise AssertionError(f"{kind} does not spoil a body")
    return spoiled
