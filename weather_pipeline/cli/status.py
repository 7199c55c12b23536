"""`weather status`: what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import home_option, read_settings

if TYPE_CHECKING:
    from weather_pipeline.stack.status import StackStatus

_ALL_UP, _DEGRADED, _NOT_RUNNING = 0, 1, 3


@click.command(
    epilog="""
    \b
    Examples:
      weather status
      weather status --json | python -m json.tool

    \b
    Exit codes: 0 all parts are up; 1 some are not; 3 not running.
    """
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@home_option
def status(*, as_json: bool, home: Path | None) -> None:
    """Show the stack's parts: process, port, state, uptime, log."""
    from weather_pipeline.stack.state import UP
    from weather_pipeline.stack.status import NOT_RUNNING, stack_status

    found = stack_status(read_settings(home).home)
    click.echo(json.dumps(found.as_json()) if as_json else status_table(found))
    code = {UP: _ALL_UP, NOT_RUNNING: _NOT_RUNNING}.get(found.state, _DEGRADED)
    click.get_current_context().exit(code)


def status_table(found: StackStatus) -> str:
    """The status for people."""
    lines = [f"{found.state}  ({found.home})"]
    if found.parts and found.supervisor is None:
        lines.append(
            "The supervisor is gone: nothing is started again any more. "
            "Start the stack anew, which cleans up, or stop what is left with `weather down`."
        )
    row = "{:14}{:>8}{:>8}  {:14}{:>9}  {}".format
    if found.parts:
        lines += [row("part", "pid", "port", "state", "uptime", "log")]
    for part in found.parts:
        lines.append(row(part.name, part.pid, part.port or "-", part.state, _duration(part.uptime_seconds), part.log))
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:  # noqa: PLR2004  (two minutes)
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004  (two hours)
