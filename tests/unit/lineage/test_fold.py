from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from weather_pipeline.lineage.fold import asset_runs, check_runs, error_of, job_run, strays
from weather_pipeline.lineage.model import (
    AssetPath,
    AssetRun,
    CheckPlanned,
    CheckResult,
    CheckRun,
    JobRun,
    LogEvent,
    Materialization,
    Planned,
    RunEnded,
    RunInfo,
    RunStarted,
    RunState,
    StepChange,
    StepError,
    StepPhase,
)
from weather_pipeline.lineage.runlog import RunLog, fold_log

T0 = datetime(2026, 11, 21, 10, tzinfo=UTC)
RUN = RunInfo("run", "job", T0)
A = ("a",)
BOOM = StepError("ValueError", "ValueError: boom")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def step(phase: StepPhase, seconds: float, name: str = "a", error: StepError | None = None) -> StepChange:
    return StepChange(name, phase, at(seconds), error)


def made(seconds: float, path: tuple[str, ...] = A, name: str = "a") -> Materialization:
    return Materialization(path, at(seconds), name)


def runs(*events: LogEvent, now: float = 1000, grace: float = 60, max_runtime: float = 3600) -> dict[str, AssetRun]:
    folded = fold_log(events)
    found = asset_runs(
        folded, RUN, now=at(now), grace=timedelta(seconds=grace), max_runtime=timedelta(seconds=max_runtime)
    )
    return {"/".join(run.path): run for run in found}


def checks(folded: RunLog, read_by: Sequence[tuple[AssetPath, str]] = (), now: float = 1000) -> tuple[CheckRun, ...]:
    settings = {"now": at(now), "grace": timedelta(seconds=60), "max_runtime": timedelta(hours=1)}
    return check_runs(folded, RUN, elsewhere=read_by, **settings)


def job(*events: LogEvent, now: float = 1000) -> JobRun | None:
    settle, max_runtime = timedelta(seconds=2), timedelta(hours=1)
    return job_run(fold_log(events), RUN, now=at(now), settle=settle, max_runtime=max_runtime)


def test_planned_but_not_started_says_nothing() -> None:
    assert runs(Planned(A, "a")) == {}
    assert runs(Planned(A, "a"), RunEnded(RunState.FAIL, at(5))) == {}


def test_started_is_running() -> None:
    run = runs(Planned(A, "a"), step(StepPhase.STARTED, 1))["a"]
    assert (run.state, run.started_at, run.ended_at, run.announced) == (RunState.RUNNING, at(1), None, True)


def test_success_and_failure_end_at_the_steps_end() -> None:
    started = (Planned(A, "a"), step(StepPhase.STARTED, 1))
    good = runs(*started, made(2), step(StepPhase.SUCCEEDED, 3))["a"]
    assert (good.state, good.ended_at, len(good.materializations)) == (RunState.COMPLETE, at(3), 1)
    bad = runs(*started, step(StepPhase.FAILED, 3, error=BOOM))["a"]
    assert (bad.state, bad.ended_at, bad.error, bad.inferred) == (RunState.FAIL, at(3), BOOM, False)


def test_only_the_last_attempt_counts() -> None:
    run = runs(
        Planned(A, "a"),
        step(StepPhase.STARTED, 1),
        made(2),
        step(StepPhase.RESTARTED, 4),
        step(StepPhase.FAILED, 5, error=BOOM),
    )["a"]
    assert (run.state, run.started_at, run.attempts) == (RunState.FAIL, at(1), 2)


@pytest.mark.parametrize(
    ("ended", "state"),
    [(RunState.FAIL, RunState.FAIL), (RunState.ABORT, RunState.ABORT), (RunState.COMPLETE, RunState.ABORT)],
)
def test_a_step_without_an_end_waits_out_the_grace_then_ends_as_its_run(ended: RunState, state: RunState) -> None:
    events = (Planned(A, "a"), step(StepPhase.STARTED, 1), RunEnded(ended, at(10), BOOM))
    assert runs(*events, now=60)["a"].state is RunState.RUNNING
    run = runs(*events, now=70)["a"]
    assert (run.state, run.ended_at, run.error, run.inferred) == (state, at(10), BOOM, True)


