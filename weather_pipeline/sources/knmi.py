"""KNMI's observations through its EDR API: all places in one request, ten-minute values made into hours.

Built to the published contract and tested on bodies made after it; not tried against KNMI's own service
(`docs/knmi.md`). The API wants a key, in the `Authorization` header and nowhere else. The data is CC BY 4.0: the
attribution travels with every file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import requests
from requests.auth import AuthBase

from weather_pipeline.keys import check_key
from weather_pipeline.sources.answers import Body, Received, check_every_hour_is_there
from weather_pipeline.sources.coverage_json import parse_coverages
from weather_pipeline.sources.http_source import HttpSource
from weather_pipeline.sources.knmi_api import ATTRIBUTION, DATASET, NAMES, cube_query
from weather_pipeline.sources.knmi_errors import nothing_there, refusal, says
from weather_pipeline.sources.knmi_rows import hourly_rows
from weather_pipeline.sources.ledger import Ledger
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.hours import check_hours
from weather_pipeline.weather.locations import Location


class _KeyAuth(AuthBase):
    """Puts the key into the header. Being the session's own, it also keeps a netrc file from putting another there."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self._key
        return r


def keyed_session(key: str) -> requests.Session:
    """Connections that send the key in the header, past a netrc file."""
    session = requests.Session()
    session.auth = _KeyAuth(key)
    return session


class KnmiSource(HttpSource):
    """A client of KNMI's EDR API, for the collection of ten-minute observations.

    Args:
        base_url: Root of the server, such as `https://api.dataplatform.knmi.nl`.
        api_key: Key for the EDR API.
        ledger: The budget that every request is charged to; None where nothing is limited.
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
        ledger: Ledger | None = None,
        name: str = "knmi",
        timeout: tuple[float, float] = (5.0, 60.0),
        attempts: int = 3,
        first_wait: float = 0.5,
    ) -> None:
        key = check_key(api_key, "The key for KNMI")
        super().__init__(
            base_url,
            keyed_session(key),
            api_key=key,
            ledger=ledger,
            timeout=timeout,
            attempts=attempts,
            first_wait=first_wait,
        )
        self.name = name
        self.dataset = DATASET

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for the stations of all places and the half-open range of UTC hours (see `WeatherSource.fetch`).

        Raises:
            SourceUnavailable: No route, time-out, 5xx, a broken body, or hours that are not published yet.
            SourceRateLimited: HTTP 429 for the second.
            SourceQuotaSpent: The quota of the hour is used up, or its budget is spent.
            SourceRejected: Any other HTTP 4xx, such as for a wrong key; a redirect; no observations for these hours.
        """
        check_hours(start, end)
        url = self.request_url(locations, start, end)
        body = self.ask(url, lambda received: self._read(received, locations, start, end))
        check_every_hour_is_there(body.table, start, end, self.base_url)
        return Fetched(body.table, self.name, url, datetime.now(UTC), body.units, ATTRIBUTION, body.lacks)

    def request_url(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """The request for these places and hours, without the key."""
        return f"{self.base_url}/{cube_query(locations, start, end)}"

    def _read(self, received: Received, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        if received.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            raise nothing_there(says(received, self.base_url), start, end, received.at)
        if received.status != HTTPStatus.OK:
            raise refusal(received, self.base_url)
        body = hourly_rows(parse_coverages(received.content, NAMES), locations, start, end, source=self.name)
        if not body.table.num_rows:
            message = f"{self.base_url} sent an answer without any of the stations and hours"
            raise nothing_there(message, start, end, received.at)
        return body
