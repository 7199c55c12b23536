"""The replay server's answers with every temperature 5 °C higher: what another fetch of the same hours may bring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from tests.http_server import QuietHandler, serving
from weather_pipeline.sources.replay_protocol import answer

WARMER = 5.0


def warmed(place: Any) -> Any:
    """The body of one place, with warmer hours."""
    hourly = place["hourly"]
    readings = [reading if reading is None else reading + WARMER for reading in hourly["temperature_2m"]]
    return {**place, "hourly": {**hourly, "temperature_2m": readings}}


@contextmanager
def warmer_server() -> Iterator[str]:
    """The address of the server, as for `WEATHER_OPEN_METEO_URL`."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body: Any = answer(url.path, url.query, now=datetime.now(UTC))
            content = json.dumps([warmed(place) for place in body] if isinstance(body, list) else warmed(body)).encode()
            self.reply(200, content)

    with serving(Handler) as url:
        yield url
