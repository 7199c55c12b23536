"""Facets of the user's own: from asset metadata, and from a hook. They go before ours of the same key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attr
from openlineage.client import facet_v2 as ol
from openlineage.client.serde import Serde

from weather_pipeline.lineage import uris
from weather_pipeline.lineage.facets.base import PRODUCER, PROJECT, Facets, LeftOut, Sourced, Unusable, attempt
from weather_pipeline.lineage.facets.given import typed
from weather_pipeline.lineage.facets.hook import FacetEntity, FacetKind, FacetsHook
from weather_pipeline.lineage.model import Origin, Source

PREFIX = "openlineage/facets"
"""Metadata under `openlineage/facets/<kind>/<key>` is a facet: kind is run, job, dataset, input or output."""

CUSTOM_SCHEMA = f"{PROJECT}/spec/facets/1-0-0/CustomFacet.json#/$defs"

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LARGEST = 4 * 1024 * 1024
"""Bytes of a facet that are looked at; the policy's limits are far below."""


_BASES = {
    FacetKind.RUN: ("CustomRunFacet", ol.RunFacet),
    FacetKind.JOB: ("CustomJobFacet", ol.JobFacet),
    FacetKind.DATASET: ("CustomDatasetFacet", ol.DatasetFacet),
    FacetKind.INPUT: ("CustomInputDatasetFacet", ol.InputDatasetFacet),
    FacetKind.OUTPUT: ("CustomOutputDatasetFacet", ol.OutputDatasetFacet),
}


def from_metadata(kind: FacetKind, *sources: Source) -> Facets:
    """The facets that metadata gives under `openlineage/facets/<kind>/…`; the first source that has one speaks."""
    prefix = f"{PREFIX}/{kind}/"
    found: dict[str, Sourced | LeftOut] = {}
    for source in sources:
        for key, value in source.metadata.items():
            name = key.removeprefix(prefix)
            if name != key and name not in found:
                found |= _made(kind, name, value, source.origin, f"metadata {key}")
    return found


def from_hook(hook: FacetsHook | None, entity: FacetEntity) -> Facets:
    """The facets that the hook gives; where it raises or gives something else, why there are none."""
    if hook is None:
        return {}
    given = attempt(lambda: _mapping(hook(entity)))
    return {"facets_hook": given} if isinstance(given, LeftOut) else dict(_all_made(entity.kind, given))


