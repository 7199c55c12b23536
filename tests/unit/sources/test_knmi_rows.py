from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sources.bodies import encoded
from tests.unit.sources.knmi_bodies import (
    END,
    GILZE_RIJEN,
    ROTTERDAM,
    SCHIPHOL,
    START,
    TIMES,
    collection,
    coverage,
    parameters,
)
from weather_pipeline.sources.answers import Body, BrokenBody
from weather_pipeline.sources.coverage_json import parse_coverages
from weather_pipeline.sources.knmi_api import PARAMETERS
from weather_pipeline.sources.knmi_rows import hourly_rows
from weather_pipeline.sources.knmi_stations import STATIONS, distance_km, nearest_station, station_at
from weather_pipeline.sources.open_meteo_api import VARIABLES
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Lack
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.schema import VARIABLE_BY_NAME
from weather_pipeline.weather.units import conversion

AMSTERDAM, ROTTERDAM_CITY = LOCATIONS[:2]
DOCUMENT = Path(__file__).parents[3] / "docs" / "knmi.md"


def rows(*coverages: dict[str, Any], places: Any = (AMSTERDAM,), **changes: Any) -> Body:
    content = encoded(collection(*coverages, **changes))
    answer = parse_coverages(content, [parameter.name for parameter in PARAMETERS.values()])
    return hourly_rows(answer, places, START, END, source="knmi")


def test_a_row_holds_what_is_stamped_with_its_hour_under_open_meteos_names() -> None:
    body = rows(coverage())
    assert body.table.schema == BRONZE_SCHEMA
    first, second = body.table.to_pylist()
    assert first == {
        "location_id": "amsterdam",
        "time": "2026-11-20T08:00",
        "latitude": 52.318,
        "longitude": 4.79,
        "elevation": None,
        "temperature_2m": 5.5,
        "relative_humidity_2m": 80.5,
        "dew_point_2m": 2.3,
        "wind_speed_10m": 5.5,
        "wind_direction_10m": 260.5,
        "wind_gusts_10m": 7.5,
        "precipitation": 0.7,
        "pressure_msl": 1013.0,
        "visibility": 24000.5,
        "source": "knmi",
    }
    assert (second["time"], second["temperature_2m"]) == ("2026-11-20T09:00", 6.1)


def test_every_variable_is_asked_for_in_a_unit_that_converts() -> None:
    assert tuple(PARAMETERS) == VARIABLES
    for variable, parameter in PARAMETERS.items():
        conversion(str(VARIABLE_BY_NAME[variable].unit), parameter.unit, variable=variable)


def test_the_gust_is_the_highest_of_the_six_intervals_that_end_in_the_hour() -> None:
    gusts = [31.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 12.0, 1.0, 2.0, 3.0]
    assert rows(coverage(fx=gusts)).table["wind_gusts_10m"].to_pylist() == [31.0, 12.0]


def test_the_gust_of_an_hour_that_lacks_an_interval_is_unknown() -> None:
    gusts = [None, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 12.0, 1.0, 2.0, 3.0]
    assert rows(coverage(fx=gusts)).table["wind_gusts_10m"].to_pylist() == [None, 12.0]
    late = rows(coverage(times=TIMES[1:], without=["rh"])).table.to_pylist()[0]
    assert (late["wind_gusts_10m"], late["relative_humidity_2m"], late["temperature_2m"]) == (None, None, 5.4)


@given(st.lists(st.none() | st.just("null") | st.integers(0, 40), min_size=len(TIMES), max_size=len(TIMES)))
def test_whatever_is_missing_no_value_is_made_up_and_none_is_lost(sent: list[Any]) -> None:
    """None: the time is not there; "null": it is, without a reading."""
    readings = {moment: value for moment, value in zip(TIMES, sent, strict=True) if value is not None}
    values = [None if value == "null" else value for value in readings.values()]
    without = [name for name in parameters() if name not in ("ff", "fx")]
    table = rows(coverage(times=list(readings), without=without, ff=values, fx=values)).table
    expected = {}
    for last in (5, 11):
        window = [readings.get(moment) for moment in TIMES[last - 5 : last + 1]]
        if TIMES[last] in readings:
            known = [value for value in window if isinstance(value, int)]
            gust = max(known) if len(known) == len(window) else None
            expected[TIMES[last][:16]] = (None if window[-1] == "null" else window[-1], gust)
    found = zip(*(table[name].to_pylist() for name in ("time", "wind_speed_10m", "wind_gusts_10m")), strict=True)
    assert {moment: pair for moment, *pair in found} == {moment: list(pair) for moment, pair in expected.items()}


@pytest.mark.parametrize(("sent", "expected"), [(990, None), (990.0, None), (0, 0), (360, 360), (991, 991)])
def test_a_variable_wind_has_no_direction_and_a_calm_has_0(sent: float, expected: float | None) -> None:
    first = rows(coverage(dd=[sent] * len(TIMES))).table.to_pylist()[0]
    assert (first["wind_direction_10m"], first["wind_speed_10m"]) == (expected, 5.5)


