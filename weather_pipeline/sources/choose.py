"""Which source the settings mean, opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import assert_never
from urllib.parse import urlsplit

from weather_pipeline.errors import SourceUnavailable
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.base import WeatherSource
from weather_pipeline.sources.budget import FREE_TIER, Limits
from weather_pipeline.sources.keys import knmi_key, open_meteo_key
from weather_pipeline.sources.knmi import KnmiSource
from weather_pipeline.sources.ledger import FileLedger, Ledger, ledger_file
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.open_meteo_api import ARCHIVE, FORECAST, Api, is_free, is_public
from weather_pipeline.sources.probe import answers
from weather_pipeline.sources.replay import ATTRIBUTION as REPLAY_ATTRIBUTION
from weather_pipeline.sources.replay import ReplayServer


def resolve(settings: Settings) -> SourceName:
    """The source of a stack, decided once at its start: `auto` is open-meteo where that can be reached, else replay.

    Runs never decide so: a moment without a network would put recordings among a warehouse's observations.
    """
    if settings.source is not SourceName.AUTO:
        return settings.source
    return SourceName.OPEN_METEO if answers(settings) else SourceName.REPLAY


@contextlib.contextmanager
def open_source(settings: Settings) -> Iterator[WeatherSource]:
    """The source that the settings mean; the replay server lives in this process as long as the source is open.

    Raises:
        SourceUnavailable: The source is `auto`, and Open-Meteo can't be reached now.
        ConfigurationError: The key that the source wants is missing or can't be used.
    """
    if settings.source is SourceName.AUTO and not answers(settings):
        raise SourceUnavailable(
            f"{settings.effective_open_meteo_url} can't be reached. Check the network, or set WEATHER_SOURCE=replay to "
            "work on recorded observations of 2013."
        )
    match settings.source:
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
        case SourceName.KNMI as name:
            with _knmi(settings, name) as source:
                yield source
        case other:
            assert_never(other)


def _open_meteo(settings: Settings, url: str, api: Api, name: SourceName) -> OpenMeteoSource:
    ledger = _ledger(settings, url, limits(settings, url), "WEATHER_OPEN_METEO")
    return OpenMeteoSource(url, api=api, api_key=open_meteo_key(settings), ledger=ledger, name=name.value)


def _knmi(settings: Settings, name: SourceName) -> KnmiSource:
    url, key = settings.knmi_url, knmi_key(settings)
    ledger = _ledger(settings, url, Limits(hour=settings.knmi_hour_limit), "WEATHER_KNMI")
    return KnmiSource(url, key, ledger=ledger, name=name.value)


def limits(settings: Settings, url: str) -> Limits:
    """The limits of an Open-Meteo server: the settings', else the free tier's at Open-Meteo without a key."""
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


def _ledger(settings: Settings, url: str, allowed: Limits, setting: str) -> Ledger | None:
    """The budget for this server; None where nothing is limited."""
    return FileLedger(ledger_file(settings.home), account(url), allowed, setting=setting) if allowed else None
