"""Facets of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attr
from openlineage.client import facet_v2 as ol
from openlineage.client.generated.base import RunFacet

from weather_pipeline.lineage.facets.base import PROJECT, LeftOut, Sourced, Unusable, first, iso
from weather_pipeline.lineage.facets.given import declared, listed
from weather_pipeline.lineage.model import Origin, RunInfo, Source, StepError
from weather_pipeline.lineage.redaction import redacted, shortened

DAGSTER_RUN_SCHEMA = f"{PROJECT}/spec/facets/1-0-0/DagsterRunFacet.json#/$defs/DagsterRunFacet"
COST_SCHEMA = f"{PROJECT}/spec/facets/1-0-0/CostRunFacet.json#/$defs/CostRunFacet"

_LAUNCHERS = (
    ("backfill", "dagster/backfill", "dagster/backfill"),
    ("automation", "dagster/from_automation_condition", "dagster/sensor_name"),
    ("schedule", "dagster/schedule_name", "dagster/schedule_name"),
    ("sensor", "dagster/sensor_name", "dagster/sensor_name"),
)
"""What launched a run, the tag by which that is known, and the tag that has its name."""
_SCHEDULED = ".dagster/scheduled_execution_time"
_CURRENCY = re.compile(r"[A-Z]{3}")
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
        ((cause, run.tags.get(named)) for cause, tag, named in _LAUNCHERS if tag in run.tags),
        ("manual", run.tags.get("user")),
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
        retryOf=run.parent_run_id or run.tags.get("dagster/parent_run_id"),
        partitions=list(partitions) or None,
        url=f"{dagster_url.rstrip('/')}/runs/{run.run_id}" if dagster_url else None,
        inferredEnd=inferred or None,
    )
    return Sourced(facet, Origin.LOG)


def nominal_time(window: tuple[datetime, datetime] | None, run: RunInfo | None = None) -> Sourced | None:
    """`nominalTime`: the time window of the run's partitions, as the partitions definition gives it.

    Of a run without one that a schedule launched, the time for which the schedule launched it.
    """
    if window is not None:
        facet = ol.nominal_time_run.NominalTimeRunFacet(nominalStartTime=iso(window[0]), nominalEndTime=iso(window[1]))
        return Sourced(facet, Origin.DEFINITION)
    scheduled = run.tags.get(_SCHEDULED) if run else None
    if not scheduled:
        return None
    facet = ol.nominal_time_run.NominalTimeRunFacet(nominalStartTime=iso(datetime.fromisoformat(scheduled)))
    return Sourced(facet, Origin.LOG)


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
        message=_shown(error.message, _MESSAGE_LIMIT),
        programmingLanguage="PYTHON",
        stackTrace=_shown(error.stack, _STACK_LIMIT) or None,
    )
    return Sourced(facet, Origin.LOG)


def _shown(text: str, limit: int) -> str:
    """A text without secrets, at its limit. Little more than that is looked at: an error can be megabytes long."""
    seen = redacted(text[: 4 * limit])
    return shortened(seen + text[4 * limit :], limit) if len(seen) >= limit else shortened(seen, limit)


def tags(run: RunInfo) -> Sourced | None:
    """`tags`: the Dagster run's own tags, without those that Dagster keeps for itself (`dagster/…`, `.dagster/…`)."""
    kind = ol.tags_run.TagsRunFacetFields
    own = {key: value for key, value in run.tags.items() if not key.startswith(("dagster/", ".dagster/"))}
    fields = [kind(key=key, value=value or "true", source="DAGSTER") for key, value in sorted(own.items())]
    return Sourced(ol.tags_run.TagsRunFacet(tags=fields), Origin.LOG) if fields else None


def execution_parameters(run: RunInfo, allowed: Sequence[str]) -> Sourced | None:
    """`executionParameters`: the values of the run's configuration whose dotted path is allowed.

    Args:
        run: The Dagster run.
        allowed: Patterns such as `ops.*.config.limit`; a `*` stands for any text.
    """
    if not allowed:
        return None
    kind = ol.execution_parameters_run.ExecutionParameter
    found = [
        kind(key=path, value=value if isinstance(value, str) else json.dumps(value, default=str))
        for path, value in _leaves("", run.config)
        if any(fnmatchcase(path, pattern) for pattern in allowed)
    ]
    facet = ol.execution_parameters_run.ExecutionParametersRunFacet(parameters=found)
    return Sourced(facet, Origin.LOG) if found else None


