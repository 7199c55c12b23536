"""Whatever a Spark session tells, and however it ends: each run that began ends once, and never better than it did."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.lineage.spool.events import APPLICATION, began, event, run_id
from weather_pipeline.lineage.spool.record import Ended, Failed, Record
from weather_pipeline.lineage.spool.story import Story

RECORD = Record("MyJob")
ENDS = ("COMPLETE", "FAIL", "ABORT")

_ACTIONS = st.lists(
    st.tuples(st.integers(2, 5), st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL"])), max_size=25
)


def _failed(numbers: set[int]) -> Failed:
    """That these actions have failed. All events of an action have the same time."""
    failed = Failed()
    for number in numbers:
        failed.add(began(number), began(number), "why")
    return failed


_FAILED = st.sets(st.integers(2, 5)).map(_failed)
_OUTCOMES = st.sampled_from([Ended(state, "2026-11-22T11:00:00Z", "why") for state in ENDS])  # type: ignore[arg-type]


def _session(actions: list[tuple[int, str]], *, is_closed: bool) -> list[dict[str, Any]]:
    inner = [event(kind, run_id(number), at=number) for number, kind in actions]
    return [event("START"), *inner, *([event("COMPLETE")] if is_closed else [])]


@given(_ACTIONS, _OUTCOMES, st.booleans(), _FAILED, st.booleans())
def test_each_run_ends_once_and_a_failure_is_never_a_success(
    actions: list[tuple[int, str]], outcome: Ended, is_closed: bool, failed: Failed, is_slow: bool
) -> None:
    story, told = Story(), []
    for each in _session(actions, is_closed=is_closed):
        told += story.hear(each, RECORD, failed)
        told += story.settle(failed) if is_slow else []
        story = Story.from_json(story.as_json())
    told += story.end(outcome, failed)
    kinds: dict[str, list[str]] = {}
    for each in told:
        kinds.setdefault(each["run"]["runId"], []).append(each["eventType"])
    for run, seen in kinds.items():
        assert sum(kind in ENDS for kind in seen) == 1
        assert seen[-1] in ENDS
        first_end = next((kind for number, kind in actions if run_id(number) == run and kind in ENDS), None)
        if run == APPLICATION:
            assert seen[-1] == outcome.state
        elif first_end is not None:
            has_failed = any(run_id(number) == run and began(number) in failed.begun for number, _ in actions)
            assert seen[-1] == ("FAIL" if has_failed else first_end)
        else:
            assert seen[-1] != "COMPLETE"
    assert story.end(outcome) == []


@given(_ACTIONS, _OUTCOMES, st.integers(0, 26))
def test_telling_it_again_from_anywhere_tells_the_same(
    actions: list[tuple[int, str]], outcome: Ended, crashed_at: int
) -> None:
    events = _session(actions, is_closed=True)
    story = Story()
    whole = [story.hear(each, RECORD) for each in events]
    ends = story.end(outcome)

    story = Story()
    for each in events[:crashed_at]:
        story.hear(each, RECORD)
    kept = story.as_json()
    for _ in range(2):  # the second time is that after the crash
        story = Story.from_json(kept)
        again = [story.hear(each, RECORD) for each in events[crashed_at:]]
        assert again == whole[crashed_at:]
        assert story.end(outcome) == ends
