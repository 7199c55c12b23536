"""A run's log events → the state of each asset's run. Pure: the same events always give the same answer.

The rules (docs/exporter-states.md says them for users):

* The Dagster run is a run of its job from RUN_START to its end; the first end that the log has stands. One that ended
  without ever starting is told once its log has settled, with its end as its start.
* What a run's steps materialize outside any plan (an op that logs a materialization) is told when the run has ended:
  until then another op may add to it.
* What another step than the planned one logs of an asset is its run's where the planned step ended well without it, or
  never began; elsewhere it is told as an event about the dataset, when the run has ended.
* START is the first start of a step that belongs to the asset: the one that materializes it or, for a graph-backed
  asset, any step of its graph.
* At the step's final end (retries over) what the last attempt materialized is COMPLETE, the rest FAIL with the step's
  own error, or ABORT where the step was interrupted.
* A step without a final event ends as its Dagster run ended, marked as inferred, once the run has been over for
  `grace`: until then an orphaned step may still write.
* A step that never started says nothing: neither does an output that was skipped. Of a graph-backed asset of which
  another step had started, ABORT where its own was skipped; else it ends as its Dagster run, at once where no step of
  its graph is without an end.
* A run that stays open with everything dead ends as ABORT, marked as inferred, `max_runtime` after its last sign of
  life.
* The checks of an asset are told together once the run is over. Where one could not be evaluated, because its own step
  failed, they FAIL with that step's error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from weather_pipeline.lineage.model import (
    AssetPath,
    AssetRun,
    CheckResult,
    CheckRun,
    FailedStep,
    JobRun,
    Materialization,
    RunEnded,
    RunInfo,
    RunState,
    StepError,
)
from weather_pipeline.lineage.provenance import recorded_reads
from weather_pipeline.lineage.runlog import RunLog, StepLog

_LATEST = datetime.max.replace(tzinfo=UTC)


def asset_runs(
    log: RunLog, run: RunInfo, *, now: datetime, grace: timedelta, max_runtime: timedelta
) -> tuple[AssetRun, ...]:
    """The state of every asset's run that has started, by asset key.

    Args:
        log: The folded log.
        run: The Dagster run.
        now: The present, which decides about grace and `max_runtime`.
        grace: How long after the run's end an orphaned step may still write.
        max_runtime: How long a run may stay open without any sign of its end.
    """
    ended = _inferred_end(log, now, grace, max_runtime)
    planned_in: dict[str, int] = defaultdict(int)
    for step, _ in log.plans.values():
        planned_in[step] += 1
    made_in = _made_in(log)
    checks = {key: tuple(step.checks) for key, step in log.steps.items()}
    graphs: dict[str, list[StepLog]] = defaultdict(list)
    for key, step in log.steps.items():
        graphs[_graph(key)].append(step)
    found: list[AssetRun | None] = []
    for path, (key, _) in log.plans.items():
        asset_run = _asset_run(
            log,
            run,
            path,
            key,
            announced=planned_in[key] == 1,
            ended=ended,
            group=graphs.get(_graph(key), []),
            elsewhere=_elsewhere(log, made_in, path, key),
            checks=checks.get(key, ()),
        )
        found.append(asset_run and replace(asset_run, upstream=_upstream(log, made_in, asset_run.materializations)))
    if log.ended or ended:
        found += [_logged_run(log, run, path, keys) for path, keys in made_in.items() if path not in log.plans]
    return tuple(sorted((asset_run for asset_run in found if asset_run), key=lambda asset_run: asset_run.path))


def strays(
    log: RunLog, runs: Iterable[AssetRun], *, now: datetime, grace: timedelta, max_runtime: timedelta
) -> list[Materialization]:
    """What steps logged of assets that others were to write, and that is no part of those assets' runs.

    Args:
        log: The folded log.
        runs: The runs of the same log's assets.
        now: The present.
        grace: How long after the run's end an orphaned step may still write.
        max_runtime: How long a run may stay open without any sign of its end.
    """
    if _over(log, _inferred_end(log, now, grace, max_runtime)) is None:
        return []
    told = {run.path: run.materializations for run in runs}
    made_in = _made_in(log)
    found = [made for path, (key, _) in log.plans.items() for made in _elsewhere(log, made_in, path, key)]
    return sorted((made for made in found if made not in told.get(made.path, ())), key=lambda made: made.at)


def job_run(log: RunLog, run: RunInfo, *, now: datetime, settle: timedelta, max_runtime: timedelta) -> JobRun | None:
    """The Dagster run as a run of its job; None while it has not started.

    Args:
        log: The folded log.
        run: The Dagster run.
        now: The present.
        settle: How long after the end of a run without a start its log may still show that start.
        max_runtime: How long a run may stay open without any sign of its end.
    """
    ended = log.ended or _dead(log, now, max_runtime)
    started_at = log.run_started_at
    if started_at is None:
        if log.ended is None or now - log.ended.at < settle:
            return None
        started_at = log.ended.at
    return JobRun(
        run=run,
        started_at=started_at,
        state=ended.state if ended else RunState.RUNNING,
        # Whoever takes a run for failed may be wrong about its worker, which begins after that.
        ended_at=ended and max(ended.at, started_at),
        error=ended.error if ended else None,
        failed=_failed_steps(log) if ended and ended.state is RunState.FAIL else (),
        inferred=ended is not None and ended.inferred,
    )


def error_of(run: JobRun, kept_in: Collection[FailedStep] = ()) -> StepError | None:
    """What made a Dagster run fail: what its failed steps say; what the run says where none failed.

    Args:
        run: The run.
        kept_in: Failed steps whose words may not leave; they are only counted.
    """
    told = [step for step in run.failed if step not in kept_in]
    if not run.failed:
        return run.error
    if len(told) == len(run.failed) == 1:
        return told[0].error
    message = f"{len(run.failed)} step{'s' if len(run.failed) > 1 else ''} failed"
    said = "; ".join(f"{step.key}: {step.error.message}" for step in told)
    stack = "\n\n".join(f"{step.key}:\n{step.error.stack}" for step in told)
    return StepError(None, f"{message}: {said}" if said else f"{message}.", stack)


def checks_are_due(log: RunLog, *, now: datetime, grace: timedelta, max_runtime: timedelta) -> bool:
    """Whether no step is waited for any more that could still evaluate a check: else `check_runs` has none."""
    return _over(log, _inferred_end(log, now, grace, max_runtime)) is not None


def check_runs(
    log: RunLog,
    run: RunInfo,
    *,
    elsewhere: Collection[tuple[AssetPath, str]],
    now: datetime,
    grace: timedelta,
    max_runtime: timedelta,
) -> tuple[CheckRun, ...]:
    """The checks of each asset that stand for themselves, once the Dagster run is over.

    Args:
        log: The folded log.
        run: The Dagster run.
        elsewhere: (asset, check) pairs that are told elsewhere: as assertions on an input of an asset's run, or by
            another sensor.
        now: The present.
        grace: How long after the run's end an orphaned step may still evaluate its checks.
        max_runtime: How long a run may stay open without any sign of its end.
    """
    ended = _inferred_end(log, now, grace, max_runtime)
    if _over(log, ended) is None:
        return ()
    by_asset: dict[AssetPath, list[tuple[datetime, CheckResult]]] = defaultdict(list)
    for step in log.steps.values():
        for check in step.checks:
            if (check.path, check.name) not in elsewhere:
                by_asset[check.path].append((step.started_at or check.at, check))
    broken = _broken_checks(log, elsewhere)
    told = [
        _check_run(run, path, by_asset.get(path, []), broken.get(path, []), ended) for path in {**by_asset, **broken}
    ]
    return tuple(sorted(told, key=lambda check_run: check_run.path))


def _broken_checks(log: RunLog, elsewhere: Collection[tuple[AssetPath, str]]) -> dict[AssetPath, list[StepLog]]:
    """The steps that were to evaluate a check and did not, by asset; an asset's own step is that asset's matter."""
    making = {key for key, _ in log.plans.values()}
    found: dict[AssetPath, list[StepLog]] = defaultdict(list)
    for (path, name), key in log.planned_checks.items():
        step = log.steps.get(key)
        if step is None or step.started_at is None or key in making or (path, name) in elsewhere:
            continue
        if step.outcome is not RunState.COMPLETE and name not in {c.name for c in step.checks if c.path == path}:
            found[path].append(step)
    return found


def _check_run(
    run: RunInfo,
    path: AssetPath,
    evaluated: Sequence[tuple[datetime, CheckResult]],
    broken: Sequence[StepLog],
    ended: RunEnded | None,
) -> CheckRun:
    """One asset's checks, evaluated or broken; `ended` is there where a broken one has no end of its own."""
    starts = [start for start, _ in evaluated] + [step.started_at for step in broken if step.started_at]
    started_at = min(starts)
    ends = [check.at for _, check in evaluated] + [step.ended_at for step in broken if step.ended_at]
    if any(step.ended_at is None for step in broken) and ended:
        ends.append(ended.at)
    worst = broken[0] if broken else None
    return CheckRun(
        run=run,
        path=path,
        started_at=started_at,
        ended_at=max([started_at, *ends]),
        checks=tuple(check for _, check in evaluated),
        state=RunState.COMPLETE if worst is None else worst.outcome or _unless_complete(ended),
        error=None if worst is None else worst.error or (ended.error if ended else None),
    )


