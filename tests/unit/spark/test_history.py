"""Which files of silver the history is made of, and what its datasets are called."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.store.observations import HOUR, NEXT, observation, table
from weather_pipeline.errors import ConfigurationError, DataError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.history import COLUMNS, SPARK_TYPES, history_table, silver_files, silver_place
from weather_pipeline.store.lake import write_silver
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.layout import silver_key
from weather_pipeline.weather.tables import TABLES

END = NEXT + timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two hours, of two rows and of none."""
    lake = tmp_path / "a lake"
    write_silver(LocalStore(lake), table(observation(), observation("utrecht")), start=HOUR, end=END)
    return lake


def found(lake: Path, hours: tuple[datetime, datetime] | None) -> list[tuple[datetime, int]]:
    return [(file.hour, file.rows) for file in silver_files(lake, hours)]


def test_the_files_of_the_hours_that_are_asked_for(lake: Path) -> None:
    assert found(lake, (HOUR, END)) == [(HOUR, 2), (NEXT, 0)]
    assert found(lake, (NEXT, END)) == [(NEXT, 0)]
    assert silver_files(lake, (HOUR, NEXT))[0].path == lake / silver_key(HOUR)


def test_without_a_range_all_files_of_silver(lake: Path) -> None:
    (lake / silver_key(HOUR)).with_name("notes.parquet").write_text("not silver's")
    assert found(lake, None) == [(HOUR, 2), (NEXT, 0)]


def test_an_hour_without_a_file_is_not_taken_for_an_empty_one(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Of 3 hours 1 have none\. Run clean_weather_data for 2026-02-12T10:00Z first"):
        silver_files(lake, (HOUR, END + timedelta(hours=1)))
    with pytest.raises(DataError, match=r"There is no file of silver in .*nothing/silver/weather"):
        silver_files(tmp_path / "nothing", None)


def test_a_file_that_is_damaged_or_has_other_columns_is_refused(lake: Path) -> None:
    pq.write_table(pa.table({"observed_at": [1]}), lake / silver_key(HOUR))
    with pytest.raises(DataError, match=r"has other columns than an observation: observed_at\."):
        silver_files(lake, (HOUR, NEXT))
    (lake / silver_key(HOUR)).write_bytes(b"junk")
    with pytest.raises(DataError, match=r"T0800Z\.parquet can't be read .* Run clean_weather_data"):
        silver_files(lake, (HOUR, NEXT))


def test_names_are_equal_in_two_homes_with_two_port_offsets() -> None:
    here = Settings(home=Path("/one/.weather"), port_offset=100)
    there = Settings(home=Path("/other"), port_offset=200)
    assert silver_place(here) == (("file", "/one/.weather/lake/silver/weather"), ("file", "lake/silver/weather"))
    assert silver_place(there) == (("file", "/other/lake/silver/weather"), ("file", "lake/silver/weather"))
    assert str(history_table(here)) == str(history_table(there)) == "demo.weather.history"
    elsewhere = Settings(iceberg_table="lake.news.articles")  # type: ignore[call-arg]
    assert str(history_table(elsewhere)) == "lake.weather.history"


def test_a_lake_on_s3_is_refused_with_its_address() -> None:
    with pytest.raises(ConfigurationError, match="WEATHER_LAKE_URL is 's3://server:9000'"):
        silver_place(Settings(lake_url="s3://server:9000"))


def test_its_columns_are_silver_s_and_all_have_a_type_in_spark() -> None:
    assert TABLES["silver"] == COLUMNS
    assert {column.sql_type for column in COLUMNS} == set(SPARK_TYPES)
