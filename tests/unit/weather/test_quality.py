import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.weather.bronze_rows import HOUR, NEXT, UNITS, bronze_file, row
from weather_pipeline.weather.bronze import BRONZE_SCHEMA
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import QualityReport, RuleResult, evaluate
from weather_pipeline.weather.rules import RULES

AMSTERDAM, ROTTERDAM = LOCATIONS[:2]


def judge(directory: Path, *rows: dict[str, Any], **options: Any) -> QualityReport:
    return evaluate([bronze_file(directory, rows, **options)], start=HOUR, end=NEXT, locations=[AMSTERDAM])


def result(report: QualityReport, rule: str) -> RuleResult:
    return next(result for result in report.rules if result.rule.name == rule)


def failed(report: QualityReport) -> set[str]:
    return {result.rule.name for result in report.rules if not result.passed}


def test_a_good_hour_passes_every_rule_and_each_rule_judged_something(tmp_path: Path) -> None:
    report = judge(tmp_path, row())
    assert report.passed
    assert report.score == 1.0
    assert (report.rows, report.quarantined_rows, report.quarantine.num_rows) == (1, 0, 0)
    assert [result.rule for result in report.rules] == list(RULES)
    assert all(result.rows_checked == 1 for result in report.rules)


def test_the_famous_wind_is_quarantined_with_its_reason_and_nothing_else_is(tmp_path: Path) -> None:
    report = judge(tmp_path, row(), row(location_id="rotterdam", wind_speed_10m=1687.2))
    assert failed(report) == {"range_wind_speed_ms", "gust_not_below_wind_speed"}
    [hour] = report.hours
    [entry] = report.quarantine.to_pylist()
    assert hour.bronze_key == entry["bronze_key"]
    assert (entry["location_id"], entry["row_number"], entry["rule"]) == ("rotterdam", 1, "range_wind_speed_ms")
    assert (entry["variable"], entry["received"], entry["unit"]) == ("wind_speed_10m", 1687.2, "km/h")
    assert entry["reason"].startswith(
        "wind_speed_10m is 1,687.2 km/h (468.7 m/s, 1,048 mph), above 113.2 m/s (253 mph): WMO"
    )
    assert json.loads(entry["payload"])["wind_speed_10m"] == 1687.2
    assert report.blocking == ()


@pytest.mark.parametrize(
    ("variable", "low", "high"),
    [
        ("temperature_2m", -89.3, 56.8),
        ("relative_humidity_2m", -1, 101),
        ("dew_point_2m", -100.1, 36.1),
        ("wind_speed_10m", -0.1, 408.0),
        ("wind_direction_10m", -1, 361),
        ("wind_gusts_10m", -0.1, 408.0),
        ("precipitation", -0.1, 305.1),
        ("pressure_msl", 869.9, 1089.5),
        ("visibility", -1, 300_001),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_value_out_of_range_is_quarantined_and_the_reason_names_variable_value_and_unit(
    tmp_path: Path, variable: str, low: float, high: float, side: int
) -> None:
    value = (low, high)[side]
    report = judge(tmp_path, row(**{variable: value}))
    [entry] = report.quarantine.to_pylist()
    assert entry["variable"] == variable
    assert variable in entry["reason"]
    assert f"{value:,.1f}".removesuffix(".0") + f" {UNITS[variable]}" in entry["reason"]
    assert ("below", "above")[side] in entry["reason"]


def test_the_bounds_themselves_are_accepted(tmp_path: Path) -> None:
    assert judge(tmp_path, row(temperature_2m=56.7, pressure_msl=870.0, wind_direction_10m=360)).quarantined_rows == 0


def test_ranges_are_judged_in_stored_units_whatever_unit_came(tmp_path: Path) -> None:
    imperial = {**UNITS, "wind_speed_10m": "mp/h", "temperature_2m": "°F", "wind_gusts_10m": "mp/h"}
    report = judge(tmp_path, row(wind_speed_10m=253.0, wind_gusts_10m=253.0, temperature_2m=100.0), units=imperial)
    assert report.quarantined_rows == 0
    report = judge(tmp_path, row(wind_speed_10m=1048.4), units=imperial)
    assert "wind_speed_10m is 1,048.4 mp/h (468.7 m/s), above" in report.quarantine.to_pylist()[0]["reason"]


def test_nan_is_out_of_every_range(tmp_path: Path) -> None:
    assert judge(tmp_path, row(temperature_2m=float("nan"))).quarantined_rows == 1


@pytest.mark.parametrize("variable", ["pressure_msl", "temperature_2m", "visibility"])
def test_a_missing_value_warns_and_does_not_quarantine(tmp_path: Path, variable: str) -> None:
    report = judge(tmp_path, row(**{variable: None}))
    [name] = failed(report)
    assert name.startswith("not_null_")
    assert report.quarantined_rows == 0
    assert report.score < 1


def test_a_calm_wind_without_direction_or_gust_is_fine(tmp_path: Path) -> None:
    assert judge(tmp_path, row(wind_direction_10m=None, wind_gusts_10m=None)).passed


def test_a_row_without_any_reading_is_quarantined_and_counts_as_a_gap(tmp_path: Path) -> None:
    report = judge(tmp_path, row(**dict.fromkeys(UNITS)))
    [entry] = report.quarantine.to_pylist()
    assert entry["rule"] == "reading_present"
    assert result(report, "no_gap").rows_failed == 1


def test_a_duplicate_warns_and_quarantines_none(tmp_path: Path) -> None:
    report = judge(tmp_path, row(), row(temperature_2m=6.0), row(temperature_2m=7.0))
    assert failed(report) == {"unique"}
    assert result(report, "unique").rows_failed == 2
    assert report.quarantined_rows == 0


def test_a_place_without_a_row_is_a_gap(tmp_path: Path) -> None:
    report = evaluate([bronze_file(tmp_path, [row()])], start=HOUR, end=NEXT, locations=[AMSTERDAM, ROTTERDAM])
    assert failed(report) == {"no_gap"}
    assert (result(report, "no_gap").rows_checked, result(report, "no_gap").rows_failed) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "rule", "words"),
    [
        ({"time": "yesterday"}, "time_valid", "'yesterday'"),
        ({"time": None}, "time_valid", "None"),
        ({"time": "2026-02-12T09:00"}, "in_hour", "2026-02-12T08:00Z"),
        ({"time": "2026-02-12T08:15"}, "in_hour", "2026-02-12T08:15"),
        ({"location_id": None}, "location_present", "no place"),
    ],
)
def test_a_row_without_a_key_is_quarantined(tmp_path: Path, changes: dict[str, Any], rule: str, words: str) -> None:
    schema = pa.schema([field.with_nullable(True) for field in BRONZE_SCHEMA])
    report = judge(tmp_path, row(), row(**changes), schema=schema)
    [entry] = report.quarantine.to_pylist()
    assert (entry["rule"], entry["row_number"]) == (rule, 1)
    assert words in entry["reason"]


