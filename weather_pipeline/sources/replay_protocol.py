"""Open-Meteo's protocol, pure: a query string to the body that Open-Meteo would send, filled with recorded readings.

The parameters, bodies and reasons are those of Open-Meteo's API. Times are GMT only. Recordings have no date of their
own, so the forecast path answers for any hour; the archive keeps its bounds, and has no visibility.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from weather_pipeline.sources import open_meteo_api
from weather_pipeline.sources.recordings import Reading, readings
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.schema import VARIABLE_BY_NAME
from weather_pipeline.weather.units import CONVERSIONS

FORECAST, ARCHIVE = f"/{open_meteo_api.FORECAST.path}", f"/{open_meteo_api.ARCHIVE.path}"

_FORECAST_DAYS = 7
_NEAR_DEGREES = 0.25
_LATITUDES, _LONGITUDES = 90.0, 180.0
_EMPTY: Reading = dict.fromkeys(VARIABLE_BY_NAME)

_UNIT_CHOICES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "temperature_unit": {"celsius": {"°C": "°C"}, "fahrenheit": {"°C": "°F"}},
    "wind_speed_unit": {
        "kmh": {"m/s": "km/h"},
        "ms": {"m/s": "m/s"},
        "mph": {"m/s": "mp/h"},
        "kn": {"m/s": "kn"},
    },
    "precipitation_unit": {"mm": {"mm": "mm", "m": "m"}, "inch": {"mm": "inch", "m": "ft"}},
}
"""Parameter → value → stored unit → unit sent. The first value is Open-Meteo's default."""

_DECIMALS = {"°C": 1, "°F": 1, "km/h": 1, "m/s": 2, "mp/h": 1, "kn": 1, "mm": 2, "inch": 3, "hPa": 1}
"""Decimals that Open-Meteo sends; others are whole numbers."""


class Refused(Exception):
    """The query is answered with 400 and this reason."""


@dataclass(frozen=True, slots=True)
class _Query:
    coordinates: list[tuple[float, float]]
    variables: list[str]
    hours: list[datetime]
    units: dict[str, str]
    absent: frozenset[str] = frozenset()
    """Variables that the API knows and has no readings of: nulls in an undefined unit."""


def answer(path: str, query_string: str, *, now: datetime) -> dict[str, Any] | list[dict[str, Any]]:
    """The body for a request: an object for one place, a list for several.

    Args:
        path: `FORECAST` or `ARCHIVE`.
        query_string: As in the URL.
        now: The server's time, UTC: forecasts count their days from here.

    Raises:
        Refused: The query is wrong; carries the reason in Open-Meteo's words.
    """
    query = _parse(path, {name: values[-1] for name, values in parse_qs(query_string).items()}, now)
    bodies = [_body(query, position) for position in range(len(query.coordinates))]
    for position, body in enumerate(bodies[1:], start=1):
        body["location_id"] = position
    return bodies[0] if len(bodies) == 1 else bodies


def _parse(path: str, parameters: Mapping[str, str], now: datetime) -> _Query:
    coordinates = _coordinates(parameters)
    if parameters.get("timezone", "GMT") not in ("GMT", "UTC"):
        raise Refused("Invalid timezone")
    variables = [name for name in parameters.get("hourly", "").split(",") if name]
    for name in variables:
        if name not in VARIABLE_BY_NAME:
            raise Refused(
                f"Data corrupted at path ''. Cannot initialize ForecastVariable from invalid String value {name}."
            )
    units: dict[str, str] = {unit: unit for unit in CONVERSIONS}
    for parameter, choices in _UNIT_CHOICES.items():
        value = parameters.get(parameter, next(iter(choices)))
        if value not in choices:
            raise Refused(
                f"Data corrupted at path ''. Cannot initialize {parameter} from invalid String value {value}."
            )
        units |= choices[value]
    absent = frozenset(variables) - set(open_meteo_api.ARCHIVE.variables) if path == ARCHIVE else frozenset[str]()
    return _Query(coordinates, variables, _hours(path, parameters, now), units, absent)


def _coordinates(parameters: Mapping[str, str]) -> list[tuple[float, float]]:
    for name in ("latitude", "longitude"):
        if name not in parameters:
            raise Refused(f"Value required for key '{name}'.")
    latitudes, longitudes = (_floats(parameters[name]) for name in ("latitude", "longitude"))
    if len(latitudes) != len(longitudes):
        raise Refused("Parameter 'latitude' and 'longitude' must have the same number of elements")
    for latitude in latitudes:
        if not -_LATITUDES <= latitude <= _LATITUDES:
            raise Refused(f"Latitude must be in range of -90 to 90°. Given: {latitude}.")
    for longitude in longitudes:
        if not -_LONGITUDES <= longitude <= _LONGITUDES:
            raise Refused(f"Longitude must be in range of -180 to 180°. Given: {longitude}.")
    return list(zip(latitudes, longitudes, strict=True))


