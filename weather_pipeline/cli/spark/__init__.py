"""`weather spark`: what Spark jobs need on this machine."""

from __future__ import annotations

import click

from weather_pipeline.cli.spark.jars import jars


@click.group(
    epilog="""
    \b
    Examples:
      weather spark jars
      spark-submit --driver-class-path "$(weather spark jars --class-path)" job.py
    """
)
def spark() -> None:
    """Bring what Spark jobs with lineage need."""


spark.add_command(jars)
