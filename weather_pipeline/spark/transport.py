"""Where Spark's listener sends its events, and whether it can."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.keys import read_key
from weather_pipeline.openlineage_environment import openlineage_configuration
from weather_pipeline.settings import Settings, SparkTransport
from weather_pipeline.spark.listener import TRANSPORT, events_file_name
from weather_pipeline.urls import check_http_url, shown_value, without_login

_LOG = logging.getLogger(__name__)

_PREFIX = "spark.openlineage.transport."
LOCATION = f"{_PREFIX}location"
_TIMEOUT = (2.0, 5.0)
"""Seconds to connect, and to answer: a job waits for it once, before it starts."""
_REFUSED = frozenset({401, 403})
_FAILING = 500

REDACTION, SECRETS = "spark.redaction.regex", r"(?i)secret|password|token|credential|access[.-]?key|api[.]?key"
"""Spark's own pattern of settings whose values its page hides, with a catalog's logins and the listener's key."""


@dataclass(frozen=True)
class Transport:
    """How the listener hands its events on.

    Attributes:
        configuration: Spark settings.
        url: The lineage API's address, where a token goes with the events.
        token: The token.
        events: The file that the events go to, where they go to one that is delivered later.
    """

    configuration: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    token: str | None = field(default=None, repr=False)
    events: Path | None = None

    def settings(self, *, java_runs: bool) -> dict[str, str]:
        """The Spark settings, with the token only where Java runs already: they stand on its command line else."""
        if not (java_runs and self.token):
            return dict(self.configuration)
        return {
            TRANSPORT: SparkTransport.HTTP.value,
            f"{_PREFIX}url": self.url,
            f"{_PREFIX}auth.type": "api_key",
            f"{_PREFIX}auth.apiKey": self.token,
            REDACTION: SECRETS,
        }

    def environment(self, *, java_runs: bool) -> dict[str, str]:
        """The variables that Spark's Java must be started with."""
        if java_runs or not self.token:
            return {}
        return {
            "OPENLINEAGE__TRANSPORT__TYPE": SparkTransport.HTTP.value,
            "OPENLINEAGE__TRANSPORT__URL": self.url,
            "OPENLINEAGE__TRANSPORT__AUTH__TYPE": "api_key",
            "OPENLINEAGE__TRANSPORT__AUTH__API_KEY": self.token,
        }


def choose_transport(
    app_name: str,
    settings: Settings,
    given: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    directory: Path,
    user: Path,
) -> Transport:
    """Decide how events go: as the job says, else as `WEATHER_SPARK_TRANSPORT` does, else to a file of the spool.

    Lineage never fails a job: where the backend can't be reached by `http` the events go to a file too, which is said
    in the log.

    Args:
        app_name: The application.
        settings: The settings.
        given: The job's own Spark settings.
        environment: The environment.
        directory: The current directory.
        user: The user's home directory.

    Raises:
        ConfigurationError: The backend's address or token can't be used.
    """
    if TRANSPORT in given:
        return Transport()
    kind, url = settings.spark_transport, settings.effective_marquez_url
    if kind is SparkTransport.CONSOLE:
        return Transport({TRANSPORT: kind.value})
    if kind is SparkTransport.FILE:
        return to_file(app_name, settings)
    configured = openlineage_configuration(environment, directory=directory, user=user)
    if configured == "OPENLINEAGE_URL":
        url = _openlineage_url(environment)
    elif configured:
        return Transport()  # the listener reads it by itself
    token = read_key(settings.lineage_token, settings.lineage_token_file, setting="WEATHER_LINEAGE_TOKEN", kind="token")
    by_http = to_http(url, token)
    trouble = unreachable(url, token)
    if trouble is None:
        return by_http
    there = to_file(app_name, settings)
    _LOG.warning(
        "Lineage of the Spark application %s goes to the file %s, because %s %s. Look at it with `weather doctor "
        "backend`. `weather lineage spool` delivers the file.",
        app_name,
        there.configuration[LOCATION],
        url,
        trouble,
    )
    return there


def to_file(app_name: str, settings: Settings) -> Transport:
    """A file for this session alone, in a directory that is made where it is missing."""
    directory = settings.effective_spark_events
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    location = directory / events_file_name(app_name)
    return Transport({TRANSPORT: SparkTransport.FILE.value, LOCATION: str(location)}, events=location)


def to_http(url: str, token: str | None) -> Transport:
    """The lineage API.

    Raises:
        ConfigurationError: The address holds a user and a password, which the listener does not send.
    """
    if without_login(url) != url:
        raise ConfigurationError(
            f"{without_login(url)} wants a user and a password, which Spark's listener can't send. Use a token "
            "(WEATHER_LINEAGE_TOKEN), or write the events to a file: WEATHER_SPARK_TRANSPORT=file."
        )
    if token is None:
        return Transport({TRANSPORT: SparkTransport.HTTP.value, f"{_PREFIX}url": url})
    return Transport(url=url, token=token)


def unreachable(url: str, token: str | None) -> str | None:
    """Why events can't be sent there, in words that follow the address; None where nothing speaks against it.

    Any server that answers will do, since not every backend knows more than the one path for events.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with requests.Session() as session:
            session.trust_env = False  # the listener asks no proxy either
            answer = session.get(f"{url}/api/v1/namespaces", params={"limit": 1}, headers=headers, timeout=_TIMEOUT)
    except requests.exceptions.SSLError:
        return None  # Java has certificates of its own
    except requests.RequestException as error:
        return f"can't be reached ({type(error).__name__})"
    if answer.status_code in _REFUSED:
        return f"does not let us in (it answered {answer.status_code}): check WEATHER_LINEAGE_TOKEN"
    if answer.status_code >= _FAILING:
        return f"does not work (it answered {answer.status_code})"
    return None


def _openlineage_url(environment: Mapping[str, str]) -> str:
    value = environment["OPENLINEAGE_URL"]
    try:
        return check_http_url(value)
    except ValueError as error:
        raise ConfigurationError(f"OPENLINEAGE_URL: {error} (it is {shown_value(value)!r})") from None
