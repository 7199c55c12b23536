"""Facets of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

import attr
from openlineage.client import facet_v2 as ol
from openlineage.client.generated.base import RunFacet

from weather_pipeline.lineage.facets.base import PROJECT, Sourced, iso
from weather_pipeline.lineage.model import CheckResult, Origin, RunInfo, StepError
from weather_pipeline.lineage.redaction import redacted, shortened

DAGSTER_RUN_SCHEMA = f"{PROJECT}/spec/facets/1-0-0/DagsterRunFacet.json#/$defs/DagsterRunFacet"

_LAUNCHERS = (
    ("backfill", "dagster/backfill"),
    ("automation", "dagster/from_automation_condition"),
    ("schedule", "dagster/schedule_name"),
    ("sensor", "dagster/sensor_name"),
)
_MESSAGE_LIMIT = 16_000
_STACK_LIMIT = 64_000


@attr.define
class DagsterRunFacet(RunFacet):
    """Our own facet `dagster_run`: the Dagster run around this one. Schema: `schemas/DagsterRunFacet.json`."""

    runId: str  # noqa: N815  (OpenLineage writes its keys so)
    jobName: str  # noqa: N815
    launchedBy: str  # noqa: N815
    launchedByName: str | None = None  # noqa: N815
    repository: str | None = None
    location: str | None = None
    stepKey: str | None = None  # noqa: N815
    attempts: int | None = None
    retryOf: str | None = None  # noqa: N815
    partitions: list[str] | None = None
    url: str | None = None
    inferredEnd: bool | None = None  # noqa: N815
    _additional_skip_redact: ClassVar[list[str]] = ["runId", "jobName", "url"]

    @staticmethod
    def _get_schema() -> str:
        return DAGSTER_RUN_SCHEMA


def dagster_run(
    run: RunInfo,
    *,
    dagster_url: str | None,
    step: str | None = None,
    attempts: int | None = None,
    partitions: Sequence[str] = (),
    inferred: bool = False,
) -> Sourced:
    """Our facet that links the run to Dagster: run, job, launch cause, retries, partitions, address in the UI."""
    cause, name = next(
        ((cause, run.tags[tag]) for cause, tag in _LAUNCHERS if tag in run.tags), ("manual", run.tags.get("user"))
    )
    facet = DagsterRunFacet(
        runId=run.run_id,
        jobName=run.job_name,
        launchedBy=cause,
        launchedByName=name,
        repository=run.repository,
        location=run.location,
        stepKey=step,
        attempts=attempts,
        retryOf=run.tags.get("dagster/parent_run_id"),
        partitions=list(partitions) or None,
        url=f"{dagster_url.rstrip('/')}/runs/{run.run_id}" if dagster_url else None,
        inferredEnd=inferred or None,
    )
    return Sourced(facet, Origin.LOG)


def nominal_time(window: tuple[datetime, datetime] | None) -> Sourced | None:
    """`nominalTime`: the time window of the run's partitions, as the partitions definition gives it."""
    if window is None:
        return None
    facet = ol.nominal_time_run.NominalTimeRunFacet(nominalStartTime=iso(window[0]), nominalEndTime=iso(window[1]))
    return Sourced(facet, Origin.DEFINITION)


def processing_engine(version: str, adapter_version: str) -> Sourced:
    """`processing_engine`: Dagster and its version, and ours as the adapter's."""
    facet = ol.processing_engine_run.ProcessingEngineRunFacet(
        version=version, name="Dagster", openlineageAdapterVersion=adapter_version
    )
    return Sourced(facet, Origin.SETTINGS)


def error_message(error: StepError | None) -> Sourced | None:
    """`errorMessage`: the step's own exception, message and stack with its chain of causes."""
    if error is None:
        return None
    facet = ol.error_message_run.ErrorMessageRunFacet(
        message=shortened(redacted(error.message), _MESSAGE_LIMIT),
        programmingLanguage="PYTHON",
        stackTrace=shortened(redacted(error.stack), _STACK_LIMIT) or None,
    )
    return Sourced(facet, Origin.LOG)


def test_run(checks: Iterable[CheckResult]) -> Sourced:
    """`test`: every check as an executed test; its severity is what a failure means."""
    facet = ol.test_run.TestRunFacet(
        tests=[
            ol.test_run.TestExecution(
                name=check.name,
                status="pass" if check.passed else "fail",
                severity=check.severity.lower(),
                type="asset_check",
                description=check.description,
            )
            for check in checks
        ]
    )
    return Sourced(facet, Origin.LOG)