def _floats(text: str) -> list[float]:
    numbers = []
    for part in text.split(","):
        try:
            numbers.append(float(part))
        except ValueError:
            reason = f"Data corrupted at path ''. Cannot initialize Float from invalid String value {part}."
            raise Refused(reason) from None
    return numbers


def _hours(path: str, parameters: Mapping[str, str], now: datetime) -> list[datetime]:
    first, last = _range(path, parameters, now)
    if last < first:
        raise Refused("End-date must be larger or equals than start-date")
    return [first + HOUR * index for index in range((last - first) // HOUR + 1)]


def _range(path: str, parameters: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """First and last hour, both included."""
    if path == ARCHIVE:
        return _archive_range(parameters, now)
    for kind in ("hour", "date"):
        start, end = parameters.get(f"start_{kind}"), parameters.get(f"end_{kind}")
        if (start is None) != (end is None):
            raise Refused(f"Both 'start_{kind}' and 'end_{kind}' must be set in the url")
        if start is not None and end is not None:
            tail = timedelta(hours=23) if kind == "date" else timedelta()
            return _moment(start), _moment(end) + tail
    past = _days(parameters, "past_days", 0, open_meteo_api.PAST_DAYS, "Past days")
    ahead = _days(parameters, "forecast_days", _FORECAST_DAYS, open_meteo_api.FORECAST_DAYS, "Forecast days")
    today = _midnight(now)
    return today - timedelta(days=past), today + timedelta(days=ahead) - HOUR


def _archive_range(parameters: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    for name in ("past_days", "forecast_days"):
        if parameters.get(name, "0") != "0":
            raise Refused("Parameter 'past_days' is mutually exclusive with 'start_date' and 'end_date'")
    bounds: list[datetime] = []
    first, today = open_meteo_api.FIRST_REANALYSIS, _midnight(now)
    for name in ("start_date", "end_date"):
        if name not in parameters:
            raise Refused("Both 'start_date' and 'end_date' must be set in the url")
        moment = _moment(parameters[name])
        if not first <= moment < today:
            allowed = f"{first:%Y-%m-%d} to {today - timedelta(days=1):%Y-%m-%d}"
            raise Refused(f"Parameter '{name}' is out of allowed range from {allowed}")
        bounds.append(moment)
    return bounds[0], bounds[1] + timedelta(hours=23)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), datetime.min.time(), UTC)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"Invalid date format. Make sure to use 'YYYY-MM-DD'. Given: {text}") from None
    return moment.replace(tzinfo=UTC, minute=0)


def _days(parameters: Mapping[str, str], name: str, default: int, most: int, words: str) -> int:
    text = parameters.get(name, str(default))
    if not text.isdigit() or int(text) > most:
        raise Refused(f"{words} is invalid. Allowed range 0 to {most}. Given {text}.")
    return int(text)


def _body(query: _Query, position: int) -> dict[str, Any]:
    latitude, longitude = query.coordinates[position]
    place = _known_location(latitude, longitude)
    rows = [
        (hour, reading)
        for hour in query.hours
        for reading in readings(position if place is None else place, hour) or [_EMPTY]
    ]
    body: dict[str, Any] = {
        "latitude": latitude,
        "longitude": longitude,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "timezone_abbreviation": "GMT",
        "elevation": 0.0,
    }
    if query.variables:
        units = {name: query.units[str(VARIABLE_BY_NAME[name].unit)] for name in query.variables}
        body["hourly_units"] = {"time": "iso8601", **units, **dict.fromkeys(query.absent, "undefined")}
        body["hourly"] = {
            "time": [hour.strftime("%Y-%m-%dT%H:%M") for hour, _ in rows],
            **{name: _converted(name, units[name], [reading[name] for _, reading in rows]) for name in query.variables},
            **{name: [None] * len(rows) for name in query.absent},
        }
    return body


def _converted(variable: str, unit: str, values: Sequence[float | None]) -> list[float | None]:
    conversion = CONVERSIONS[str(VARIABLE_BY_NAME[variable].unit)][unit]
    decimals = _DECIMALS.get(unit)
    return [
        None if value is None else round((value - conversion.offset) / conversion.scale, decimals) for value in values
    ]


def _known_location(latitude: float, longitude: float) -> int | None:
    """The nearest of our places, where it is near: the protocol carries coordinates only."""

    def away(index: int) -> float:
        place = LOCATIONS[index]
        return max(abs(place.latitude - latitude), abs(place.longitude - longitude))

    nearest = min(range(len(LOCATIONS)), key=away)
    return nearest if away(nearest) <= _NEAR_DEGREES else None
