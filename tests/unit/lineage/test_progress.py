import pytest

from weather_pipeline.lineage.progress import OpenRun, Progress, Strikes
from weather_pipeline.lineage.reader import Position


def test_a_cursor_holds_everything() -> None:
    progress = Progress(
        positions={"started": Position(7, "run", 1.5, 2.5)},
        open={"run": OpenRun({"x:start"}, {"x:end": Strikes(2, 7.5)})},
        closed={"old": 3.0},
        swept_at=4.0,
        since=5.0,
        failing_since=6.0,
        accepted=8,
        refused=9,
    )
    assert Progress.load(progress.dump()) == progress


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_is_a_first_start(cursor: str | None) -> None:
    assert Progress.load(cursor) is None


@pytest.mark.parametrize("cursor", ["x", "{}", "[]", '{"openlineage-1": {"started": [1, 2, 3, 4]}}'])
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="not one of this exporter"):
        Progress.load(cursor)


def test_closed_runs_are_forgotten_by_age_and_by_number() -> None:
    progress = Progress(closed={str(second): float(second) for second in range(10)})
    progress.forget_closed(before=4, limit=3)
    assert progress.closed == {"7": 7.0, "8": 8.0, "9": 9.0}