def test_an_orphan_that_still_wrote_is_complete() -> None:
    started = (Planned(A, "a"), step(StepPhase.STARTED, 1), RunEnded(RunState.FAIL, at(10), BOOM), made(17))
    assert runs(*started, now=70)["a"].state is RunState.COMPLETE
    assert runs(*started, now=70)["a"].inferred is True
    assert runs(*started, step(StepPhase.SUCCEEDED, 18), now=19)["a"].inferred is False


def test_a_run_without_any_end_is_aborted_after_max_runtime() -> None:
    events = (Planned(A, "a"), step(StepPhase.STARTED, 1))
    assert runs(*events, now=3600)["a"].state is RunState.RUNNING
    run = runs(*events, now=3602)["a"]
    assert (run.state, run.inferred) == (RunState.ABORT, True)
    assert run.ended_at == at(3601)
    assert run.error is not None
    assert "No sign of life" in run.error.message


def test_a_run_that_shows_signs_of_life_is_not_dead_however_long_it_takes() -> None:
    events = [Planned(A, "a"), Planned(("b",), "b"), step(StepPhase.STARTED, 1), step(StepPhase.STARTED, 3500, "b")]
    assert {run.state for run in runs(*events, now=7000).values()} == {RunState.RUNNING}
    dead = runs(*events, now=7101)["b"]
    assert (dead.state, dead.started_at, dead.ended_at) == (RunState.ABORT, at(3500), at(7100))


def test_several_assets_in_a_step_are_not_announced_before_their_end() -> None:
    both = (Planned(A, "s"), Planned(("b",), "s"), step(StepPhase.STARTED, 1, "s"))
    found = runs(*both, made(2, A, "s"), step(StepPhase.FAILED, 3, "s", BOOM))
    assert (found["a"].state, found["b"].state) == (RunState.COMPLETE, RunState.FAIL)
    assert not found["a"].announced


def test_a_graph_starts_with_its_first_step_and_fails_with_the_step_that_failed() -> None:
    events = (Planned(A, "g.last"), step(StepPhase.STARTED, 1, "g.first"), step(StepPhase.FAILED, 2, "g.first", BOOM))
    found = runs(*events, RunEnded(RunState.FAIL, at(3)), now=4)
    assert (found["a"].started_at, found["a"].state, found["a"].error) == (at(1), RunState.FAIL, BOOM)


@pytest.mark.parametrize("ended", [RunState.FAIL, RunState.ABORT])
def test_a_graph_whose_last_step_never_began_ends_with_its_run(ended: RunState) -> None:
    begun = (Planned(A, "g.last"), step(StepPhase.STARTED, 1, "g.first"))
    events = (*begun, step(StepPhase.SUCCEEDED, 2, "g.first"), RunEnded(ended, at(3), BOOM))
    run = runs(*events, now=4)["a"]
    assert (run.state, run.ended_at, run.error, run.inferred) == (ended, at(3), BOOM, True)
    assert runs(*begun, RunEnded(ended, at(3)), now=4)["a"].state is RunState.RUNNING, "it may still go on"


def test_a_graph_whose_last_step_was_skipped_is_over() -> None:
    events = (
        Planned(A, "g.last"),
        step(StepPhase.STARTED, 1, "g.first"),
        step(StepPhase.SUCCEEDED, 2, "g.first"),
        step(StepPhase.SKIPPED, 3, "g.last"),
    )
    run = runs(*events, now=4)["a"]
    assert (run.state, run.ended_at, run.error, run.inferred) == (RunState.ABORT, at(3), None, False)
    assert runs(Planned(A, "a"), step(StepPhase.SKIPPED, 3)) == {}


def test_one_branch_of_a_graph_does_not_end_another() -> None:
    events = [
        Planned(("x",), "g.x"),
        Planned(("y",), "g.y"),
        step(StepPhase.STARTED, 1, "g.x"),
        step(StepPhase.FAILED, 2, "g.x", BOOM),
    ]
    assert runs(*events)["y"].state is RunState.RUNNING
    events += [
        step(StepPhase.STARTED, 3, "g.y"),
        made(4, ("y",), "g.y"),
        step(StepPhase.SUCCEEDED, 5, "g.y"),
        RunEnded(RunState.FAIL, at(6)),
    ]
    assert {name: run.state for name, run in runs(*events).items()} == {"x": RunState.FAIL, "y": RunState.COMPLETE}


