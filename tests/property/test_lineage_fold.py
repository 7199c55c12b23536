"""Any interleaving of any log gives a valid story."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.lineage.test_fold import BOOM, RUN, T0
from weather_pipeline.lineage.fold import asset_runs
from weather_pipeline.lineage.model import (
    LogEvent,
    Materialization,
    Planned,
    RunEnded,
    RunState,
    StepChange,
    StepPhase,
)
from weather_pipeline.lineage.runlog import fold_log

PATHS = st.sampled_from([("a",), ("b",), ("c", "d")])
STEPS = st.sampled_from(["a", "b", "g.one", "g.two"])
TIMES = st.integers(0, 500).map(lambda seconds: T0 + timedelta(seconds=seconds))
EVENTS: st.SearchStrategy[LogEvent] = st.one_of(
    st.builds(Planned, PATHS, STEPS, st.none() | st.sampled_from(["p", "q"])),
    st.builds(StepChange, STEPS, st.sampled_from(StepPhase), TIMES, st.none() | st.just(BOOM)),
    st.builds(Materialization, PATHS, TIMES, STEPS),
    st.builds(RunEnded, st.sampled_from([RunState.COMPLETE, RunState.FAIL, RunState.ABORT]), TIMES),
)
SETTINGS = {"now": T0 + timedelta(seconds=600), "grace": timedelta(seconds=60), "max_runtime": timedelta(days=1)}


@given(st.lists(EVENTS, max_size=40))
def test_each_asset_is_told_once_and_ended_means_terminal(events: list[LogEvent]) -> None:
    runs = asset_runs(fold_log(events), RUN, **SETTINGS)
    assert len({run.path for run in runs}) == len(runs)
    for run in runs:
        assert (run.ended_at is None) == (run.state is RunState.RUNNING)
        assert run.ended_at is None or run.ended_at >= run.started_at
        if run.state is RunState.COMPLETE:
            assert run.materializations


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_what_has_ended_stays_told(events: list[LogEvent], cut: int) -> None:
    """An asset that was told never disappears again as the log grows."""
    before = {run.path for run in asset_runs(fold_log(events[:cut]), RUN, **SETTINGS)}
    after = {run.path for run in asset_runs(fold_log(events), RUN, **SETTINGS)}
    replanned = {event.path for event in events[cut:] if isinstance(event, Planned)}
    restarted = any(isinstance(event, StepChange) and event.phase is StepPhase.RESTARTED for event in events[cut:])
    if not restarted:
        assert before - replanned <= after


@st.composite
def well_formed(draw: st.DrawFn) -> list[LogEvent]:
    """The log of one run as Dagster writes it: steps in any interleaving, each with one end, then the run's."""
    second = iter(range(1, 1000))
    waiting: list[list[LogEvent]] = []
    planned: list[LogEvent] = []
    for path, key in ((("a",), "a"), (("b",), "g.one"), (("c", "d"), "g.two")):
        planned.append(Planned(path, key))
        end = draw(st.sampled_from([StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.INTERRUPTED, None]))
        makes = [Materialization(path, T0, key)] if draw(st.booleans()) else []
        ends = [StepChange(key, end, T0, BOOM if end is StepPhase.FAILED else None)] if end else []
        waiting.append([StepChange(key, StepPhase.STARTED, T0), *makes, *ends])
    log: list[LogEvent] = []
    while any(waiting):
        queue = draw(st.sampled_from([queue for queue in waiting if queue]))
        log.append(queue.pop(0))
    log.append(RunEnded(draw(st.sampled_from([RunState.COMPLETE, RunState.FAIL, RunState.ABORT])), T0))
    # Times follow the order of the log.
    return [*planned, *(replace(event, at=T0 + timedelta(seconds=next(second))) for event in log)]  # type: ignore[arg-type,type-var]


@given(well_formed(), st.integers(0, 20))
def test_an_end_that_was_told_stays_as_it_was(log: list[LogEvent], cut: int) -> None:
    before = {run.path: run for run in asset_runs(fold_log(log[:cut]), RUN, **SETTINGS)}
    after = {run.path: run for run in asset_runs(fold_log(log), RUN, **SETTINGS)}
    for path, run in before.items():
        assert after[path].started_at == run.started_at
        if run.ended_at and not run.inferred:
            assert (after[path].state, after[path].ended_at) == (run.state, run.ended_at)
