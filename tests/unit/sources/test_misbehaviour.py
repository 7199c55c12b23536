import copy
from datetime import UTC, datetime
from itertools import islice

import pytest

from tests.unit.sources.bodies import END, START, TWO_PLACES, answer
from weather_pipeline.errors import ConfigurationError
from weather_pipeline.sources.misbehaviour import Answer, Kind, Misbehaviour, kinds, misbehave
from weather_pipeline.sources.open_meteo_body import VARIABLES, BrokenBody, parse_body
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
        (Kind.NAN, "literal nan as a value"),
        (Kind.NOT_COVERED, "literal nan as the coordinates of rotterdam: no model covers it"),
        (Kind.WRONG_JSON, "answered for 1 places, 2 were asked for"),
        (Kind.NO_JSON, "is no JSON but '<html>"),
        (Kind.MISSING_VARIABLE, f"answer for rotterdam lacks the variable {VARIABLES[-1]}"),
    ],
)
def test_each_broken_body_is_told_apart(kind: Kind, words: str) -> None:
    with pytest.raises(BrokenBody, match=words):
        parse_body(misbehave(kind, BODY).body, TWO_PLACES, START, END)


@pytest.mark.parametrize("kind", Kind)
def test_a_query_without_variables_can_be_answered_badly_too(kind: Kind) -> None:
    body = replayed(FORECAST, "latitude=52.1&longitude=5.18", now=datetime(2026, 11, 21, tzinfo=UTC))
    assert misbehave(kind, body).status in (200, 400, 429, 503)
