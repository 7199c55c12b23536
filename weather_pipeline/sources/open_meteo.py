"""A client of Open-Meteo: all places in one request, errors told apart by their reason, what is whole kept.

The free service is for non-commercial use and its data is CC BY 4.0: the attribution travels with every file.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import requests

from weather_pipeline.errors import SourceQuotaSpent, SourceRateLimited, SourceRejected, SourceUnavailable
from weather_pipeline.sources.ledger import Ledger
from weather_pipeline.sources.open_meteo_api import ATTRIBUTION, FORECAST, Api, check_reach, is_public
from weather_pipeline.sources.open_meteo_body import Body, merged, not_covered, parse_body
from weather_pipeline.sources.open_meteo_errors import PlaceNotCovered, reason_of, refusal
from weather_pipeline.sources.query_key import QueryKeyAdapter, without_key
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.hours import check_hours
from weather_pipeline.weather.locations import Location

_LOG = logging.getLogger(__name__)
_SUCCESS = 200


class OpenMeteoSource:
    """A client of one Open-Meteo server.

    Args:
        base_url: Root of the API, such as `https://api.open-meteo.com`.
        api: Which of its APIs is asked.
        api_key: Key of a commercial subscription. Only the connection to `base_url` gets it: it is in no URL that
            anybody sees, no message and no log.
        ledger: The budget that every request is charged to; None where nothing is limited.
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
        api: Api = FORECAST,
        api_key: str | None = None,
        ledger: Ledger | None = None,
        name: str = "open-meteo",
        attribution: str = ATTRIBUTION,
        timeout: tuple[float, float] = (5.0, 60.0),
        attempts: int = 3,
        first_wait: float = 0.5,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        self.dataset = api.dataset
        self._api = api
        self._api_key = api_key
        self._ledger = ledger
        self._attribution = attribution
        self._timeout = timeout
        self._attempts = attempts
        self._first_wait = first_wait
        self._session = requests.Session()
        if api_key:
            self._session.mount(f"{self.base_url}/", QueryKeyAdapter("apikey", api_key))

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for all places and the half-open range of UTC hours (see `WeatherSource.fetch`).

        One request, unless the server says that a place of it is not covered and does not say which: then halves are
        asked for, until the place is found and all others are there.

        Raises:
            SourceUnavailable: No route, time-out, 5xx, or a broken body.
            SourceRateLimited: HTTP 429 for the minute or for requests at the same time; the minute's budget is spent.
            SourceQuotaSpent: HTTP 429 for the hour or the day; their budget is spent.
            SourceRejected: Hours that the service does not have; HTTP 4xx, with the server's own reason; no place of
                all is covered.
        """
        check_hours(start, end)
        if is_public(self.base_url):
            check_reach(self._api, start, end, datetime.now(UTC))
        body = self._ask(locations, start, end)
        received_at = datetime.now(UTC)
        found = set(body.table["location_id"].to_pylist())
        covered = [location for location in locations if location.id in found]
        if not covered:
            raise SourceRejected(f"{self.base_url} covers none of the places: {'; '.join(map(str, body.lacks))}")
        url = self.request_url(covered, start, end)
        return Fetched(body.table, self.name, url, received_at, body.units, self._attribution, body.lacks)

    def request_url(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """The request for these places and hours, without the key."""
        return f"{self.base_url}/{self._api.query(locations, start, end)}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        """What is there of these places; a place that is not covered is found by halving."""
        try:
            return self._ask_again_where_it_helps(locations, start, end)
        except PlaceNotCovered as error:
            if len(locations) == 1:
                return not_covered(locations[0], f"no model covers it. Check where it lies. {error}")
            _LOG.warning("One of %d places is not covered; each half is asked for. %s", len(locations), error)
            middle = len(locations) // 2
            return merged([self._ask(half, start, end) for half in (locations[:middle], locations[middle:])])

    def _ask_again_where_it_helps(self, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                body = self._request(locations, start, end)
            except SourceUnavailable as error:
                if last:
                    raise
                problem = str(error)
            else:
                if last or not body.may_pass:
                    return body
                problem = "; ".join(map(str, body.lacks))
            wait = self._first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (jitter)
            _LOG.warning("Attempt %d of %d failed, again in %.1f s: %s", attempt, self._attempts, wait, problem)
            time.sleep(wait)
        raise AssertionError("attempts must be at least 1")

    def _request(self, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        if self._ledger is not None:
            self._ledger.charge(self._api.weight(len(locations), start, end))
        content = self._get(self.request_url(locations, start, end))
        return parse_body(content, locations, start, end, source=self.name, variables=self._api.variables)

    def _get(self, url: str) -> bytes:
        try:
            response = self._session.get(url, timeout=self._timeout, allow_redirects=False)
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
            raise SourceUnavailable(f"The answer of {self.base_url} broke off: {error}") from error
        except requests.RequestException as error:
            raise SourceUnavailable(f"{self.base_url} can't be reached: {error}") from error
        content = without_key(response.content, self._api_key)
        if response.status_code == _SUCCESS:
            return content
        phrase = without_key(response.reason.encode(), self._api_key).decode()
        reason, retry_after = reason_of(content, phrase), response.headers.get("Retry-After")
        error = refusal(response.status_code, reason, self.base_url, datetime.now(UTC), retry_after=retry_after)
        if self._ledger is not None and isinstance(error, SourceRateLimited | SourceQuotaSpent):
            self._ledger.close(error)
        raise error
