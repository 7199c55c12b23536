"""KNMI's observations through its EDR API: all places in one request, ten-minute values made into hours.

Built to the published contract and tested on bodies made after it; not tried against KNMI's own service
(`docs/knmi.md`). The API wants a key, in the `Authorization` header and nowhere else. The data is CC BY 4.0: the
attribution travels with every file.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase

from weather_pipeline.errors import SourceQuotaSpent, SourceRateLimited, SourceRejected, SourceUnavailable
from weather_pipeline.sources.attempts import Interrupted, attempted, retrying_session
from weather_pipeline.sources.coverage_json import parse_coverages
from weather_pipeline.sources.knmi_key import HOW_TO_GET, check_key
from weather_pipeline.sources.knmi_rows import PARAMETERS, STEP, hourly_rows
from weather_pipeline.sources.knmi_stations import Station, nearest_station
from weather_pipeline.sources.open_meteo_body import BrokenBody
from weather_pipeline.urls import without_login
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.hours import HOUR, check_hours
from weather_pipeline.weather.locations import Location

BASE_URL = "https://api.dataplatform.knmi.nl"

DATASET = (BASE_URL, "edr/v1/collections/10-minute-in-situ-meteorological-observations")
"""Namespace and name in lineage, whichever server answers."""

ATTRIBUTION = "Weather data by the Royal Netherlands Meteorological Institute (KNMI), CC BY 4.0"

_LOG = logging.getLogger(__name__)
_MARGIN_DEGREES = 0.02
"""Around the stations: coordinates differ a little between KNMI's lists."""
_SUCCESS, _NO_CONTENT, _NOT_FOUND = 200, 204, 404
_KEY_REFUSED = (401, 403)
_REDIRECTS = range(300, 400)
_CLIENT_ERRORS = range(400, 500)
_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS = 408, 429
_SECONDS = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(r"[0-9]{9,11}")
_SECOND_LIMIT_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=2)
"""How long a limit may last for a step to wait for its end."""
_QUOTA_PERIOD = HOUR
_MAY_BE_LATE = timedelta(hours=3)
"""What is not there yet this long after its hour is expected to come."""


class _KeyAuth(AuthBase):
    """Puts the key into the header. Being the session's own, it also keeps a netrc file from putting another there."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self._key
        return r


class KnmiSource:
    """A client of KNMI's EDR API, for the collection of ten-minute observations.

    Args:
        base_url: Root of the server, such as `https://api.dataplatform.knmi.nl`.
        api_key: Key for the EDR API.
        name: Stored with every row.
        timeout: Seconds to connect, seconds to wait for data.
        attempts: How often a request is tried before the error goes up, where it is retried with longer waits.
        first_wait: Seconds before the second attempt; doubles with each, with jitter.

    Raises:
        ConfigurationError: The key can't be one.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        name: str = "knmi",
        timeout: tuple[float, float] = (5.0, 60.0),
        attempts: int = 3,
        first_wait: float = 0.5,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        self.dataset = DATASET
        self._key = check_key(api_key, "The key for KNMI")
        self._timeout = timeout
        self._attempts = attempts
        self._first_wait = first_wait
        self._session = retrying_session(attempts, first_wait)
        self._session.auth = _KeyAuth(self._key)

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for the stations of all places and the half-open range of UTC hours, in one request.

        A place whose station sent nothing has no row, which the log says; the others have theirs.

        Raises:
            SourceUnavailable: No route, time-out, 5xx, a broken body, or hours that are not published yet.
            SourceRateLimited: HTTP 429 for the second.
            SourceQuotaSpent: The quota of the hour is used up.
            SourceRejected: Any other HTTP 4xx, such as for a wrong key; a redirect; no observations for these hours.
        """
        check_hours(start, end)
        url = self.request_url(locations, start, end)
        return attempted(
            lambda: self._attempt(url, locations, start, end),
            attempts=self._attempts,
            first_wait=self._first_wait,
            on=(BrokenBody, Interrupted),
        )

    def request_url(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """The request for these places and hours, without the key: the box around their stations, and the hour before.

        Both ends of EDR's interval are part of it, our ranges are half-open.
        """
        first, last = start - HOUR + STEP, end - HOUR
        parameters = {
            "bbox": ",".join(f"{degrees:.3f}" for degrees in _box(nearest_station(place) for place in locations)),
            "datetime": f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}",
            "parameter-name": ",".join(parameter.name for parameter in PARAMETERS.values()),
            "f": "CoverageJSON",
        }
        return f"{self.base_url}/{self.dataset[1]}/cube?{urlencode(parameters, safe=',:/')}"

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
            # A redirect is not followed: the key is for this server.
            response = self._session.get(url, timeout=self._timeout, allow_redirects=False)
        except requests.RequestException as error:
            _forget_key(error)
            if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
                raise Interrupted(f"The answer of {self.base_url} broke off: {error}") from error
            raise SourceUnavailable(f"{self.base_url} can't be reached: {error}") from error
        received_at = datetime.now(UTC)
        if response.status_code in (_NO_CONTENT, _NOT_FOUND):
            raise self._nothing(start, end, received_at, f"answered {response.status_code}: {self._reason(response)}")
        if response.status_code != _SUCCESS:
            raise self._error(response, received_at)
        coverages = parse_coverages(response.content, [parameter.name for parameter in PARAMETERS.values()])
        body = hourly_rows(coverages, locations, start, end, source=self.name)
        if not body.table.num_rows:
            raise self._nothing(start, end, received_at, "sent an answer without any of the stations and hours")
        _report_silent(locations, set(body.table["location_id"].to_pylist()))
        return Fetched(body.table, self.name, url, received_at, body.units, ATTRIBUTION)

    def _nothing(self, start: datetime, end: datetime, now: datetime, what: str) -> Exception:
        """The error for an answer without observations: they may be late, or never come."""
        message = f"{self.base_url} {what}. It has no observations for {start:%Y-%m-%dT%H:%M}Z to {end:%Y-%m-%dT%H:%M}Z"
        if end > now - _MAY_BE_LATE:
            return SourceUnavailable(f"{message} yet: they may be late.")
        return SourceRejected(f"{message}. Check that the collection goes back so far, and WEATHER_KNMI_URL.")

    def _error(self, response: requests.Response, now: datetime) -> Exception:
        status, reason = response.status_code, self._reason(response)
        message = f"{self.base_url} answered {status}: {reason}"
        limited = _limit(response, reason, message, now)
        if limited is not None:
            return limited
        if status in _KEY_REFUSED:
            return SourceRejected(
                f"{message}. Check the key in WEATHER_KNMI_API_KEY, or in the file that WEATHER_KNMI_API_KEY_FILE "
                f"names: it must be one for the EDR API, not for KNMI's other APIs. {HOW_TO_GET}."
            )
        if status in _REDIRECTS:
            target = without_login(response.headers.get("Location", "(nowhere)"))[:200]
            return SourceRejected(
                f"{self.base_url} redirects to {target}, which is not followed: the key is not for others. "
                "Check WEATHER_KNMI_URL."
            )
        if status in _CLIENT_ERRORS and status != _REQUEST_TIMEOUT:
            return SourceRejected(message)
        return SourceUnavailable(message)

    def _reason(self, response: requests.Response) -> str:
        """What the server says, in the shapes of KNMI's gateway and of EDR servers, without the key."""
        try:
            body: Any = response.json()
        except ValueError:
            body = None
        said = [body.get(name) for name in ("error", "description", "detail")] if isinstance(body, dict) else []
        text = next((str(each) for each in said if each), response.text.strip() or response.reason or "(no reason)")
        return text.replace(self._key, "…")[:200].rstrip(".")


