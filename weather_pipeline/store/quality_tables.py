"""What the quality rules found, in the warehouse: metrics with their history, and the quarantine as it is now.

The quarantine names rows of bronze by their position, which means something in one content of the file only:
`quarantine_hours` keeps the checksum of the one that was judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg
import pyarrow as pa

from weather_pipeline.errors import BronzeReplaced, DataError
from weather_pipeline.store.database import connected
from weather_pipeline.weather.bronze import BronzeFile, check_pages
from weather_pipeline.weather.layout import BRONZE_PREFIX
from weather_pipeline.weather.quality import QUARANTINE_SCHEMA, QualityReport
from weather_pipeline.weather.rules import RULE_BY_NAME, Severity
from weather_pipeline.weather.tables import QUARANTINE_HOURS

DATASET = BRONZE_PREFIX
"""What the rules judge."""

OVERALL = "overall"
"""The rule name of an hour's total: rows received, rows quarantined, score."""

_LOCK = 3

_METRICS = ("run_id", "dataset", "hour", "rule", "severity", "rows_checked", "rows_failed", "passed", "score")
_HOURS = tuple(column.name for column in QUARANTINE_HOURS)


def replace_quality(database_url: str, report: QualityReport, *, run_id: str) -> int:
    """Store every rule's count for every hour. A retry of a run replaces its own; other runs' stay as history.

    Args:
        database_url: postgresql://… of the warehouse.
        report: What was found.
        run_id: The run that judged.

    Returns:
        Rows stored.
    """
    rows = list(_metrics(report, run_id))
    with connected(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM weather.quality_metrics WHERE run_id = %s AND dataset = %s AND hour >= %s AND hour < %s",
            [run_id, DATASET, report.start, report.end],
        )
        _copy(cursor, "quality_metrics", _METRICS, rows)
    return len(rows)


def replace_quarantine(database_url: str, report: QualityReport) -> int:
    """Make the quarantine of the report's hours what the report found, with the contents it was found in.

    Returns:
        Rows stored: one for each row and rule that failed.
    """
    names = QUARANTINE_SCHEMA.names
    with connected(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK])
        cursor.execute("DELETE FROM weather.quarantine WHERE hour >= %s AND hour < %s", [report.start, report.end])
        cursor.execute(
            "DELETE FROM weather.quarantine_hours WHERE hour >= %s AND hour < %s", [report.start, report.end]
        )
        _copy(cursor, "quarantine", names, ([row[name] for name in names] for row in report.quarantine.to_pylist()))
        judged = [(hour.hour, hour.bronze_key, hour.bronze_checksum) for hour in report.hours if hour.bronze_key]
        _copy(cursor, "quarantine_hours", _HOURS, judged)
    return report.quarantine.num_rows


def read_quarantine(database_url: str, files: Sequence[BronzeFile]) -> pa.Table:
    """The quarantine of bronze files, as `clean` takes it.

    Returns:
        A table with `QUARANTINE_SCHEMA`.

    Raises:
        DataError: A file was never judged, or is damaged.
        BronzeReplaced: A file has another content than the one that was judged.
    """
    hours = [file.hour for file in files]
    columns = ", ".join("payload::text" if name == "payload" else name for name in QUARANTINE_SCHEMA.names)
    statement = f"""
    SELECT {columns} FROM weather.quarantine WHERE hour = ANY(%s) ORDER BY bronze_key, row_number, rule
    """  # noqa: S608  (constants)
    with connected(database_url) as connection:
        # Both queries see the same moment: a check that ends between them can't change the one and not the other.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        judged = connection.execute(
            "SELECT bronze_key, bronze_checksum FROM weather.quarantine_hours WHERE hour = ANY(%s)", [hours]
        ).fetchall()
        rows = connection.execute(statement.encode(), [hours]).fetchall()
    _check_judged(files, dict(judged))
    entries = [dict(zip(QUARANTINE_SCHEMA.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(entries, schema=QUARANTINE_SCHEMA)


def _check_judged(files: Sequence[BronzeFile], judged: Mapping[str, str]) -> None:
    unfit = [file for file in files if judged.get(file.key) != file.checksum]
    if not unfit:
        return
    first = unfit[0]
    replaced = first.key in judged
    if replaced:
        check_pages(first.key, first.path)  # no run in parallel judges a damaged file
    why = "has changed since it was judged" if replaced else "was never judged"
    others = f" ({len(unfit)} of {len(files)} hours are to be judged)" if len(files) > 1 else ""
    error = BronzeReplaced if replaced else DataError
    raise error(
        f"{first.key} {why}: no quarantine fits its rows{others}. "
        f"Run weather_quality_check for {first.hour:%Y-%m-%dT%H:%M}Z first."
    )


def _copy(cursor: psycopg.Cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with cursor.copy(f"COPY weather.{table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _metrics(report: QualityReport, run_id: str) -> Iterable[tuple[object, ...]]:
    for hour in report.hours:
        for name, count in hour.counts.items():
            share = 1 - count.failed / count.checked if count.checked else 1.0
            severity = RULE_BY_NAME[name].severity.value
            yield run_id, DATASET, hour.hour, name, severity, count.checked, count.failed, count.failed == 0, share
        passed = hour.quarantined == 0 and hour.score > 0
        error = Severity.ERROR.value
        yield run_id, DATASET, hour.hour, OVERALL, error, hour.rows, hour.quarantined, passed, hour.score
