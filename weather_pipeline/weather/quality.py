"""Judge bronze by every rule, in one DuckDB pass, and say which rows must not go on.

Score: the share of single checks (one rule on one row) that passed, errors and warnings alike, from 0 to 1; 0 for an
hour that a blocking rule failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from weather_pipeline.errors import DataError
from weather_pipeline.weather import duck
from weather_pipeline.weather.bronze import BronzeFile, UnreadableFile, in_slices, unreadable
from weather_pipeline.weather.file_rules import check_files
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.locations import LOCATIONS, Location
from weather_pipeline.weather.quality_sql import QUARANTINING, ROW_RULES, hourly_sql
from weather_pipeline.weather.reasons import reason
from weather_pipeline.weather.rules import RULES, Rule
from weather_pipeline.weather.schema import VARIABLES, arrow_schema
from weather_pipeline.weather.tables import QUARANTINE

QUARANTINE_SCHEMA: pa.Schema = arrow_schema(QUARANTINE)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One rule's count for one hour."""

    checked: int
    failed: int


@dataclass(frozen=True, slots=True)
class HourQuality:
    """What was found in one hour.

    Attributes:
        hour: The hour, UTC.
        rows: Rows received.
        quarantined: Rows that must not go on.
        counts: Rule name → count.
        score: From 0 to 1.
        bronze_key: The file that was judged; None where there was none that could be read.
        bronze_checksum: Its content (`BronzeFile.checksum`): row numbers mean nothing in another one.
    """

    hour: datetime
    rows: int
    quarantined: int
    counts: Mapping[str, RuleCount]
    score: float
    bronze_key: str | None
    bronze_checksum: str | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule found over all hours.

    Attributes:
        rule: The rule.
        rows_checked: What it judged: rows, or files for a rule on files.
        rows_failed: How many failed.
        example: The first failure in words; None where there is none.
    """

    rule: Rule
    rows_checked: int
    rows_failed: int
    example: str | None

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.rows_failed == 0


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What all rules found in a half-open range of hours.

    Attributes:
        start: First hour, UTC.
        end: End of the range, exclusive.
        hours: Each hour's figures, in order.
        rules: Each rule's result, in the order of `RULES`.
        quarantine: One row for each row and rule that failed (`QUARANTINE_SCHEMA`).
    """

    start: datetime
    end: datetime
    hours: tuple[HourQuality, ...]
    rules: tuple[RuleResult, ...]
    quarantine: pa.Table

    @property
    def rows(self) -> int:
        """Rows received."""
        return sum(hour.rows for hour in self.hours)

    @property
    def quarantined_rows(self) -> int:
        """Rows that must not go on, each counted once however many rules it failed."""
        return sum(hour.quarantined for hour in self.hours)

    @property
    def score(self) -> float:
        """Mean score of the hours, from 0 to 1."""
        return sum(hour.score for hour in self.hours) / len(self.hours)

    @property
    def blocking(self) -> tuple[RuleResult, ...]:
        """The failed rules that must stop what follows."""
        return tuple(result for result in self.rules if result.rule.blocks and not result.passed)

    @property
    def passed(self) -> bool:
        """Whether every rule passed, warnings included."""
        return all(result.passed for result in self.rules)


def evaluate(
    files: Sequence[BronzeFile],
    *,
    start: datetime,
    end: datetime,
    locations: Sequence[Location] = LOCATIONS,
    damaged: Sequence[UnreadableFile] = (),
) -> QualityReport:
    """Evaluate all rules over the bronze files of a range of hours.

    Args:
        files: The bronze files that can be read; one for each hour. An hour without a file fails `rows_present`.
        start: First hour, UTC.
        end: End of the range, exclusive.
        locations: Places that must have a reading in each hour.
        damaged: Files that can't be read: their hours fail `readable`.

    Raises:
        StoreUnavailable: There is no space for temporary files.
    """
    hours = hours_between(start, end)
    found, unread = _judge_readable(files, [location.id for location in locations])
    files = [file for file in files if file.hour not in {broken.hour for broken in unread}]
    file_results = check_files([*files, *damaged, *unread], hours)
    by_hour = {file.hour: file for file in files}
    per_hour = tuple(
        _hour_quality(hour, by_hour.get(hour), found.get(hour), file_results.counts[hour]) for hour in hours
    )
    units = {file.key: file.units for file in files}
    entries = [entry for hour, row in found.items() for entry in _entries(hour, row, units)]
    quarantine = pa.Table.from_pylist(entries, schema=QUARANTINE_SCHEMA)
    examples = {**file_results.examples, **{e["rule"]: e["reason"] for e in reversed(entries)}}
    return QualityReport(start, end, per_hour, tuple(_rule_results(per_hour, examples)), quarantine)


