"""Which source the settings mean, opened."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import assert_never
from urllib.parse import urlsplit

import requests

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.budget import FREE_TIER, Limits
from weather_pipeline.sources.ledger import FileLedger, Ledger, ledger_file
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.open_meteo_api import ARCHIVE, FORECAST, Api, is_free, is_public
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
    url = f"{settings.effective_open_meteo_url}/v1/forecast?latitude=52.1&longitude=5.18"
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
        settings.effective_open_meteo_url,
    )
    return SourceName.REPLAY


@contextlib.contextmanager
def open_source(settings: Settings) -> Iterator[WeatherSource]:
    """The source that the settings mean; the replay server lives in this process as long as the source is open."""
    match resolve(settings):
        case SourceName.REPLAY:
            with (
                ReplayServer() as server,
                OpenMeteoSource(server.url, name=SourceName.REPLAY.value, attribution=REPLAY_ATTRIBUTION) as source,
            ):
                yield source
        case SourceName.OPEN_METEO_ARCHIVE as name:
            with _open_meteo(settings, settings.effective_open_meteo_archive_url, ARCHIVE, name) as source:
                yield source
        case SourceName.OPEN_METEO | SourceName.AUTO:
            with _open_meteo(settings, settings.effective_open_meteo_url, FORECAST, SourceName.OPEN_METEO) as source:
                yield source
        case other:
            assert_never(other)


def _open_meteo(settings: Settings, url: str, api: Api, name: SourceName) -> OpenMeteoSource:
    return OpenMeteoSource(url, api=api, api_key=_api_key(settings), ledger=_ledger(settings, url), name=name.value)


def limits(settings: Settings, url: str) -> Limits:
    """The limits for requests to this server: the settings', else the free tier's at Open-Meteo without a key."""
    usual = FREE_TIER if is_free(url) else Limits()
    chosen = (settings.open_meteo_minute_limit, settings.open_meteo_hour_limit, settings.open_meteo_day_limit)
    minute, hour, day = (
        normal if limit is None else limit
        for limit, normal in zip(chosen, (usual.minute, usual.hour, usual.day), strict=True)
    )
    return Limits(minute, hour, day)


def account(url: str) -> str:
    """What the limits are counted for: forecast and archive share those of Open-Meteo."""
    if is_public(url):
        return "open-meteo.com" if is_free(url) else "customer-api.open-meteo.com"
    return urlsplit(url).netloc


def _ledger(settings: Settings, url: str) -> Ledger | None:
    """The budget for this server; None where nothing is limited."""
    allowed = limits(settings, url)
    if not allowed:
        return None
    return FileLedger(ledger_file(settings.home), account(url), allowed, setting="WEATHER_OPEN_METEO")


def _api_key(settings: Settings) -> str | None:
    if settings.open_meteo_api_key is not None:
        return settings.open_meteo_api_key.get_secret_value()
    path = settings.open_meteo_api_key_file
    if path is None:
        return None
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"WEATHER_OPEN_METEO_API_KEY_FILE: {path} can't be read: {error}") from error
    if not key:
        raise ConfigurationError(f"WEATHER_OPEN_METEO_API_KEY_FILE: {path} is empty.")
    return key
