"""A run's log events, folded: what is known of its steps, its plans and its own start and end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from weather_pipeline.lineage.model import (
    AssetPath,
    CheckPlanned,
    CheckResult,
    LogEvent,
    Materialization,
    Observation,
    Planned,
    RunEnded,
    RunStarted,
    RunState,
    StepChange,
    StepError,
    StepPhase,
)

_FINAL = {
    StepPhase.SUCCEEDED: RunState.COMPLETE,
    StepPhase.FAILED: RunState.FAIL,
    StepPhase.INTERRUPTED: RunState.ABORT,
    # As where a step ends well without an output: there is none, and nothing is wrong.
    StepPhase.SKIPPED: RunState.COMPLETE,
}


@dataclass
class StepLog:
    """A step's log, folded: what holds of its last attempt."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: RunState | None = None
    error: StepError | None = None
    attempts: int = 1
    materialized: dict[AssetPath, list[Materialization]] = field(default_factory=lambda: defaultdict(list))
    checks: list[CheckResult] = field(default_factory=list)


@dataclass
class RunLog:
    """A run's log, folded: steps, plans and the run's own end."""

    steps: dict[str, StepLog] = field(default_factory=lambda: defaultdict(StepLog))
    plans: dict[AssetPath, tuple[str, list[str]]] = field(default_factory=dict)
    planned_checks: dict[tuple[AssetPath, str], str] = field(default_factory=dict)
    """(asset, check) → the step that is to evaluate it."""
    observations: list[Observation] = field(default_factory=list)
    run_started_at: datetime | None = None
    ended: RunEnded | None = None
    last_at: datetime | None = None
    """The time of the newest event: the last sign of life."""

    @property
    def started_at(self) -> datetime | None:
        """The first start of any step."""
        return min((step.started_at for step in self.steps.values() if step.started_at), default=None)

    @property
    def checks(self) -> set[tuple[AssetPath, str]]:
        """All checks that were planned or evaluated: (asset, check)."""
        evaluated = {(check.path, check.name) for step in self.steps.values() for check in step.checks}
        return {*self.planned_checks, *evaluated}

    @property
    def has_unfinished_steps(self) -> bool:
        """Whether a step started and has no final event."""
        return any(step.started_at and step.outcome is None for step in self.steps.values())


def fold_log(events: Iterable[LogEvent], log: RunLog | None = None) -> RunLog:
    """Put the events, in the order of the log, into one `RunLog`: a new one, or the one of the events before them."""
    log = log or RunLog()
    for event in events:
        if not isinstance(event, Planned | CheckPlanned):
            log.last_at = max(event.at, log.last_at or event.at)
        match event:
            case StepChange():
                _change(log.steps[event.step], event)
            case Materialization():
                log.steps[event.step or ""].materialized[event.path].append(event)
            case CheckResult():
                log.steps[event.step or ""].checks.append(event)
            case _:
                _note(log, event)
    return log


def _note(log: RunLog, event: LogEvent) -> None:
    """What belongs to the run and to none of its steps."""
    match event:
        case Planned(path, step, partition):
            _, partitions = log.plans.setdefault(path, (step, []))
            if partition:
                partitions.append(partition)
        case CheckPlanned(path, name, step):
            log.planned_checks[path, name] = step
        case Observation():
            log.observations.append(event)
        case RunStarted(at):
            log.run_started_at = log.run_started_at or at
        case RunEnded():
            log.ended = log.ended or event


def _change(step: StepLog, change: StepChange) -> None:
    if change.phase is StepPhase.STARTED:
        step.started_at = step.started_at or change.at
    elif change.phase is StepPhase.RESTARTED:
        step.started_at = step.started_at or change.at
        step.attempts += 1
        step.materialized.clear()
        step.checks.clear()
    elif change.phase in _FINAL:
        step.outcome, step.ended_at, step.error = _FINAL[change.phase], change.at, change.error
