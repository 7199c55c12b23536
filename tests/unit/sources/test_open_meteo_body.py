import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tools import shared
from tests.unit.sources.bodies import END, START, TWO_PLACES, answer, encoded
from weather_pipeline.errors import Transient
from weather_pipeline.sources.answers import BrokenBody
from weather_pipeline.sources.open_meteo_api import ARCHIVE, VARIABLES
from weather_pipeline.sources.open_meteo_body import merged, not_covered, parse_body
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Lack
from weather_pipeline.weather.locations import LOCATIONS, Location


def parse(body: Any, places: Any = LOCATIONS[:1]) -> Any:
    content = body if isinstance(body, bytes) else encoded(body)
    return parse_body(content, places, START, END)


def without(body: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    return {**body, section: {key: value for key, value in body[section].items() if key != name}}


def changed(body: dict[str, Any], section: str, name: str, value: Any) -> dict[str, Any]:
    return {**body, section: {**body[section], name: value}}


def test_an_object_answers_for_one_place() -> None:
    body = parse(answer())
    assert body.table.schema == BRONZE_SCHEMA
    assert body.table["location_id"].to_pylist() == ["amsterdam", "amsterdam"]
    assert body.table["time"].to_pylist() == ["2026-11-20T08:00", "2026-11-20T09:00"]
    assert body.table["wind_speed_10m"].to_pylist() == [10.0, None]
    assert body.units["wind_speed_10m"] == "km/h"


def test_a_list_is_matched_by_position_since_the_first_has_no_location_id() -> None:
    table = parse([answer(0), answer(1)], TWO_PLACES).table
    assert table["location_id"].to_pylist() == ["amsterdam", "amsterdam", "rotterdam", "rotterdam"]
    assert table["temperature_2m"].to_pylist() == [10, None, 11, None]


def test_hours_that_were_not_asked_for_are_left_out_and_repeated_ones_stay() -> None:
    body = answer()
    body["hourly"]["time"] = ["2026-11-20T07:00", "2026-11-20T08:00", "2026-11-20T08:00", "2026-11-20T10:00"]
    for variable in VARIABLES:
        body["hourly"][variable] = [1, 2, 3, 4]
    assert parse(body).table["visibility"].to_pylist() == [2, 3]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"latitude":52.3,"longitude":4.8,"hourly":{"time":["2026-11-20T08:00","2026', "truncated or malformed"),
        (
            b'[{"latitude":52.3},Unexpected error while streaming data: timeoutReached',
            "while streaming: timeoutReached",
        ),
        (encoded(answer())[:-1] + b"Unexpected error while streaming data:", r"while streaming: \(no reason\)"),
        (b'{"latitude":52.3,"longitude":Infinity}', "literal Infinity"),
        (b'{"latitude":52.3,"hourly":{"visibility":[nan,1]', "truncated or malformed"),
        (b"<html><body>Bad gateway</body></html>", "no JSON but '<html>"),
        (b"", "no JSON but ''"),
        (b'{"error":true,"reason":"Internal"}', "200 with an error: Internal"),
        (b"[]", "answered for 0 places, 1 were asked for"),
        (b"[3]", "is a int, not an object"),
        (encoded([answer(0), answer(1)]), "answered for 2 places"),
        (encoded(answer(5)), "not for 52.374, 4.8897"),
        (encoded(answer(latitude=None)), "coordinates None"),
        (encoded(answer(utc_offset_seconds=7200)), "7200 s off UTC"),
        (encoded(without(answer(), "hourly", "visibility")), "lacks the variable visibility, and so do all others"),
        (encoded(changed(answer(), "hourly", "visibility", None)), "has None as visibility, not a list"),
        (encoded(without(answer(), "hourly_units", "visibility")), "no unit for visibility"),
        (encoded(without(answer(), "hourly", "time")), "no hourly times"),
        (encoded(answer(hourly_units=None)), "no hourly_units"),
        (encoded(changed(answer(), "hourly", "precipitation", [1])), "has 1 values of precipitation for 2 hours"),
        (encoded(changed(answer(), "hourly", "precipitation", [1, "x"])), "has 'x' as precipitation"),
        (encoded(changed(answer(), "hourly", "precipitation", [1, True])), "has True as precipitation"),
        (encoded(changed(answer(), "hourly", "precipitation", [1, 10**309])), "has 1000+ as precipitation"),
        (encoded(answer(longitude=-(10**309))), "coordinates 52.3.*, -1000+"),
        (b"[" * 100_000, "truncated or malformed JSON"),
        (encoded(changed(answer(), "hourly", "time", ["2026-11-20", None])), "the time '2026-11-20'"),
        (
            encoded(changed(answer(), "hourly", "time", ["2026-11-21T08:00", "2026-11-21T09:00"])),
            "none of the hours asked for",
        ),
    ],
)
def test_each_way_in_which_a_body_is_broken_is_told_apart_and_may_be_tried_again(body: bytes, words: str) -> None:
    with pytest.raises(BrokenBody, match=words) as caught:
        parse(body)
    assert isinstance(caught.value, Transient)


def test_places_that_name_different_units_are_refused() -> None:
    with pytest.raises(BrokenBody, match="named other units for rotterdam"):
        parse([answer(0), changed(answer(1), "hourly_units", "visibility", "ft")], TWO_PLACES)


@pytest.mark.parametrize("nan", ["nan", "-nan", "NaN", " nan"])
def test_a_literal_nan_is_a_missing_reading(nan: str) -> None:
    body = encoded(changed(answer(), "hourly", "visibility", ["?", 3])).replace(b'"?"', nan.encode())
    parsed = parse(body)
    assert parsed.table["visibility"].to_pylist() == [None, 3]
    assert parsed.lacks == (Lack("amsterdam", "Open-Meteo sent a literal nan as visibility, 1 of 2 hours"),)
    assert parsed.may_pass


def test_a_variable_that_was_not_asked_for_is_null_in_our_own_unit() -> None:
    body = parse_body(
        encoded(without(without(answer(), "hourly", "visibility"), "hourly_units", "visibility")),
        LOCATIONS[:1],
        START,
        END,
        variables=ARCHIVE.variables,
    )
    assert body.table["visibility"].to_pylist() == [None, None]
    assert (body.units["visibility"], body.lacks) == ("m", ())


def test_answers_for_parts_become_one_and_must_name_the_same_units() -> None:
    parts = [parse_body(encoded(answer(index)), LOCATIONS[index : index + 1], START, END) for index in (0, 1)]
    missing = not_covered(LOCATIONS[2], "nowhere")
    whole = merged([parts[0], missing, parts[1]])
    assert whole.table["location_id"].to_pylist() == ["amsterdam"] * 2 + ["rotterdam"] * 2
    assert (whole.units, whole.lacks) == (parts[0].units, missing.lacks)
    with pytest.raises(BrokenBody, match="named other units in a second answer"):
        merged([parts[0], replace(parts[1], units={"visibility": "ft"})])


class TestRecordedBodies:
    def test_the_literal_nan_body(self) -> None:
        content = shared("open-meteo/python-open-meteo/not_covered_invalid_json.txt").read_bytes()
        body = parse(content)
        assert body.table.num_rows == 0
        assert "literal nan as its coordinates" in body.lacks[0].reason

    def test_a_body_without_hourly_data(self) -> None:
        content = shared("open-meteo/python-open-meteo/forecast_minimal.json").read_bytes()
        with pytest.raises(BrokenBody, match="has no hourly_units"):
            parse(content)

    def test_a_body_in_local_time_with_other_variables(self) -> None:
        enschede = Location("enschede", "Enschede", 52.2183, 6.8958)
        content = shared("open-meteo/python-open-meteo/historical_weather.json").read_bytes()
        start, end = datetime(1953, 1, 31, tzinfo=UTC), datetime(1953, 2, 1, tzinfo=UTC)
        with pytest.raises(BrokenBody, match="names no unit for relative_humidity_2m"):
            parse_body(content, [enschede], start, end)
        body = json.loads(content)
        body["hourly_units"] |= {variable: "m" for variable in VARIABLES if variable not in body["hourly_units"]}
        with pytest.raises(BrokenBody, match="7200 s off UTC"):
            parse_body(encoded(body), [enschede], start, end)
        body["utc_offset_seconds"] = 0
        body["hourly"] |= {variable: [None] * 3 for variable in VARIABLES if variable not in body["hourly"]}
        table = parse_body(encoded(body), [enschede], start, end).table
        assert table["temperature_2m"].to_pylist() == [5.8, 5.5, 5.1]
        assert table["wind_speed_10m"].to_pylist() == [23.2, 23.7, 24.8]
