"""Facets of a dataset, as input or output of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage.facets.base import Sourced, first
from weather_pipeline.lineage.model import AssetInfo, AssetPath, CheckResult, DatasetRef, Metadata, Origin, Source
from weather_pipeline.lineage.redaction import without_secrets


def schema(*sources: Source) -> Sourced | None:
    """`schema`: `dagster/column_schema` of the first source that has columns (materialization before definition)."""
    for source in sources:
        table = source.metadata.get("dagster/column_schema")
        columns = table.get("columns") if isinstance(table, Mapping) else None
        if columns:
            fields = [
                ol.schema_dataset.SchemaDatasetFacetFields(
                    name=column["name"], type=column.get("type"), description=column.get("description"), fields=None
                )
                for column in columns
            ]
            return Sourced(ol.schema_dataset.SchemaDatasetFacet(fields=fields), source.origin)
    return None


def column_lineage(locate: Callable[[AssetPath], DatasetRef | None], *sources: Source) -> Sourced | None:
    """`columnLineage`: `dagster/column_lineage` of the first source that has one, with assets as datasets."""
    found = first(sources, "dagster/column_lineage")
    if not found:
        return None
    lineage, origin = found
    fields = {
        column: ol.column_lineage_dataset.Fields(
            inputFields=[
                ol.column_lineage_dataset.InputField(namespace=ref.namespace, name=ref.name, field=name)
                for path, name in deps
                if (ref := locate(tuple(path)))
            ]
        )
        for column, deps in lineage.items()
    }
    return Sourced(ol.column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields), origin)


def data_source(ref: DatasetRef, *sources: Source) -> Sourced:
    """`dataSource`: on every dataset, because Marquez answers 500 for sources without it.

    The URI is `dagster/uri` where the metadata has one, else the namespace and name.
    """
    separator = "/" if "://" in ref.namespace else ":"
    uri, origin = f"{ref.namespace}{separator}{ref.name.lstrip('/')}", Origin.DEFINITION
    if found := first(sources, "dagster/uri"):
        uri, origin = without_secrets(str(found[0])), found[1]
    return Sourced(ol.datasource_dataset.DatasourceDatasetFacet(name=ref.namespace, uri=uri), origin)


def documentation(info: AssetInfo) -> Sourced | None:
    """`documentation`: the asset's description."""
    if not info.description:
        return None
    return Sourced(ol.documentation_dataset.DocumentationDatasetFacet(description=info.description), Origin.DEFINITION)


def ownership(info: AssetInfo) -> Sourced | None:
    """`ownership`: the asset's owners."""
    if not info.owners:
        return None
    owners = [ol.ownership_dataset.Owner(name=owner, type="OWNER") for owner in info.owners]
    return Sourced(ol.ownership_dataset.OwnershipDatasetFacet(owners=owners), Origin.DEFINITION)


def version(data_version: str | None) -> Sourced | None:
    """`version`: Dagster's data version, of what was written or of what was read.

    `INITIAL` is Dagster's word for data that nobody has given a version.
    """
    if not data_version or data_version == "INITIAL":
        return None
    facet = ol.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=data_version)
    return Sourced(facet, Origin.LOG)


def output_statistics(materialized: Sequence[Metadata]) -> Sourced | None:
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
    facet = ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=size, fileCount=files
    )
    return Sourced(facet, Origin.METADATA)


def assertions(checks: Iterable[CheckResult]) -> Sourced | None:
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
    if not listed:
        return None
    facet = ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=listed)
    return Sourced(facet, Origin.LOG)


def _total(materialized: Sequence[Metadata], key: str) -> int | None:
    found = (metadata.get(key) for metadata in materialized)
    values = [value for value in found if isinstance(value, (int, float)) and math.isfinite(value)]
    return int(sum(values)) if values else None
