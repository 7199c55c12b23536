"""`weather stream`: a Kafka for development, articles into it, and the job that reads them."""

from __future__ import annotations

import click

from weather_pipeline.cli.stream.kafka import kafka
from weather_pipeline.cli.stream.produce import produce
from weather_pipeline.cli.stream.run import run


@click.group(
    epilog="""
    \b
    Examples, each in a terminal of its own:
      weather stream kafka
      weather stream produce
      weather stream run
    """
)
def stream() -> None:
    """Stream articles from Kafka into Iceberg."""


for command in (kafka, produce, run):
    stream.add_command(command)
