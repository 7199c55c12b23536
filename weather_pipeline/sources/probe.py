"""Whether a source answers: the smallest request to it, with the key where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import requests

from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources import knmi, knmi_api, open_meteo, open_meteo_api
from weather_pipeline.sources.keys import knmi_key, open_meteo_key

_TIMEOUT = (3.0, 5.0)
"""Seconds to connect and to wait for an answer: who takes longer is as good as away for a person who waits."""

_PROXY_REFUSALS = (403, 407, 511)
_PLACE = "latitude=52.1&longitude=5.18"
_OPEN_METEO_LIMITS = (
    "The free service has limits for the minute, the hour and the day, shared by all behind an address."
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked.

    Attributes:
        name: Who it is, for people.
        server: Its base URL.
        path: Path below it.
        query: As little as it answers.
        url_setting: The setting that names the server.
        key_setting: The setting that holds the key.
        limits: What is limited, in a sentence.
    """

    name: str
    server: str
    path: str
    query: str
    url_setting: str
    key_setting: str
    limits: str

    @property
    def url(self) -> str:
        """The request, without the key."""
        return f"{self.server}/{self.path}?{self.query}"


def target(settings: Settings) -> Target:
    """What is asked where these settings choose the source; of Open-Meteo where that is still to be decided."""
    match settings.source:
        case SourceName.KNMI:
            return Target(
                name="KNMI",
                server=settings.knmi_url,
                path=knmi_api.DATASET[1],
                query="f=json",
                url_setting="WEATHER_KNMI_URL",
                key_setting="WEATHER_KNMI_API_KEY",
                limits="KNMI allows a key 1,000 requests an hour, and 200 a second.",
            )
        case SourceName.OPEN_METEO_ARCHIVE:
            return Target(
                name="Open-Meteo's archive",
                server=settings.effective_open_meteo_archive_url,
                path=open_meteo_api.ARCHIVE.path,
                query=f"{_PLACE}&start_date=2000-01-01&end_date=2000-01-01",
                url_setting="WEATHER_OPEN_METEO_ARCHIVE_URL",
                key_setting="WEATHER_OPEN_METEO_API_KEY",
                limits=_OPEN_METEO_LIMITS,
            )
        case SourceName.OPEN_METEO | SourceName.AUTO | SourceName.REPLAY:
            return Target(
                name="Open-Meteo",
                server=settings.effective_open_meteo_url,
                path=open_meteo_api.FORECAST.path,
                query=_PLACE,
                url_setting="WEATHER_OPEN_METEO_URL",
                key_setting="WEATHER_OPEN_METEO_API_KEY",
                limits=_OPEN_METEO_LIMITS,
            )
        case other:
            assert_never(other)


def ask(settings: Settings) -> requests.Response:
    """Ask the source for as little as it answers, with a short time-out. Redirects are not followed.

    Raises:
        ConfigurationError: The key that it wants is missing or can't be used.
        requests.RequestException: Nobody answered.
    """
    asked = target(settings)
    if settings.source is SourceName.KNMI:
        session = knmi.keyed_session(knmi_key(settings))
    else:
        session = open_meteo.keyed_session(asked.server, open_meteo_key(settings))
    with session:
        return session.get(asked.url, timeout=_TIMEOUT, allow_redirects=False)


def is_own_answer(response: requests.Response) -> bool:
    """Whether the source itself answered, well or not: a proxy that refuses to pass a request on answers too."""
    is_json = "json" in response.headers.get("Content-Type", "")
    return is_json or response.status_code not in _PROXY_REFUSALS


def answers(settings: Settings) -> bool:
    """Whether the source can be reached, in at most a few seconds.

    Any answer of its own counts, 429 and 503 too: it is there. No route, a time-out, and a proxy that refuses to pass
    the request on do not.

    Raises:
        ConfigurationError: The key that it wants is missing or can't be used.
    """
    try:
        return is_own_answer(ask(settings))
    except requests.RequestException:
        return False