def _mapping(given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Unusable(f"facets_hook gave {type(given).__name__}: a mapping of facets by key is needed.")
    return given


def _all_made(kind: FacetKind, given: Mapping[str, Any]) -> Iterator[tuple[str, Sourced | LeftOut]]:
    for key, value in given.items():
        yield from _made(kind, str(key), value, Origin.HOOK, f"facets_hook, key {key}").items()


def _made(kind: FacetKind, key: str, value: object, origin: Origin, where: str) -> dict[str, Sourced | LeftOut]:
    def build() -> Sourced:
        if not _KEY.fullmatch(key):
            raise Unusable(f"{where}: a facet's key is 1 to 64 letters, digits or _, and begins with a letter.")
        return Sourced(_facet(kind, key, value, where), origin)

    return {key[:64]: attempt(build)}


def _facet(kind: FacetKind, key: str, value: object, where: str) -> Any:
    base = _BASES[kind][1]
    standard = STANDARD[kind].get(key)
    default = standard._get_schema() if standard else f"{CUSTOM_SCHEMA}/{_BASES[kind][0]}"  # noqa: SLF001  (the client's name for it)
    if attr.has(type(value)):
        if not isinstance(value, base):
            raise Unusable(f"{where} is a {type(value).__name__}: a {base.__name__} is needed there.")
        standard, value = type(value), Serde.to_dict(value)
    if not isinstance(value, Mapping):
        raise Unusable(f"{where} is {value!r}: a JSON object is needed.")
    body = {str(name): inner for name, inner in value.items()}
    _checked_json(body, where)
    body = typed(standard, body, where) if standard else body
    if (kind, key) == (FacetKind.DATASET, "dataSource") and not all(body.get(each) for each in ("name", "uri")):
        # Marquez lists no data source at all any more once it has one without an address.
        raise Unusable(f"{where} lacks name or uri.")
    producer, schema = (_address(body, name, where) for name in ("_producer", "_schemaURL"))
    return {**body, "_producer": producer or PRODUCER, "_schemaURL": schema or default}


def _address(body: Mapping[str, Any], name: str, where: str) -> str | None:
    found = body.get(name)
    if found is not None and not (isinstance(found, str) and uris.is_uri(found)):
        raise Unusable(f"{where} has {name} {found!r}: an address is needed.")
    return found


def _checked_json(body: object, where: str) -> None:
    try:
        size = len(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unusable(f"{where} is no JSON: {error}.") from None
    if size > _LARGEST:
        raise Unusable(f"{where} has {size} bytes: at most {_LARGEST} are looked at.")


STANDARD: Mapping[FacetKind, Mapping[str, Any]] = {
    FacetKind.RUN: {
        "environmentVariables": ol.environment_variables_run.EnvironmentVariablesRunFacet,
        "errorMessage": ol.error_message_run.ErrorMessageRunFacet,
        "executionParameters": ol.execution_parameters_run.ExecutionParametersRunFacet,
        "externalQuery": ol.external_query_run.ExternalQueryRunFacet,
        "extractionError": ol.extraction_error_run.ExtractionErrorRunFacet,
        "jobDependencies": ol.job_dependencies_run.JobDependenciesRunFacet,
        "nominalTime": ol.nominal_time_run.NominalTimeRunFacet,
        "parent": ol.parent_run.ParentRunFacet,
        "processing_engine": ol.processing_engine_run.ProcessingEngineRunFacet,
        "tags": ol.tags_run.TagsRunFacet,
        "test": ol.test_run.TestRunFacet,
    },
    FacetKind.JOB: {
        "documentation": ol.documentation_job.DocumentationJobFacet,
        "jobType": ol.job_type_job.JobTypeJobFacet,
        "lineage": ol.lineage.LineageJobFacet,
        "ownership": ol.ownership_job.OwnershipJobFacet,
        "sourceCode": ol.source_code_job.SourceCodeJobFacet,
        "sourceCodeLocation": ol.source_code_location_job.SourceCodeLocationJobFacet,
        "sql": ol.sql_job.SQLJobFacet,
        "tags": ol.tags_job.TagsJobFacet,
    },
    FacetKind.DATASET: {
        "catalog": ol.catalog_dataset.CatalogDatasetFacet,
        "columnLineage": ol.column_lineage_dataset.ColumnLineageDatasetFacet,
        "dataQualityMetrics": ol.data_quality_metrics_dataset.DataQualityMetricsDatasetFacet,
        "dataSource": ol.datasource_dataset.DatasourceDatasetFacet,
        "datasetType": ol.dataset_type_dataset.DatasetTypeDatasetFacet,
        "documentation": ol.documentation_dataset.DocumentationDatasetFacet,
        "hierarchy": ol.hierarchy_dataset.HierarchyDatasetFacet,
        "lifecycleStateChange": ol.lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet,
        "lineage": ol.lineage.LineageDatasetFacet,
        "ownership": ol.ownership_dataset.OwnershipDatasetFacet,
        "schema": ol.schema_dataset.SchemaDatasetFacet,
        "storage": ol.storage_dataset.StorageDatasetFacet,
        "symlinks": ol.symlinks_dataset.SymlinksDatasetFacet,
        "tags": ol.tags_dataset.TagsDatasetFacet,
        "version": ol.dataset_version_dataset.DatasetVersionDatasetFacet,
    },
    FacetKind.INPUT: {
        "dataQualityAssertions": ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
        "dataQualityMetrics": ol.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet,
        "inputStatistics": ol.input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
        "subset": ol.base_subset_dataset.InputSubsetInputDatasetFacet,
    },
    FacetKind.OUTPUT: {
        "outputStatistics": ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        "subset": ol.base_subset_dataset.OutputSubsetOutputDatasetFacet,
    },
}
"""OpenLineage's own facets by key: one that a user gives has the schema of the client's version."""
