"""What the quality rules found, read back: each hour as it was last judged, and the runs that judged it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from weather_pipeline.store.database import connected


@dataclass(frozen=True, slots=True)
class FailedRule:
    """A rule that something in an hour failed.

    Attributes:
        rule: The rule's name.
        severity: error or warn.
        checked: Rows (or files) judged.
        failed: How many of them failed.
    """

    rule: str
    severity: str
    checked: int
    failed: int


@dataclass(frozen=True, slots=True)
class HourScore:
    """One hour of one dataset, as it was last judged.

    Attributes:
        dataset: What was judged, such as `bronze/weather`.
        hour: The hour, UTC.
        rows: Rows received.
        quarantined: Rows that must not go on.
        score: From 0 to 1; 0 where a blocking rule failed.
        run_id: The run that judged.
        evaluated_at: When it did.
        failed: The rules that failed, errors first.
    """

    dataset: str
    hour: datetime
    rows: int
    quarantined: int
    score: float
    run_id: str
    evaluated_at: datetime
    failed: tuple[FailedRule, ...]


@dataclass(frozen=True, slots=True)
class RunScore:
    """What one run found in one dataset (`weather.quality_runs`).

    Attributes:
        run_id: The run.
        dataset: What it judged.
        first_hour: First hour judged, UTC.
        last_hour: Last hour judged, UTC.
        hours: How many hours it judged.
        rows_received: Rows received.
        rows_quarantined: Rows that must not go on.
        score: Mean score of its hours.
        evaluated_at: When it judged.
    """

    run_id: str
    dataset: str
    first_hour: datetime
    last_hour: datetime
    hours: int
    rows_received: int
    rows_quarantined: int
    score: float
    evaluated_at: datetime


def read_hours(database_url: str, start: datetime, end: datetime) -> list[HourScore]:
    """The judged hours of a half-open range, by dataset and time, each as it was last judged.

    Raises:
        StoreUnavailable: The database is away.
        ConfigurationError: It can't be entered, or has no such tables.
    """
    query = """
    SELECT
        h.dataset, h.hour, h.rows_received, h.rows_quarantined, h.score, h.run_id, h.evaluated_at,
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'rule', m.rule, 'severity', m.severity, 'checked', m.rows_checked, 'failed', m.rows_failed
                ) ORDER BY m.severity, m.rule
            ) FILTER (WHERE m.rule IS NOT NULL),
            '[]'
        ) AS failed
    FROM weather.quality_hours AS h
    LEFT JOIN weather.quality_metrics AS m
        ON (m.run_id, m.dataset, m.hour) = (h.run_id, h.dataset, h.hour) AND NOT m.passed AND m.rule <> 'overall'
    WHERE h.hour >= %s AND h.hour < %s
    GROUP BY h.dataset, h.hour, h.rows_received, h.rows_quarantined, h.score, h.run_id, h.evaluated_at
    ORDER BY h.dataset, h.hour
    """
    with _connected(database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return [_hour(row) for row in cursor.execute(query, [start, end]).fetchall()]


def read_runs(database_url: str, start: datetime, end: datetime) -> list[RunScore]:
    """The runs that judged an hour of a half-open range, the newest first.

    Raises:
        StoreUnavailable: The database is away.
        ConfigurationError: It can't be entered, or has no such tables.
    """
    query = """
    SELECT * FROM weather.quality_runs WHERE last_hour >= %s AND first_hour < %s ORDER BY evaluated_at DESC, run_id
    """
    with _connected(database_url) as connection, connection.cursor(row_factory=class_row(RunScore)) as cursor:
        return cursor.execute(query, [start, end]).fetchall()


def mean_score(hours: Sequence[HourScore]) -> float:
    """The mean score of hours, each counted the same."""
    return sum(hour.score for hour in hours) / len(hours)


@contextlib.contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection]:
    with connected(database_url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")  # in which times come back
        yield connection


def _hour(row: dict[str, Any]) -> HourScore:
    return HourScore(
        dataset=row["dataset"],
        hour=row["hour"],
        rows=row["rows_received"],
        quarantined=row["rows_quarantined"],
        score=row["score"],
        run_id=row["run_id"],
        evaluated_at=row["evaluated_at"],
        failed=tuple(FailedRule(**rule) for rule in row["failed"]),
    )