def _unless_complete(ended: RunEnded | None) -> RunState:
    """How something ends that never said so: as its run, but never well."""
    return RunState.ABORT if ended is None or ended.state is RunState.COMPLETE else ended.state


def _failed_steps(log: RunLog) -> tuple[FailedStep, ...]:
    """The steps that failed, in the order of their ends, each with what it was to write or check and what it wrote."""
    failed = {key: step for key, step in log.steps.items() if step.outcome is RunState.FAIL and step.error}
    assets: dict[str, set[AssetPath]] = defaultdict(set)
    if failed:
        for path, (key, _) in log.plans.items():
            assets[_graph(key)].add(path)
        for (path, _), key in log.planned_checks.items():
            assets[_graph(key)].add(path)
    found = [
        (step.ended_at or _LATEST, FailedStep(key, step.error, frozenset({*assets[_graph(key)], *step.materialized})))
        for key, step in failed.items()
        if step.error
    ]
    return tuple(step for _, step in sorted(found, key=lambda each: each[0]))


def _dead(log: RunLog, now: datetime, max_runtime: timedelta) -> RunEnded | None:
    """The end of a run that has shown no sign of life for too long."""
    if log.last_at is None or now - log.last_at <= max_runtime:
        return None
    message = f"No sign of life for {max_runtime}: taken as dead."
    return RunEnded(RunState.ABORT, log.last_at + max_runtime, StepError(None, message), inferred=True)


