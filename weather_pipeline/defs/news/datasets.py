"""Which dataset each asset of the news platform is, its columns and where they come from, as Dagster metadata."""

from __future__ import annotations

from typing import Any

import dagster as dg

from weather_pipeline.lineage.naming import iceberg_table
from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_columns import COLUMNS, NEEDED
from weather_pipeline.spark.article_files import files_place

FILES, TOPIC = "scraped_articles", "articles_topic"
"""The assets that articles come from."""

SOURCE_OF = {"articles_raw_batch": FILES, "articles_raw_stream": TOPIC}


def asset_metadata(asset: str, settings: Settings) -> dict[str, Any]:
    """Dataset identity, columns and column lineage of an asset, as definition metadata."""
    if asset == FILES:
        _, (namespace, name) = files_place(settings)
        return {"openlineage/namespace": namespace, "openlineage/name": name}
    if asset == TOPIC:
        return {
            "openlineage/namespace": f"kafka://{settings.kafka_authority}",
            "openlineage/name": settings.kafka_topic,
        }
    table = settings.iceberg_table
    catalog, _, name = table.partition(".")
    dataset = iceberg_table(catalog, name)
    return {
        "openlineage/namespace": dataset.namespace,
        "openlineage/name": dataset.name,
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(column, kind, text, dg.TableColumnConstraints(nullable=column not in NEEDED))
                for column, (kind, text) in COLUMNS.items()
            ]
        ),
        "dagster/column_lineage": _column_lineage(SOURCE_OF[asset]),
    }


def _column_lineage(source: str) -> dg.TableColumnLineage:
    """A file has the table's columns; a message is one column, with all of the article in it."""
    columns = {column: column if source == FILES else "value" for column in COLUMNS}
    key = dg.AssetKey(source)
    return dg.TableColumnLineage({column: [dg.TableColumnDep(key, origin)] for column, origin in columns.items()})
