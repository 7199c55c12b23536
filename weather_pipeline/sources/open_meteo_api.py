"""Open-Meteo's two APIs: what each has, how it is asked, how far it reaches and what a request weighs. Pure.

The rules are those of its server's source and documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from weather_pipeline.errors import SourceRejected
from weather_pipeline.sources.answers import TIME_FORMAT
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.locations import Location
from weather_pipeline.weather.schema import VARIABLE_BY_NAME

ATTRIBUTION = "Weather data by Open-Meteo.com, CC BY 4.0"

PLACE_COLUMNS = ("time", "latitude", "longitude", "elevation")
"""What every answer has beside the variables."""

_DATE_FORMAT = "%Y-%m-%d"

PAST_DAYS, FORECAST_DAYS = 92, 16
FIRST_REANALYSIS = datetime(1940, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

_WEIGHT_VARIABLES, _WEIGHT_DAYS = 10, 14


@dataclass(frozen=True, slots=True)
class Api:
    """One of Open-Meteo's APIs.

    Attributes:
        path: Path below the base URL.
        dataset: Namespace and name in lineage: the public service's, whichever server answers.
        variables: The hourly variables that it has, of those that we keep.
        whole_days: Whether it is asked for days; the hours that were not wanted are cut off.
    """

    path: str
    dataset: tuple[str, str]
    variables: tuple[str, ...]
    whole_days: bool

    def query(self, locations: Sequence[Location], start: datetime, end: datetime) -> str:
        """Path and parameters for these places and hours. Open-Meteo's ranges include their end, ours do not."""
        last = end - HOUR
        if self.whole_days:
            span = {"start_date": start.strftime(_DATE_FORMAT), "end_date": last.strftime(_DATE_FORMAT)}
        else:
            span = {"start_hour": start.strftime(TIME_FORMAT), "end_hour": last.strftime(TIME_FORMAT)}
        parameters = {
            "latitude": ",".join(f"{location.latitude:g}" for location in locations),
            "longitude": ",".join(f"{location.longitude:g}" for location in locations),
            "hourly": ",".join(self.variables),
            **span,
            # Other zones get today's offset for the whole range, so their times can't be trusted.
            "timezone": "GMT",
        }
        return f"{self.path}?{urlencode(parameters, safe=',:')}"

    def weight(self, places: int, start: datetime, end: datetime) -> float:
        """What a request counts for against the limits: at least 1 for each place.

        More than ten variables count in proportion, and so do more than fourteen days.
        """
        if self.whole_days:
            start, end = _midnight(start), _midnight(end - HOUR) + _DAY
        days = (end - start) / _DAY
        return places * max(1.0, len(self.variables) / _WEIGHT_VARIABLES * max(1.0, days / _WEIGHT_DAYS))


VARIABLES: tuple[str, ...] = tuple(VARIABLE_BY_NAME)
"""The hourly variables that we keep."""

FORECAST = Api("v1/forecast", ("https://api.open-meteo.com", "v1/forecast"), VARIABLES, whole_days=False)
ARCHIVE = Api(
    "v1/archive",
    ("https://archive-api.open-meteo.com", "v1/archive"),
    # Reanalysis has no visibility: it would come as nulls in the unit "undefined".
    tuple(name for name in VARIABLES if name != "visibility"),
    whole_days=True,
)


def check_reach(api: Api, start: datetime, end: datetime, now: datetime) -> None:
    """Refuse hours that the public service does not have, before it is asked.

    Raises:
        SourceRejected: Says which hours it has, and which source has the others.
    """
    today = _midnight(now)
    if api.whole_days:
        first, beyond = FIRST_REANALYSIS, today
        why = "the archive begins in 1940 and ends with yesterday (UTC); its newest days come some days late"
        other = "open-meteo" if end > beyond else None
    else:
        first, beyond = today - PAST_DAYS * _DAY, today + FORECAST_DAYS * _DAY
        why = f"the forecast API keeps {PAST_DAYS} days and looks {FORECAST_DAYS} days ahead"
        other = "open-meteo-archive" if start < first else None
    if first <= start and end <= beyond:
        return
    hint = f" Set WEATHER_SOURCE={other} for the others." if other else ""
    raise SourceRejected(
        f"Open-Meteo's {api.path} has the hours from {first:%Y-%m-%dT%H:%MZ} to before {beyond:%Y-%m-%dT%H:%MZ}: "
        f"{why}. {start:%Y-%m-%dT%H:%MZ} to before {end:%Y-%m-%dT%H:%MZ} were asked for.{hint}"
    )


def is_public(url: str) -> bool:
    """Whether this is Open-Meteo's own service: a replay server or an installation of one's own has its own rules."""
    host = urlsplit(url).hostname or ""
    return host == "open-meteo.com" or host.endswith(".open-meteo.com")


def is_free(url: str) -> bool:
    """Whether this is the public service without a key, which limits requests."""
    return is_public(url) and not (urlsplit(url).hostname or "").startswith("customer-")


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
