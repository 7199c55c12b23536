"""`weather lineage spool`: the lineage of Spark jobs, from their files to the backend."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import read_settings
from weather_pipeline.cli.lineage.common import Ticker, json_option

if TYPE_CHECKING:
    from weather_pipeline.lineage.spool.forward import Report

_LOOK = 20.0
"""Seconds after which it is said how far it is."""


@click.command(
    epilog="""
    \b
    Examples:
      weather lineage spool
      weather lineage spool --follow
      weather lineage spool --directory /srv/spark-events --json

    \b
    A running stack delivers by itself (the sensor spark_lineage_sensor). Events go where OpenLineage's own
    configuration says, else to MARQUEZ_URL, else to the embedded lineage service. What was delivered lies in
    DIRECTORY/delivered for 30 days; what a backend refuses for good in DIRECTORY/*.refused.ndjson, with its answer.

    \b
    Exit codes: 0 everything that is told was taken; 1 the backend is away, refused events, or a session can't be
    read; 2 wrong usage.
    """
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The spool.  [default: WEATHER_SPARK_EVENTS, else HOME/spark-events]",
)
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="State directory.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C, as a service beside Spark drivers of this machine.")
@json_option
def spool(*, directory: Path | None, home: Path | None, follow: bool, as_json: bool) -> None:
    """Deliver what Spark jobs of this machine have left."""
    from weather_pipeline.lineage.sinks.configured import open_sink
    from weather_pipeline.lineage.sinks.others import DisabledSink
    from weather_pipeline.lineage.spool.forward import Forwarder
    from weather_pipeline.marquez.token import lineage_token

    settings = read_settings(home)
    where = directory or settings.effective_spark_events
    try:
        sink = open_sink(settings.effective_marquez_url, lineage_token(settings))
    except (ValueError, RuntimeError, KeyError, TypeError, ModuleNotFoundError) as error:
        raise click.ClickException(f"OpenLineage's configuration can't be used: {error}") from error
    if isinstance(sink, DisabledSink):
        raise click.ClickException(f"Lineage is switched off by {sink.reason}: nothing is sent, nothing is lost.")
    forwarder, ticker = Forwarder(where, sink), Ticker()

    def look() -> Report:
        found = forwarder.run(_LOOK, tell=lambda report: ticker.say(report.summary()))
        ticker.clear()
        return found

    report = look()
    while follow or (report.sent and report.open and not report.trouble):
        _show(report, where, as_json=as_json, quiet=not (report.sent or report.refused or report.trouble))
        if follow:
            time.sleep(2.0)
        report = look()
    _show(report, where, as_json=as_json, quiet=False)
    failed = report.trouble or report.doubt or report.refused or report.problems
    click.get_current_context().exit(1 if failed else 0)


def _show(report: Report, where: Path, *, as_json: bool, quiet: bool) -> None:
    if quiet:
        return
    if as_json:
        click.echo(json.dumps({"directory": str(where), **vars(report)}))
        return
    click.echo(f"{report.summary()}.")
    if report.trouble:
        click.echo(f"! the backend takes no events now, and none is lost: {report.trouble}", err=True)
    elif report.doubt:
        click.echo(f"! an event was not taken, and waits: {report.doubt}", err=True)
    if report.refused:
        click.echo(f"! refused events lie in {where}/*.refused.ndjson, with the answer", err=True)
    for problem in report.problems:
        click.echo(f"! can't be read: {problem}", err=True)
