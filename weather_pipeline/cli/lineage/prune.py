"""`weather lineage prune`: what is old leaves the embedded lineage service's database."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli import INTERRUPTED
from weather_pipeline.cli.common import home_option, not_empty
from weather_pipeline.cli.lineage.common import Ticker, json_option
from weather_pipeline.cli.lineage.database import DATABASE_VARIABLE, database_of

if TYPE_CHECKING:
    import psycopg

    from weather_pipeline.marquez.embedded.retention import Limit


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage prune --dry-run
      weather lineage prune --older-than 30d --home ~/lineage
      weather lineage prune --retention-days 7 --json | python -m json.tool

    \b
    Exit codes: 0 done; 1 the database can't be used, or none is named and no service runs; 2 wrong usage; 130
    interrupted by Ctrl-C or SIGTERM: what it says is deleted, the rest is untouched.
    """
)
@click.option(
    "--database-url",
    metavar="URL",
    callback=not_empty,
    help="The service's database; on a command line other users can read its password.  "
    f"[default: {DATABASE_VARIABLE}, else the running stack's]",
)
@click.option("--older-than", metavar="TIME", help="Delete what happened before: 30d, 12h, 2026-11-01.")
@click.option(
    "--retention-days",
    type=click.IntRange(1, 36_500),
    metavar="N",
    help="The same in days.  [default: WEATHER_LINEAGE_RETENTION_DAYS or 30]",
)
@click.option("--dry-run", is_flag=True, help="Count what would go, and change nothing.")
@json_option
@home_option
def prune(
    *,
    database_url: str | None,
    older_than: str | None,
    retention_days: int | None,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
) -> None:
    """Delete old runs, versions and events of the lineage service.

    What is current stays: jobs and datasets with their current versions and the runs that these come from, each job's
    newest run, the graph. The service does the same by itself every hour, and may run meanwhile; this command goes by
    the time of the events alone, so history that was sent lately goes too.

    The database is that of --database-url; with --home that of the service which runs for this state directory; else
    that of WEATHER_LINEAGE_DATABASE_URL; else the running stack's.
    """
    from weather_pipeline.marquez.embedded.retention import TABLES, Limit

    url, before = database_of(home, database_url), _before(older_than, retention_days)
    rows, interrupted = Counter[str](), False
    try:
        asyncio.run(_run(url, Limit(before), rows, dry_run=dry_run))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if dry_run:
            raise KeyboardInterrupt from None
        interrupted = True
    counts = {table: rows[table] for table in TABLES}
    if as_json:
        told = {"happened_before": before.isoformat(), "dry_run": dry_run, "interrupted": interrupted}
        click.echo(json.dumps({**told, "rows": counts}))
    else:
        click.echo(_text(counts, before, dry_run=dry_run))
    if interrupted:
        click.echo("Interrupted. The same command goes on where it stopped.", err=True)
        click.get_current_context().exit(INTERRUPTED)


async def _run(url: str, limit: Limit, rows: Counter[str], *, dry_run: bool) -> None:
    """Count or delete; `rows` has what is done so far at every moment, also after an error."""
    import psycopg

    from weather_pipeline.marquez.embedded.database import connected
    from weather_pipeline.marquez.embedded.retention import count, prune, take_turn

    if (task := asyncio.current_task()) is not None:
        # As Ctrl-C does: what is deleted is told.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with connected(url) as connection:
            if dry_run:
                rows.update(await count(connection, limit))
                return
            if not await take_turn(connection):
                click.echo("The service is deleting at this moment: waiting for it.", err=True)
                await take_turn(connection, wait=True)
            ticker = Ticker()
            async with aclosing(prune(connection, limit)) as batches:
                async for deleted in batches:
                    rows.update(deleted)
                    ticker.say(f"Deleting: {rows.total():,} rows")
            ticker.clear()
    except psycopg.Error as error:
        raise click.ClickException(f"{_trouble(error, url)}{_so_far(rows)}") from error


def _before(older_than: str | None, retention_days: int | None) -> datetime:
    """The moment before which things are old.

    Raises:
        UsageError: It is given twice, can't be read, lies ahead, or everything is to be kept.
    """
    from weather_pipeline.lineage.history import parse_time
    from weather_pipeline.settings import load_settings

    now = datetime.now(UTC)
    if older_than is None:
        days = retention_days or load_settings().lineage_retention_days
        if not days:
            raise click.UsageError(
                "WEATHER_LINEAGE_RETENTION_DAYS is 0, which keeps everything: say what is to go with --older-than."
            )
        return now - timedelta(days=days)
    if retention_days is not None:
        raise click.UsageError("--older-than and --retention-days exclude each other.")
    try:
        before = parse_time(older_than, now)
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}.") from error
    if before > now:
        raise click.UsageError(f"--older-than: {older_than!r} lies ahead.")
    return before


def _trouble(error: psycopg.Error, url: str) -> str:
    """What is wrong with the database, with what to do."""
    from psycopg import OperationalError, errors

    from weather_pipeline.marquez.embedded.address import explained, shown

    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return (
            "The database has no lineage tables of this version: start the lineage service on it once, which brings "
            "them up to date."
        )
    words = explained(error.diag.message_primary or str(error))
    if isinstance(error, OperationalError):
        return f"The lineage database {shown(url)} can't be used: {words}"
    return f"The lineage database refused it: {words}"


def _so_far(rows: Counter[str]) -> str:
    return f" {rows.total():,} rows were deleted before." if rows else ""


def _text(counts: Mapping[str, Any], before: datetime, *, dry_run: bool) -> str:
    done = "Would delete" if dry_run else "Deleted"
    lines = [f"{done} what happened before {before:%Y-%m-%d %H:%M} UTC and nothing current needs:"]
    lines += [f"  {table:<18}{rows:>12,}" for table, rows in counts.items()]
    return "\n".join(lines)
