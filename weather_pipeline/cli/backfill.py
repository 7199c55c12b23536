"""`weather backfill`: load a range of hours in parallel runs, and see each run's lineage arrive."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli import FAILED
from weather_pipeline.cli.addresses import is_address
from weather_pipeline.cli.common import (
    count_rows,
    count_text,
    home_option,
    read_settings,
    stop_signals,
    weather_command,
)
from weather_pipeline.errors import StackError
from weather_pipeline.weather.locations import LOCATIONS

if TYPE_CHECKING:
    from weather_pipeline.cli.backfill_follow import FailedRun, LineageFound
    from weather_pipeline.cli.progress import Progress
    from weather_pipeline.settings import Settings
    from weather_pipeline.stack.dagster_api import Backfill, DagsterApi

_SHOWN_FAILURES = 5


@dataclass(frozen=True)
class RunningStack:
    """The stack that a backfill runs on.

    Attributes:
        settings: The settings, with the directory, the ports and the lineage API's token that it has.
        source: Where it takes weather from.
        database_url: Its warehouse.
        lineage: Base URL of the lineage API; None where only OpenLineage's configuration knows.
    """

    settings: Settings
    source: str
    database_url: str
    lineage: str | None

    def check(self) -> None:
        """Raise where nothing goes on any more.

        Raises:
            StackError: The stack has been stopped.
        """
        from weather_pipeline.stack.state import read_state

        state = read_state(self.settings.home)
        if state is None or state.supervisor.process() is None:
            up = weather_command(self.settings, "up --detach")
            raise StackError(
                f"The stack of {self.settings.home} has stopped. Start it again with: {up}\n"
                "Runs that it ended are cancelled; those of the backfill that had not begun go on by themselves."
            )


@dataclass(frozen=True)
class Outcome:
    """What a backfill did.

    Attributes:
        hours: The hours that were asked for.
        launched: How many of them were run.
        backfill: As Dagster has it; None where nothing was to do.
        rows: Rows of `weather.observations` for the hours that were asked for; None where the warehouse is away.
        lineage: None where the lineage API can't be asked.
    """

    hours: Sequence[datetime]
    launched: int
    backfill: Backfill | None
    failures: tuple[FailedRun, ...]
    rows: int | None
    lineage: LineageFound | None

    @property
    def succeeded(self) -> bool:
        """Whether all hours and all lineage are there."""
        from weather_pipeline.stack.dagster_api import ALL_LOADED

        if self.backfill is not None and self.backfill.status not in (ALL_LOADED, "COMPLETED"):
            return False
        return not self.failures and not (self.lineage and self.lineage.missing)


@click.command(
    epilog="""
    \b
    Examples:
      weather backfill 2026-10-01 2026-10-30           30 days
      weather backfill 2026-10-01                      one day
      weather backfill 2026-10-01T06 2026-10-01T09     four hours
      weather backfill 2026-10-01 2026-10-30 --all --json | tail -1 | python -m json.tool

    \b
    Exit codes: 0 all hours and their lineage are there; 1 a run failed, lineage is missing, or the stack does not run;
    2 a range that can't be; 130 interrupted and cancelled.
    """
)
@click.argument("first", metavar="FROM")
@click.argument("last", metavar="[TO]", required=False)
@click.option(
    "--missing-only/--all",
    default=True,
    help="Run the hours that some asset lacks, or all of them again.  [default: missing-only]",
)
@click.option("--detach", is_flag=True, help="Return when it is launched; Dagster's daemon goes on with it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@home_option
def backfill(
    *, first: str, last: str | None, missing_only: bool, detach: bool, as_json: bool, home: Path | None
) -> None:
    """Load the hours from FROM to TO on the running stack.

    FROM and TO are days (2026-10-01) or hours (2026-10-01T05) in UTC, both included; without TO it is one day or one
    hour. Dagster makes runs of up to 24 hours and runs some in parallel: Runs > Backfills in its UI shows the same.
    Ctrl-C cancels the backfill; what it has loaded stays, and the same command goes on where it stopped.
    """
    from weather_pipeline.cli.hours import hours_of_range
    from weather_pipeline.cli.progress import Progress

    try:
        hours = hours_of_range(first, last or first, datetime.now(UTC))
    except ValueError as error:
        raise click.UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error
    stack = _running_stack(read_settings(home))
    progress = Progress()
    with stop_signals():
        backfill_id, launched = _launch(stack, hours, progress, missing_only=missing_only)
        if detach and backfill_id is not None:
            _say_launched(stack, backfill_id, launched, as_json=as_json)
            return
        outcome = _follow(stack, hours, backfill_id, launched, progress)
    _report(stack, outcome, progress, as_json=as_json)
    click.get_current_context().exit(0 if outcome.succeeded else FAILED)


def _running_stack(settings: Settings) -> RunningStack:
    """The stack of the state directory, which must run."""
    from pydantic import SecretStr

    from weather_pipeline.stack.environment import dagster_environment
    from weather_pipeline.stack.state import UP, read_state

    state = read_state(settings.home)
    if state is None or state.supervisor.process() is None or state.phase != UP:
        up = weather_command(settings, "up --detach")
        raise StackError(f"A backfill needs the running stack, and that of {settings.home} is not up. Start it: {up}")
    environment = dagster_environment(settings.home)
    token, file = (environment.get(f"WEATHER_LINEAGE_TOKEN{end}") for end in ("", "_FILE"))
    changes = {
        "port_offset": state.port_offset,
        "lineage_token": SecretStr(token) if token else None,
        "lineage_token_file": Path(file) if file else None,
    }
    settings = settings.model_copy(update=changes)
    return RunningStack(
        settings=settings,
        source=state.source,
        database_url=environment["WEATHER_DATABASE_URL"],
        lineage=environment.get("MARQUEZ_URL", state.lineage) if is_address(state.lineage) else None,
    )


def _launch(
    stack: RunningStack, hours: Sequence[datetime], progress: Progress, *, missing_only: bool
) -> tuple[str | None, int]:
    """Launch what is to run; returns the backfill's id, None where nothing is, and how many hours it has."""
    from weather_pipeline.cli import backfill_follow
    from weather_pipeline.cli.expected import expected_jobs
    from weather_pipeline.cli.hours import missing_hours, partition_key
    from weather_pipeline.cli.pipeline import patiently

    api = _api(stack)
    assets = [job.asset for job in expected_jobs(stack.settings)]
    if missing_only:
        wanted = missing_hours(hours, patiently(lambda: api.materialized_ranges(assets), stack.check))
    else:
        wanted = list(hours)
    if not wanted:
        progress.note(f"All {len(hours)} hours are there: nothing was run. --all runs them again.")
        return None, 0
    partitions = [partition_key(hour) for hour in wanted]
    backfill_id = backfill_follow.launch(api, assets, partitions, progress, stack.check)
    progress.note(f"Backfill {backfill_id} of {len(wanted)} hours: {_address(stack, backfill_id)}")
    return backfill_id, len(wanted)


