"""The recorded observations that ship with the package (`recorded/README.md` says where they are from)."""

from __future__ import annotations

import csv
import functools
import gzip
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded" / "weather.csv.gz"
STATIONS: tuple[str, ...] = ("EWR", "JFK", "LGA")

Reading = Mapping[str, float | None]
"""Open-Meteo's variable → value in the stored unit (`weather.schema`), None where it was not recorded."""

_MILE_M = 1609.344
_LEAP_DAY = (2, 29)


def _celsius(fahrenheit: float) -> float:
    return (fahrenheit - 32) * 5 / 9


_COLUMNS = {
    "temperature_2m": ("temp", _celsius),
    "relative_humidity_2m": ("humid", float),
    "dew_point_2m": ("dewp", _celsius),
    "wind_speed_10m": ("wind_speed", lambda mph: mph * _MILE_M / 3600),
    "wind_direction_10m": ("wind_dir", float),
    "wind_gusts_10m": ("wind_gust", lambda mph: mph * _MILE_M / 3600),
    "precipitation": ("precip", lambda inch: inch * 25.4),
    "pressure_msl": ("pressure", float),
    "visibility": ("visib", lambda mile: mile * _MILE_M),
}
"""Open-Meteo's variable → recorded column and its conversion to the stored unit."""


def readings(location: int, hour: datetime) -> list[Reading]:
    """What was recorded for a place at a UTC hour: mostly one reading; none where it is missing, two where twice.

    Args:
        location: Position of the place; three stations in turn, each further three lag a day behind.
        hour: The hour asked for; its month, day and hour of 2013 are taken.
    """
    moment = hour - timedelta(days=location // len(STATIONS))
    day = 28 if (moment.month, moment.day) == _LEAP_DAY else moment.day
    return _recorded().get((STATIONS[location % len(STATIONS)], moment.month, day, moment.hour), [])


@functools.cache
def _recorded() -> dict[tuple[str, int, int, int], list[Reading]]:
    found: dict[tuple[str, int, int, int], list[Reading]] = {}
    first_time: dict[tuple[str, ...], datetime] = {}
    with gzip.open(RECORDED, "rt", newline="") as file:
        for row in csv.DictReader(file):
            # The hour that the station's clock showed twice keeps one label, as a source without UTC offset sends it.
            clock = (row["origin"], row["month"], row["day"], row["hour"])
            time = first_time.setdefault(clock, datetime.fromisoformat(row["time_hour"]))
            reading = {
                variable: convert(float(row[column])) if row[column] else None
                for variable, (column, convert) in _COLUMNS.items()
            }
            found.setdefault((row["origin"], time.month, time.day, time.hour), []).append(reading)
    return found
