"""Which source the settings mean, opened."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import requests

from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ATTRIBUTION as REPLAY_ATTRIBUTION
from weather_pipeline.sources.replay import ReplayServer

_LOG = logging.getLogger(__name__)
_PROBE_TIMEOUT = (3.0, 5.0)
_PROXY_REFUSALS = (403, 407, 511)


def probe(settings: Settings) -> bool:
    """Whether Open-Meteo can be reached, in at most a few seconds.

    Any answer of its own counts, 429 and 503 too: it is there. No route, a time-out, and a proxy that refuses to pass
    the request on do not.
    """
    try:
        return is_own_answer(ask(settings))
    except requests.RequestException:
        return False


def ask(settings: Settings) -> requests.Response:
    """Ask Open-Meteo for as little as it answers, with a short time-out.

    Raises:
        requests.RequestException: Nobody answered.
    """
    url = f"{settings.open_meteo_url}/v1/forecast?latitude=52.1&longitude=5.18"
    return requests.get(url, timeout=_PROBE_TIMEOUT)


def is_own_answer(response: requests.Response) -> bool:
    """Whether Open-Meteo itself answered, well or not: a proxy that refuses to pass a request on answers too."""
    is_json = "json" in response.headers.get("Content-Type", "")
    return is_json or response.status_code not in _PROXY_REFUSALS


def resolve(settings: Settings) -> SourceName:
    """The source to use: `auto` becomes open-meteo where that can be reached, else replay, which the log says plainly.

    The stack decides once, at its start, so that a run does not change its source when the network does.
    """
    if settings.source is not SourceName.AUTO:
        return settings.source
    if probe(settings):
        return SourceName.OPEN_METEO
    _LOG.warning(
        "%s can't be reached: recorded observations of 2013 are used instead (WEATHER_SOURCE=auto). "
        "Set WEATHER_SOURCE=open-meteo to insist on live data.",
        settings.open_meteo_url,
    )
    return SourceName.REPLAY


@contextlib.contextmanager
def open_source(settings: Settings) -> Iterator[WeatherSource]:
    """The source that the settings mean; the replay server lives in this process as long as the source is open."""
    if resolve(settings) is SourceName.REPLAY:
        with (
            ReplayServer() as server,
            OpenMeteoSource(server.url, name=SourceName.REPLAY.value, attribution=REPLAY_ATTRIBUTION) as source,
        ):
            yield source
    else:
        with OpenMeteoSource(settings.open_meteo_url) as source:
            yield source
