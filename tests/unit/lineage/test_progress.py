import json

import pytest

from weather_pipeline.lineage.progress import OpenRun, Parked, Progress, Strikes
from weather_pipeline.lineage.reader import Position


def test_a_cursor_holds_everything() -> None:
    progress = Progress(
        positions={"started": Position(7, "run", 1.5, 2.5)},
        open={"run": OpenRun({"x:start"}, {"x:end": Strikes(2, 7.5)}, 3, 2.5), "other": OpenRun()},
        closed={"old": 3.0},
        parked={"quiet": Parked(9, 3.5, False)},
        swept_at=4.0,
        since=5.0,
        failing_since=6.0,
        not_before=7.0,
        accepted=8,
        refused=9,
        retried=10,
        last_error="HTTP 503",
        last_error_at=11.0,
        ticked_at=12.0,
        lag=13.0,
        undiscovered=14,
        undiscovered_since=15.0,
    )
    assert Progress.load(progress.dump()) == progress


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_is_a_first_start(cursor: str | None) -> None:
    assert Progress.load(cursor) is None


@pytest.mark.parametrize("cursor", ["x", "{}", "[]", '{"openlineage-1": {"started": [1, 2, 3, 4]}}'])
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="not one of this exporter"):
        Progress.load(cursor)


def test_a_cursor_of_the_first_version_loads() -> None:
    saved = {
        "openlineage-1": {"started": [7, "run", 1.5, 2.5]},
        "open": {"run": [["x:start"], {"x:end": [2, 7.5]}]},
        "closed": {"old": 3.0},
        "swept_at": 4.0,
        "since": 5.0,
        "failing_since": None,
        "accepted": 8,
        "refused": 9,
    }
    assert Progress.load(json.dumps(saved)) == Progress(
        positions={"started": Position(7, "run", 1.5, 2.5)},
        open={"run": OpenRun({"x:start"}, {"x:end": Strikes(2, 7.5)})},
        closed={"old": 3.0},
        swept_at=4.0,
        since=5.0,
        accepted=8,
        refused=9,
    )


def test_closed_runs_are_forgotten_by_age_and_by_number() -> None:
    progress = Progress(closed={str(second): float(second) for second in range(10)})
    progress.forget_closed(before=4, limit=3)
    assert progress.closed == {"7": 7.0, "8": 8.0, "9": 9.0}


def test_the_backlog_is_what_is_due_and_what_was_not_looked_at() -> None:
    progress = Progress(
        open={
            "done": OpenRun(due=0, due_since=None),
            "waits": OpenRun(due=3, due_since=90.0),
            "found": OpenRun(due_since=95.0),
        }
    )
    progress.end_tick(100.0)
    assert (progress.waiting, progress.unread, progress.lag, progress.ticked_at) == (3, 1, 10.0, 100.0)


def test_an_error_is_remembered_in_part() -> None:
    progress = Progress()
    progress.note_error("x" * 100_000, 5.0)
    assert progress.last_error is not None
    assert (len(progress.last_error), progress.last_error_at) == (500, 5.0)