def _box(stations: Iterable[Station]) -> tuple[float, float, float, float]:
    """West, south, east and north of all stations, with a margin."""
    longitudes, latitudes = zip(*((station.longitude, station.latitude) for station in stations), strict=True)
    return (
        min(longitudes) - _MARGIN_DEGREES,
        min(latitudes) - _MARGIN_DEGREES,
        max(longitudes) + _MARGIN_DEGREES,
        max(latitudes) + _MARGIN_DEGREES,
    )


def _forget_key(error: requests.RequestException) -> None:
    """Take the key out of the request that an exception of requests carries along."""
    if error.request is not None:
        error.request.headers.pop("Authorization", None)


def _limit(response: requests.Response, reason: str, message: str, now: datetime) -> Exception | None:
    """The error for a limit: KNMI's gateway answers 429 to too many requests a second, 403 to a quota used up."""
    spent = "quota" in reason.lower()
    if response.status_code != _TOO_MANY_REQUESTS and not (spent and response.status_code in _KEY_REFUSED):
        return None
    ends = _end_of_limit(response, now) or now + (_QUOTA_PERIOD if spent else _SECOND_LIMIT_WAIT)
    wait = ends - now
    if not spent and wait <= _LONGEST_WAIT:
        return SourceRateLimited(f"{message}. Try again in {wait.total_seconds():.0f} s.", wait.total_seconds())
    # Rounded up: what comes a part of a second too early is refused again.
    retry_from = datetime.fromtimestamp(math.ceil(ends.timestamp()), UTC)
    return SourceQuotaSpent(f"{message}. Retry from {retry_from:%Y-%m-%dT%H:%M:%SZ}.", retry_from)


def _end_of_limit(response: requests.Response, now: datetime) -> datetime | None:
    """When the server says that the limit is over; None where it says nothing that can be."""
    seconds, moment = (response.headers.get(name, "") for name in ("Retry-After", "X-RateLimit-Reset"))
    if _SECONDS.fullmatch(seconds):
        return now + timedelta(seconds=int(seconds))
    if _MOMENT.fullmatch(moment):
        reset = datetime.fromtimestamp(int(moment), UTC)
        return reset if now < reset <= now + 2 * _QUOTA_PERIOD else None
    return None


def _report_silent(locations: Sequence[Location], answered: set[str]) -> None:
    silent = [f"{place.id} ({nearest_station(place).name})" for place in locations if place.id not in answered]
    if silent:
        _LOG.warning("KNMI sent nothing for %s: these places have no rows.", ", ".join(silent))
