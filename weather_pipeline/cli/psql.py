"""`weather psql`: a look into the warehouse with PostgreSQL's own client."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import click

from weather_pipeline.cli.common import home_option, read_settings
from weather_pipeline.errors import StackError


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="""
    \b
    Example:
      weather psql -c "SELECT count(*) FROM weather.observations"

    \b
    Exit codes: psql's own; 1 where the stack does not run.
    """,
)
@home_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(*, home: Path | None, arguments: tuple[str, ...]) -> int:
    """Open the stack's warehouse in psql; ARGUMENTS are psql's."""
    from weather_pipeline.stack.plan import POSTGRES
    from weather_pipeline.stack.postgres import installation
    from weather_pipeline.stack.status import stack_status
    from weather_pipeline.stack.supervisor import open_postgres

    directory = read_settings(home).home
    port = next((part.port for part in stack_status(directory).parts if part.name == POSTGRES), None)
    if port is None:
        raise StackError(f"The stack of {directory} does not run. Start it with: weather up")
    server = open_postgres(directory)
    # The password goes where other users can't read it, as psql's documentation has it: not on the command line.
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": server.user, "PGPASSWORD": server.password}
    command = [installation() / "bin" / "psql", "-d", "weather", *arguments]
    return subprocess.run(command, env={**os.environ, **login}, check=False).returncode