def test_a_row_that_fails_twice_has_two_reasons_and_counts_once(tmp_path: Path) -> None:
    report = judge(tmp_path, row(wind_speed_10m=1687.2, temperature_2m=99.0))
    assert report.quarantine.num_rows == 2
    assert report.quarantined_rows == 1


def test_implausible_pairs_warn(tmp_path: Path) -> None:
    assert failed(judge(tmp_path, row(dew_point_2m=5.6))) == {"dew_point_not_above_temperature"}
    assert failed(judge(tmp_path, row(dew_point_2m=5.4))) == set()
    assert failed(judge(tmp_path, row(wind_gusts_10m=10.0))) == {"gust_not_below_wind_speed"}


def test_a_missing_column_blocks_and_is_named(tmp_path: Path) -> None:
    schema = pa.schema([field for field in BRONZE_SCHEMA if field.name != "pressure_msl"])
    report = judge(tmp_path, row(), schema=schema)
    [blocking] = report.blocking
    assert blocking.rule.name == "required_columns"
    assert "pressure_msl" in str(blocking.example)
    assert report.score == 0


def test_a_column_of_another_type_blocks_and_is_named(tmp_path: Path) -> None:
    schema = BRONZE_SCHEMA.set(BRONZE_SCHEMA.get_field_index("visibility"), pa.field("visibility", pa.string()))
    report = judge(tmp_path, row(visibility="far"), schema=schema)
    assert "visibility is string, not double" in str(result(report, "column_types").example)
    assert report.blocking


def test_an_unknown_unit_blocks_and_is_named(tmp_path: Path) -> None:
    report = judge(tmp_path, row(), units={**UNITS, "wind_speed_10m": "Bft"})
    [blocking] = report.blocking
    assert blocking.rule.name == "units"
    assert "'Bft'" in str(blocking.example)


def test_an_hour_without_rows_or_without_a_file_blocks(tmp_path: Path) -> None:
    assert failed(judge(tmp_path)) == {"rows_present"}
    report = evaluate([], start=HOUR, end=NEXT)
    assert [result.rule.name for result in report.blocking] == ["rows_present"]
    assert "no bronze file for 2026-02-12T08:00Z" in str(report.blocking[0].example)
    assert (report.hours[0].bronze_key, report.hours[0].bronze_checksum) == (None, None)
    assert report.score == 0


def test_an_hour_that_was_not_over_warns_that_it_is_a_forecast(tmp_path: Path) -> None:
    report = judge(tmp_path, row(), received_at=HOUR)
    assert failed(report) == {"hour_complete"}
    assert "a forecast" in str(result(report, "hour_complete").example)


def test_hours_are_counted_apart(tmp_path: Path) -> None:
    files = [
        bronze_file(tmp_path, [row()]),
        bronze_file(tmp_path, [row(time="2026-02-12T09:00", wind_speed_10m=1687.2)], hour=NEXT),
    ]
    report = evaluate(files, start=HOUR, end=datetime(2026, 2, 12, 10, tzinfo=HOUR.tzinfo), locations=[AMSTERDAM])
    assert [(hour.hour, hour.rows, hour.quarantined) for hour in report.hours] == [(HOUR, 1, 0), (NEXT, 1, 1)]
    assert report.hours[0].score == 1 > report.hours[1].score
    assert report.score == pytest.approx((report.hours[0].score + report.hours[1].score) / 2)


@pytest.mark.parametrize("start", [HOUR.replace(tzinfo=None), HOUR.replace(minute=30), NEXT])
def test_a_range_that_is_no_range_of_hours_is_refused(start: datetime) -> None:
    with pytest.raises(ValueError, match=r"start|range"):
        evaluate([], start=start, end=NEXT)
