"""`weather demo`: from nothing to lineage on screen."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli.common import (
    count_rows,
    home_option,
    new_stack,
    port_offset_option,
    read_settings,
    stack_options,
    stop_signals,
    stop_stack,
)
from weather_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from weather_pipeline.cli.demo_spark import SparkOutcome
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.cli.verify import Verification
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.plan import StackOptions
    from weather_pipeline.stack.supervisor import Stack

_HOURS = 24


@dataclass(frozen=True)
class Outcome:
    """What one pass did.

    Attributes:
        runs: Ids of the Dagster runs; none where all hours were there.
        seconds: How long the runs took together, as Dagster measured it.
        rows: Rows of `weather.observations` for the hours of the demo; None where the warehouse is away.
        lineage: What the lineage API has; None where it can't be asked.
        spark: What the Spark jobs did, where they were wanted.
    """

    hours: int
    runs: tuple[str, ...]
    seconds: float
    rows: int | None
    lineage: Verification | None
    spark: SparkOutcome | None = None


@click.command(
    epilog="""
    \b
    Examples:
      weather demo
      weather demo --hours 72 --port-offset 100
      weather demo --spark
      weather demo --once | tail -1 | python -m json.tool

    \b
    Exit codes: 0 done, or stopped by Ctrl-C once it was up; 1 failed, the reason is on stderr;
    130 interrupted before it was up.
    """
)
@click.option("--once", is_flag=True, help="Verify the lineage, print a JSON summary as the last line, and stop.")
@click.option(
    "--hours",
    type=click.IntRange(1, 2400),
    default=_HOURS,
    show_default=True,
    help="Run the last N complete hours that the source has.",
)
@click.option(
    "--spark",
    is_flag=True,
    help="Then articles from files and from a Kafka, and the weather, into Iceberg tables by Spark.",
)
@port_offset_option
@home_option
def demo(*, once: bool, hours: int, spark: bool, port_offset: int | None, home: Path | None) -> None:
    """Start the stack, run the pipeline, show its lineage.

    It runs for the last complete hours that the source has. Hours that are there already are not run again.
    """
    from weather_pipeline.cli.demo_spark import bring_jars, check_spark, with_own_kafka
    from weather_pipeline.cli.progress import Progress

    if spark:
        check_spark()
    settings = read_settings(home, port_offset)
    progress = Progress()
    with stop_signals():
        if spark:
            settings = with_own_kafka(settings, progress)
            bring_jars(settings, progress)
        options, outcome = _run(settings, progress, hours=hours, spark=spark, stay=not once)
    if once:
        click.echo(json.dumps(summary(options.settings, outcome, progress)))


def _run(
    settings: Settings, progress: Progress, *, hours: int, spark: bool, stay: bool
) -> tuple[StackOptions, Outcome]:
    options = replace(stack_options(settings, progress), kafka=spark)
    if options.lineage.url is None and not stay:
        raise ConfigurationError(
            f"--once verifies the lineage, but only {options.lineage.reason} knows where it goes: set MARQUEZ_URL too."
        )
    stack = new_stack(options, progress)
    with ExitStack() as resources:
        resources.callback(stop_stack, stack, progress)
        with progress.phase("start", "Starting the stack"):
            stack.start()
        outcome = _one_pass(stack, progress, hours, spark=spark)
        if stay:
            _stay(stack, outcome)
    return options, outcome


def _stay(stack: Stack, outcome: Outcome) -> None:
    from weather_pipeline.cli.panel import show_panel

    try:
        show_panel(stack.options, outcome)
        stack.wait()
    except KeyboardInterrupt:
        pass  # the way to leave a demo that is up


def _one_pass(stack: Stack, progress: Progress, count: int, *, spark: bool) -> Outcome:
    from weather_pipeline.cli import pipeline
    from weather_pipeline.cli.demo_spark import run_spark
    from weather_pipeline.cli.expected import expected_jobs
    from weather_pipeline.cli.hours import complete_hours
    from weather_pipeline.sources.catalog import source_dataset
    from weather_pipeline.stack.dagster_api import DagsterApi
    from weather_pipeline.stack.ports import HOST

    settings = stack.options.settings
    expected = expected_jobs(settings)
    delay = source_dataset(settings).delay
    hours = complete_hours(datetime.now(UTC) - delay, count)
    if delay:
        progress.note(f"This source is {delay.days} days late: the hours end on {hours[-1]:%Y-%m-%d}.")
    api = DagsterApi(f"http://{HOST}:{settings.dagster_port}")
    with progress.phase("pipeline", f"Running the pipeline for {count} hours"):
        launched = pipeline.launch_missing(api, hours, [job.asset for job in expected], stack.check)
        runs = pipeline.follow(api, launched, len(expected), progress, stack.check)
    if not runs:
        progress.note(f"All {count} hours are there from an earlier start: nothing was run again.")
    since = min((run.start or 0.0 for run in runs), default=None)
    outcome = Outcome(
        hours=count,
        runs=tuple(launched),
        seconds=sum((run.end or 0.0) - (run.start or 0.0) for run in runs),
        rows=count_rows(stack.warehouse_url, hours[0], hours[-1], progress),
        lineage=_lineage(stack, progress, since),
    )
    return replace(outcome, spark=run_spark(stack, api, hours, progress)) if spark else outcome


def _lineage(stack: Stack, progress: Progress, since: float | None) -> Verification | None:
    from weather_pipeline.cli.expected import expected_jobs
    from weather_pipeline.cli.pipeline import await_lineage
    from weather_pipeline.marquez.client import MarquezClient
    from weather_pipeline.marquez.token import lineage_token

    target = stack.options.lineage
    if target.address is None:
        progress.note(
            f"Lineage went where {target.reason} says: it can't be verified from here. Set MARQUEZ_URL to do so."
        )
        return None
    settings = stack.options.settings
    expected, token = expected_jobs(settings), lineage_token(settings)
    with progress.phase("lineage", "Waiting for lineage"), MarquezClient(target.address, token=token) as client:
        return await_lineage(client, expected, since=since, progress=progress, watch=stack.check)


def summary(settings: Settings, outcome: Outcome, progress: Progress) -> dict[str, Any]:
    """The JSON body of `--once`: what was verified, what was loaded, how long each phase took."""
    lineage = outcome.lineage
    spark = {} if outcome.spark is None else {"spark": _spark_summary(outcome.spark)}
    return {
        "jobs": list(lineage.jobs) if lineage else [],
        "runs": lineage.runs if lineage else {},
        "datasets": list(lineage.datasets) if lineage else [],
        "edges": [list(edge) for edge in lineage.edges] if lineage else [],
        "rows_loaded": outcome.rows,
        "seconds": {**progress.seconds, "total": round(progress.elapsed, 2)},
        "source": settings.source.value,
        **spark,
    }


def _spark_summary(outcome: SparkOutcome) -> dict[str, Any]:
    lineage = outcome.lineage
    return {
        "jobs": list(lineage.jobs) if lineage else [],
        "runs": lineage.runs if lineage else {},
        "datasets": list(lineage.datasets) if lineage else [],
        "edges": [list(edge) for edge in lineage.edges] if lineage else [],
        "columns": outcome.columns,
        "seconds": round(outcome.seconds, 2),
    }
