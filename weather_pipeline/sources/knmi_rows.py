"""KNMI's ten-minute observations as hourly rows that mean what Open-Meteo's do.

A row of 10:00 holds what KNMI stamped 10:00, which is the end of the ten minutes before it: so the sum of rain and the
strongest gust are those of the hour before, and the rest is of the moment (`docs/knmi.md` has the table).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from weather_pipeline.sources.answers import TIME_FORMAT, Body, BrokenBody
from weather_pipeline.sources.coverage_json import Coverages, PointSeries
from weather_pipeline.sources.knmi_api import PARAMETERS, STEP, Parameter
from weather_pipeline.sources.knmi_stations import nearest_station, station_at
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Lack
from weather_pipeline.weather.hours import HOUR, hours_between
from weather_pipeline.weather.locations import Location

_STEPS = HOUR // STEP


@dataclass(slots=True)
class _Readings:
    """All that came of one station, whatever coverages it was in."""

    latitude: float
    longitude: float
    times: set[datetime] = field(default_factory=set)
    values: dict[tuple[str, datetime], float] = field(default_factory=dict)


def hourly_rows(
    coverages: Coverages, locations: Sequence[Location], start: datetime, end: datetime, *, source: str
) -> Body:
    """The rows of an answer, with the units it named.

    A place has a row for each asked hour that its station sent something for; the other hours are named in `lacks`.
    What the station lacks is null: a gust too where one of the hour's six intervals is missing, since the highest of
    the rest may be too low, and the direction of a variable wind.

    Args:
        coverages: What KNMI sent; stations that were not asked for are left out.
        locations: The places asked for; two may have the same station.
        start: First hour, UTC.
        end: End of the range, exclusive.
        source: Name stored with every row.

    Raises:
        BrokenBody: Values without a unit, or two values of one parameter, station and time.
    """
    stations = _by_station(coverages.series)
    hours = hours_between(start, end)
    columns: dict[str, list[Any]] = {name: [] for name in BRONZE_SCHEMA.names}
    lacks: list[Lack] = []
    for location in locations:
        station = nearest_station(location)
        readings = stations.get(station.id, _Readings(station.latitude, station.longitude))
        found = [hour for hour in hours if hour in readings.times]
        if len(found) < len(hours):
            missing = len(hours) - len(found)
            lacks.append(Lack(location.id, f"KNMI sent nothing of {station.name} for {missing} of {len(hours)} hours"))
        for hour in found:
            row = _row(readings, hour) | {"location_id": location.id, "source": source}
            for name, values in columns.items():
                values.append(row.get(name))
    return Body(pa.table(columns, schema=BRONZE_SCHEMA), _units(coverages), tuple(lacks))


def _row(readings: _Readings, hour: datetime) -> dict[str, Any]:
    return {
        "time": hour.strftime(TIME_FORMAT),
        "latitude": readings.latitude,
        "longitude": readings.longitude,
        **{variable: _value(readings, parameter, hour) for variable, parameter in PARAMETERS.items()},
    }


def _by_station(series: Iterable[PointSeries]) -> dict[str, _Readings]:
    stations: dict[str, _Readings] = {}
    for each in series:
        identifier = each.location_id
        if identifier is None:
            station = station_at(each.longitude, each.latitude)
            if station is None:
                continue
            identifier = station.id
        readings = stations.setdefault(identifier, _Readings(each.latitude, each.longitude))
        readings.times.update(each.times)
        _add_values(readings, each, identifier)
    return stations


def _add_values(readings: _Readings, series: PointSeries, station: str) -> None:
    for name, values in series.values.items():
        for time, value in zip(series.times, values, strict=True):
            if value is not None and (known := readings.values.setdefault((name, time), value)) != value:
                raise BrokenBody(
                    f"KNMI sent two values of {name} of {station} at {time.isoformat()}: {known}, {value}."
                )


def _value(readings: _Readings, parameter: Parameter, hour: datetime) -> float | None:
    if not parameter.highest_of_hour:
        value = readings.values.get((parameter.name, hour))
        return None if value == parameter.no_value else value
    found = [readings.values.get((parameter.name, hour - STEP * step)) for step in range(_STEPS)]
    known = [value for value in found if value is not None]
    return max(known) if len(known) == _STEPS else None


def _units(coverages: Coverages) -> dict[str, str]:
    present = {name for series in coverages.series for name in series.values}
    units: dict[str, str] = {}
    for variable, parameter in PARAMETERS.items():
        if parameter.name in present and parameter.name not in coverages.units:
            raise BrokenBody(f"KNMI sent {parameter.name} without naming its unit.")
        units[variable] = coverages.units.get(parameter.name, parameter.unit)
    return units
