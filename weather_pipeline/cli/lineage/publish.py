"""`weather lineage publish`: the asset graph into a backend, before anything has run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli import FAILED
from weather_pipeline.cli.lineage.common import Ticker, Where, json_option, project_options

if TYPE_CHECKING:
    from weather_pipeline.lineage.publish import Plan, Publication


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage publish
      weather lineage publish --dry-run
      weather lineage publish --all -m my_project.definitions

    \b
    The sensor publishes by itself when its code location is loaded. Nothing is deleted: assets that were removed from
    the code stay in the backend.

    \b
    Exit codes: 0 the backend knows every asset's definition; 1 it refused some or is away, or an asset can't be told;
    2 wrong usage.
    """
)
@click.option("--dry-run", is_flag=True, help="List the assets that would be sent, and send nothing.")
@click.option("--all", "everything", is_flag=True, help="Send what is known already as well, as for a new backend.")
@json_option
@project_options
def publish(*, where: Where, dry_run: bool, everything: bool, as_json: bool) -> None:
    """Send the job and the dataset of every asset whose definition is new or has changed."""
    from weather_pipeline.lineage.catalog import RepositoryCatalog
    from weather_pipeline.lineage.publish import Publication, plan
    from weather_pipeline.lineage.publish import publish as publish_plan
    from weather_pipeline.lineage.register import Register

    ticker, done = Ticker(), Publication()
    with where.opened() as project:
        register = Register(project.instance, project.scope, project.sensor.name)
        progress = project.progress()
        found = plan(
            RepositoryCatalog(project.repository, project.instance),
            project.options,
            register.load(),
            now=datetime.now(UTC),
            told_since=datetime.fromtimestamp(progress.since, UTC) if progress else None,
            everything=everything,
        )
        due = [draft.asset for draft in found.drafts]
        if not dry_run:
            project.way()  # refuses where lineage is switched off
            done = publish_plan(found, register, project.sink, tell=lambda left: ticker.say(f"{left:,} assets left"))
    ticker.clear()
    click.echo(_as_json(found, due, done, dry_run=dry_run) if as_json else _text(found, due, done, dry_run=dry_run))
    for problem in found.problems:
        click.echo(f"! can't be told: {problem}", err=True)
    if done.failure:
        click.echo(f"! the backend's last refusal: {done.failure}", err=True)
    click.get_current_context().exit(FAILED if done.waiting or done.refused or found.problems else 0)


def _text(found: Plan, due: list[str], done: Publication, *, dry_run: bool) -> str:
    if dry_run:
        return "\n".join([*due, f"{len(due)} assets would be sent, {found.unchanged} are known."])
    parts = [f"{done.accepted} assets accepted", f"{found.unchanged} known already"]
    parts += [f"{done.refused} refused: weather lineage dead-letters list"] if done.refused else []
    parts += [f"{done.waiting} wait"] if done.waiting else []
    return ", ".join(parts) + "."


def _as_json(found: Plan, due: list[str], done: Publication, *, dry_run: bool) -> str:
    return json.dumps(
        {
            "dry_run": dry_run,
            "due": due,
            "unchanged": found.unchanged,
            "accepted": done.accepted,
            "refused": done.refused,
            "waiting": done.waiting,
            "failure": done.failure,
            "problems": found.problems,
        }
    )
