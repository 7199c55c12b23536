"""A client of Open-Meteo: all places in one request, errors told apart by their reason, what is whole kept.

The free service is for non-commercial use and its data is CC BY 4.0: the attribution travels with every file.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import requests

from weather_pipeline.errors import SourceRejected
from weather_pipeline.sources.answers import Body, Received, check_every_hour_is_there
from weather_pipeline.sources.http_source import HttpSource
from weather_pipeline.sources.keys import check_url_key
from weather_pipeline.sources.ledger import Ledger
from weather_pipeline.sources.open_meteo_api import ATTRIBUTION, FORECAST, Api, check_reach, is_public
from weather_pipeline.sources.open_meteo_body import merged, not_covered, parse_body
from weather_pipeline.sources.open_meteo_errors import PlaceNotCovered, refusal
from weather_pipeline.sources.query_key import QueryKeyAdapter
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.hours import check_hours
from weather_pipeline.weather.locations import Location

_LOG = logging.getLogger(__name__)


def keyed_session(base_url: str, api_key: str | None) -> requests.Session:
    """Connections of which those to `base_url` send the key, where there is one."""
    session = requests.Session()
    if api_key:
        session.mount(f"{base_url.rstrip('/')}/", QueryKeyAdapter("apikey", api_key))
    return session


class OpenMeteoSource(HttpSource):
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

    Raises:
        ConfigurationError: The key can't be one that goes into a URL.
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
        key = api_key and check_url_key(api_key, "The key for Open-Meteo")
        super().__init__(
            base_url,
            keyed_session(base_url, key),
            api_key=key,
            ledger=ledger,
            timeout=timeout,
            attempts=attempts,
            first_wait=first_wait,
        )
        self.name = name
        self.dataset = api.dataset
        self._api = api
        self._attribution = attribution

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for all places and the half-open range of UTC hours (see `WeatherSource.fetch`).

        One request, unless the server says that a place of it is not covered and does not say which: then halves are
        asked for, until the place is found and all others are there.

        Raises:
            SourceUnavailable: No route, time-out, 5xx, a broken body, or hours for which no place has a reading yet.
            SourceRateLimited: HTTP 429 for the minute or for requests at the same time; the minute's budget is spent.
            SourceQuotaSpent: HTTP 429 for the hour or the day; their budget is spent.
            SourceRejected: Hours that the service does not have; HTTP 4xx, with the server's own reason; no place of
                all is covered.
        """
        check_hours(start, end)
        if is_public(self.base_url):
            check_reach(self._api, start, end, datetime.now(UTC))
        body = self._whole(locations, start, end)
        received_at = datetime.now(UTC)
        found = set(body.table["location_id"].to_pylist())
        covered = [location for location in locations if location.id in found]
        if not covered:
            raise SourceRejected(f"{self.base_url} covers none of the places: {'; '.join(map(str, body.lacks))}")
        check_every_hour_is_there(body.table, start, end, self.base_url)
        url = self.request_url(covered, start, end)
        return Fetched(body.table, self.name, url, received_at, body.units, self._attribution, body.lacks)

    def request_url(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """The request for these places and hours, without the key."""
        return f"{self.base_url}/{self._api.query(locations, start, end)}"

    def _whole(self, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        """What is there of these places; a place that is not covered is found by halving."""
        try:
            return self.ask(
                self.request_url(locations, start, end),
                lambda received: self._read(received, locations, start, end),
                weight=self._api.weight(len(locations), start, end),
            )
        except PlaceNotCovered as error:
            if len(locations) == 1:
                return not_covered(locations[0], f"no model covers it. Check where it lies. {error}")
            _LOG.warning("One of %d places is not covered; each half is asked for. %s", len(locations), error)
            middle = len(locations) // 2
            return merged([self._whole(half, start, end) for half in (locations[:middle], locations[middle:])])

    def _read(self, received: Received, locations: Sequence[Location], start: datetime, end: datetime) -> Body:
        if received.status != HTTPStatus.OK:
            raise refusal(received, self.base_url)
        return parse_body(received.content, locations, start, end, source=self.name, variables=self._api.variables)
