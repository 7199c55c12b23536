"""The client against real servers on loopback: recorded observations, and servers that answer wrongly."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.sources.misbehaving import Answer, misbehaving
from tests.unit.sources.bodies import END, START, answer, encoded, without_readings
from weather_pipeline.errors import SourceQuotaSpent, SourceRateLimited, SourceRejected, SourceUnavailable
from weather_pipeline.sources.answers import BrokenBody, NotYetThere
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.stack.postgres import free_port
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Fetched
from weather_pipeline.weather.locations import LOCATIONS, Location

pytestmark = pytest.mark.integration

OUTLIER = datetime(2026, 2, 12, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTELY = "Minutely API request limit exceeded. Please try again in one minute."
HOURLY = "Hourly API request limit exceeded. Please try again in the next hour."
DAILY = "Daily API request limit exceeded. Please try again tomorrow."


@pytest.fixture(scope="module")
def replay() -> Iterator[OpenMeteoSource]:
    with ReplayServer() as server, OpenMeteoSource(server.url, name="replay", first_wait=0) as source:
        yield source


def fetch(url: str, *, timeout: tuple[float, float] = (5, 10)) -> Fetched:
    with OpenMeteoSource(url, first_wait=0, timeout=timeout) as source:
        return source.fetch(LOCATIONS[:1], START, END)


def test_all_places_come_in_one_request_with_their_origin(replay: OpenMeteoSource) -> None:
    before = datetime.now(UTC)
    fetched = replay.fetch(LOCATIONS, OUTLIER, OUTLIER + 2 * HOUR)
    assert fetched.table.schema == BRONZE_SCHEMA
    assert fetched.table.num_rows == 30
    assert set(fetched.table["location_id"].to_pylist()) == {place.id for place in LOCATIONS}
    assert fetched.units["wind_speed_10m"] == "km/h"
    assert before <= fetched.received_at <= datetime.now(UTC)
    assert "start_hour=2026-02-12T08:00&end_hour=2026-02-12T09:00&timezone=GMT" in fetched.request_url
    first = fetched.table.to_pylist()[0]
    assert (first["location_id"], first["time"], first["wind_speed_10m"]) == ("amsterdam", "2026-02-12T08:00", 1687.2)
    assert first["source"] == fetched.source == "replay"


def test_one_place_and_one_hour(replay: OpenMeteoSource) -> None:
    assert replay.fetch(LOCATIONS[4:5], OUTLIER, OUTLIER + HOUR).table["location_id"].to_pylist() == ["eindhoven"]


def test_a_repeated_hour_and_missing_readings_arrive_as_received(replay: OpenMeteoSource) -> None:
    start = datetime(2026, 11, 3, 5, tzinfo=UTC)
    rows = replay.fetch(LOCATIONS, start, start + 2 * HOUR).table.to_pylist()
    amsterdam = [row for row in rows if row["location_id"] == LOCATIONS[0].id]
    assert [(row["time"][-5:], row["temperature_2m"]) for row in amsterdam] == [
        ("05:00", 11.1),
        ("05:00", 10.0),
        ("06:00", None),
    ]


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ((0, 1), r"any place yet for 2026-11-20T08:00Z to before 2026-11-20T10:00Z, so nothing .* Ask again later"),
        ((1,), r"for 2026-11-20T09:00Z to before .* 2026-11-20T08:00Z to before 2026-11-20T09:00Z is there: ask for"),
    ],
)
def test_hours_without_a_reading_of_any_place_are_not_there_yet_and_are_named(
    hours: tuple[int, ...], words: str
) -> None:
    empty = Answer(body=encoded(without_readings(answer(), *hours)))
    with misbehaving(empty) as server, pytest.raises(NotYetThere, match=words):
        fetch(server.url)
    assert len(server.requests) == 1


def test_an_hour_that_one_place_has_a_reading_for_is_there() -> None:
    places = [without_readings(answer(0), 0, 1), answer(1)]
    with misbehaving(Answer(body=encoded(places))) as server, OpenMeteoSource(server.url, first_wait=0) as source:
        assert source.fetch(LOCATIONS[:2], START, END).table.num_rows == 4


def test_a_refused_request_carries_the_servers_reason_and_is_not_repeated(replay: OpenMeteoSource) -> None:
    nowhere = Location("nowhere", "Nowhere", 95.0, 5.0)
    with pytest.raises(SourceRejected, match=r"answered 400: Latitude must be in range of -90 to 90°. Given: 95.0."):
        replay.fetch([nowhere], OUTLIER, OUTLIER + HOUR)
    with misbehaving(Answer.reason(400, "no")) as server, pytest.raises(SourceRejected, match="no"):
        fetch(server.url)
    assert len(server.requests) == 1


def test_another_path_is_not_found(replay: OpenMeteoSource) -> None:
    with pytest.raises(SourceRejected, match="answered 404: Not Found"):
        fetch(f"{replay.base_url}/other")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_overloaded_server_is_tried_again(status: int) -> None:
    with misbehaving(Answer.reason(status, "overloaded"), Answer(body=encoded(answer()))) as server:
        assert fetch(server.url).table.num_rows == 2
    assert len(server.requests) == 2


def test_a_server_that_stays_overloaded_is_unavailable_with_its_reason() -> None:
    with (
        misbehaving(Answer.reason(503, "The service is overloaded")) as server,
        pytest.raises(SourceUnavailable, match="answered 503: The service is overloaded"),
    ):
        fetch(server.url)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "broken",
    [
        Answer(body=encoded(answer())[:200]),
        Answer(body=encoded(answer()) + b"Unexpected error while streaming data: timeout"),
        Answer(body=encoded(answer()).replace(b"[10,", b"[nan,").replace(b"[10.0,", b"[nan,")),
        Answer(body=encoded(answer())[:100], missing=500),
    ],
    ids=["truncated", "streaming error", "nan", "connection cut"],
)
def test_a_broken_answer_is_tried_again(broken: Answer) -> None:
    with misbehaving(broken, Answer(body=encoded(answer()))) as server:
        assert fetch(server.url).table.num_rows == 2
    assert len(server.requests) == 2


def test_an_answer_that_stays_broken_says_how() -> None:
    body = encoded(answer()) + b"Unexpected error while streaming data: timeoutReached"
    with misbehaving(Answer(body=body)) as server, pytest.raises(BrokenBody, match="timeoutReached"):
        fetch(server.url)
    assert len(server.requests) == 3


def test_a_connection_that_stays_cut_says_so() -> None:
    with (
        misbehaving(Answer(body=b"{", missing=5)) as server,
        pytest.raises(SourceUnavailable, match="broke off"),
    ):
        fetch(server.url)


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [(MINUTELY, 60), ("Too many concurrent requests", 5), ("slow down", 60)],
)
def test_a_limit_that_ends_soon_says_how_long_to_wait(reason: str, seconds: float) -> None:
    with misbehaving(Answer.reason(429, reason)) as server, pytest.raises(SourceRateLimited) as caught:
        fetch(server.url)
    assert len(server.requests) == 1
    assert reason in str(caught.value)
    assert caught.value.retry_after == seconds
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.retry_after) == (str(caught.value), seconds)


@pytest.mark.parametrize(("reason", "period"), [(HOURLY, timedelta(hours=1)), (DAILY, timedelta(days=1))])
def test_the_limit_of_an_hour_or_a_day_says_from_when_to_retry(reason: str, period: timedelta) -> None:
    before = datetime.now(UTC)
    with misbehaving(Answer.reason(429, reason)) as server, pytest.raises(SourceQuotaSpent) as caught:
        fetch(server.url)
    assert len(server.requests) == 1
    retry_from = caught.value.retry_from
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert (retry_from - epoch) % period == timedelta(0)
    assert before < retry_from <= datetime.now(UTC) + period
    assert reason in str(caught.value)
    assert f"Retry from {retry_from:%Y-%m-%dT%H:%M}:00Z." in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.retry_from) == (str(caught.value), retry_from)


def test_a_retry_after_header_wins_over_the_reasons_time() -> None:
    answers = Answer.reason(429, MINUTELY, **{"Retry-After": "17"})
    with misbehaving(answers) as server, pytest.raises(SourceRateLimited) as caught:
        fetch(server.url)
    assert caught.value.retry_after == 17


def test_a_limit_that_lasts_longer_than_a_step_may_wait_is_a_quota_whatever_its_reason() -> None:
    before = datetime.now(UTC)
    answers = Answer.reason(429, "slow down", **{"Retry-After": "900"})
    with misbehaving(answers) as server, pytest.raises(SourceQuotaSpent) as caught:
        fetch(server.url)
    assert timedelta(seconds=900) <= caught.value.retry_from - before


def test_a_limit_that_is_said_to_last_for_years_is_over_in_a_day() -> None:
    answers = Answer.reason(429, "slow down", **{"Retry-After": "999999999"})
    with misbehaving(answers) as server, pytest.raises(SourceQuotaSpent) as caught:
        fetch(server.url)
    assert caught.value.retry_from <= datetime.now(UTC) + timedelta(days=1, seconds=1)


def test_a_server_that_is_not_there_and_one_that_does_not_answer_are_unavailable() -> None:
    with pytest.raises(SourceUnavailable, match="can't be reached"):
        fetch(f"http://127.0.0.1:{free_port()}")
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(SourceUnavailable, match=r"can't be reached.*timed out"),
    ):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=(0.05, 0.05))
