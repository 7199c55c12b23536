"""A local EDR server for KNMI's ten-minute observations: it reads a cube query and answers as the contract says.

Its readings are made up: a plain function of station, parameter and time, so that tests can tell them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.http_server import QuietHandler, serving
from tests.unit.sources.knmi_bodies import collection, coverage, parameters
from weather_pipeline.sources.knmi_api import DATASET, STEP
from weather_pipeline.sources.knmi_stations import STATIONS, Station

KEY = "eyJvcmciOiJtYWRlIHVwIn0="
BASE = {"ta": 5.0, "rh": 80.0, "td": 1.8, "ff": 5.0, "dd": 260.0, "fx": 7.0, "R1H": 0.2, "pp": 1012.5, "vv": 24000.0}


def reading(name: str, moment: datetime) -> float:
    """What every station reads: a little more with each ten minutes of the hour, and with each hour of the day."""
    return round(BASE[name] + moment.minute / 100 + moment.hour / 10, 2)


class EdrServer:
    """The server's state: which stations send something, and the requests seen."""

    def __init__(self, url: str, stations: Sequence[Station]) -> None:
        self.url = url
        self.stations = stations
        self.requests: list[str] = []

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.requests.append(path)
        url = urlsplit(path)
        if authorization is None:
            return 401, {"error": "Authorization field missing"}
        if authorization != KEY:
            return 403, {"error": "Access to this API has been disallowed"}
        if url.path == f"/{DATASET[1]}":
            return 200, {"id": DATASET[1].rpartition("/")[2], "parameter_names": parameters()}
        if url.path != f"/{DATASET[1]}/cube":
            return 404, {"error": "Not found"}
        return self._cube({name: values[0] for name, values in parse_qs(url.query).items()})

    def _cube(self, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        names = query["parameter-name"].split(",")
        if unknown := set(names) - set(BASE):
            return 400, {"code": "400", "description": f"Unknown parameter-name: {', '.join(sorted(unknown))}"}
        west, south, east, north = map(float, query["bbox"].split(","))
        first, last = map(datetime.fromisoformat, query["datetime"].split("/"))
        moments = [first + STEP * step for step in range((last - first) // STEP + 1)]
        found = [each for each in self.stations if west <= each.longitude <= east and south <= each.latitude <= north]
        if not found:
            return 404, {"detail": "The query returned no stations"}
        times = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in moments]
        values = {name: [reading(name, moment) for moment in moments] for name in names}
        left_out = [name for name in BASE if name not in names]
        coverages = [coverage(station, times=times, without=left_out, **values) for station in found]
        return 200, collection(*coverages, parameters={name: parameters()[name] for name in names})


@contextmanager
def edr_server(stations: Sequence[Station] = STATIONS) -> Iterator[EdrServer]:
    """Serve on loopback."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            status, body = state.answer(self.path, self.headers["Authorization"])
            self.reply(status, json.dumps(body, ensure_ascii=False).encode(), "application/prs.coverage+json")

    with serving(Handler) as url:
        state = EdrServer(url, stations)
        yield state
