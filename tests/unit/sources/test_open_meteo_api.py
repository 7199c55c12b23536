from datetime import UTC, datetime, timedelta

import pytest

from weather_pipeline.errors import SourceRejected
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.open_meteo_api import ARCHIVE, FORECAST, Api, check_reach, is_free, is_public
from weather_pipeline.weather.locations import LOCATIONS

NOW = datetime(2026, 11, 21, 17, 40, tzinfo=UTC)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD = datetime(2026, 2, 12, 8, tzinfo=UTC)


def test_the_forecast_is_asked_for_hours_and_the_archive_for_days() -> None:
    start = datetime(2026, 2, 12, 22, tzinfo=UTC)
    hours, days = (api.query(LOCATIONS[:2], start, start + 3 * HOUR) for api in (FORECAST, ARCHIVE))
    assert hours.startswith("v1/forecast?latitude=52.374,51.9225&longitude=4.8897,4.4792&hourly=temperature_2m,")
    assert hours.endswith("visibility&start_hour=2026-02-12T22:00&end_hour=2026-02-13T00:00&timezone=GMT")
    assert days.startswith("v1/archive?")
    assert days.endswith("pressure_msl&start_date=2026-02-12&end_date=2026-02-13&timezone=GMT")


@pytest.mark.parametrize(
    ("api", "places", "days", "weight"),
    [
        (FORECAST, 15, 1 / 24, 15),
        (FORECAST, 1, 14, 1),
        (FORECAST, 1, 28, 1.8),  # 9 variables of 10, twice 14 days
        (FORECAST, 15, 92, 15 * 0.9 * 92 / 14),
        (ARCHIVE, 15, 1 / 24, 15),
        (ARCHIVE, 2, 28, 2 * 0.8 * 2),
    ],
)
def test_a_request_weighs_by_places_variables_and_days(api: Api, places: int, days: float, weight: float) -> None:
    assert api.weight(places, OLD.replace(hour=0), OLD.replace(hour=0) + days * DAY) == pytest.approx(weight)


def test_more_than_ten_variables_count_in_proportion() -> None:
    wide = Api("v1/x", ("n", "x"), tuple(f"v{index}" for index in range(15)), whole_days=False)
    assert wide.weight(1, TODAY, TODAY + DAY) == 1.5
    assert wide.weight(1, TODAY, TODAY + 14 * DAY) == 1.5
    assert wide.weight(1, TODAY, TODAY + 28 * DAY) == 3


def test_the_archive_weighs_whole_days() -> None:
    start = TODAY - HOUR
    assert ARCHIVE.weight(1, start, start + 27 * DAY) == pytest.approx(0.8 * 28 / 14)


@pytest.mark.parametrize(
    ("api", "start", "end"),
    [
        (FORECAST, TODAY - 92 * DAY, TODAY + 16 * DAY),
        (ARCHIVE, datetime(1940, 1, 1, tzinfo=UTC), TODAY),
    ],
)
def test_what_the_service_has_is_let_through_to_the_hour(api: Api, start: datetime, end: datetime) -> None:
    check_reach(api, start, end, NOW)
    for first, beyond in ((start - HOUR, end), (start, end + HOUR)):
        with pytest.raises(SourceRejected, match=f"{first:%Y-%m-%dT%H:%MZ} to before {beyond:%Y-%m-%dT%H:%MZ} were"):
            check_reach(api, first, beyond, NOW)


@pytest.mark.parametrize(
    ("api", "start", "words"),
    [
        (FORECAST, OLD, "keeps 92 days.*Set WEATHER_SOURCE=open-meteo-archive"),
        (ARCHIVE, NOW.replace(minute=0), "ends with yesterday.*Set WEATHER_SOURCE=open-meteo for"),
        (ARCHIVE, datetime(1939, 12, 31, tzinfo=UTC), r"begins in 1940.*were asked for\.$"),
        (FORECAST, TODAY + 20 * DAY, r"looks 16 days ahead.*were asked for\.$"),
    ],
)
def test_a_refusal_says_which_source_has_the_hours(api: Api, start: datetime, words: str) -> None:
    with pytest.raises(SourceRejected, match=words):
        check_reach(api, start, start + HOUR, NOW)


@pytest.mark.parametrize("url", ["https://api.open-meteo.com", "https://customer-api.open-meteo.com"])
def test_the_service_is_not_asked_for_what_it_does_not_have(url: str) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 94 * DAY
    with OpenMeteoSource(url) as source, pytest.raises(SourceRejected, match="keeps 92 days"):
        source.fetch(LOCATIONS, hour, hour + HOUR)


@pytest.mark.parametrize(
    ("url", "public", "free"),
    [
        ("https://api.open-meteo.com", True, True),
        ("https://archive-api.open-meteo.com", True, True),
        ("https://customer-api.open-meteo.com", True, False),
        ("https://customer-archive-api.open-meteo.com", True, False),
        ("http://127.0.0.1:8080", False, False),
        ("https://open-meteo.com.example", False, False),
        ("https://weather.example/open-meteo.com", False, False),
    ],
)
def test_only_open_meteos_own_hosts_have_its_rules(url: str, public: bool, free: bool) -> None:
    assert (is_public(url), is_free(url)) == (public, free)