def environment_variables(environment: Mapping[str, str]) -> Sourced | None:
    """`environmentVariables`: what the user allowed by name, as the process that exports has it."""
    kind = ol.environment_variables_run
    found = [kind.EnvironmentVariable(name=name, value=value) for name, value in sorted(environment.items())]
    facet = kind.EnvironmentVariablesRunFacet(environmentVariables=found)
    return Sourced(facet, Origin.SETTINGS) if found else None


def external_query(*sources: Source) -> Sourced | None:
    """`externalQuery`: `openlineage/external_query` in metadata, an object with `externalQueryId` and `source`.

    Raises:
        Unusable: It has another form.
    """
    found = first(sources, "openlineage/external_query")
    if not found:
        return None
    facet = declared(ol.external_query_run.ExternalQueryRunFacet, found[0], "openlineage/external_query")
    return Sourced(facet, found[1])


@attr.define
class CostRunFacet(RunFacet):
    """Our own facet `cost`: what the run cost. Schema: `schemas/CostRunFacet.json`."""

    amount: float
    currency: str
    estimated: bool | None = None
    items: list[dict[str, Any]] | None = None

    @staticmethod
    def _get_schema() -> str:
        return COST_SCHEMA


def cost(*sources: Source) -> Sourced | None:
    """Our facet `cost`: `openlineage/cost` in metadata, an object with `amount` and `currency` (as `EUR`).

    If known, `estimated` (true or false), and `items`: a list of objects with `name` and, if known, `amount`,
    `quantity` and `unit`, as `{"name": "compute", "amount": 0.31, "quantity": 12.5, "unit": "DPU-hours"}`.

    Raises:
        Unusable: It has another form.
    """
    found = first(sources, "openlineage/cost")
    if not found:
        return None
    key = "openlineage/cost"
    facet = declared(CostRunFacet, found[0], key)
    if not _CURRENCY.fullmatch(facet.currency):
        raise Unusable(f"{key} has currency {facet.currency!r}: three letters, as EUR, are needed.")
    if facet.items is not None:
        facet.items = [_cost_item(each, f"{key} items") for each in listed(facet.items, f"{key} items")]
    return Sourced(facet, found[1])


@attr.define
class _CostItem:
    name: str
    amount: float | None = None
    quantity: float | None = None
    unit: str | None = None


def _cost_item(found: object, key: str) -> dict[str, Any]:
    item = declared(_CostItem, found, key)
    return {name: value for name, value in attr.asdict(item).items() if value is not None}


def parent(run_id: str, namespace: str, name: str, root: tuple[str, str, str] | None = None) -> Sourced:
    """`parent`: the run that this one belongs to, and the root of it all.

    Args:
        run_id: The parent's OpenLineage run id.
        namespace: Of the parent's job.
        name: Of the parent's job.
        root: Run id, namespace and name of the root, where the parent itself is not the root.
    """
    kind = ol.parent_run
    root_id, root_namespace, root_name = root or (run_id, namespace, name)
    facet = kind.ParentRunFacet(
        run=kind.Run(runId=run_id),
        job=kind.Job(namespace=namespace, name=name),
        root=kind.Root(run=kind.RootRun(runId=root_id), job=kind.RootJob(namespace=root_namespace, name=root_name)),
    )
    return Sourced(facet, Origin.LOG)


def extraction_error(problems: Sequence[tuple[str, LeftOut]], facets: int) -> Sourced | None:
    """`extractionError`: the facets that could not be built, with the event sent all the same.

    Args:
        problems: Where each would stand, and why it does not.
        facets: How many facets the event has, those included.
    """
    if not problems:
        return None
    kind = ol.extraction_error_run
    errors = [
        kind.Error(errorMessage=problem.reason, stackTrace=problem.stack, task=where, taskNumber=number)
        for number, (where, problem) in enumerate(problems)
    ]
    facet = kind.ExtractionErrorRunFacet(totalTasks=facets, failedTasks=len(problems), errors=errors)
    return Sourced(facet, Origin.LOG)


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    else:
        yield path, value
