"""Whether a source answers: the smallest request to it, with the key where there is one."""

from __future__ import annotations

from dataclasses import dataclass

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
    """What is asked where these settings choose the source."""
    if settings.source is SourceName.KNMI:
        return Target(
            "KNMI",
            settings.knmi_url,
            knmi_api.DATASET[1],
            "f=json",
            "WEATHER_KNMI_URL",
            "WEATHER_KNMI_API_KEY",
            "KNMI allows a key 1,000 requests an hour, and 200 a second.",
        )
    if settings.source is SourceName.OPEN_METEO_ARCHIVE:
        return Target(
            "Open-Meteo's archive",
            settings.effective_open_meteo_archive_url,
            open_meteo_api.ARCHIVE.path,
            f"{_PLACE}&start_date=2000-01-01&end_date=2000-01-01",
            "WEATHER_OPEN_METEO_ARCHIVE_URL",
            "WEATHER_OPEN_METEO_API_KEY",
            _OPEN_METEO_LIMITS,
        )
    return Target(
        "Open-Meteo",
        settings.effective_open_meteo_url,
        open_meteo_api.FORECAST.path,
        _PLACE,
        "WEATHER_OPEN_METEO_URL",
        "WEATHER_OPEN_METEO_API_KEY",
        _OPEN_METEO_LIMITS,
    )


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