def test_a_materialization_nobody_planned_is_a_run_of_its_own() -> None:
    first = (step(StepPhase.STARTED, 1, "op"), made(2, ("x",), "op"), step(StepPhase.SUCCEEDED, 3, "op"))
    assert runs(*first) == {}, "another op may add to it"
    second = (step(StepPhase.STARTED, 4, "op2"), made(5, ("x",), "op2"), step(StepPhase.SUCCEEDED, 6, "op2"))
    run = runs(*first, *second, RunEnded(RunState.COMPLETE, at(7)))["x"]
    assert (run.state, run.started_at, run.ended_at) == (RunState.COMPLETE, at(1), at(6))
    assert [done.at for done in run.materializations] == [at(2), at(5)]


def test_a_log_folds_the_same_in_pieces() -> None:
    events = [Planned(A, "a", "p"), step(StepPhase.STARTED, 1), made(2), step(StepPhase.SUCCEEDED, 3)]
    whole, pieces = fold_log(events), fold_log(events[:2])
    fold_log(events[2:], pieces)
    assert pieces == whole


def test_partitions_are_those_planned_and_made() -> None:
    found = runs(
        Planned(A, "a", "p1"),
        Planned(A, "a", "p2"),
        step(StepPhase.STARTED, 1),
        Materialization(A, at(2), "a", partition="p2"),
        step(StepPhase.SUCCEEDED, 3),
    )
    assert found["a"].partitions == ("p1", "p2")


def test_own_checks_are_told_once_the_run_is_over() -> None:
    check = CheckResult(A, "range", passed=True, severity="WARN", at=at(2), step="a")
    events = [step(StepPhase.STARTED, 1), check, step(StepPhase.SUCCEEDED, 3)]
    assert checks(fold_log(events)) == ()
    folded = fold_log([*events, RunEnded(RunState.COMPLETE, at(4))])
    (told,) = checks(folded)
    assert (told.started_at, told.ended_at, told.checks) == (at(1), at(2), (check,))
    assert checks(folded, read_by=[(A, "range")]) == ()


def test_the_dagster_run_is_a_run_of_its_own() -> None:
    assert job(Planned(A, "a")) is None, "it is queued"
    running = job(RunStarted(at(1)))
    assert running
    assert (running.state, running.started_at, running.ended_at) == (RunState.RUNNING, at(1), None)
    done = job(RunStarted(at(1)), RunEnded(RunState.COMPLETE, at(5)))
    assert done
    assert (done.state, done.ended_at, done.error, done.inferred) == (RunState.COMPLETE, at(5), None, False)


def test_a_run_that_never_started_is_told_with_its_end_once_it_has_settled() -> None:
    never = RunEnded(RunState.FAIL, at(5), BOOM)
    assert job(never, now=6) is None, "its start may become visible yet"
    told = job(never, now=7)
    assert told
    assert (told.state, told.started_at, told.ended_at, told.error) == (RunState.FAIL, at(5), at(5), BOOM)


def test_a_failed_run_says_what_its_steps_said() -> None:
    other = StepError("KeyError", "KeyError: 'x'", "stack")
    start, end = RunStarted(at(0)), RunEnded(RunState.FAIL, at(9), StepError(None, "Steps failed: a, b"))
    one = job(start, step(StepPhase.STARTED, 1), step(StepPhase.FAILED, 2, error=BOOM), end)
    assert one
    assert error_of(one) == BOOM
    assert error_of(one, one.failed) == StepError(None, "1 step failed.")
    failures = step(StepPhase.FAILED, 4, "b", other), step(StepPhase.FAILED, 3, error=BOOM)
    both = job(start, *failures, end)
    assert both
    assert error_of(both) == StepError(
        None, "2 steps failed: a: ValueError: boom; b: KeyError: 'x'", "a:\n\n\nb:\nstack"
    )
    assert error_of(both, both.failed[:1]) == StepError(None, "2 steps failed: b: KeyError: 'x'", "b:\nstack")
    none = job(start, end)
    assert none
    assert error_of(none) == end.error


