"""`weather env`: what a plain Dagster needs to work on the running stack."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings


@click.command(
    epilog="""
    \b
    Examples:
      eval "$(weather env)"
      dagster job execute -m weather_pipeline.definitions -j weather_hourly \\
          --tags '{"dagster/partition": "2026-01-01-00:00"}'

    \b
    Exit codes: 0 done; 1 the stack does not run.
    """
)
@home_option
def env(*, home: Path | None) -> None:
    """Print the running stack's settings for a shell.

    Dagster's own commands work on its data with them. They hold passwords. They go out of date with
    the stack: use a shell of its own.
    """
    from weather_pipeline.stack.environment import dagster_environment

    variables = dagster_environment(read_settings(home).home)
    for name, value in sorted(variables.items()):
        click.echo(f"export {name}={shlex.quote(value)}")