def _inferred_end(log: RunLog, now: datetime, grace: timedelta, max_runtime: timedelta) -> RunEnded | None:
    """The run's end, once nothing is waited for any more."""
    if log.ended:
        return log.ended if now - log.ended.at >= grace else None
    return _dead(log, now, max_runtime)


def _over(log: RunLog, ended: RunEnded | None) -> RunEnded | None:
    """The run's end, once no step that began is waited for any more."""
    return ended or (None if log.has_unfinished_steps else log.ended)


def _asset_run(
    log: RunLog,
    run: RunInfo,
    path: AssetPath,
    key: str,
    *,
    announced: bool,
    ended: RunEnded | None,
    group: Sequence[StepLog],
    elsewhere: Sequence[Materialization],
    checks: tuple[CheckResult, ...],
) -> AssetRun | None:
    """The run of an asset that a step was to make.

    `group` has the steps that belong to it, `elsewhere` what other steps logged of it, `checks` its step's checks: the
    same for all assets of the step.
    """
    step = log.steps.get(key, StepLog())
    own = tuple(step.materialized.get(path, ()))
    if step.started_at is None and not own:
        ended = _over(log, ended)
    done = own or _instead(elsewhere, step, ended)
    started_at = min((s.started_at for s in group if s.started_at), default=done[0].at if done else None)
    if started_at is None:
        return None
    planned = tuple(dict.fromkeys(log.plans.get(path, ("", []))[1]))
    if log.ended and not done and step.started_at is None and all(s.outcome for s in group if s.started_at):
        ended = log.ended  # Nothing of it is left that could still write.
    state, ended_at, error, inferred = _outcome(step, [] if log.ended is None else group, ended, done)
    if state is RunState.ABORT and step.outcome is RunState.COMPLETE and _observed(log, path, key):
        state = RunState.COMPLETE  # Dagster plans observations as it plans materializations.
    return AssetRun(
        run=run,
        path=path,
        started_at=started_at,
        state=state,
        # A step that outlived its run's record may have begun after that run's end.
        ended_at=ended_at and max(ended_at, started_at),
        materializations=done,
        checks=checks,
        error=error,
        partitions=tuple(dict.fromkeys([*planned, *(made.partition for made in done if made.partition)])),
        planned=planned,
        step=key,
        attempts=step.attempts,
        announced=announced,
        inferred=inferred,
    )