def test_the_first_end_of_a_run_stands() -> None:
    told = job(RunStarted(at(1)), RunEnded(RunState.FAIL, at(5), BOOM), RunEnded(RunState.COMPLETE, at(9)))
    assert told
    assert (told.state, told.ended_at) == (RunState.FAIL, at(5))


def test_a_dead_runs_job_ends_too() -> None:
    started = RunStarted(at(1))
    assert job(started, now=3600) == JobRun(RUN, at(1), RunState.RUNNING)
    dead = job(started, now=3602)
    assert dead
    assert (dead.state, dead.ended_at, dead.inferred) == (RunState.ABORT, at(3601), True)


def test_a_check_that_could_not_be_evaluated_fails_with_its_steps_error() -> None:
    events = [CheckPlanned(A, "range", "check"), step(StepPhase.STARTED, 1, "check")]
    broken = fold_log([*events, step(StepPhase.FAILED, 2, "check", BOOM), RunEnded(RunState.FAIL, at(3))])
    (told,) = checks(broken)
    assert (told.state, told.error, told.ended_at, told.checks) == (RunState.FAIL, BOOM, at(2), ())
    killed = fold_log([*events, RunEnded(RunState.FAIL, at(3), BOOM)])
    assert checks(killed, now=62) == (), "it may still be evaluated"
    (told,) = checks(killed, now=63)
    assert (told.state, told.error, told.ended_at) == (RunState.FAIL, BOOM, at(3))


def test_a_check_in_the_step_of_its_asset_says_nothing_where_that_failed() -> None:
    events = [Planned(A, "a"), CheckPlanned(A, "range", "a"), step(StepPhase.STARTED, 1)]
    assert checks(fold_log([*events, step(StepPhase.FAILED, 2, error=BOOM), RunEnded(RunState.FAIL, at(3))])) == ()


def beside(*events: LogEvent) -> list[Materialization]:
    """What is told of planned assets beside their runs."""
    waits: Any = {"now": at(1000), "grace": timedelta(seconds=60), "max_runtime": timedelta(hours=1)}
    return strays(fold_log(events), asset_runs(fold_log(events), RUN, **waits), **waits)


def test_what_another_step_logged_is_the_assets_run_where_its_own_step_wrote_nothing() -> None:
    other, end = made(2, name="other"), RunEnded(RunState.COMPLETE, at(9))
    planned = (Planned(A, "a"), step(StepPhase.STARTED, 1, "other"), other, step(StepPhase.SUCCEEDED, 3, "other"))
    ended_well = (*planned, step(StepPhase.STARTED, 4), step(StepPhase.SUCCEEDED, 5), end)
    run = runs(*ended_well)["a"]
    assert (run.state, run.started_at, run.ended_at) == (RunState.COMPLETE, at(4), at(5))
    assert (run.materializations, run.inferred, beside(*ended_well)) == ((other,), False, [])
    never_began = runs(*planned, end, now=10)["a"]
    assert (never_began.state, never_began.started_at, never_began.ended_at) == (RunState.COMPLETE, at(2), at(2))
    assert never_began.inferred
    assert beside(*planned, end) == []
    assert runs(*planned) == {}, "its own step may still begin"


def test_what_another_step_logged_is_told_beside_a_run_that_has_its_own_end() -> None:
    other, end = made(2, name="other"), RunEnded(RunState.COMPLETE, at(9))
    logged = (Planned(A, "a"), step(StepPhase.STARTED, 1, "other"), other, step(StepPhase.SUCCEEDED, 3, "other"))
    wrote = (*logged, step(StepPhase.STARTED, 4), made(5), step(StepPhase.SUCCEEDED, 6))
    assert runs(*wrote, end)["a"].materializations == (made(5),)
    assert beside(*wrote, end) == [other]
    assert beside(*wrote) == [], "once the run is over"
    failed = (*logged, step(StepPhase.STARTED, 4), step(StepPhase.FAILED, 6, error=BOOM), end)
    assert (runs(*failed)["a"].state, runs(*failed)["a"].materializations) == (RunState.FAIL, ())
    assert beside(*failed) == [other]
    late = made(7, name="other")
    skipped = (Planned(A, "a"), step(StepPhase.STARTED, 4), step(StepPhase.SUCCEEDED, 6), late, end)
    assert runs(*skipped)["a"].materializations == (), "its end was told already"
    assert beside(*skipped) == [late]
