from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tests.unit.weather.bronze_rows import (
    HOUR,
    NEXT,
    NO_ROWS_QUARANTINED,
    UNITS,
    bronze_file,
    quarantined,
    row,
)
from weather_pipeline.errors import DataError
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, in_slices, read_bronze_file
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA


def test_readings_become_stored_units_utc_and_types(tmp_path: Path) -> None:
    table = clean([bronze_file(tmp_path, [row()])], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
    assert table.schema == OBSERVATION_SCHEMA
    [observation] = table.to_pylist()
    assert observation["observed_at"] == datetime(2026, 2, 12, 8, tzinfo=UTC)
    assert observation["wind_speed_ms"] == pytest.approx(5.0)
    assert observation["wind_gust_ms"] == pytest.approx(10.0)
    assert observation["temperature_c"] == 5.0
    assert observation["relative_humidity_pct"] == 80.0
    assert observation["source"] == "test"


def test_files_with_different_units_give_the_same_observations(tmp_path: Path) -> None:
    imperial = {**UNITS, "temperature_2m": "°F", "wind_speed_10m": "mp/h", "precipitation": "inch", "visibility": "ft"}
    files = [
        bronze_file(tmp_path, [row()]),
        bronze_file(
            tmp_path,
            [row(time="2026-02-12T09:00", temperature_2m=41.0, wind_speed_10m=11.18468, precipitation=0.2 / 25.4)],
            hour=NEXT,
            units=imperial,
        ),
    ]
    table = clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=NEXT + timedelta(hours=1))
    for column in ("temperature_c", "wind_speed_ms", "precipitation_mm"):
        first, second = table[column].to_pylist()
        assert first == pytest.approx(second, rel=1e-6)


def test_a_quarantined_row_is_left_out_and_takes_no_other_with_it(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row(wind_speed_10m=1687.2), row(), row(location_id="rotterdam")])
    table = clean([file], quarantined((file.key, 0)), start=HOUR, end=NEXT)
    assert table["location_id"].to_pylist() == ["amsterdam", "rotterdam"]
    assert table["wind_speed_ms"].to_pylist() == pytest.approx([5.0, 5.0])


def test_of_duplicates_the_last_received_stays(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row(temperature_2m=1.0), row(temperature_2m=2.0)])
    assert clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)["temperature_c"].to_pylist() == [2.0]


def test_nulls_stay_null(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row(pressure_msl=None)])
    assert clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)["pressure_hpa"].to_pylist() == [None]


def test_rows_are_sorted_by_place_and_hour(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row(location_id=place) for place in ("utrecht", "amsterdam", "breda")])
    table = clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
    assert table["location_id"].to_pylist() == ["amsterdam", "breda", "utrecht"]


def test_an_hour_without_a_file_is_refused_and_one_with_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    empty = bronze_file(tmp_path, [])
    table = clean([empty], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
    assert (table.num_rows, table.schema) == (0, OBSERVATION_SCHEMA)
    with pytest.raises(DataError, match=r"no bronze file for 2026-02-12T08:00Z\. Run raw_weather_data"):
        clean([], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
    with pytest.raises(DataError, match="no bronze file for 2026-02-12T09:00Z"):
        clean([empty], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT + timedelta(hours=1))


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row()], units={**UNITS, "wind_speed_10m": "Bft"})
    with pytest.raises(DataError, match=r"weather_20260212T0800Z.parquet: wind_speed_10m .*'Bft'"):
        clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    schema = pa.schema([field for field in BRONZE_SCHEMA if field.name != "visibility"])
    with pytest.raises(DataError, match="lacks visibility"):
        clean([bronze_file(tmp_path, [row()], schema=schema)], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)


def test_a_row_without_a_time_that_was_not_quarantined_is_refused_not_dropped(tmp_path: Path) -> None:
    file = bronze_file(tmp_path, [row(), row(time="yesterday")])
    with pytest.raises(DataError, match="row 1 has no place or no valid time"):
        clean([file], NO_ROWS_QUARANTINED, start=HOUR, end=NEXT)
    assert clean([file], quarantined((file.key, 1)), start=HOUR, end=NEXT).num_rows == 1


def test_a_row_of_another_hour_that_was_not_quarantined_is_refused_not_dropped(tmp_path: Path) -> None:
    files = [bronze_file(tmp_path, [row(), row(time="2026-02-12T09:00")]), bronze_file(tmp_path, [], hour=NEXT)]
    with pytest.raises(DataError, match="row 1 is of another hour, 2026-02-12T09:00, and is not quarantined"):
        clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=NEXT + timedelta(hours=1))


def test_files_are_taken_in_slices_by_hour_and_no_hour_is_split(tmp_path: Path) -> None:
    two = [bronze_file(tmp_path, [row(), row()], hour=HOUR + timedelta(hours=n)) for n in (3, 1, 0, 2)]
    again = [replace(two[0], key="another file of this hour")]
    hours = [[file.hour.hour - HOUR.hour for file in part] for part in in_slices([*two, *again], 4)]
    assert hours == [[0, 1], [2], [3, 3]]
    assert [len(part) for part in in_slices(two, 1)] == [1, 1, 1, 1]
    assert list(in_slices([])) == []


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match=r"the/key is no readable parquet file"):
        read_bronze_file("the/key", path, HOUR)


def test_a_parquet_file_of_someone_else_is_no_bronze(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no bronze file"):
        read_bronze_file("the/key", tmp_path / "other.parquet", HOUR)
