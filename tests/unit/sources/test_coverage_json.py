from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sources.bodies import encoded
from tests.unit.sources.knmi_bodies import ROTTERDAM, SCHIPHOL, TIMES, collection, coverage, ndarray, parameters
from weather_pipeline.errors import Transient
from weather_pipeline.sources.answers import BrokenBody
from weather_pipeline.sources.coverage_json import Coverages, parse_coverages

ASKED = ["ta", "fx"]
ONE_TIME = TIMES[:1]


def parse(body: Any) -> Coverages:
    return parse_coverages(body if isinstance(body, bytes) else encoded(body), ASKED)


def replaced(body: Any, path: list[str | int], value: Any) -> Any:
    """The body with one member set; None as value removes it."""
    holder = body
    for step in path[:-1]:
        holder = holder[step]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return body


def one(*path: str | int, to: Any = None) -> bytes:
    return encoded(replaced(collection(coverage(times=ONE_TIME)), list(path), to))


def test_a_collection_has_one_series_for_each_coverage() -> None:
    first, second = parse(collection(coverage(SCHIPHOL), coverage(ROTTERDAM, times=ONE_TIME))).series
    assert (first.location_id, first.longitude, first.latitude) == ("0-20000-0-06240", 4.79, 52.318)
    assert first.times[0] == datetime(2026, 11, 20, 7, 10, tzinfo=UTC)
    assert len(first.times) == len(first.values["ta"]) == 12
    assert second.values == {"ta": (5.0,), "fx": (7.0,)}


def test_a_coverage_may_come_alone_with_its_own_parameters() -> None:
    answer = parse({**coverage(times=ONE_TIME), "parameters": parameters()})
    assert [series.location_id for series in answer.series] == ["0-20000-0-06240"]
    assert answer.units == {"ta": "°C", "fx": "m/s"}


def test_an_answer_may_hold_no_coverage() -> None:
    assert parse(collection()) == Coverages((), {"ta": "°C", "fx": "m/s"})


def test_a_missing_reading_is_none_and_a_missing_parameter_is_not_there() -> None:
    [series] = parse(collection(coverage(times=ONE_TIME, without=["fx"], ta=[None]))).series
    assert series.values == {"ta": (None,)}


def test_times_of_another_zone_are_the_same_moments() -> None:
    [series] = parse(collection(coverage(times=["2026-11-20T09:00:00+01:00"]))).series
    assert series.times == (datetime(2026, 11, 20, 8, tzinfo=UTC),)


def test_which_station_it_is_may_be_unsaid() -> None:
    [series] = parse(one("coverages", 0, "eumetnet:locationId")).series
    assert series.location_id is None


def test_a_domain_type_may_be_unsaid_or_said_by_the_collection() -> None:
    body = collection(coverage(times=ONE_TIME))
    del body["coverages"][0]["domain"]["domainType"]
    assert len(parse(body).series) == 1
    assert len(parse({**body, "domainType": None}).series) == 1
    with pytest.raises(BrokenBody, match="domain type 'Grid'"):
        parse({**body, "domainType": "Grid"})


