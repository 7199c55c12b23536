"""Which dataset each asset is, its columns and where they come from, as Dagster metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from weather_pipeline.settings import Settings
from weather_pipeline.sources.open_meteo import DATASET as OPEN_METEO_DATASET
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
    if asset == "open_meteo_forecast":
        namespace, name = OPEN_METEO_DATASET
        return {"openlineage/namespace": namespace, "openlineage/name": name, "dagster/uri": f"{namespace}/{name}"}
    table = TABLE_OF_ASSET[asset]
    namespace, name = _dataset(table, settings)
    metadata: dict[str, Any] = {
        "openlineage/namespace": namespace,
        "openlineage/name": name,
        "dagster/column_schema": column_schema(table),
    }
    if lineage := column_lineage(table):
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


def column_lineage(table: str) -> dg.TableColumnLineage | None:
    """Which upstream columns each column comes from; None where nothing is known."""
    deps = {
        column.name: [
            dg.TableColumnDep(asset_key=dg.AssetKey(_asset(upstream)), column_name=name)
            for upstream, name in (source.split(".", 1) for source in column.derived_from)
        ]
        for column in TABLES[table]
        if column.derived_from
    }
    return dg.TableColumnLineage(deps_by_column=deps) if deps else None


def _asset(table: str) -> str:
    return "open_meteo_forecast" if table == "open_meteo" else _ASSET_OF_TABLE[table]
