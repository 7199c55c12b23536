"""What each table and each layer of the lake is called as an OpenLineage dataset.

Names are stable: the same on every machine and for every producer, whatever directory, port or host stands behind.
"""

from __future__ import annotations

from urllib.parse import urlsplit

DATABASE_SCHEMA = "weather.weather"
"""Database and schema of the warehouse's tables in dataset names."""

LAKE_LAYERS = ("bronze", "silver")


def dataset(table: str, *, lake_url: str, warehouse_authority: str) -> tuple[str, str]:
    """OpenLineage namespace and name of a table or of a layer of the lake.

    Args:
        table: A table of the warehouse (`observations`) or a layer of the lake (`bronze`).
        lake_url: The lake's root; only its scheme counts.
        warehouse_authority: The warehouse's `host:port` in names, not necessarily where it listens.
    """
    if table not in LAKE_LAYERS:
        return f"postgres://{warehouse_authority}", f"{DATABASE_SCHEMA}.{table}"
    scheme = urlsplit(lake_url).scheme
    return ("file", f"lake/{table}/weather") if scheme == "file" else (f"{scheme}://{table}", "weather")