def _judge_readable(
    files: Sequence[BronzeFile], locations: Sequence[str]
) -> tuple[dict[datetime, dict[str, Any]], list[UnreadableFile]]:
    """Judge what can be read. One damaged file fails the query over all of them: then each is read alone."""
    try:
        return _judge_rows(files, locations), []
    except DataError as error:
        if len(files) == 1:
            reason = unreadable(files[0].key, error, made_by="raw_weather_data")
            return {}, [UnreadableFile(files[0].key, files[0].hour, reason)]
    found: dict[datetime, dict[str, Any]] = {}
    unread: list[UnreadableFile] = []
    for file in files:
        rows, broken = _judge_readable([file], locations)
        found.update(rows)
        unread += broken
    return found, unread


def _judge_rows(files: Sequence[BronzeFile], locations: Sequence[str]) -> dict[datetime, dict[str, Any]]:
    found = {}
    for part in in_slices(files):
        with duck.connect() as connection:
            duck.register_files(connection, part)
            parameters = {**duck.paths(part), "locations": list(locations)}
            rows = duck.query(connection, hourly_sql(part), parameters).read_all().to_pylist()
        found.update({row["hour"].replace(tzinfo=UTC): row for row in rows})
    return found


def _hour_quality(
    hour: datetime, file: BronzeFile | None, row: Mapping[str, Any] | None, file_counts: Mapping[str, int]
) -> HourQuality:
    counts = {name: RuleCount(1, failed) for name, failed in file_counts.items()}
    if row is not None:
        for index, rule in enumerate(ROW_RULES):
            counts[rule.name] = RuleCount(row[f"checked_{index}"], row[f"failed_{index}"])
    blocked = any(rule.blocks and rule.name in counts and counts[rule.name].failed for rule in RULES)
    checked = sum(count.checked for count in counts.values())
    failed = sum(count.failed for count in counts.values())
    return HourQuality(
        hour=hour,
        rows=row["rows"] if row else 0,
        quarantined=row["quarantined"] if row else 0,
        counts=counts,
        score=0.0 if blocked else 1 - failed / checked,
        bronze_key=file.key if file else None,
        bronze_checksum=file.checksum if file else None,
    )


def _entries(
    hour: datetime, row: Mapping[str, Any], units: Mapping[str, Mapping[str, str]]
) -> Iterable[dict[str, Any]]:
    """The quarantine's rows for one hour."""
    for bad in row["bad"] or ():
        received_units = units[bad["key"]]
        variables = {str(c.variable): bad[f"raw_{c.name}"] for c in VARIABLES}
        payload = {"location_id": bad["location_id"], "time": bad["time"], **variables}
        observed_at = bad["observed_at"]
        for rule in QUARANTINING:
            if not bad[rule.name]:
                continue
            yield {
                "hour": hour,
                "bronze_key": bad["key"],
                "row_number": bad["row_number"],
                "rule": rule.name,
                "location_id": bad["location_id"],
                "observed_at": observed_at.replace(tzinfo=UTC) if observed_at else None,
                "variable": rule.received_as,
                "received": bad.get(f"raw_{rule.variable}"),
                "unit": received_units.get(rule.received_as or ""),
                "reason": reason(rule, {**bad, "hour": hour}, received_units),
                "payload": json.dumps(payload),
                "source": bad["source"],
            }


def _rule_results(hours: Sequence[HourQuality], examples: Mapping[str, str]) -> Iterable[RuleResult]:
    for rule in RULES:
        counts = [hour.counts[rule.name] for hour in hours if rule.name in hour.counts]
        checked, failed = sum(c.checked for c in counts), sum(c.failed for c in counts)
        example = examples.get(rule.name)
        if failed and example is None:
            example = f"{failed} of {checked} fail: {rule.description}"
        yield RuleResult(rule, checked, failed, example if failed else None)
