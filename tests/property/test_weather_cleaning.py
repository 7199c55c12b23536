"""What holds for cleaning whatever a source sends."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.weather.bronze_rows import HOUR, NEXT, NO_ROWS_QUARANTINED, UNITS, bronze_file, row
from weather_pipeline.weather.bronze import BronzeFile
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.quality import evaluate
from weather_pipeline.weather.rules import RULES, Kind
from weather_pipeline.weather.schema import KEY, VARIABLES
from weather_pipeline.weather.units import CONVERSIONS

END = HOUR + timedelta(hours=2)
PLACES = ["amsterdam", "rotterdam", "utrecht"]


def readings(hour_label: str) -> st.SearchStrategy[dict[str, Any]]:
    number = st.none() | st.floats(-2000, 2000, allow_nan=False)
    values = dict.fromkeys(UNITS, number)
    return st.fixed_dictionaries({"location_id": st.sampled_from(PLACES), **values}).map(
        lambda drawn: row(time=hour_label, **drawn)
    )


two_hours = st.tuples(
    st.lists(readings("2026-02-12T08:00"), max_size=6), st.lists(readings("2026-02-12T09:00"), max_size=6)
)
units = st.fixed_dictionaries(
    {str(column.variable): st.sampled_from(list(CONVERSIONS[str(column.unit)])) for column in VARIABLES}
)


def write(directory: str, hours: tuple[list[Any], list[Any]], received: dict[str, str]) -> list[BronzeFile]:
    first, second = hours
    path = Path(directory)
    return [bronze_file(path, first, units=received), bronze_file(path, second, hour=NEXT, units=received)]


@given(two_hours, units)
@settings(max_examples=25, deadline=None)
def test_cleaning_gives_one_plausible_row_for_each_key_and_the_same_each_time(
    hours: tuple[list[Any], list[Any]], received: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = write(directory, hours, received)
        report = evaluate(files, start=HOUR, end=END)
        table = clean(files, report.quarantine, start=HOUR, end=END)
        again = clean(list(reversed(files)), report.quarantine, start=HOUR, end=END)
    assert table.equals(again)
    keys = list(zip(*(table[name].to_pylist() for name in KEY), strict=True))
    assert keys == sorted(set(keys))
    bounds = {rule.variable: rule for rule in RULES if rule.kind is Kind.RANGE}
    for column in VARIABLES:
        rule = bounds[column.name]
        for value in table[column.name].to_pylist():
            assert value is None or rule.low <= value <= rule.high  # type: ignore[operator]  (a range has both)


@given(two_hours)
@settings(max_examples=15, deadline=None)
def test_every_received_row_is_quarantined_or_has_its_key_in_the_result(hours: tuple[list[Any], list[Any]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = write(directory, hours, dict(UNITS))
        report = evaluate(files, start=HOUR, end=END)
        table = clean(files, report.quarantine, start=HOUR, end=END)
    bad = {(entry["bronze_key"], entry["row_number"]) for entry in report.quarantine.to_pylist()}
    expected = {
        (reading["location_id"], file.hour)
        for file, rows in zip(files, hours, strict=True)
        for number, reading in enumerate(rows)
        if (file.key, number) not in bad
    }
    found = set(zip(table["location_id"].to_pylist(), table["observed_at"].to_pylist(), strict=True))
    assert found == expected
    assert report.quarantined_rows == len(bad)


@given(st.floats(-80, 130, allow_nan=False), units)
@settings(max_examples=15, deadline=None)
def test_values_are_converted_by_the_unit_of_their_file(value: float, received: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = bronze_file(Path(directory), [row(**dict.fromkeys(UNITS, value))], units=received)
        [observation] = clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT).to_pylist()
    for column in VARIABLES:
        conversion = CONVERSIONS[str(column.unit)][received[str(column.variable)]]
        assert observation[column.name] == pytest.approx(conversion.apply(value))


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.floats(-50, 50)), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_cleaning_what_is_clean_changes_nothing(readings: list[tuple[str, float]]) -> None:
    metric = {str(column.variable): str(column.unit) for column in VARIABLES}
    with tempfile.TemporaryDirectory() as directory:
        rows = [row(location_id=place, temperature_2m=value) for place, value in readings]
        once = clean([bronze_file(Path(directory), rows, units=metric)], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
        names = {column.name: column.variable for column in VARIABLES}
        as_bronze = [
            row(**{str(names.get(name, name)): value for name, value in observation.items() if name != "observed_at"})
            for observation in once.to_pylist()
        ]
        twice = clean(
            [bronze_file(Path(directory), as_bronze, units=metric)], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT
        )
    assert isinstance(twice, pa.Table)
    assert twice.equals(once)
