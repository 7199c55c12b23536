"""Which dataset each asset of the news platform is, and its columns, as Dagster metadata."""

from __future__ import annotations

from typing import Any

import dagster as dg

from weather_pipeline.lineage.naming import iceberg_table
from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_columns import COLUMNS, NEEDED
from weather_pipeline.spark.article_files import files_place


def asset_metadata(asset: str, settings: Settings) -> dict[str, Any]:
    """Dataset identity, columns and sources of an asset, as definition metadata."""
    table = settings.iceberg_table
    catalog, _, name = table.partition(".")
    dataset = iceberg_table(catalog, name)
    _, files = files_place(settings)
    topic = f"kafka://{settings.kafka_authority}", settings.kafka_topic
    namespace, source = {"articles_raw_batch": files, "articles_raw_stream": topic}[asset]
    return {
        "openlineage/namespace": dataset.namespace,
        "openlineage/name": dataset.name,
        "openlineage/inputs": [{"namespace": namespace, "name": source}],
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(column, kind, text, dg.TableColumnConstraints(nullable=column not in NEEDED))
                for column, (kind, text) in COLUMNS.items()
            ]
        ),
    }
