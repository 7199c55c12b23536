"""Open-Meteo's forecast API: all places in one request, errors told apart by their reason.

The free service is for non-commercial use and its data is CC BY 4.0: the attribution travels with every file.
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from weather_pipeline.errors import SourceQuotaSpent, SourceRateLimited, SourceRejected, SourceUnavailable
from weather_pipeline.sources.open_meteo_body import TIME_FORMAT, VARIABLES, BrokenBody, parse_body
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.hours import HOUR, check_hours
from weather_pipeline.weather.locations import Location

DATASET = ("https://api.open-meteo.com", "v1/forecast")
"""Namespace and name in lineage, whichever server answers."""

ATTRIBUTION = "Weather data by Open-Meteo.com, CC BY 4.0"

_LOG = logging.getLogger(__name__)
_TRY_AGAIN = (500, 502, 503, 504)
_TOO_MANY_REQUESTS = 429
_SUCCESS = 200
_CLIENT_ERRORS = range(400, 500)
_REQUEST_TIMEOUT = 408
_SECONDS = re.compile(r"[0-9]{1,9}")
_CONCURRENT_WAIT, _MINUTE = timedelta(seconds=5), timedelta(minutes=1)
_LONGEST_WAIT = timedelta(minutes=2)
"""How long a limit may last for a step to wait for its end, whatever its reason."""


class _Interrupted(SourceUnavailable):
    """The answer broke off on its way."""


class OpenMeteoSource:
    """A client of one Open-Meteo server.

    Args:
        base_url: Root of the API, such as `https://api.open-meteo.com`.
        name: Stored with every row.
        attribution: Licence and origin that travel with the data.
        timeout: Seconds to connect, seconds to wait for data.
        attempts: How often a request is tried before the error goes up, where it is retried with longer waits.
        first_wait: Seconds before the second attempt; doubles with each, with jitter.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "open-meteo",
        attribution: str = ATTRIBUTION,
        timeout: tuple[float, float] = (5.0, 60.0),
        attempts: int = 3,
        first_wait: float = 0.5,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        self.dataset = DATASET
        self._attribution = attribution
        self._timeout = timeout
        self._attempts = attempts
        self._first_wait = first_wait
        self._session = _session(attempts, first_wait)

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for all places and the half-open range of UTC hours, in one request (see `WeatherSource.fetch`).

        Raises:
            SourceUnavailable: No route, time-out, 5xx, or a broken body.
            SourceRateLimited: HTTP 429 for the minute or for requests at the same time.
            SourceQuotaSpent: HTTP 429 for the hour or the day.
            SourceRejected: HTTP 4xx; the message is the server's own reason.
        """
        check_hours(start, end)
        url = self.request_url(locations, start, end)
        for attempt in range(1, self._attempts + 1):
            try:
                return self._attempt(url, locations, start, end)
            except (BrokenBody, _Interrupted) as error:
                if attempt == self._attempts:
                    raise
                wait = self._first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
                _LOG.warning("Attempt %d of %d failed, again in %.1f s: %s", attempt, self._attempts, wait, error)
                time.sleep(wait)
        raise AssertionError("attempts must be at least 1")

    def request_url(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """The request for these places and hours. `end_hour` is inclusive, our ranges are half-open."""
        parameters = {
            "latitude": ",".join(f"{location.latitude:g}" for location in locations),
            "longitude": ",".join(f"{location.longitude:g}" for location in locations),
            "hourly": ",".join(VARIABLES),
            "start_hour": start.strftime(TIME_FORMAT),
            "end_hour": (end - HOUR).strftime(TIME_FORMAT),
            # Other zones get today's offset for the whole range, so their times can't be trusted.
            "timezone": "GMT",
        }
        return f"{self.base_url}/v1/forecast?{urlencode(parameters, safe=',:')}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(self, url: str, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        try:
            response = self._session.get(url, timeout=self._timeout)
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
            raise _Interrupted(f"The answer of {self.base_url} broke off: {error}") from error
        except requests.RequestException as error:
            raise SourceUnavailable(f"{self.base_url} can't be reached: {error}") from error
        received_at = datetime.now(UTC)
        if response.status_code != _SUCCESS:
            raise _error(response, self.base_url, received_at)
        body = parse_body(response.content, locations, start, end, source=self.name)
        return Fetched(body.table, self.name, url, received_at, body.units, self._attribution)


def _session(attempts: int, first_wait: float) -> requests.Session:
    retry = Retry(
        total=attempts - 1,
        allowed_methods=("GET",),
        status_forcelist=_TRY_AGAIN,
        backoff_factor=first_wait,
        backoff_jitter=first_wait,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _error(response: requests.Response, base_url: str, now: datetime) -> Exception:
    reason = _reason(response)
    status = response.status_code
    message = f"{base_url} answered {status}: {reason}"
    if status == _TOO_MANY_REQUESTS:
        return _limit(message, reason, response.headers.get("Retry-After"), now)
    if status in _CLIENT_ERRORS and status != _REQUEST_TIMEOUT:
        return SourceRejected(message)
    return SourceUnavailable(message)


def _reason(response: requests.Response) -> str:
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and "reason" in body:
        return str(body["reason"])
    return response.text[:200].strip() or response.reason


def _limit(message: str, reason: str, header: str | None, now: datetime) -> Exception:
    """The error for a limit: Open-Meteo sends no time with it, so its reason decides."""
    words = reason.lower()
    spent = "hourly" in words or "daily" in words
    if header is not None and _SECONDS.fullmatch(header):
        ends = now + timedelta(seconds=int(header))
    elif "daily" in words:
        ends = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    elif "hourly" in words:
        ends = now.replace(minute=0, second=0, microsecond=0) + HOUR
    else:
        ends = now + (_CONCURRENT_WAIT if "concurrent" in words else _MINUTE)
    wait = ends - now
    if not spent and wait <= _LONGEST_WAIT:
        return SourceRateLimited(f"{message} Try again in {wait.total_seconds():.0f} s.", wait.total_seconds())
    # Rounded up: what comes a part of a second too early is refused again.
    retry_from = datetime.fromtimestamp(math.ceil(ends.timestamp()), UTC)
    return SourceQuotaSpent(f"{message} Retry from {retry_from:%Y-%m-%dT%H:%M:%SZ}.", retry_from)
