"""`weather quality`: how good the weather was that came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weather_pipeline.cli.common import home_option, read_settings, warehouse_url

if TYPE_CHECKING:
    from weather_pipeline.store.quality_history import FailedRule, HourScore, RunScore

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ"])
_DAY = timedelta(days=1)


@click.command(
    epilog="""
    \b
    Examples:
      weather quality
      weather quality --from 2026-02-12 --to 2026-02-13
      weather quality --runs --json | python -m json.tool

    \b
    Exit codes: 0 shown; 1 failed, as where no warehouse is known; 2 wrong usage.
    """
)
@click.option("--from", "start", type=_MOMENT, metavar="TIME", help="First hour, UTC.  [default: a day before --to]")
@click.option("--to", "end", type=_MOMENT, metavar="TIME", help="End of the hours, exclusive, UTC.  [default: now]")
@click.option("--runs", "by_run", is_flag=True, help="Show each run that judged these hours, not each hour.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with hours and runs.")
@home_option
def quality(*, start: datetime | None, end: datetime | None, by_run: bool, as_json: bool, home: Path | None) -> None:
    """Show each hour's quality score and the rules that failed, as last judged; of the last day, if not said otherwise.

    The warehouse is WEATHER_DATABASE_URL, or the running stack's.
    """
    from weather_pipeline.store.quality_history import read_hours, read_runs

    first, last = hour_range(start, end, now=datetime.now(UTC))
    url = warehouse_url(read_settings(home))
    if as_json:
        click.echo(json.dumps(quality_json(read_hours(url, first, last), read_runs(url, first, last), first, last)))
        return
    lines = run_lines(read_runs(url, first, last)) if by_run else hour_lines(read_hours(url, first, last))
    nothing = f"No hour from {_time(first)} to {_time(last)} was judged. Choose others with --from and --to."
    click.echo("\n".join(lines) or nothing)


def hour_range(start: datetime | None, end: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    """The half-open range that is meant, UTC.

    Raises:
        click.UsageError: The range is empty.
    """
    last = now if end is None else end.replace(tzinfo=UTC)
    first = last - _DAY if start is None else start.replace(tzinfo=UTC)
    if first >= last:
        raise click.UsageError(f"--from {_time(first)} must lie before --to {_time(last)}.")
    return first, last


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