def _follow(
    stack: RunningStack, hours: Sequence[datetime], backfill_id: str | None, launched: int, progress: Progress
) -> Outcome:
    from weather_pipeline.cli import backfill_follow

    if backfill_id is None:
        return Outcome(hours, launched, backfill=None, failures=(), rows=_rows(stack, hours, progress), lineage=None)
    api = _api(stack)
    with progress.phase("backfill", f"Backfilling {launched} hours"):
        try:
            done = backfill_follow.follow(api, backfill_id, launched, progress, stack.check)
        except KeyboardInterrupt:
            backfill_follow.cancel(api, backfill_id, launched, progress, stack.check)
            raise
        failures = backfill_follow.failed_runs(api, done, stack.check)
    return Outcome(
        hours=hours,
        launched=launched,
        backfill=done,
        failures=tuple(failures),
        rows=_rows(stack, hours, progress),
        lineage=_lineage(stack, done, progress),
    )


def _lineage(stack: RunningStack, done: Backfill, progress: Progress) -> LineageFound | None:
    from weather_pipeline.cli.backfill_follow import await_lineage, expected_runs
    from weather_pipeline.marquez.client import MarquezClient
    from weather_pipeline.marquez.token import lineage_token

    if stack.lineage is None:
        progress.note("Lineage goes where OpenLineage's configuration says: it can't be verified from here.")
        return None
    token = lineage_token(stack.settings)
    with progress.phase("lineage", "Waiting for lineage"), MarquezClient(stack.lineage, token=token) as client:
        expected = expected_runs(_api(stack), done, stack.check)
        return await_lineage(client, expected, progress, stack.check)


def _api(stack: RunningStack) -> DagsterApi:
    from weather_pipeline.stack.dagster_api import DagsterApi
    from weather_pipeline.stack.ports import HOST

    return DagsterApi(f"http://{HOST}:{stack.settings.dagster_port}")


def _rows(stack: RunningStack, hours: Sequence[datetime], progress: Progress) -> int | None:
    return count_rows(stack.database_url, hours[0], hours[-1], progress)


