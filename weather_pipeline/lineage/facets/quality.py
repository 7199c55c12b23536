"""Facets of a dataset as it was read or written in a run: how much, which part, and how good it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openlineage.client import facet_v2 as ol

from weather_pipeline.lineage.facets.base import Sourced, Unusable, first, text
from weather_pipeline.lineage.facets.given import declared, listed, number
from weather_pipeline.lineage.model import CheckResult, Materialization, Metadata, Origin, Source

_OURS = ("openlineage/", "dagster/")


def output_statistics(materialized: Sequence[Metadata]) -> Sourced | None:
    """`outputStatistics`: rows, bytes and files that the run wrote.

    Where materializations carry `dagster/partition_row_count` they speak of their own partition, and all are summed.
    Otherwise the last one speaks for the run: Dagster repeats the same metadata for each partition of a range. Its
    `dagster/row_count` is what the table has, and what was written where the table is written whole; of one that is
    appended to `openlineage/row_count` says it.

    Raises:
        Unusable: A count is none.
    """
    by_partition = [metadata for metadata in materialized if "dagster/partition_row_count" in metadata]
    speaking = by_partition or materialized[-1:]
    keys = ("dagster/partition_row_count",) if by_partition else ("openlineage/row_count", "dagster/row_count")
    rows = next((total for key in keys if (total := _total(speaking, key)) is not None), None)
    size, files = (_total(speaking, key) for key in ("openlineage/size_bytes", "openlineage/file_count"))
    if rows is None and size is None and files is None:
        return None
    facet = ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=size, fileCount=files
    )
    return Sourced(facet, Origin.METADATA)


def input_statistics(asset: str, *sources: Source) -> Sourced | None:
    """`inputStatistics`: `openlineage/input_statistics` in a materialization's metadata, by asset key (with `/`).

    Each is an object with `rowCount`, `size` (bytes) and `fileCount`, as far as they are known.

    Raises:
        Unusable: It has another form.
    """
    said = _of_input(asset, "openlineage/input_statistics", sources)
    if said is None:
        return None
    found, origin, key = said
    facet = declared(ol.input_statistics_input_dataset.InputStatisticsInputDatasetFacet, found, key)
    for name in ("rowCount", "size", "fileCount"):
        setattr(facet, name, number(found, name))
    return Sourced(facet, origin)


def metrics(*sources: Source) -> Sourced | None:
    """`dataQualityMetrics` of a dataset that was written: `openlineage/column_metrics` in metadata.

    Column → an object with `nullCount`, `distinctCount`, `sum`, `count`, `min`, `max`, `quantiles`, as far as they are
    known. Rows, bytes and files come from `dagster/row_count`, `openlineage/size_bytes` and `openlineage/file_count`.

    Raises:
        Unusable: It has another form.
    """
    found = first(sources, "openlineage/column_metrics")
    if not found:
        return None
    kind = ol.data_quality_metrics_dataset
    said = next(source.metadata for source in sources if source.metadata.get("openlineage/column_metrics"))
    facet = kind.DataQualityMetricsDatasetFacet(
        columnMetrics=_columns(kind.ColumnMetrics, found[0], "openlineage/column_metrics"),
        rowCount=number(said, "dagster/row_count"),
        bytes=number(said, "openlineage/size_bytes"),
        fileCount=number(said, "openlineage/file_count"),
    )
    return Sourced(facet, found[1])


def input_metrics(asset: str, *sources: Source) -> Sourced | None:
    """`dataQualityMetrics` of a dataset that was read: `openlineage/input_metrics`, by asset key (with `/`).

    Each is an object with `columnMetrics` (as in `metrics`) and, if known, `rowCount`, `bytes`, `fileCount`,
    `lastUpdated`.

    Raises:
        Unusable: It has another form.
    """
    said = _of_input(asset, "openlineage/input_metrics", sources)
    if said is None:
        return None
    found, origin, key = said
    kind = ol.data_quality_metrics_input_dataset
    facet = declared(kind.DataQualityMetricsInputDatasetFacet, found, key)
    facet.columnMetrics = _columns(kind.ColumnMetrics, found["columnMetrics"], key)
    for name in ("rowCount", "bytes", "fileCount"):
        setattr(facet, name, number(found, name))
    return Sourced(facet, origin)


def assertions(checks: Iterable[CheckResult]) -> Sourced | None:
    """`dataQualityAssertions`: checks on an input.

    A check's metadata may say more: `openlineage/column`, `openlineage/assertion` (its class, as `not_null`; else its
    name), `openlineage/expected`, `openlineage/actual`, `openlineage/content` with `openlineage/content_type`. Its
    other metadata are its parameters.
    """
    listed = [
        ol.data_quality_assertions_dataset.Assertion(
            assertion=text(check.metadata.get("openlineage/assertion")) or check.name,
            success=check.passed,
            column=text(check.metadata.get("openlineage/column")),
            name=check.name,
            **_said(check),
        )
        for check in checks
    ]
    if not listed:
        return None
    facet = ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=listed)
    return Sourced(facet, Origin.LOG)


def test_run(checks: Iterable[CheckResult]) -> Sourced:
    """`test`: every check as an executed test; its severity is what a failure means."""
    facet = ol.test_run.TestRunFacet(
        tests=[
            ol.test_run.TestExecution(
                name=check.name,
                status="pass" if check.passed else "fail",
                type=text(check.metadata.get("openlineage/assertion")) or "asset_check",
                **_said(check),
            )
            for check in checks
        ]
    )
    return Sourced(facet, Origin.LOG)


def _said(check: CheckResult) -> dict[str, Any]:
    """What a check says in the words that assertions and tests share."""
    said = check.metadata
    parameters = {key: value for key, value in said.items() if not key.startswith(_OURS)}
    return {
        "severity": check.severity.lower(),
        "description": check.description,
        "expected": text(said.get("openlineage/expected")),
        "actual": text(said.get("openlineage/actual")),
        "content": text(said.get("openlineage/content")),
        "contentType": text(said.get("openlineage/content_type")),
        "params": {**parameters, **({"partition": check.partition} if check.partition else {})} or None,
    }


def subset_written(materialized: Sequence[Materialization]) -> Sourced | None:
    """`subset` of an output: the partitions that the run wrote, else the places that `openlineage/locations` lists.

    A partition of several dimensions has each of them by its name, any other has the dimension `partition`.

    Raises:
        Unusable: `openlineage/locations` is no list.
    """
    condition = _partitions([(made.partition, _dimensions(made)) for made in materialized if made.partition])
    origin = Origin.LOG
    if condition is None and materialized and (places := materialized[-1].metadata.get("openlineage/locations")):
        named = [str(place) for place in listed(places, "openlineage/locations")]
        condition, origin = ol.base_subset_dataset.LocationSubsetCondition(locations=named), Origin.METADATA
    if condition is None:
        return None
    return Sourced(ol.base_subset_dataset.OutputSubsetOutputDatasetFacet(outputCondition=condition), origin)


def _partitions(
    found: Iterable[tuple[str, dict[str, str]]],
) -> ol.base_subset_dataset.PartitionSubsetCondition | None:
    kind = ol.base_subset_dataset
    named = [kind.Partition(dimensions=parts, identifier=key) for key, parts in dict(found).items()]
    return kind.PartitionSubsetCondition(partitions=named) if named else None


def _dimensions(made: Materialization) -> dict[str, str]:
    """Dagster records each dimension of a partition in a tag `dagster/partition/<dimension>`."""
    prefix = "dagster/partition/"
    named = {tag.removeprefix(prefix): value for tag, value in made.tags.items() if tag.startswith(prefix)}
    return named or {"partition": made.partition or ""}


def _of_input(asset: str, key: str, sources: Iterable[Source]) -> tuple[Any, Origin, str] | None:
    found = first(sources, key)
    if not found:
        return None
    by_asset, origin = found
    if not isinstance(by_asset, Mapping):
        raise Unusable(f"{key} is {by_asset!r}: an object of asset keys is needed.")
    return (by_asset[asset], origin, f"{key} of {asset}") if asset in by_asset else None


def _columns(kind: Any, found: object, key: str) -> dict[str, Any]:
    if not isinstance(found, Mapping) or not found:
        raise Unusable(f"{key} is {found!r}: an object of columns is needed.")
    return {str(column): _column(kind, said, f"{key} of {column}") for column, said in found.items()}


def _column(kind: Any, said: object, key: str) -> Any:
    column = declared(kind, said, key)
    for name in ("nullCount", "distinctCount"):
        setattr(column, name, number({name: getattr(column, name)}, name))
    return column


def _total(materialized: Sequence[Metadata], key: str) -> int | None:
    values = [value for metadata in materialized if (value := number(metadata, key)) is not None]
    return sum(values) if values else None
