"""What every weather source does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.locations import Location

__all__ = ["Fetched", "WeatherSource"]


class WeatherSource(Protocol):
    """A source of hourly weather."""

    @property
    def name(self) -> str:
        """Short name, stored with every row: `open-meteo`, `open-meteo-archive`, `knmi`, `replay`."""
        ...

    @property
    def dataset(self) -> tuple[str, str]:
        """Namespace and name of the source's dataset in lineage: the same whichever server answers for it."""
        ...

    def fetch(self, locations: Sequence[Location], start: datetime, end: datetime) -> Fetched:
        """Ask for all places and the half-open range of UTC hours [start, end), in as few requests as possible.

        Returns:
            Rows as received. A row that the source sent for an asked hour is there, wrong or not; what it had not for
            a single place is named in `lacks` and costs the other places nothing.

        Raises:
            SourceUnavailable: No route, time-out, 5xx, or an answer that is broken.
            SourceRateLimited: Too many requests for the moment; `retry_after` says how long to wait.
            SourceQuotaSpent: The limit of the hour or the day is reached; `retry_from` says when it is over.
            SourceRejected: The source refused the request for good, or does not have these hours.
        """
        ...
