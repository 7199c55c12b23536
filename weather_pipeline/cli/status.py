"""`weather status`: what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.addresses import for_people
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
    Exit codes: 0 all parts are up, be it the lineage service's alone; 1 some are not; 3 not running.
    """
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@home_option
def status(*, as_json: bool, home: Path | None) -> None:
    """Show the stack's parts: process, port, state, uptime, log."""
    from weather_pipeline.stack.lineage_target import lineage_beside
    from weather_pipeline.stack.state import UP
    from weather_pipeline.stack.status import NOT_RUNNING, stack_status

    settings = read_settings(home)
    found = stack_status(settings.home)
    other = lineage_beside(settings) if found.state == NOT_RUNNING else None
    click.echo(json.dumps({**found.as_json(), "other_lineage": other}) if as_json else status_table(found, other))
    code = {UP: _ALL_UP, NOT_RUNNING: _NOT_RUNNING}.get(found.state, _DEGRADED)
    click.get_current_context().exit(code)


def status_table(found: StackStatus, other: str | None = None) -> str:
    """The status for people.

    Args:
        found: What runs.
        other: A lineage service that answers although nothing of this state directory runs.
    """
    from weather_pipeline.stack.state import command_for

    home = Path(found.home)
    lines = [f"{found.state}  ({found.home})"]
    if other is not None:
        lines.append(
            f"But a lineage service answers at {for_people(other)}: `weather lineage serve` on another database or "
            "state directory, or a Marquez."
        )
    if found.lineage_alone:
        lines += [
            "The lineage service runs alone (`weather lineage serve`), without Dagster and a warehouse.",
            f"Lineage API   {for_people(found.lineage or '')}",
            f"Database      opened by `{command_for(home, 'psql --lineage')}`",
        ]
    if found.parts and found.supervisor is None:
        lines.append(
            "The supervisor is gone: nothing is started again any more. Start it anew, which cleans up, or stop what "
            f"is left with `{command_for(home, 'down')}`."
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
