"""`weather iceberg`: the Iceberg tables, read without Spark, and their maintenance."""

from __future__ import annotations

import click

from weather_pipeline.cli.iceberg.listing import list_tables
from weather_pipeline.cli.iceberg.maintain import maintain
from weather_pipeline.cli.iceberg.show import show


@click.group(
    epilog="""
    \b
    Examples:
      weather iceberg list
      weather iceberg show demo.news.articles_raw
      weather iceberg maintain
    """
)
def iceberg() -> None:
    """Look at Iceberg's tables, and keep them small."""


for command in (list_tables, show, maintain):
    iceberg.add_command(command)
