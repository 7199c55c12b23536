"""Whose clock is wrong, and how bad that is."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.unit.doctor import troubles
from weather_pipeline.doctor.clock import judge_clock, missing_zones
from weather_pipeline.doctor.clock_reading import ClockReading, reading_of_headers
from weather_pipeline.doctor.finding import Status

NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
TRUE, SLIGHTLY, FAR = (ClockReading(name, ahead, 0.6) for name, ahead in (("a", 0.3), ("b", -40.0), ("c", 7200.0)))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([], {}),
        ([TRUE], {}),
        ([SLIGHTLY], {"time": Status.WARNING}),
        ([FAR], {"time": Status.PROBLEM}),
        ([ClockReading("slow line", 14, 5)], {}),
    ],
)
def test_a_clock_is_as_wrong_as_it_is_known_to_be(readings: list[ClockReading], expected: dict[str, Status]) -> None:
    assert troubles(judge_clock(NOW, readings, [])) == expected


def test_nobody_to_ask_is_no_trouble() -> None:
    (finding,) = judge_clock(NOW, [], [])
    assert finding.status is Status.SKIPPED


def test_it_says_who_is_behind() -> None:
    (finding,) = judge_clock(NOW, [FAR], [])
    assert finding.found == "This machine's clock is 2 hours behind the clock of c."
    assert "more likely this machine's" in finding.cause
    (finding,) = judge_clock(NOW, [SLIGHTLY], [])
    assert finding.found == "This machine's clock is 40 s ahead of the clock of b."


def test_the_one_who_differs_from_two_is_wrong() -> None:
    (finding,) = judge_clock(NOW, [TRUE, FAR], [])
    assert finding.cause == "The clock of c is wrong: this machine agrees with a."


def test_a_clock_before_the_release_is_wrong() -> None:
    assert troubles(judge_clock(datetime(1970, 1, 1, tzinfo=UTC), [], [])) == {"time": Status.PROBLEM}


def test_time_zones() -> None:
    assert missing_zones() == []
    assert troubles(judge_clock(NOW, [TRUE], ["Europe/Amsterdam"])) == {"time zones": Status.PROBLEM}


def test_a_date_header_is_compared_with_the_middle_of_the_way() -> None:
    headers = {"Date": format_datetime(NOW, usegmt=True)}
    sent = NOW.timestamp() - 10
    reading = reading_of_headers("x", headers, sent=sent, received=sent + 2)
    assert reading == ClockReading("x", 9.5, 1.5)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": "Sat, 02 Jan 2027 03:04:05 GMT", "Age": "60"}])
def test_a_date_that_tells_nothing_is_left_out(headers: dict[str, str]) -> None:
    assert reading_of_headers("x", headers, sent=0, received=1) is None
