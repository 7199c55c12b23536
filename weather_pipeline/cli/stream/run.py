"""`weather stream run`: the streaming job, with the running stack's catalog."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings
from weather_pipeline.errors import StackError

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
    Exit codes: 0 stopped, or all was read; 1 it failed; 2 wrong usage.
    """
)
@click.option("--available-now", is_flag=True, help="End once all is read that was there.")
@home_option
def run(*, available_now: bool, home: Path | None) -> None:
    """Read the topic KAFKA_TOPIC into the Iceberg table ICEBERG_TABLE, until Ctrl-C."""
    from weather_pipeline.settings import IcebergCatalog
    from weather_pipeline.stack.environment import dagster_environment

    settings, environment = read_settings(home), dict(os.environ)
    environment["WEATHER_HOME"] = str(settings.home.absolute())
    if settings.iceberg_catalog is IcebergCatalog.JDBC and settings.iceberg_uri is None:
        try:
            environment = dagster_environment(settings.home) | environment
        except StackError as error:
            click.echo(f"! {error}", err=True)
    command = [sys.executable, "-m", _MODULE, *(() if available_now else ("--continuous",))]
    process = subprocess.Popen(command, env=environment)
    # The terminal's Ctrl-C reaches the job too; a signal to this process alone has to be handed on.
    signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue
    click.get_current_context().exit(1 if code else 0)
