"""`weather lineage status`: whether lineage flows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.lineage.common import Where, ago, duration, json_option, project_options, rows

if TYPE_CHECKING:
    from weather_pipeline.lineage.status import ExporterStatus

_FAILING = 1


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage status
      weather lineage status -m my_project.definitions --json | python -m json.tool

    \b
    Exit codes: 0 lineage flows; 1 it does not: the sensor is off or has not ticked for long, the backend takes
    nothing, or there are dead letters; 2 wrong usage.
    """
)
@json_option
@project_options
def status(*, where: Where, as_json: bool) -> None:
    """Show how far the exporter has come, what waits, and what was refused."""
    from weather_pipeline.lineage.status import status_of

    now = datetime.now(UTC)
    with where.opened() as project:
        found = status_of(project)
    click.echo(json.dumps(found.as_json(now)) if as_json else status_text(found, now))
    click.get_current_context().exit(_FAILING if found.troubles(now) else 0)


def status_text(found: ExporterStatus, now: datetime) -> str:
    """The status for people."""
    progress = found.progress
    pairs: list[tuple[str, object]] = [
        ("Sensor", f"{found.sensor} in {found.location}, {'on' if found.running else 'off'}"),
        ("Last tick", ago(found.ticked_at, now)),
        ("Sends to", found.backend),
    ]
    if progress is not None:
        waiting = f"{progress.waiting} events, lag {duration(progress.lag)}" if progress.waiting else "nothing"
        unread = f"; {progress.unread} runs not looked at yet" if progress.unread else ""
        pairs += [
            ("Told since", ago(progress.since, now)),
            ("Cursor", found.cursor_text(now)),
            ("Open runs", len(progress.open)),
            ("Waiting", waiting + unread),
            ("Accepted", f"{progress.accepted:,}"),
            ("Refused", f"{progress.refused:,}"),
            ("Retried", f"{progress.retried:,}"),
        ]
    pairs.append(("Dead letters", found.dead_letters))
    if progress is not None and progress.last_error:
        pairs.append(("Last error", f"{ago(progress.last_error_at, now)}: {progress.last_error}"))
    troubles = [f"! {trouble}" for trouble in found.troubles(now)]
    return "\n".join([rows(pairs), *troubles])
