"""`weather lineage replay`: history into a backend."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli import FAILED, INTERRUPTED
from weather_pipeline.cli.lineage.common import (
    Ticker,
    Where,
    asset_path,
    did_you_mean,
    json_option,
    project_options,
    rows,
    span_of,
)

if TYPE_CHECKING:
    from weather_pipeline.lineage.history import Span
    from weather_pipeline.lineage.projects import Project
    from weather_pipeline.lineage.resend import Resent


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage replay --since 7d
      weather lineage replay --since 2026-11-01 --until 2026-11-08 --asset shop/orders
      weather lineage replay --since 30d --dry-run --json | python -m json.tool

    \b
    Exit codes: 0 everything was accepted; 1 events were refused (weather lineage dead-letters list) or the backend is
    away; 2 wrong usage; 130 interrupted: it says how to go on.
    """
)
@click.option("--since", required=True, metavar="TIME", help="2026-11-01, 2026-11-01T06:00, 24h, 7d.")
@click.option("--until", metavar="TIME", help="The end, excluded.  [default: now]")
@click.option(
    "--asset", "assets", multiple=True, metavar="KEY", help="Only this asset, as shop/orders; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Count, and send nothing.")
@json_option
@project_options
def replay(
    *, where: Where, since: str, until: str | None, assets: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Send the events of the past again, with the same run ids and times, oldest run first.

    The sensor goes on beside it: its cursor is not touched. What the backend knows already does not change.
    """
    span = span_of(since, until)
    with where.opened() as project:
        jobs = _jobs(project, assets)
        if dry_run:
            _show_counts(project, span, jobs, as_json=as_json)
            return
        code = _replay(project, span, jobs, as_json=as_json)
    click.get_current_context().exit(code)


def _replay(project: Project, span: Span, jobs: set[str] | None, *, as_json: bool) -> int:
    from weather_pipeline.lineage.audit import parcels
    from weather_pipeline.lineage.history import Census
    from weather_pipeline.lineage.resend import BackendAway, Resending

    project.way()  # refuses where lineage is switched off
    ticker, census = Ticker(), Census()
    resending = Resending(project.letters, project.sink, "replay", tell=lambda done: ticker.say(_line(done, project)))
    stopped: str | None = None
    code = 0
    try:
        resending.send(parcels(project, span, datetime.now(UTC), census, jobs=jobs))
    except KeyboardInterrupt:
        stopped, code = "Interrupted", INTERRUPTED
    except BackendAway as error:
        stopped, code = str(error), FAILED
    ticker.clear()
    done = resending.done
    go_on = (done.reached or span.since).isoformat() if stopped else None
    if as_json:
        click.echo(json.dumps(_as_json(span, done, go_on)))
    else:
        kept_back = [("Kept back", f"{done.withheld:,}, by OpenLineage's configuration")] if done.withheld else []
        figures = [("Runs", f"{done.runs:,}"), ("Accepted", f"{done.accepted:,}"), ("Refused", f"{done.refused:,}")]
        click.echo(rows([*figures, *kept_back]))
    if stopped:
        click.echo(f"{stopped}. Everything before {go_on} is done; go on with: --since {go_on}", err=True)
    if done.refused:
        click.echo(f"The last refusal: {done.last_refusal}. All: weather lineage dead-letters list", err=True)
    if not stopped and not done.accepted:
        if why := census.why_none(project.location):
            click.echo(f"Nothing to send: {why}.", err=True)
            code = FAILED if census.is_of_others else 0
        elif not done.refused and not done.withheld:
            click.echo("Nothing to send: no run in this time is of these assets.", err=True)
    return code or (FAILED if done.refused else 0)


def _show_counts(project: Project, span: Span, jobs: set[str] | None, *, as_json: bool) -> None:
    from weather_pipeline.lineage.audit import parcels
    from weather_pipeline.lineage.history import Census

    ticker, census, runs, events = Ticker(), Census(), 0, 0
    for parcel in parcels(project, span, datetime.now(UTC), census, jobs=jobs):
        runs, events = runs + 1, events + len(parcel.messages)
        ticker.say(f"Reading: {runs:,} runs, {events:,} events")
    ticker.clear()
    if as_json:
        times = {"since": span.since.isoformat(), "until": span.until.isoformat()}
        click.echo(json.dumps({**times, "dry_run": True, "runs": runs, "events": events}))
    else:
        click.echo(f"{events:,} events of {runs:,} runs would be sent to {project.sink.name}.")
    if not events and (why := census.why_none(project.location)):
        click.echo(f"Nothing to send: {why}.", err=True)


def _jobs(project: Project, assets: Iterable[str]) -> set[str] | None:
    """The OpenLineage jobs of the chosen assets; None where none was chosen."""
    from weather_pipeline.lineage.catalog import RepositoryCatalog
    from weather_pipeline.lineage.explain import jobs_of
    from weather_pipeline.lineage.naming import InvalidName

    catalog = RepositoryCatalog(project.repository, project.instance)
    for asset in assets:
        if catalog.get(asset_path(asset)) is None:
            # No error: a definition may be gone, or never have been there, and its runs may still be sent.
            click.echo(f"{asset!r} is no asset of this code location.{did_you_mean(catalog, asset)}", err=True)
    try:
        found = {job for asset in assets for job in jobs_of(catalog, asset_path(asset), project.options)}
    except InvalidName as error:
        raise click.UsageError(str(error)) from error
    return found or None


def _line(done: Resent, project: Project) -> str:
    reached = f", up to {done.reached:%Y-%m-%d %H:%M}" if done.reached else ""
    return f"Sending to {project.sink.name}: {done.accepted:,} events of {done.runs:,} runs{reached}"


def _as_json(span: Span, done: Resent, go_on: str | None) -> dict[str, Any]:
    return {
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "dry_run": False,
        "runs": done.runs,
        "accepted": done.accepted,
        "kept_back": done.withheld,
        "refused": done.refused,
        "go_on_since": go_on,
    }
