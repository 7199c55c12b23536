"""KNMI's EDR API: what it is called, which of its parameters stands for what, and how it is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from weather_pipeline.sources.knmi_stations import Station, nearest_station
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.locations import Location

DATASET = (
    "https://api.dataplatform.knmi.nl",
    "edr/v1/collections/10-minute-in-situ-meteorological-observations",
)
"""Namespace and name in lineage, whichever server answers; the name is the collection's path as well."""

ATTRIBUTION = "Weather data by the Royal Netherlands Meteorological Institute (KNMI), CC BY 4.0"

HOW_TO_GET_A_KEY = "KNMI gives one away for its EDR API at https://developer.dataplatform.knmi.nl"

STEP = timedelta(minutes=10)
"""The interval of the observations."""

_MARGIN_DEGREES = 0.02
"""Around the stations: coordinates differ a little between KNMI's lists."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of KNMI's parameters.

    Attributes:
        name: KNMI's name.
        unit: The unit in which KNMI publishes it; what an answer names counts.
        highest_of_hour: Whether the hour's value is the highest of its six intervals.
        no_value: A number that says that there is no value.
    """

    name: str
    unit: str
    highest_of_hour: bool = False
    no_value: float | None = None


PARAMETERS: Mapping[str, Parameter] = {
    "temperature_2m": Parameter("ta", "°C"),
    "relative_humidity_2m": Parameter("rh", "%"),
    "dew_point_2m": Parameter("td", "°C"),
    "wind_speed_10m": Parameter("ff", "m/s"),
    # The header of KNMI's hourly station data: 360 is north, 0 is calm, 990 is variable, which METAR says as VRB. A
    # variable wind has no direction.
    "wind_direction_10m": Parameter("dd", "°", no_value=990),
    "wind_gusts_10m": Parameter("fx", "m/s", highest_of_hour=True),
    "precipitation": Parameter("R1H", "mm"),
    "pressure_msl": Parameter("pp", "hPa"),
    "visibility": Parameter("vv", "m"),
}
"""Our variable → what KNMI measures for it."""

NAMES: tuple[str, ...] = tuple(parameter.name for parameter in PARAMETERS.values())
"""KNMI's names of what is asked for."""

COLUMNS: Mapping[str, str] = {
    "time": "t",
    "latitude": "y",
    "longitude": "x",
    **{variable: parameter.name for variable, parameter in PARAMETERS.items()},
}
"""What bronze has → CoverageJSON's axis or KNMI's parameter. The answer has no elevation."""


def cube_query(locations: Sequence[Location], start: datetime, end: datetime) -> str:
    """Path and parameters for these places and hours: the box around their stations, and the hour before.

    Both ends of EDR's interval are part of it, our ranges are half-open.
    """
    first, last = start - HOUR + STEP, end - HOUR
    parameters = {
        "bbox": ",".join(f"{degrees:.3f}" for degrees in _box(nearest_station(place) for place in locations)),
        "datetime": f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}",
        "parameter-name": ",".join(NAMES),
        "f": "CoverageJSON",
    }
    return f"{DATASET[1]}/cube?{urlencode(parameters, safe=',:/')}"


def _box(stations: Iterable[Station]) -> tuple[float, float, float, float]:
    """West, south, east and north of all stations, with a margin."""
    longitudes, latitudes = zip(*((station.longitude, station.latitude) for station in stations), strict=True)
    return (
        min(longitudes) - _MARGIN_DEGREES,
        min(latitudes) - _MARGIN_DEGREES,
        max(longitudes) + _MARGIN_DEGREES,
        max(latitudes) + _MARGIN_DEGREES,
    )
