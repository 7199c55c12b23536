"""The client against a replay server that misbehaves in every way it can."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import requests

from weather_pipeline.errors import (
    SourceQuotaSpent,
    SourceRateLimited,
    SourceRejected,
    SourceUnavailable,
    WeatherPipelineError,
)
from weather_pipeline.sources.answers import BrokenBody
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.weather.bronze import Fetched
from weather_pipeline.weather.locations import LOCATIONS

pytestmark = pytest.mark.integration

HOUR = datetime(2026, 5, 1, 10, tzinfo=UTC)
LAST = LOCATIONS[-1].id

EXPECTED: dict[Kind, tuple[type[WeatherPipelineError], str, int]] = {
    Kind.MINUTELY: (SourceRateLimited, "Minutely API request limit exceeded", 1),
    Kind.CONCURRENT: (SourceRateLimited, "Too many concurrent requests", 1),
    Kind.HOURLY: (SourceQuotaSpent, "Hourly API request limit exceeded", 1),
    Kind.DAILY: (SourceQuotaSpent, "Daily API request limit exceeded", 1),
    Kind.REFUSED: (SourceRejected, "answered 400", 1),
    Kind.OVERLOADED: (SourceUnavailable, "answered 503: The service is overloaded", 3),
    Kind.CUT: (SourceUnavailable, "broke off", 3),
    Kind.TRUNCATED: (BrokenBody, "truncated or malformed", 3),
    Kind.STREAMING_ERROR: (BrokenBody, "while streaming: timeoutReached", 3),
    Kind.WRONG_JSON: (BrokenBody, "answered for 1 places, 15 were asked for", 3),
    Kind.NO_JSON: (BrokenBody, "no JSON but '<html>", 3),
    Kind.SLOW: (SourceUnavailable, r"can't be reached.*timed out", 3),
}
"""Kind → the error when it does not pass, and how many requests were sent."""

LACKS: dict[Kind, tuple[str, str, int]] = {
    Kind.NAN: (LAST, "literal nan as visibility", 3),
    Kind.MISSING_VARIABLE: (LAST, "lacks the variable visibility", 3),
    Kind.NOT_COVERED: (LAST, "a literal nan as its coordinates: no model covers it", 1),
    # 15, 7, 3 and 1 places refused; 2, 4 and 8 answered.
    Kind.NOT_COVERED_REFUSED: (LOCATIONS[0].id, "no model covers it", 7),
}
"""Kind → the one place that it costs something when it does not pass, in words, and how many requests were sent."""

PASSING = [kind for kind in Kind if kind is not Kind.SLOW and (EXPECTED.get(kind) or LACKS[kind])[2] == 3]


def fetch(server: ReplayServer, *, read_timeout: float = 10) -> Fetched:
    with OpenMeteoSource(server.url, first_wait=0, timeout=(5, read_timeout)) as source:
        return source.fetch(LOCATIONS, HOUR, HOUR + timedelta(hours=1))


def test_every_way_to_misbehave_has_its_expectation() -> None:
    assert {*EXPECTED, *LACKS} == set(Kind)


@pytest.mark.parametrize("kind", EXPECTED)
def test_each_way_to_misbehave_is_told_apart_and_tried_again_only_where_that_can_help(kind: Kind) -> None:
    error, words, requests_sent = EXPECTED[kind]
    with ReplayServer(plan=[Misbehaviour(kind)]) as server:
        with pytest.raises(error, match=words):
            fetch(server, read_timeout=0.2 if kind is Kind.SLOW else 10)
        assert server.answered == requests_sent


@pytest.mark.parametrize("kind", LACKS)
def test_what_one_place_lacks_costs_the_others_nothing(kind: Kind) -> None:
    place, words, requests_sent = LACKS[kind]
    with ReplayServer() as server:
        whole = fetch(server).table
    with ReplayServer(plan=[Misbehaviour(kind)]) as server:
        fetched = fetch(server)
        assert server.answered == requests_sent
    (lack,) = fetched.lacks
    assert lack.location_id == place
    assert words in lack.reason
    before = {row["location_id"]: row for row in whole.to_pylist()}
    after = {row["location_id"]: row for row in fetched.table.to_pylist()}
    if kind in (Kind.NAN, Kind.MISSING_VARIABLE):
        assert after.pop(place) == {**before[place], "visibility": None}
    assert after == {name: row for name, row in before.items() if name != place}
    assert fetched.request_url.split("&")[0].count(",") == len(fetched.table) - 1


def test_places_of_which_none_is_covered_are_refused() -> None:
    with (
        ReplayServer(plan=[Misbehaviour(Kind.NOT_COVERED_REFUSED)]) as server,
        OpenMeteoSource(server.url) as source,
        pytest.raises(SourceRejected, match="covers none of the places: amsterdam: no model covers it"),
    ):
        source.fetch(LOCATIONS[:1], HOUR, HOUR + timedelta(hours=1))


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_survived_without_losing_a_row(kind: Kind) -> None:
    with ReplayServer() as server:
        whole = fetch(server)
    with ReplayServer(plan=[Misbehaviour(kind, 1)]) as server:
        fetched = fetch(server)
        assert server.answered == 2
    assert fetched.table.equals(whole.table)


def test_wrong_queries_are_refused_as_ever_and_do_not_count() -> None:
    with ReplayServer(plan=[Misbehaviour(Kind.OVERLOADED, 1)]) as server:
        assert requests.get(f"{server.url}/v1/forecast", timeout=10).status_code == 400
        assert requests.get(f"{server.url}/other", timeout=10).status_code == 404
        assert server.answered == 0


def test_a_server_that_is_slow_can_be_stopped() -> None:
    with ReplayServer(plan=[Misbehaviour(Kind.SLOW)]) as server, pytest.raises(SourceUnavailable):
        fetch(server, read_timeout=0.05)


def test_the_server_alone_takes_a_plan_and_refuses_a_wrong_one() -> None:
    port = free_port()
    command = [sys.executable, "-m", "weather_pipeline.cli", "replay", "--port", str(port), "--misbehave"]
    with subprocess.Popen([*command, "503:1"], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert f"http://127.0.0.1:{port}" in process.stderr.readline()
            url = f"http://127.0.0.1:{port}/v1/forecast?latitude=52.37&longitude=4.89"
            assert [requests.get(url, timeout=10).status_code for _ in range(2)] == [503, 200]
        finally:
            process.terminate()
    refused = subprocess.run([*command, "sulking"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "'sulking' is no way to misbehave. There are: 429-minutely" in refused.stderr
