"""One record of Dagster's event log → our own log events, and Dagster's metadata → plain Python values."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, EventLogRecord

from weather_pipeline.lineage import dagster_internals
from weather_pipeline.lineage.model import (
    CheckPlanned,
    CheckResult,
    LogEvent,
    Materialization,
    Metadata,
    Observation,
    Planned,
    RunEnded,
    RunStarted,
    RunState,
    StepChange,
    StepError,
    StepPhase,
)

_ENDS = {
    DagsterEventType.RUN_SUCCESS: RunState.COMPLETE,
    DagsterEventType.RUN_FAILURE: RunState.FAIL,
    DagsterEventType.RUN_CANCELED: RunState.ABORT,
}
_PHASES = {
    DagsterEventType.STEP_START: StepPhase.STARTED,
    DagsterEventType.STEP_RESTARTED: StepPhase.RESTARTED,
    DagsterEventType.STEP_SUCCESS: StepPhase.SUCCEEDED,
    DagsterEventType.STEP_FAILURE: StepPhase.FAILED,
    DagsterEventType.STEP_SKIPPED: StepPhase.SKIPPED,
}
REPORTED = {
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
"""What may be reported about an asset without any run."""
_WRAPPERS = ("DagsterExecutionStepExecutionError", "Failure", "RetryRequested", "RetryRequestedFromPolicy")
READ_TYPES = {
    *_ENDS,
    *_PHASES,
    DagsterEventType.RUN_START,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    *REPORTED,
}
"""The records of a run that say something about lineage."""


def translate(record: EventLogRecord) -> Iterator[LogEvent]:
    """One record as our own log events: none where it says nothing about lineage."""
    entry = record.event_log_entry
    event = entry.dagster_event
    if event is None:
        return
    at = datetime.fromtimestamp(entry.timestamp, UTC)
    kind = event.event_type
    if kind in _PHASES:
        yield _step_change(event, at)
    elif kind in _ENDS:
        yield RunEnded(_ENDS[kind], at, _run_error(event))
    elif kind in _TRANSLATED:
        yield _TRANSLATED[kind](event, at)


def plain_all(metadata: Mapping[str, Any]) -> Metadata:
    """Metadata with every value as plain Python; values that hold no information for lineage are left out.

    So are values that can't be read as such: one value of a kind that nobody has thought of costs no run its lineage.
    """
    read = {}
    for key, raw in metadata.items():
        with contextlib.suppress(Exception):
            if (value := plain(raw)) is not None:
                read[key] = value
    return read


def plain(value: Any) -> Any:
    """A metadata value as plain Python.

    Table schemas become `{"columns": [{name, type, description, tags}]}`, column lineage
    `{column: [(asset path, column)]}`, code references a list of `file:line` or URL; others are their own `value`.
    """
    if isinstance(value, dg.TableSchemaMetadataValue | dg.TableColumnLineageMetadataValue):
        value = value.value
    for kind, convert in _CONVERTED:
        if isinstance(value, kind):
            return convert(value)
    return value if value is None else str(value)


def _plain_schema(schema: dg.TableSchema) -> Any:
    return {
        "columns": [
            {"name": c.name, "type": c.type, "description": c.description, **({"tags": dict(c.tags)} if c.tags else {})}
            for c in schema.columns
        ]
    }


def _plain_lineage(lineage: dg.TableColumnLineage) -> Any:
    return {
        column: [(tuple(dep.asset_key.path), dep.column_name) for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }


_CONVERTED: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str | int | float | bool, lambda value: value),
    # Before sequences: it is one in name only, and refuses to be iterated.
    (dg.AssetKey, lambda value: value.to_user_string()),
    (dg.TableSchema, _plain_schema),
    (dg.TableColumnLineage, _plain_lineage),
    (dg.CodeReferencesMetadataValue, lambda value: [reference.source for reference in value.code_references]),
    (dg.MetadataValue, lambda value: plain(value.value) if not isinstance(value.value, dg.MetadataValue) else None),
    (Mapping, lambda value: {str(key): plain(inner) for key, inner in value.items()}),
    (Sequence, lambda value: [plain(inner) for inner in value]),
)


def _step_change(event: DagsterEvent, at: datetime) -> StepChange:
    phase, error = _PHASES[event.event_type], None
    if phase is StepPhase.FAILED:
        data = dagster_internals.step_failure(event)
        source = data.error_source.value if data.error_source else None
        if source == "INTERRUPT" or (data.error and data.error.cls_name == "DagsterExecutionInterruptedError"):
            phase = StepPhase.INTERRUPTED
        error = _own_error(data.error, data.user_failure_data)
    return StepChange(event.step_key or "", phase, at, error)


def _own_error(error: Any, user_failure: Any) -> StepError | None:
    if error is None:
        return StepError(None, user_failure.description or "") if user_failure else None
    # Dagster wraps what user code raised, and user code wraps its error in Failure to forbid retries: the step's own
    # error is the cause.
    while error.cls_name in _WRAPPERS and error.cause:
        error = error.cause
    chain = []
    link = error
    while link is not None:
        chain.append(link.message.strip() + ("\n" + "".join(link.stack) if link.stack else ""))
        link = link.cause or link.context
    message = error.message.strip()
    if user_failure and user_failure.description and user_failure.description not in message:
        message = f"{message}: {user_failure.description}"
    return StepError(error.cls_name, message, "\n\nCaused by:\n".join(chain))


def _run_error(event: DagsterEvent) -> StepError | None:
    if event.event_type != DagsterEventType.RUN_FAILURE:
        return None
    error = dagster_internals.run_error(event)
    if error:
        return _own_error(error, None)
    return StepError(None, event.message or "The Dagster run failed without saying why.")


def _planned(event: DagsterEvent, _: datetime) -> Planned:
    data = dagster_internals.planned_materialization(event)
    return Planned(tuple(data.asset_key.path), event.step_key or "", data.partition)


def _check_planned(event: DagsterEvent, _: datetime) -> CheckPlanned:
    data = dagster_internals.planned_check(event)
    return CheckPlanned(tuple(data.asset_key.path), data.check_name, event.step_key or "")


def _materialization(event: DagsterEvent, at: datetime) -> Materialization:
    return Materialization(**_noticed(event, dagster_internals.materialization(event)), at=at)


def _observation(event: DagsterEvent, at: datetime) -> Observation:
    return Observation(**_noticed(event, dagster_internals.observation(event)), at=at)


def _noticed(event: DagsterEvent, noticed: dg.AssetMaterialization | dg.AssetObservation) -> dict[str, Any]:
    """What a materialization and an observation have in common."""
    return {
        "path": tuple(noticed.asset_key.path),
        "step": event.step_key,
        "partition": noticed.partition,
        "metadata": plain_all(noticed.metadata),
        "tags": dict(noticed.tags or {}),
    }


def _check_result(event: DagsterEvent, at: datetime) -> CheckResult:
    evaluation = dagster_internals.check_evaluation(event)
    return CheckResult(
        path=tuple(evaluation.asset_key.path),
        name=evaluation.check_name,
        passed=evaluation.passed,
        severity=evaluation.severity.value,
        at=at,
        step=event.step_key,
        blocking=evaluation.blocking,
        description=evaluation.description,
        partition=dagster_internals.check_partition(evaluation),
        metadata=plain_all(evaluation.metadata),
    )


_TRANSLATED: Mapping[DagsterEventType, Callable[[DagsterEvent, datetime], LogEvent]] = {
    DagsterEventType.RUN_START: lambda _, at: RunStarted(at),
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED: _planned,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED: _check_planned,
    DagsterEventType.ASSET_MATERIALIZATION: _materialization,
    DagsterEventType.ASSET_OBSERVATION: _observation,
    DagsterEventType.ASSET_CHECK_EVALUATION: _check_result,
}