@pytest.mark.parametrize(
    ("unit", "named"),
    [
        ({"symbol": "Cel"}, "Cel"),
        ({"symbol": {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"}}, "Cel"),
        ({"symbol": "", "label": {"nl": "graden Celsius", "en": "degrees Celsius"}}, "degrees Celsius"),
        ({"label": {"nl": "graden Celsius"}}, "graden Celsius"),
        ({"label": "degC"}, "degC"),
    ],
)
def test_a_unit_is_its_symbol_else_its_label(unit: Any, named: str) -> None:
    body = collection(coverage(times=ONE_TIME), parameters={"ta": {"type": "Parameter", "unit": unit}})
    assert parse(body).units == {"ta": named}


@pytest.mark.parametrize("unit", [None, {}, "°C", {"symbol": 3}, {"label": {}}])
def test_a_unit_that_is_not_named_is_not_guessed(unit: Any) -> None:
    assert parse(collection(parameters={"ta": {"type": "Parameter", "unit": unit}})).units == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON but ''"),
        (b"<html>Bad gateway</html>", "no JSON but '<html>.*Check that the URL"),
        (encoded(collection(coverage()))[:300], "truncated or malformed JSON after 300 characters"),
        (b"[" * 100_000, "truncated or malformed"),
        (b'{"type": "CoverageCollection", "coverages": [NaN]}', "literal NaN, which is no JSON"),
        (b"[]", "The answer is a list, not an object"),
        (b'"text"', "no JSON|is a str, not an object"),
        (b'{"type": "FeatureCollection"}', "type 'FeatureCollection', not CoverageJSON"),
        (b"{}", "type None, not CoverageJSON"),
        (one("coverages"), "collection's coverages are a NoneType, not a list"),
        (one("coverages", 0, to=3), "Coverage 1 is a int, not an object"),
        (one("coverages", 0, "type", to="Feature"), "Coverage 1 is of the type 'Feature', not Coverage"),
        (one("coverages", 0, "domain", to="https://example.org/domain"), "its domain is a str, not an object"),
        (one("coverages", 0, "domain", "domainType", to="Grid"), "domain type 'Grid', not PointSeries"),
        (one("coverages", 0, "domain", "axes"), "its axes is a NoneType"),
        (one("coverages", 0, "domain", "axes", "t"), "its axis t is a NoneType"),
        (one("coverages", 0, "domain", "axes", "t", "values"), "the values of its axis t are a NoneType"),
        (
            one("coverages", 0, "domain", "axes", "t", "values", 0, to="2026-11-20T08:00"),
            "time '2026-11-20T08:00', not",
        ),
        (one("coverages", 0, "domain", "axes", "t", "values", 0, to="noon"), "time 'noon', not an ISO 8601"),
        (one("coverages", 0, "domain", "axes", "t", "values", 0, to=1), "time 1, not an ISO 8601"),
        (one("coverages", 0, "domain", "axes", "x", "values", to=[4.7, 4.8]), r"\[4.7, 4.8\] on its axis x"),
        (one("coverages", 0, "domain", "axes", "y", "values", to=["52"]), r"\['52'\] on its axis y"),
        (one("coverages", 0, "ranges"), "its ranges is a NoneType"),
        (one("coverages", 0, "ranges", "ta", to="https://example.org/ta"), "its range ta is a str, not an object"),
        (one("coverages", 0, "ranges", "ta", "type", to="TiledNdArray"), "range ta is of the type 'TiledNdArray'"),
        (one("coverages", 0, "ranges", "ta", "values"), "the values of ta are a NoneType"),
        (one("coverages", 0, "ranges", "ta", to=ndarray([1.0, 2.0])), "2 values of ta for 1 times"),
        (one("coverages", 0, "ranges", "ta", to=ndarray(["x"])), "'x' as ta, not a number"),
        (one("coverages", 0, "ranges", "ta", to=ndarray([True])), "True as ta, not a number"),
        (one("coverages", 0, "ranges", "ta", to=ndarray([10**400])), "as ta, not a number"),
        (one("coverages", 0, "domain", "axes", "t", "values", 0, to="0001-01-01T00:00:00+01:00"), "not an ISO 8601"),
        (one("parameters", to=["ta"]), "description of parameters is a list"),
    ],
)
def test_each_way_in_which_a_body_is_broken_is_told_apart_and_may_be_tried_again(body: bytes, words: str) -> None:
    with pytest.raises(BrokenBody, match=words) as caught:
        parse(body)
    assert isinstance(caught.value, Transient)


def test_two_units_for_one_parameter_are_refused() -> None:
    other = {**coverage(times=ONE_TIME), "parameters": parameters(ta="K")}
    with pytest.raises(BrokenBody, match="two units for ta: '°C' and 'K'"):
        parse(collection(other))


def test_what_was_not_asked_for_is_not_looked_at() -> None:
    assert len(parse(one("coverages", 0, "ranges", "ww", to="https://example.org/ww")).series) == 1


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every member of a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, inner in items for each in [(*path, key), *_paths(inner, (*path, key))]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "values", "ta"]), inner),
    max_leaves=4,
)


@given(path=st.sampled_from(_paths(collection(coverage(times=ONE_TIME)))), value=JSON)
def test_whatever_stands_in_a_place_the_answer_is_read_or_refused(path: tuple[str | int, ...], value: Any) -> None:
    body = collection(coverage(times=ONE_TIME))
    holder: Any = body
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    try:
        answer = parse(body)
    except BrokenBody:
        return
    for series in answer.series:
        assert all(len(values) == len(series.times) for values in series.values.values())