def _instead(
    elsewhere: Sequence[Materialization], step: StepLog, ended: RunEnded | None
) -> tuple[Materialization, ...]:
    """What other steps logged of an asset until its own step ended well without writing it, or did not begin."""
    if step.outcome is RunState.COMPLETE or (step.started_at is None and ended):
        until = step.ended_at if step.started_at else None
        return tuple(made for made in elsewhere if made.at <= (until or _LATEST))
    return ()


def _made_in(log: RunLog) -> dict[AssetPath, list[str]]:
    """The steps that wrote each asset."""
    found: dict[AssetPath, list[str]] = defaultdict(list)
    for key, step in log.steps.items():
        for path in step.materialized:
            found[path].append(key)
    return found


def _elsewhere(
    log: RunLog, made_in: Mapping[AssetPath, Sequence[str]], path: AssetPath, key: str
) -> list[Materialization]:
    """What other steps than the planned one logged of an asset."""
    made = [each for name in made_in.get(path, ()) if name != key for each in log.steps[name].materialized[path]]
    return sorted(made, key=lambda each: each.at)


def _observed(log: RunLog, path: AssetPath, key: str) -> bool:
    return any(seen.path == path and seen.step == key for seen in log.observations)


def _upstream(
    log: RunLog, made_in: Mapping[AssetPath, Sequence[str]], done: Sequence[Materialization]
) -> dict[AssetPath, tuple[Materialization, ...]]:
    """What the same Dagster run wrote of the assets that were read for these materializations."""
    read = {path: made_in[path] for path in recorded_reads(done) if path in made_in}
    return {
        path: tuple(each for key in keys for each in log.steps[key].materialized[path]) for path, keys in read.items()
    }


def _logged_run(log: RunLog, run: RunInfo, path: AssetPath, keys: Sequence[str]) -> AssetRun:
    """The run of an asset that ops logged without a plan: what all of them wrote, from the first to the last."""
    steps = [log.steps[key] for key in keys]
    done = tuple(sorted((made for step in steps for made in step.materialized[path]), key=lambda made: made.at))
    started_at = min([step.started_at for step in steps if step.started_at] or [done[0].at])
    return AssetRun(
        run=run,
        path=path,
        started_at=started_at,
        state=RunState.COMPLETE,
        ended_at=max([started_at, done[-1].at, *(step.ended_at for step in steps if step.ended_at)]),
        materializations=done,
        checks=tuple(check for step in steps for check in step.checks),
        partitions=tuple(dict.fromkeys(made.partition for made in done if made.partition)),
        step=keys[0] or None,
        attempts=max(step.attempts for step in steps),
        announced=False,
        inferred=any(step.outcome is None for step in steps),
    )


def _outcome(
    step: StepLog, group: Sequence[StepLog], ended: RunEnded | None, done: Sequence[Materialization]
) -> tuple[RunState, datetime | None, StepError | None, bool]:
    """State, end, error, and whether the end is inferred; `group` has its steps once the Dagster run is over."""
    if step.outcome is not None:
        if done:
            return RunState.COMPLETE, step.ended_at, None, False
        # A step that succeeded without the output skipped it.
        state = RunState.ABORT if step.outcome is RunState.COMPLETE else step.outcome
        return state, step.ended_at, step.error, False
    # Not before: where one step of a graph has failed, another output's branch may still run.
    broken = [s for s in group if s.outcome in (RunState.FAIL, RunState.ABORT)]
    if broken and step.started_at is None:
        last = max(broken, key=lambda s: s.ended_at or _LATEST)
        return last.outcome or RunState.FAIL, last.ended_at, last.error, False
    if ended is None:
        return RunState.RUNNING, None, None, False
    if done:
        return RunState.COMPLETE, done[-1].at, None, True
    return _unless_complete(ended), ended.at, ended.error, True


def _graph(key: str) -> str:
    """What the steps that belong to one asset have in common: their graph, else the step itself."""
    return key.split(".", 1)[0] + "." if "." in key else key
