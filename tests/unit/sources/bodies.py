"""Open-Meteo bodies for tests."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from weather_pipeline.sources.open_meteo_api import VARIABLES
from weather_pipeline.weather.locations import LOCATIONS

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
END = datetime(2026, 11, 20, 10, tzinfo=UTC)
TWO_PLACES = LOCATIONS[:2]

_UNITS = ("°C", "%", "°C", "km/h", "°", "km/h", "mm", "hPa", "m")


def answer(position: int = 0, **changes: Any) -> dict[str, Any]:
    """A whole answer for one place, with some keys changed."""
    place = LOCATIONS[position]
    body: dict[str, Any] = {
        "latitude": place.latitude + 0.01,
        "longitude": place.longitude - 0.01,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 3.0,
        "hourly_units": {"time": "iso8601", **dict(zip(VARIABLES, _UNITS, strict=True))},
        "hourly": {
            "time": ["2026-11-20T08:00", "2026-11-20T09:00"],
            **{variable: [10 + position, None] for variable in VARIABLES},
            "pressure_msl": [1010.5, 1011.5],
        },
    }
    if position:
        body["location_id"] = position
    return {**copy.deepcopy(body), **changes}


def without_readings(body: dict[str, Any], *hours: int) -> dict[str, Any]:
    """The body with nulls for all variables in some of its hours, by position."""
    hourly = {
        name: [None if name != "time" and index in hours else value for index, value in enumerate(values)]
        for name, values in body["hourly"].items()
    }
    return {**body, "hourly": hourly}


def encoded(body: Any) -> bytes:
    """A body as sent."""
    return json.dumps(body, ensure_ascii=False).encode()
