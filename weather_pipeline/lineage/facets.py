"""OpenLineage facets: one pure function for each, from our own values to the client's classes.

Every function gives None where Dagster knows nothing about it, so that a facet is never empty. The rules for what
stands in a facet are those of the OpenLineage specification (core 2-0-2 and the facet versions that the installed
client carries).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any, ClassVar

import attr
from openlineage.client import facet_v2 as ol
from openlineage.client.generated.base import RunFacet

from weather_pipeline.lineage.model import (
    AssetInfo,
    AssetPath,
    AssetRun,
    CheckResult,
    DatasetRef,
    Metadata,
    RunInfo,
    StepError,
)
from weather_pipeline.lineage.redaction import redacted, shortened, without_secrets

PROJECT = "https://weather-pipeline.example"
"""Base of the addresses that name this producer and its schemas."""


def installed_version(package: str) -> str:
    """The version of an installed package, `unknown` where it is used from a bare source tree."""
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "unknown"


VERSION = installed_version("weather-pipeline")
PRODUCER = f"{PROJECT}/lineage/{VERSION}"
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


def iso(at: datetime) -> str:
    """A time as OpenLineage writes it: UTC, with microseconds and a `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ── run ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def dagster_run(
    run: RunInfo,
    *,
    dagster_url: str | None,
    step: str | None = None,
    attempts: int | None = None,
    partitions: Sequence[str] = (),
    inferred: bool = False,
) -> DagsterRunFacet:
    """Our facet that links the run to Dagster: run, job, launch cause, retries, partitions, address in the UI."""
    cause, name = next(
        ((cause, run.tags[tag]) for cause, tag in _LAUNCHERS if tag in run.tags), ("manual", run.tags.get("user"))
    )
    return DagsterRunFacet(
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


def nominal_time(window: tuple[datetime, datetime] | None) -> ol.nominal_time_run.NominalTimeRunFacet | None:
    """`nominalTime`: the time window of the run's partitions, as the partitions definition gives it."""
    if window is None:
        return None
    return ol.nominal_time_run.NominalTimeRunFacet(nominalStartTime=iso(window[0]), nominalEndTime=iso(window[1]))


def processing_engine(version: str, adapter_version: str) -> ol.processing_engine_run.ProcessingEngineRunFacet:
    """`processing_engine`: Dagster and its version, and ours as the adapter's."""
    return ol.processing_engine_run.ProcessingEngineRunFacet(
        version=version, name="Dagster", openlineageAdapterVersion=adapter_version
    )


def error_message(error: StepError | None) -> ol.error_message_run.ErrorMessageRunFacet | None:
    """`errorMessage`: the step's own exception, message and stack with its chain of causes."""
    if error is None:
        return None
    return ol.error_message_run.ErrorMessageRunFacet(
        message=shortened(redacted(error.message), _MESSAGE_LIMIT),
        programmingLanguage="PYTHON",
        stackTrace=shortened(redacted(error.stack), _STACK_LIMIT) or None,
    )


def test_run(checks: Iterable[CheckResult]) -> ol.test_run.TestRunFacet:
    """`test`: every check as an executed test; its severity is what a failure means."""
    return ol.test_run.TestRunFacet(
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


# ── job ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def job_type(kind: str) -> ol.job_type_job.JobTypeJobFacet:
    """`jobType`: a batch job of Dagster; kind is ASSET or CHECK."""
    return ol.job_type_job.JobTypeJobFacet(processingType="BATCH", integration="DAGSTER", jobType=kind)


def job_documentation(info: AssetInfo) -> ol.documentation_job.DocumentationJobFacet | None:
    """`documentation` of the job: the asset's description."""
    return ol.documentation_job.DocumentationJobFacet(description=info.description) if info.description else None


def job_ownership(info: AssetInfo) -> ol.ownership_job.OwnershipJobFacet | None:
    """`ownership` of the job: the asset's owners, `team:…` or an e-mail address."""
    if not info.owners:
        return None
    return ol.ownership_job.OwnershipJobFacet(
        owners=[ol.ownership_job.Owner(name=owner, type="OWNER") for owner in info.owners]
    )


def job_tags(info: AssetInfo) -> ol.tags_job.TagsJobFacet | None:
    """`tags` of the job: the asset's tags, kinds and group; a tag without a value has the value `true`."""
    pairs = [
        *info.tags.items(),
        *(("kind", kind) for kind in info.kinds),
        *([("group", info.group)] if info.group else []),
    ]
    if not pairs:
        return None
    return ol.tags_job.TagsJobFacet(
        tags=[ol.tags_job.TagsJobFacetFields(key=key, value=value or "true", source="DAGSTER") for key, value in pairs]
    )


def source_code_location(info: AssetInfo) -> ol.source_code_location_job.SourceCodeLocationJobFacet | None:
    """`sourceCodeLocation`: the first code reference that is a URL; a local path names nothing to anyone else."""
    references = info.metadata.get("dagster/code_references") or []
    url = next((reference for reference in references if "://" in reference), None)
    if url is None:
        return None
    return ol.source_code_location_job.SourceCodeLocationJobFacet(type="git", url=without_secrets(url))


# ── datasets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def schema(*sources: Metadata) -> ol.schema_dataset.SchemaDatasetFacet | None:
    """`schema`: `dagster/column_schema` of the first source that has one (materialization before definition)."""
    columns = next((found for source in sources if (found := _columns(source))), None)
    if not columns:
        return None
    return ol.schema_dataset.SchemaDatasetFacet(
        fields=[
            ol.schema_dataset.SchemaDatasetFacetFields(
                name=column["name"], type=column.get("type"), description=column.get("description"), fields=None
            )
            for column in columns
        ]
    )


def column_lineage(
    locate: Callable[[AssetPath], DatasetRef | None], *sources: Metadata
) -> ol.column_lineage_dataset.ColumnLineageDatasetFacet | None:
    """`columnLineage`: `dagster/column_lineage` of the first source that has one, with assets as datasets."""
    lineage = next((found for source in sources if (found := source.get("dagster/column_lineage"))), None)
    if not lineage:
        return None
    fields = {}
    for column, deps in lineage.items():
        fields[column] = ol.column_lineage_dataset.Fields(
            inputFields=[
                ol.column_lineage_dataset.InputField(namespace=ref.namespace, name=ref.name, field=name)
                for path, name in deps
                if (ref := locate(tuple(path)))
            ]
        )
    return ol.column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)


def data_source(ref: DatasetRef, *sources: Metadata) -> ol.datasource_dataset.DatasourceDatasetFacet:
    """`dataSource`: on every dataset, because Marquez answers 500 for sources without it.

    The URI is `dagster/uri` where the metadata has one, else the namespace and name.
    """
    known = next((found for source in sources if (found := source.get("dagster/uri"))), None)
    separator = "/" if "://" in ref.namespace else ":"
    uri = without_secrets(str(known)) if known else f"{ref.namespace}{separator}{ref.name.lstrip('/')}"
    return ol.datasource_dataset.DatasourceDatasetFacet(name=ref.namespace, uri=uri)


def dataset_documentation(info: AssetInfo) -> ol.documentation_dataset.DocumentationDatasetFacet | None:
    """`documentation` of the dataset: the asset's description."""
    if not info.description:
        return None
    return ol.documentation_dataset.DocumentationDatasetFacet(description=info.description)


def dataset_ownership(info: AssetInfo) -> ol.ownership_dataset.OwnershipDatasetFacet | None:
    """`ownership` of the dataset: the asset's owners."""
    if not info.owners:
        return None
    return ol.ownership_dataset.OwnershipDatasetFacet(
        owners=[ol.ownership_dataset.Owner(name=owner, type="OWNER") for owner in info.owners]
    )


def version(data_version: str | None) -> ol.dataset_version_dataset.DatasetVersionDatasetFacet | None:
    """`version`: Dagster's data version, of what was written or of what was read.

    `INITIAL` is Dagster's word for data that nobody has given a version.
    """
    if not data_version or data_version == "INITIAL":
        return None
    return ol.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=data_version)


def output_statistics(
    materialized: Sequence[Metadata],
) -> ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet | None:
    """`outputStatistics`: rows, bytes and files that the run wrote.

    Where materializations carry `dagster/partition_row_count` they speak of their own partition, and all are summed.
    Otherwise the last one speaks for the run: Dagster repeats the same metadata for each partition of a range.
    """
    by_partition = [metadata for metadata in materialized if "dagster/partition_row_count" in metadata]
    speaking = by_partition or materialized[-1:]
    rows = _total(speaking, "dagster/partition_row_count" if by_partition else "dagster/row_count")
    size, files = (_total(speaking, key) for key in ("openlineage/size_bytes", "openlineage/file_count"))
    if rows is None and size is None and files is None:
        return None
    return ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=size, fileCount=files
    )


def assertions(
    checks: Iterable[CheckResult],
) -> ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet | None:
    """`dataQualityAssertions`: checks on an input; `openlineage/column` in a check's metadata names the column."""
    listed = [
        ol.data_quality_assertions_dataset.Assertion(
            assertion=check.name,
            success=check.passed,
            column=check.metadata.get("openlineage/column"),
            severity=check.severity.lower(),
            description=check.description,
            params=None,
        )
        for check in checks
    ]
    return ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=listed) if listed else None


def last_metadata(asset_run: AssetRun) -> Metadata:
    """The metadata of a run's last materialization: what names and schema of the run are taken from."""
    return asset_run.materializations[-1].metadata if asset_run.materializations else {}


def present(**facets: Any) -> dict[str, Any]:
    """Facets by key, without those that are None, each with us as its producer.

    The client's own way of naming a producer is a global of the process, which may belong to somebody else.
    """
    known = {key: facet for key, facet in facets.items() if facet is not None}
    for facet in known.values():
        setattr(facet, "_producer", PRODUCER)  # noqa: B010  (the client's name for it is private)
    return known


def _columns(metadata: Metadata) -> Sequence[Mapping[str, Any]] | None:
    table = metadata.get("dagster/column_schema")
    return table.get("columns") if isinstance(table, Mapping) else None


def _total(materialized: Sequence[Metadata], key: str) -> int | None:
    found = (metadata.get(key) for metadata in materialized)
    values = [value for value in found if isinstance(value, (int, float)) and math.isfinite(value)]
    return int(sum(values)) if values else None
