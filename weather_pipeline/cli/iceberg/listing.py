"""`weather iceberg list`: which tables there are."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option
from weather_pipeline.cli.iceberg.common import catalog_settings


@click.command(
    "list",
    epilog="""
    \b
    Examples:
      weather iceberg list
      weather iceberg list --json

    \b
    Exit codes: 0 listed; 1 failed; 2 wrong usage.
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@home_option
def list_tables(*, as_json: bool, home: Path | None) -> None:
    """List the tables of the catalog in which ICEBERG_TABLE is."""
    settings = catalog_settings(home)
    from weather_pipeline.cli.iceberg.tables import opened
    from weather_pipeline.spark.catalog import Table

    catalog = Table.parsed(settings.iceberg_table).catalog
    with opened(settings, catalog) as tables:
        names = [f"{catalog}.{name}" for name in tables.names()]
    if as_json:
        click.echo(json.dumps(names))
    else:
        click.echo("\n".join(names) or f"The catalog {catalog} has no tables yet.")
