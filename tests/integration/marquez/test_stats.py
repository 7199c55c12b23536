"""Statistics: every event, and every thing, is counted in the interval of its time."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event

pytestmark = pytest.mark.integration

_NOW = datetime.now(UTC)
_ZONE = "Asia/Kathmandu"
"""Never has summer time, and its days begin at a quarter past an hour of UTC."""

_HAPPENED = [
    (event_type, _NOW - timedelta(hours=hours))
    for event_type, hours in (
        ("START", 0), ("RUNNING", 0), ("COMPLETE", 0), ("OTHER", 0), ("START", 1), ("FAIL", 1), ("ABORT", 2),
        ("COMPLETE", 5), ("START", 22), ("START", 25), ("COMPLETE", 5 * 24), ("FAIL", 9 * 24),
    )
] + [("START", _NOW.replace(minute=0, second=0, microsecond=0))]  # fmt: skip
"""The last at the first moment of an hour."""

_TYPES = ("START", "COMPLETE", "FAIL", "ABORT")


@pytest.fixture(scope="module", autouse=True)
def told(service: LineageService) -> None:
    """Each event with a run, a job, a dataset and a source of its own."""
    for number, (event_type, at) in enumerate(_HAPPENED):
        source = facet(name=f"source{number}", uri="s3://lake")
        table = dataset("counted", f"table{number}", {"dataSource": source})
        service.accept(
            run_event(event_type, at.isoformat(), str(uuid.uuid4()), ("counted", f"job{number}"), outputs=[table])
        )


def _intervals(entries: Sequence[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    return [
        (datetime.fromisoformat(entry["startInterval"]), datetime.fromisoformat(entry["endInterval"]))
        for entry in entries
    ]


@pytest.mark.parametrize(
    ("period", "number", "step", "sums"),
    [
        ("DAY", 24, timedelta(hours=1), {"START": 4, "COMPLETE": 2, "FAIL": 1, "ABORT": 1}),
        ("WEEK", 7, timedelta(days=1), {"START": 5, "COMPLETE": 3, "FAIL": 1, "ABORT": 1}),
    ],
)
def test_events_by_type(
    service: LineageService, period: str, number: int, step: timedelta, sums: dict[str, int]
) -> None:
    entries = service.get(f"/api/v1/stats/lineage-events?period={period}&timezone={_ZONE}")

    intervals = _intervals(entries)
    assert [end - start for start, end in intervals] == [step] * number
    assert [start for start, _ in intervals[1:]] == [end for _, end in intervals[:-1]]
    # The first may have ended since the events were made up.
    assert intervals[-1][0] - step <= _NOW < intervals[-1][1]
    for entry, (start, end) in zip(entries, intervals, strict=True):
        expected = Counter(event_type for event_type, at in _HAPPENED if start <= at < end)
        assert {kind: entry[kind.lower()] for kind in _TYPES} == {kind: expected[kind] for kind in _TYPES}
    assert {kind: sum(entry[kind.lower()] for entry in entries) for kind in _TYPES} == sums


def test_a_day_begins_at_midnight_of_the_callers_time_zone(service: LineageService) -> None:
    for zone in (_ZONE, "UTC"):
        entries = service.get(f"/api/v1/stats/jobs?period=WEEK&timezone={zone}")

        assert {start.astimezone(ZoneInfo(zone)).time() for start, _ in _intervals(entries)} == {time()}


@pytest.mark.parametrize("period", ["DAY", "WEEK"])
@pytest.mark.parametrize("what", ["jobs", "datasets", "sources"])
def test_what_there_was_at_the_end_of_each_interval(service: LineageService, what: str, period: str) -> None:
    created = [at for _, at in _HAPPENED]
    if what == "sources":
        # There from the beginning.
        created.append(datetime.fromisoformat(service.get("/api/v1/sources/default")["createdAt"]))

    entries = service.get(f"/api/v1/stats/{what}?period={period}")

    assert [entry["count"] for entry in entries] == [sum(at < end for at in created) for _, end in _intervals(entries)]
    assert entries[0]["count"] < entries[-1]["count"] == len(created)
