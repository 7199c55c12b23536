"""`weather stream run`: the streaming job, with the running stack's catalog."""

from __future__ import annotations

from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings
from weather_pipeline.cli.drivers import exit_code, run_driver
from weather_pipeline.cli.iceberg.common import catalog_environment

_MODULE = "weather_pipeline.spark.stream_write_raw_with_lineage"


@click.command(
    epilog="""
    \b
    Examples:
      weather stream run
      weather stream run --available-now

    \b
    Ctrl-C and SIGTERM let the micro-batch that is under way finish. The next run goes on where this one ended.

    \b
    Exit codes: 0 stopped, or all was read; 1 it failed; 2 wrong usage; 130 interrupted before it had begun to read.
    """
)
@click.option("--available-now", is_flag=True, help="End once all is read that was there.")
@home_option
def run(*, available_now: bool, home: Path | None) -> None:
    """Read the topic KAFKA_TOPIC into the Iceberg table ICEBERG_TABLE, until Ctrl-C."""
    environment = catalog_environment(read_settings(home))
    code = run_driver(_MODULE, *(() if available_now else ("--continuous",)), environment=environment)
    click.get_current_context().exit(exit_code(code))