def _address(stack: RunningStack, backfill_id: str) -> str:
    return f"{stack.settings.effective_dagster_url}/runs/b/{backfill_id}"


def _run_address(stack: RunningStack, run_id: str) -> str:
    return f"{stack.settings.effective_dagster_url}/runs/{run_id}"


def _say_launched(stack: RunningStack, backfill_id: str, launched: int, *, as_json: bool) -> None:
    address = _address(stack, backfill_id)
    if as_json:
        click.echo(json.dumps({"backfill": backfill_id, "hours": launched, "url": address}))
    else:
        click.echo(f"Launched: {launched} hours. Dagster goes on with it: {address}")


def _report(stack: RunningStack, outcome: Outcome, progress: Progress, *, as_json: bool) -> None:
    click.echo(json.dumps(summary(stack, outcome, progress)) if as_json else "\n".join(report_lines(stack, outcome)))
    for line in failure_lines(stack, outcome):
        click.echo(line, err=True)


def summary(stack: RunningStack, outcome: Outcome, progress: Progress) -> dict[str, Any]:
    """The JSON body of `--json`."""
    done, lineage = outcome.backfill, outcome.lineage
    return {
        "backfill": done.backfill_id if done else None,
        "status": done.status if done else None,
        "url": _address(stack, done.backfill_id) if done else None,
        "first": outcome.hours[0].isoformat(),
        "last": outcome.hours[-1].isoformat(),
        "hours": len(outcome.hours),
        "hours_run": outcome.launched,
        "runs": _run_states(outcome),
        "failures": [
            {
                "run": failed.run_id,
                "status": failed.status,
                "first": failed.first,
                "last": failed.last,
                "errors": list(failed.errors),
                "url": _run_address(stack, failed.run_id),
            }
            for failed in outcome.failures
        ],
        "rows": outcome.rows,
        "lineage": lineage
        and {
            "expected": lineage.expected,
            "states": lineage.states,
            "missing": list(lineage.missing),
            "error": lineage.error,
        },
        "source": stack.source,
        "seconds": {**progress.seconds, "total": round(progress.elapsed, 2)},
    }


def report_lines(stack: RunningStack, outcome: Outcome) -> list[str]:
    """What was done, for people."""
    first, last = (f"{hour:%Y-%m-%d %H:%M}" for hour in (outcome.hours[0], outcome.hours[-1]))
    lines = [f"Hours         {outcome.launched} of {len(outcome.hours)} run, {first} to {last} UTC"]
    if outcome.backfill is not None:
        runs = ", ".join(f"{count} {state.lower()}" for state, count in _run_states(outcome).items())
        lines.append(f"Runs          {runs or 'none'}")
    lines.append(f"Rows          {count_text(outcome.rows)} in weather.observations for these hours")
    readings = len(outcome.hours) * len(LOCATIONS)
    if outcome.rows is not None and outcome.rows < readings:
        begin, end = (f"{hour:%Y-%m-%dT%H}" for hour in (outcome.hours[0], outcome.hours[-1]))
        why = weather_command(stack.settings, f"quality --from {begin} --to {end}")
        lines.append(f"              {readings - outcome.rows:,} of {readings:,} are missing or quarantined: {why}")
    if outcome.lineage is not None:
        states = ", ".join(f"{count} {state.lower()}" for state, count in outcome.lineage.states.items())
        lines.append(f"Lineage       {states or 'none'} of {outcome.lineage.expected} runs expected")
    return lines


def failure_lines(stack: RunningStack, outcome: Outcome) -> list[str]:
    """What went wrong, for people: the first failed runs with their errors and addresses, and missing lineage."""
    lines = []
    done = outcome.backfill
    if done is not None and done.error:
        lines.append(f"Error: Dagster gave the backfill up: {done.error}")
    for failed in outcome.failures[:_SHOWN_FAILURES]:
        lines.append(f"Error: {failed.first} to {failed.last} {failed.status.lower()}: {'; '.join(failed.errors)}")
        lines.append(f"  {_run_address(stack, failed.run_id)}")
    more = len(outcome.failures) - _SHOWN_FAILURES
    if done is not None and more > 0:
        lines.append(f"  and {more} more runs: {_address(stack, done.backfill_id)}")
    if outcome.lineage is not None:
        if outcome.lineage.error is not None:
            lines.append(f"Error: {outcome.lineage.error}")
        lines += [f"Error: lineage lacks {missing}" for missing in outcome.lineage.missing[:_SHOWN_FAILURES]]
    return lines


def _run_states(outcome: Outcome) -> dict[str, int]:
    return dict(Counter(run.status for run in outcome.backfill.runs)) if outcome.backfill else {}
