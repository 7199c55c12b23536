"""`docs/quality.md`, written from the rules themselves: `python -m weather_pipeline.cli.quality_docs`."""

from __future__ import annotations

import click

from weather_pipeline.weather.rules import RULES, Rule, Scope

_HEAD = """# Data quality

`weather_quality_check` judges every hour of bronze by the rules below, in one pass, before anything is cleaned. This
page is written from the code; do not edit it: `python -m weather_pipeline.cli.quality_docs > docs/quality.md`.

## What a failure does

| judges | severity | a failure | failed check in Dagster |
| --- | --- | --- | --- |
| a file: a whole hour | error | stops the run before `clean_weather_data`: nothing goes on | ERROR, blocking |
| a file: a whole hour | warn | is counted | WARN |
| a row: one reading | error | puts the row into `weather.quarantine` with its reason; the others go on | WARN |
| a row: one reading | warn | is counted; the row goes on | WARN |

- A run of several hours (a backfill takes a day) stops as a whole where one hour can't be used. The figures and the
  quarantine of the other hours are stored all the same, and a run of those hours alone goes through.
- A damaged file is found by the checksums of its pages, a missing one by its key: `readable` and `rows_present` say
  which asset to run again.
- The quarantine belongs to one content of one file. `clean_weather_data` refuses bronze that has changed since it was
  judged, and bronze that never was.
- Freshness is judged twice: `hour_complete` warns of an hour that was read before it was over, and the freshness policy
  of the assets in Dagster fails where nothing was loaded between five past, when the schedule runs, and twenty past the
  hour. A source that has an hour only days later, as the archive, has no such policy.
- Running the check again replaces the quarantine of its hours; what is good by then is gone from it.

## Rules

Ranges are in stored units, whatever unit the source used, and both bounds are accepted. They are what has been measured
on Earth, so that only an impossible reading fails.

| rule | judges | severity | what must hold | variable | unit | from | to | source of the bounds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""

_TAIL = """
## Score

A score is the share of single checks (one rule on one row, or on one file) that passed, errors and warnings alike, from
0 to 1. An hour that a blocking rule failed has 0. A run's score is the mean of its hours.

`weather quality` shows the last day, `weather quality --from 2026-02-12 --to 2026-02-13` other hours,
`weather quality --runs` each run, and `--json` all of it for programs. `weather_quality_check` reports the score of the
run as `score` and of each hour as `hour_score` in its metadata, so Dagster plots both.

## History

Nothing is overwritten but by a retry of the same run: `weather.quality_metrics` has every rule's count for each run and
hour (rule `overall` is the hour as a whole), `weather.quality_hours` each hour as it was last judged and
`weather.quality_runs` the score of each run and dataset. Ask with `weather psql`, or anything that speaks PostgreSQL.

The score of each day:

```sql
SELECT dataset, date_trunc('day', hour, 'UTC') AS day, avg(score) AS score, sum(rows_quarantined) AS quarantined
FROM weather.quality_hours
GROUP BY dataset, day
ORDER BY dataset, day;
```

The rules that failed most in the last 30 days:

```sql
SELECT m.rule, m.severity, sum(m.rows_failed) AS failed, sum(m.rows_checked) AS checked, count(*) AS hours
FROM weather.quality_metrics AS m
JOIN weather.quality_hours AS h USING (run_id, dataset, hour)
WHERE NOT m.passed AND m.rule <> 'overall' AND m.hour >= now() - interval '30 days'
GROUP BY m.rule, m.severity
ORDER BY failed DESC;
```

Hours whose score changed when they were judged again:

```sql
SELECT dataset, hour, run_id, score, evaluated_at
FROM (
    SELECT *, lag(score) OVER (PARTITION BY dataset, hour ORDER BY evaluated_at) AS before
    FROM weather.quality_metrics
    WHERE rule = 'overall'
) AS judged
WHERE score <> before
ORDER BY dataset, hour, evaluated_at;
```

What was quarantined, and why:

```sql
SELECT hour, location_id, variable, received, unit, reason
FROM weather.quarantine
ORDER BY hour DESC, location_id;
```
"""


def quality_markdown() -> str:
    """The page's text."""
    return _HEAD + "\n".join(map(_row, RULES)) + "\n" + _TAIL


def _row(rule: Rule) -> str:
    cells = (
        f"`{rule.name}`",
        "a file" if rule.scope is Scope.FILE else "a row",
        rule.severity,
        rule.description,
        f"`{rule.variable}`" if rule.variable else "",
        rule.unit or "",
        _bound(rule.low),
        _bound(rule.high),
        rule.bound_source or "",
    )
    return f"| {' | '.join(cells)} |"


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}".removesuffix(".0")


if __name__ == "__main__":
    click.echo(quality_markdown(), nl=False)
