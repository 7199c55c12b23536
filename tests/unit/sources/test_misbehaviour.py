import copy
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from tests.unit.sources.bodies import END, START, TWO_PLACES, answer
from weather_pipeline.cli import panel
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import SourceName
from weather_pipeline.sources.answers import BrokenBody
from weather_pipeline.sources.catalog import DATASETS
from weather_pipeline.sources.misbehaviour import Answer, Kind, Misbehaviour, kinds, misbehave
from weather_pipeline.sources.open_meteo_api import VARIABLES
from weather_pipeline.sources.open_meteo_body import parse_body
from weather_pipeline.sources.replay_protocol import FORECAST
from weather_pipeline.sources.replay_protocol import answer as replayed

BODY = [answer(0), answer(1)]


def test_a_plan_is_followed_in_order_and_ends() -> None:
    plan = [Misbehaviour.parse("503:2"), Misbehaviour.parse("nan:1")]
    assert list(kinds(plan)) == [Kind.OVERLOADED, Kind.OVERLOADED, Kind.NAN]
    assert list(islice(kinds([Misbehaviour.parse("cut")]), 5)) == [Kind.CUT] * 5


@pytest.mark.parametrize("text", ["", "504", "503:", "503:0", "503:x", "503:-1", ":2"])
def test_what_is_no_plan_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"There are: 429-minutely|a whole number above 0"):
        Misbehaviour.parse(text)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_spoils_the_answer_and_leaves_the_body_alone(kind: Kind) -> None:
    before = copy.deepcopy(BODY)
    spoiled = misbehave(kind, BODY)
    assert before == BODY
    assert spoiled != Answer.json(BODY)
    assert misbehave(kind, BODY[0]) != Answer.json(BODY[0])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.TRUNCATED, "truncated or malformed"),
        (Kind.STREAMING_ERROR, "while streaming: timeoutReached"),
        (Kind.WRONG_JSON, "answered for 1 places, 2 were asked for"),
        (Kind.NO_JSON, "is no JSON but '<html>"),
    ],
)
def test_each_broken_body_is_told_apart(kind: Kind, words: str) -> None:
    with pytest.raises(BrokenBody, match=words):
        parse_body(misbehave(kind, BODY).body, TWO_PLACES, START, END)


@pytest.mark.parametrize(
    ("kind", "words", "rows", "may_pass"),
    [
        (Kind.NAN, f"literal nan as {VARIABLES[-1]}, 1 of 2 hours", 4, True),
        (Kind.NOT_COVERED, "literal nan as its coordinates: no model covers it", 2, False),
        (Kind.MISSING_VARIABLE, f"the answer lacks the variable {VARIABLES[-1]}", 4, True),
    ],
)
def test_what_one_place_lacks_is_told_apart_and_the_rest_is_read(
    kind: Kind, words: str, rows: int, may_pass: bool
) -> None:
    body = parse_body(misbehave(kind, BODY).body, TWO_PLACES, START, END)
    (lack,) = body.lacks
    assert lack.location_id == "rotterdam"
    assert words in lack.reason
    assert (body.table.num_rows, body.may_pass) == (rows, may_pass)
    assert body.units["visibility"] == "m"


def test_a_place_that_is_refused_refuses_every_request_with_it() -> None:
    assert misbehave(Kind.NOT_COVERED_REFUSED, BODY[1:]) == Answer.json(BODY[1:])
    assert misbehave(Kind.NOT_COVERED_REFUSED, BODY).status == 400


def test_every_kind_and_every_source_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
    assert [name for name in (*Kind, *SourceName) if f"`{name}`" not in page] == []
    assert {*DATASETS} == {*panel._SOURCES} == {*SourceName}


@pytest.mark.parametrize("kind", Kind)
def test_a_query_without_variables_can_be_answered_badly_too(kind: Kind) -> None:
    body = replayed(FORECAST, "latitude=52.1&longitude=5.18", now=datetime(2026, 11, 21, tzinfo=UTC))
    assert misbehave(kind, body).status in (200, 400, 429, 503)
