"""Which dataset each asset is, its columns and where they come from, as Dagster metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from weather_pipeline.settings import Settings
from weather_pipeline.sources.catalog import SourceDataset, source_dataset
from weather_pipeline.weather.datasets import LAKE_LAYERS, dataset
from weather_pipeline.weather.tables import TABLES

TABLE_OF_ASSET: Mapping[str, str] = {
    "raw_weather_data": "bronze",
    "weather_quality_check": "quarantine",
    "clean_weather_data": "silver",
    "weather_to_postgres": "observations",
    "weather_near_towers": "weather_near_towers",
    "locations": "locations",
    "towers": "towers",
}
"""Asset → the table in `weather.tables` that describes it."""

_ASSET_OF_TABLE = {table: asset for asset, table in TABLE_OF_ASSET.items()}


def asset_metadata(asset: str, settings: Settings) -> dict[str, Any]:
    """Dataset identity, columns and column lineage of an asset, as definition metadata."""
    source = source_dataset(settings)
    if asset == source.asset:
        namespace, name = source.identity
        return {"openlineage/namespace": namespace, "openlineage/name": name, "dagster/uri": f"{namespace}/{name}"}
    table = TABLE_OF_ASSET[asset]
    namespace, name = _dataset(table, settings)
    metadata: dict[str, Any] = {
        "openlineage/namespace": namespace,
        "openlineage/name": name,
        "dagster/column_schema": column_schema(table),
    }
    if lineage := column_lineage(table, source):
        metadata["dagster/column_lineage"] = lineage
    if table not in LAKE_LAYERS:
        metadata["dagster/table_name"] = name
    if asset == "weather_quality_check":
        metrics_namespace, metrics = _dataset("quality_metrics", settings)
        metadata["openlineage/outputs"] = [{"namespace": metrics_namespace, "name": metrics}]
    return metadata


def _dataset(table: str, settings: Settings) -> tuple[str, str]:
    return dataset(table, lake_url=settings.effective_lake_url, warehouse_authority=settings.warehouse_authority)


def column_schema(table: str) -> dg.TableSchema:
    """The table's columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.sql_type,
                description=column.described,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in TABLES[table]
        ]
    )


def column_lineage(table: str, source: SourceDataset) -> dg.TableColumnLineage | None:
    """Which upstream columns each column comes from; None where nothing is known."""
    deps = {
        column.name: found
        for column in TABLES[table]
        if (found := [dep for origin in column.derived_from if (dep := _column_dep(origin, source))])
    }
    return dg.TableColumnLineage(deps_by_column=deps) if deps else None


def _column_dep(origin: str, source: SourceDataset) -> dg.TableColumnDep | None:
    """The column that `table.column` means; None for what the source is not asked for."""
    table, column = origin.split(".", 1)
    if table != "source":
        return dg.TableColumnDep(dg.AssetKey(_ASSET_OF_TABLE[table]), column)
    name = source.columns.get(column)
    return dg.TableColumnDep(dg.AssetKey(source.asset), name) if name else None
