"""`weather quality`: how good the weather was that came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli.common import home_option, read_settings, warehouse_url

if TYPE_CHECKING:
    from weather_pipeline.store.quality_history import FailedRule, HourScore, RunScore

_SHOWN_HOURS = 24


@click.command(
    epilog="""
    \b
    Examples:
      weather quality
      weather quality --from 2026-02-12 --to 2026-02-13       two days
      weather quality --from 2026-02-12T08 --to 2026-02-12T09
      weather quality --runs --json | python -m json.tool

    \b
    Exit codes: 0 shown; 1 failed, as where no warehouse is known; 2 wrong usage.
    """
)
@click.option("--from", "start", metavar="TIME", help="First day or hour, UTC.  [default: 24 hours up to --to]")
@click.option("--to", "end", metavar="TIME", help="Last day or hour, included, UTC.  [default: the last that is over]")
@click.option("--runs", "by_run", is_flag=True, help="Show each run that judged these hours, not each hour.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with hours and runs.")
@home_option
def quality(*, start: str | None, end: str | None, by_run: bool, as_json: bool, home: Path | None) -> None:
    """Show each hour's quality score and what failed.

    As last judged; the last 24 hours that are over, if not said otherwise.

    --from and --to are days (2026-10-01) or hours (2026-10-01T05), both included, as for `weather backfill`.
    The warehouse is WEATHER_DATABASE_URL, or the running stack's.
    """
    from weather_pipeline.store.quality_history import read_hours, read_runs

    first, last = hour_range(start, end, now=datetime.now(UTC))
    url = warehouse_url(read_settings(home))
    if as_json:
        click.echo(json.dumps(quality_json(read_hours(url, first, last), read_runs(url, first, last), first, last)))
        return
    lines = run_lines(read_runs(url, first, last)) if by_run else hour_lines(read_hours(url, first, last))
    nothing = f"No hour from {_time(first)} to before {_time(last)} was judged. Choose others with --from and --to."
    click.echo("\n".join(lines) or nothing)


def hour_range(start: str | None, end: str | None, *, now: datetime) -> tuple[datetime, datetime]:
    """The half-open range that is meant, UTC.

    Args:
        start: First day or hour, as of `weather backfill`; None: a day before the end.
        end: Last day or hour, included; None: the last hour that is over.
        now: The present moment.

    Raises:
        click.UsageError: The range can't be.
    """
    from weather_pipeline.cli.hours import HOUR, complete_hours, hours_of_range

    last = end or f"{complete_hours(now, 1)[0]:%Y-%m-%dT%H}"
    try:
        hours = hours_of_range(start or last, last, now)
    except ValueError as error:
        raise click.UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error
    past = hours[-1] + HOUR
    return (past - _SHOWN_HOURS * HOUR if start is None else hours[0]), past


def hour_lines(hours: Sequence[HourScore]) -> list[str]:
    """The hours for people, with a sum for each dataset."""
    from weather_pipeline.store.quality_history import mean_score

    row = "{:18}{:>6}{:>12}{:>8}  {}".format
    lines: list[str] = []
    for dataset, grouped in groupby(hours, key=lambda hour: hour.dataset):
        found = list(grouped)
        lines += [dataset, row("hour (UTC)", "rows", "quarantined", "score", "failed rules")]
        lines += [row(_time(h.hour), h.rows, h.quarantined, score_text(h.score), _failed(h.failed)) for h in found]
        rows, quarantined = sum(h.rows for h in found), sum(h.quarantined for h in found)
        lines.append(row(f"{len(found)} hours", rows, quarantined, score_text(mean_score(found)), ""))
    return [line.rstrip() for line in lines]


def run_lines(runs: Sequence[RunScore]) -> list[str]:
    """The runs for people."""
    if not runs:
        return []
    row = "{:37}{:16}{:18}{:>6}{:>6}{:>12}{:>8}  {}".format
    lines = [row("run", "dataset", "first hour (UTC)", "hours", "rows", "quarantined", "score", "judged (UTC)")]
    for run in runs:
        figures = (run.hours, run.rows_received, run.rows_quarantined, score_text(run.score))
        lines.append(row(run.run_id, run.dataset, _time(run.first_hour), *figures, _time(run.evaluated_at)))
    return lines


def quality_json(
    hours: Sequence[HourScore], runs: Sequence[RunScore], start: datetime, end: datetime
) -> dict[str, Any]:
    """All of it for programs; times are ISO 8601, UTC."""
    from weather_pipeline.store.quality_history import mean_score

    datasets = {name: list(found) for name, found in groupby(hours, key=lambda hour: hour.dataset)}
    return {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "datasets": [
            {
                "dataset": name,
                "hours": len(found),
                "rows": sum(hour.rows for hour in found),
                "quarantined": sum(hour.quarantined for hour in found),
                "score": mean_score(found),
            }
            for name, found in datasets.items()
        ],
        "hours": [_plain(asdict(hour)) for hour in hours],
        "runs": [_plain(asdict(run)) for run in runs],
    }


def score_text(score: float) -> str:
    """A score in four digits, cut and not rounded: only what is perfect reads 1."""
    return f"{int(score * 10_000) / 10_000:.4f}"


def _failed(rules: Sequence[FailedRule]) -> str:
    return ", ".join(f"{rule.rule} {rule.failed}/{rule.checked} ({rule.severity})" for rule in rules) or "-"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
