"""Every rule of the table on readings made bad for it, and on real recorded ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.weather.bronze_rows import HOUR, NEXT, UNITS, bronze_file, row
from weather_pipeline.sources.recordings import readings
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, UnreadableFile
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import QualityReport, evaluate
from weather_pipeline.weather.rules import RULE_BY_NAME, RULES, Kind, Scope
from weather_pipeline.weather.schema import VARIABLES

NULLABLE = pa.schema([field.with_nullable(True) for field in BRONZE_SCHEMA])
AMSTERDAM = LOCATIONS[0]


@dataclass(frozen=True)
class Bad:
    """A bronze file that one rule must refuse.

    Attributes:
        rows: Its rows.
        also: Further rules that can't but fail with it.
        options: How the file differs otherwise.
    """

    rows: tuple[Mapping[str, Any], ...]
    also: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)


def bad(*rows: Mapping[str, Any], also: tuple[str, ...] = (), **options: Any) -> Bad:
    return Bad(rows, frozenset(also), options)


def without(column: str) -> pa.Schema:
    return pa.schema([field for field in BRONZE_SCHEMA if field.name != column])


def as_text(column: str) -> pa.Schema:
    return BRONZE_SCHEMA.set(BRONZE_SCHEMA.get_field_index(column), pa.field(column, pa.string()))


_BEYOND = {
    "temperature_2m": (-89.3, 56.8),
    "relative_humidity_2m": (-1, 101),
    "dew_point_2m": (-100.1, 36.1),
    "wind_speed_10m": (-0.1, 407.6),
    "wind_direction_10m": (-1, 361),
    "wind_gusts_10m": (-0.1, 407.6),
    "precipitation": (-0.1, 305.1),
    "pressure_msl": (869.9, 1089.5),
    "visibility": (-1, 300_001),
}
"""Values as received (km/h for wind) just outside of what is accepted."""

_PAIRED = {
    ("temperature_2m", 0): ("dew_point_not_above_temperature",),
    ("dew_point_2m", 1): ("dew_point_not_above_temperature",),
    ("wind_speed_10m", 1): ("gust_not_below_wind_speed",),
    ("wind_gusts_10m", 0): ("gust_not_below_wind_speed",),
}

CASES: list[tuple[str, Bad]] = [
    ("rows_present", bad(also=("no_gap",))),
    ("required_columns", bad(row(), schema=without("elevation"))),
    ("column_types", bad(row(elevation="high"), schema=as_text("elevation"))),
    ("units", bad(row(), units={**UNITS, "visibility": "furlong"})),
    ("hour_complete", bad(row(), received_at=HOUR)),
    ("time_valid", bad(row(), row(time="12-02-2026 08:00"))),
    ("in_hour", bad(row(), row(time="2026-02-12T07:00"))),
    ("location_present", bad(row(), row(location_id=None), schema=NULLABLE)),
    (
        "reading_present",
        bad(
            row(),
            row(location_id="breda", **dict.fromkeys(UNITS)),
            also=tuple(rule.name for rule in RULES if rule.kind is Kind.NOT_NULL),
        ),
    ),
    ("unique", bad(row(), row())),
    ("no_gap", bad(row(location_id="breda"))),
    ("dew_point_not_above_temperature", bad(row(temperature_2m=5.0, dew_point_2m=5.6))),
    ("gust_not_below_wind_speed", bad(row(wind_speed_10m=36.0, wind_gusts_10m=30.0))),
    *(
        (
            f"range_{column.name}",
            bad(row(**{str(column.variable): value}), also=_PAIRED.get((str(column.variable), side), ())),
        )
        for column in VARIABLES
        for side, value in enumerate(_BEYOND[str(column.variable)])
    ),
    *((rule.name, bad(row(**{str(rule.received_as): None}))) for rule in RULES if rule.kind is Kind.NOT_NULL),
]


def failed(report: QualityReport) -> set[str]:
    return {result.rule.name for result in report.rules if not result.passed}


def test_every_rule_has_a_bad_case() -> None:
    assert {name for name, _ in CASES} | {"readable"} == set(RULE_BY_NAME)


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_a_rule_refuses_what_is_made_bad_for_it_and_does_what_its_severity_says(
    tmp_path: Path, name: str, case: Bad
) -> None:
    file = bronze_file(tmp_path, case.rows, **case.options)
    report = evaluate([file], start=HOUR, end=NEXT, locations=[AMSTERDAM])
    rule = RULE_BY_NAME[name]
    assert name in failed(report)
    assert failed(report) <= {name} | case.also
    assert name in {result.rule.name for result in report.blocking} or not rule.blocks
    assert (name in set(report.quarantine["rule"].to_pylist())) == rule.quarantines
    assert report.score < 1
    assert (report.score == 0) == rule.blocks
    [result] = [result for result in report.rules if result.rule is rule]
    assert result.example
    assert 0 < result.rows_failed <= result.rows_checked


def test_a_damaged_file_fails_its_hour_alone(tmp_path: Path) -> None:
    good = bronze_file(tmp_path, [row()])
    report = evaluate(
        [good],
        start=HOUR,
        end=NEXT + timedelta(hours=1),
        locations=[AMSTERDAM],
        damaged=[UnreadableFile("bronze/x.parquet", NEXT, "bronze/x.parquet is damaged")],
    )
    assert failed(report) == {"readable"}
    assert [hour.score for hour in report.hours] == [1.0, 0.0]
    [blocking] = report.blocking
    assert (blocking.rows_checked, blocking.rows_failed, blocking.example) == (2, 1, "bronze/x.parquet is damaged")
    assert report.hours[1].bronze_checksum is None


def test_a_file_that_only_its_reader_finds_damaged_fails_its_hour_alone(tmp_path: Path) -> None:
    """A footer that one library reads and the other does not."""
    files = [bronze_file(tmp_path, [row()]), bronze_file(tmp_path, [row(time="2026-02-12T09:00")], hour=NEXT)]
    files[1].path.write_bytes(b"PAR1 junk PAR1")
    report = evaluate(files, start=HOUR, end=NEXT + timedelta(hours=1), locations=[AMSTERDAM])
    assert failed(report) == {"readable"}
    assert [hour.score for hour in report.hours] == [1.0, 0.0]
    [blocking] = report.blocking
    assert f"{files[1].key} is no readable parquet file" in str(blocking.example)


def recorded(directory: Path, hours: list[datetime]) -> QualityReport:
    """The recorded observations of hours, with the units they were recorded in."""
    stored = {str(column.variable): str(column.unit) for column in VARIABLES}
    files = []
    for hour in hours:
        rows = [
            row(location_id=place.id, time=f"{hour:%Y-%m-%dT%H:%M}", **reading)
            for number, place in enumerate(LOCATIONS)
            for reading in readings(number, hour)
        ]
        files.append(bronze_file(directory, rows, hour=hour, units=stored, received_at=hour + timedelta(days=1)))
    return evaluate(files, start=hours[0], end=hours[-1] + timedelta(hours=1))


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        # Newark's anemometer: 1,048 mph. A pressure is missing here and there, as a gust is mostly.
        (datetime(2026, 2, 12, 8, tzinfo=UTC), 1, {"range_wind_speed_ms": 1, "not_null_pressure_hpa": 3}),
        # The clocks of New York went back: one hour came twice, and the next one never.
        (datetime(2026, 11, 3, 5, tzinfo=UTC), 2, {"unique": 3, "no_gap": 3, "not_null_pressure_hpa": 4}),
        (datetime(2026, 7, 4, 18, tzinfo=UTC), 6, {"not_null_pressure_hpa": 28}),
    ],
)
def test_real_readings_fail_what_is_wrong_with_them_and_nothing_else(
    tmp_path: Path, first: datetime, count: int, expected: dict[str, int]
) -> None:
    report = recorded(tmp_path, [first + timedelta(hours=index) for index in range(count)])
    assert {result.rule.name: result.rows_failed for result in report.rules if not result.passed} == expected
    for result in report.rules:
        judged = result.rows_checked
        assert judged == count if result.rule.scope is Scope.FILE else judged > 0, result.rule.name