def test_the_units_are_those_that_the_answer_names() -> None:
    named = rows(coverage(), parameters=parameters(ta="Cel", ff="m s-1")).units
    assert (named["temperature_2m"], named["wind_speed_10m"], named["visibility"]) == ("Cel", "m s-1", "m")


def test_what_no_station_measures_is_null_in_the_published_unit() -> None:
    described = parameters()
    del described["vv"]
    body = rows(coverage(without=["vv"]), parameters=described)
    assert body.table["visibility"].to_pylist() == [None, None]
    assert body.units["visibility"] == "m"


def test_values_without_a_unit_are_refused() -> None:
    described = parameters()
    del described["vv"]
    with pytest.raises(BrokenBody, match="sent vv without naming its unit"):
        rows(coverage(), parameters=described)


def test_a_place_whose_station_sent_nothing_takes_no_other_with_it() -> None:
    body = rows(coverage(ROTTERDAM), places=LOCATIONS[:3])
    assert body.table["location_id"].to_pylist() == ["rotterdam", "rotterdam"]
    assert [str(lack) for lack in body.lacks] == [
        "amsterdam: KNMI sent nothing of Schiphol for 2 of 2 hours",
        "den-haag: KNMI sent nothing of Voorschoten for 2 of 2 hours",
    ]
    assert not body.may_pass
    assert rows().table.num_rows == 0


def test_an_hour_that_a_station_sent_nothing_for_has_no_row_there() -> None:
    body = rows(coverage(times=TIMES[:6]), coverage(ROTTERDAM), places=LOCATIONS[:2])
    assert body.table["location_id"].to_pylist() == ["amsterdam", "rotterdam", "rotterdam"]
    assert body.lacks == (Lack("amsterdam", "KNMI sent nothing of Schiphol for 1 of 2 hours"),)


def test_two_places_may_have_the_same_station() -> None:
    places = [place for place in LOCATIONS if place.id in ("tilburg", "breda")]
    body = rows(coverage(GILZE_RIJEN), places=places)
    assert body.table["location_id"].to_pylist() == ["tilburg", "tilburg", "breda", "breda"]


def test_a_station_may_come_in_several_coverages_with_other_times() -> None:
    pressure_only = [name for name in parameters() if name != "pp"]
    on_the_hour = coverage(times=[TIMES[5], TIMES[11]], without=pressure_only, pp=[1001.0, 1002.0])
    table = rows(coverage(without=["pp"]), on_the_hour).table
    assert table["pressure_msl"].to_pylist() == [1001.0, 1002.0]
    assert table["wind_gusts_10m"].to_pylist() == [7.5, 8.1]


def test_the_same_value_twice_is_one_and_two_values_are_refused() -> None:
    assert rows(coverage(), coverage()).table.num_rows == 2
    with pytest.raises(
        BrokenBody, match=r"two values of ta of 0-20000-0-06240 at 2026-11-20T07:10:00\+00:00: 5.0, 9.0"
    ):
        rows(coverage(), coverage(times=TIMES[:1], ta=[9.0]))


def test_a_coverage_that_names_no_station_is_known_by_its_coordinates() -> None:
    unnamed = coverage(SCHIPHOL)
    del unnamed["eumetnet:locationId"]
    assert rows(unnamed).table.num_rows == 2
    unnamed["domain"]["axes"]["x"]["values"] = [4.9]
    assert rows(unnamed).table.num_rows == 0


def test_other_stations_in_the_box_are_left_out() -> None:
    geulhaven = {**coverage(), "eumetnet:locationId": "0-20000-0-06343"}
    assert rows(geulhaven, coverage()).table["location_id"].to_pylist() == ["amsterdam", "amsterdam"]


def test_the_document_tells_which_station_answers_for_each_place() -> None:
    for place in LOCATIONS:
        station = nearest_station(place)
        away = distance_km(station, place.longitude, place.latitude)
        assert f"| {place.name} | {station.name} | `{station.id}` | {away:.0f} |" in DOCUMENT.read_text(
            encoding="utf-8"
        )
        assert away < 25


def test_the_document_tells_what_is_asked_for_each_variable() -> None:
    for variable, parameter in PARAMETERS.items():
        assert f"| `{variable}` | `{parameter.name}` | {parameter.unit} |" in DOCUMENT.read_text(encoding="utf-8")


def test_stations_are_told_apart_by_their_coordinates() -> None:
    assert len({station.id for station in STATIONS}) == len(STATIONS)
    for station in STATIONS:
        assert station_at(station.longitude + 0.01, station.latitude - 0.01) == station
    assert station_at(4.9, 52.318) is None


def test_the_range_is_half_open() -> None:
    answer = parse_coverages(encoded(collection(coverage())), ["ta"])
    table = hourly_rows(answer, [ROTTERDAM_CITY, AMSTERDAM], START, END - timedelta(hours=1), source="knmi").table
    assert table["time"].to_pylist() == ["2026-11-20T08:00"]
