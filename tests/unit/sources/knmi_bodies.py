"""CoverageJSON bodies for tests, made after KNMI's published contract."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from weather_pipeline.sources.knmi_stations import STATIONS, Station

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
END = datetime(2026, 11, 20, 10, tzinfo=UTC)
SCHIPHOL = next(station for station in STATIONS if station.name == "Schiphol")
ROTTERDAM = next(station for station in STATIONS if station.name == "Rotterdam")
GILZE_RIJEN = next(station for station in STATIONS if station.name == "Gilze-Rijen")

TIMES = [f"2026-11-20T{7 + minute // 60:02}:{minute % 60:02}:00Z" for minute in range(10, 130, 10)]
"""The ten-minute marks that the hours 8 and 9 need: 07:10 to 09:00."""

_UNITS = {"ta": "°C", "rh": "%", "td": "°C", "ff": "m/s", "dd": "°", "fx": "m/s", "R1H": "mm", "pp": "hPa", "vv": "m"}
_FIRST = {"ta": 5.0, "rh": 80, "td": 1.8, "ff": 5.0, "dd": 260, "fx": 7.0, "R1H": 0.2, "pp": 1012.5, "vv": 24000}


def ndarray(values: Sequence[Any]) -> dict[str, Any]:
    """A range over time at one point."""
    axes = {"axisNames": ["t", "y", "x"], "shape": [len(values), 1, 1]}
    return {"type": "NdArray", "dataType": "float", **axes, "values": list(values)}


def coverage(
    station: Station = SCHIPHOL, *, times: Sequence[str] = TIMES, without: Sequence[str] = (), **values: Sequence[Any]
) -> dict[str, Any]:
    """The coverage of one station; a parameter's values rise by 0.1 with each time, unless they are given."""
    ranges = {
        name: ndarray(values.get(name, [round(first + 0.1 * step, 1) for step in range(len(times))]))
        for name, first in _FIRST.items()
        if name not in without
    }
    axes = {"x": {"values": [station.longitude]}, "y": {"values": [station.latitude]}, "t": {"values": list(times)}}
    return {
        "type": "Coverage",
        "domain": {"type": "Domain", "domainType": "PointSeries", "axes": axes},
        "ranges": ranges,
        "eumetnet:locationId": station.id,
    }


def parameters(**units: Any) -> dict[str, Any]:
    """The description of all parameters, some with other units."""
    return {
        name: {
            "type": "Parameter",
            "observedProperty": {"label": {"en": name}},
            "unit": {"symbol": {"value": units.get(name, unit), "type": "http://www.opengis.net/def/uom/UCUM/"}},
        }
        for name, unit in _UNITS.items()
    }


def collection(*coverages: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A whole answer, with some members changed."""
    body = {
        "type": "CoverageCollection",
        "domainType": "PointSeries",
        "coverages": list(coverages),
        "parameters": parameters(),
    }
    return {**copy.deepcopy(body), **changes}
