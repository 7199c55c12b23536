import hashlib
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.weather.bronze_rows import AFTERNOON, HOUR, NEXT, NO_ROWS_QUARANTINED, UNITS, row
from weather_pipeline.errors import DataError
from weather_pipeline.store.lake import bronze_files, silver_batches, write_bronze, write_silver
from weather_pipeline.store.layout import bronze_key, silver_key
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Fetched
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA

END = HOUR + timedelta(hours=3)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def fetched(*rows: dict[str, object]) -> Fetched:
    table = pa.Table.from_pylist(list(rows), schema=BRONZE_SCHEMA)
    return Fetched(table, "test", "http://test/?a=b", AFTERNOON, UNITS, "CC0")


THREE = fetched(row(), row(location_id="rotterdam"), row(time="2026-02-12T09:00"))


def test_each_hour_has_a_file_of_its_own_and_an_empty_hour_an_empty_one(store: LocalStore) -> None:
    written = write_bronze(store, THREE, start=HOUR, end=END)
    assert [(file.hour, file.rows) for file in written] == [(HOUR, 2), (NEXT, 1), (NEXT + timedelta(hours=1), 0)]
    assert store.list() == [file.key for file in written]
    assert written[0].key == "bronze/weather/2026/02/12/08/weather_20260212T0800Z.parquet"
    assert written[0].size_bytes == (store.root / written[0].key).stat().st_size
    assert pq.ParquetFile(store.root / written[0].key).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_bronze_file_explains_itself(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=END)
    with bronze_files(store, HOUR, END) as files:
        assert [file.rows for file in files] == [2, 1, 0]
        first = files[0]
    assert (first.source, first.request_url, first.received_at) == ("test", "http://test/?a=b", AFTERNOON)
    assert first.units == UNITS
    assert first.checksum == hashlib.sha256(store.get(first.key)).hexdigest()
    assert first.columns["wind_speed_10m"] == "double"


def test_a_rerun_replaces(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=END)
    write_bronze(store, fetched(row(temperature_2m=-3.0)), start=HOUR, end=NEXT)
    with bronze_files(store, HOUR, END) as files:
        assert [file.rows for file in files] == [1, 1, 0]
        table = clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=END)
    assert table["temperature_c"].to_pylist() == [-3.0, 5.0]


def test_an_hour_that_was_never_written_is_not_taken_for_an_empty_one(store: LocalStore) -> None:
    write_bronze(store, fetched(), start=HOUR, end=NEXT)
    with bronze_files(store, HOUR, NEXT) as files:
        assert [file.rows for file in files] == [0]
        write_silver(store, clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=NEXT), start=HOUR, end=NEXT)
    assert [batch.num_rows for batch in silver_batches(store, HOUR, NEXT)] == []
    bronze = rf"{bronze_key(NEXT)}\. Of 3 hours 2 have none\. Run raw_weather_data for 2026-02-12T09:00Z first"
    with pytest.raises(DataError, match=bronze), bronze_files(store, HOUR, END):
        pass
    silver = rf"{silver_key(NEXT)}\. Of 3 hours 2 have none\. Run clean_weather_data for 2026-02-12T09:00Z first"
    with pytest.raises(DataError, match=silver):
        next(silver_batches(store, HOUR, END))


def test_who_reports_missing_hours_gets_the_others(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=NEXT)
    with bronze_files(store, HOUR, END, allow_missing=True) as files:
        assert [file.hour for file in files] == [HOUR]


def test_silver_comes_back_as_it_was_written_hour_by_hour(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=END)
    with bronze_files(store, HOUR, END) as files:
        table = clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=END)
    written = write_silver(store, table, start=HOUR, end=END)
    assert [file.rows for file in written] == [2, 1, 0]
    assert written[0].key == silver_key(HOUR) == "silver/weather/2026/02/12/weather_clean_20260212T0800Z.parquet"
    back = pa.Table.from_batches(silver_batches(store, HOUR, END), schema=OBSERVATION_SCHEMA)
    assert back.sort_by("location_id").equals(table.sort_by("location_id"))


def test_other_columns_are_no_observations(store: LocalStore) -> None:
    with pytest.raises(DataError, match="Silver holds observations"):
        write_silver(store, pa.table({"a": [1]}), start=HOUR, end=NEXT)


def test_corrupt_files_are_named_with_what_to_run(store: LocalStore) -> None:
    store.put(bronze_key(HOUR), b"junk")
    store.put(silver_key(HOUR), b"junk")
    with pytest.raises(DataError, match=r"weather_20260212T0800Z.*Run raw_weather_data"):
        bronze_files(store, HOUR, NEXT).__enter__()
    with pytest.raises(DataError, match=r"weather_clean_20260212T0800Z.*Run clean_weather_data"):
        list(silver_batches(store, HOUR, NEXT))
