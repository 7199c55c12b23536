import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.weather.bronze_rows import AFTERNOON, HOUR, NEXT, NO_ROWS_QUARANTINED, UNITS, row
from weather_pipeline.errors import DataError, StoreUnavailable
from weather_pipeline.store import lake
from weather_pipeline.store.lake import (
    bronze_files,
    bronze_to_judge,
    silver_batches,
    write_bronze,
    write_clean,
    write_silver,
)
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, BronzeFile, Fetched, in_slices
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.layout import bronze_key, silver_key
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


def test_who_judges_gets_what_is_readable_and_what_is_damaged(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=NEXT)
    store.put(bronze_key(NEXT), b"junk")
    with bronze_to_judge(store, HOUR, END) as (files, damaged):
        assert [file.hour for file in files] == [HOUR]
        assert [(file.hour, file.key) for file in damaged] == [(NEXT, bronze_key(NEXT))]


def _flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]


def test_a_flipped_bit_in_a_page_never_becomes_a_reading(store: LocalStore) -> None:
    """Without checksums one flip in ten was read as another value."""
    write_bronze(store, THREE, start=HOUR, end=NEXT)
    good = store.get(bronze_key(HOUR))
    with store.local(bronze_key(HOUR)) as path:
        before = pq.read_table(path)
        pages = pq.ParquetFile(path).metadata.row_group(0)
        last = pages.column(pages.num_columns - 1)
        end = last.dictionary_page_offset + last.total_compressed_size
    found = {"damaged": 0, "as it was": 0}
    for position in range(4, end, 3):
        store.put(bronze_key(HOUR), _flipped(good, position))
        with bronze_to_judge(store, HOUR, NEXT) as (files, damaged):
            found["damaged" if damaged else "as it was"] += 1
            for file in files:
                assert pq.read_table(file.path).equals(before), position
            for broken in damaged:
                assert f"{bronze_key(HOUR)} is no readable parquet file" in broken.reason
                assert "Run raw_weather_data" in broken.reason
    assert found["damaged"] > found["as it was"] > 0  # statistics may be wrong: nothing of ours reads them


def test_silver_with_other_columns_is_not_taken_for_nulls(store: LocalStore) -> None:
    buffer = pa.BufferOutputStream()
    pq.write_table(OBSERVATION_SCHEMA.empty_table().drop_columns("pressure_hpa"), buffer)
    store.put(silver_key(HOUR), buffer.getvalue().to_pybytes())
    with pytest.raises(DataError, match=r"T0800Z.parquet has other columns.*Run clean_weather_data"):
        list(silver_batches(store, HOUR, NEXT))


def test_silver_comes_back_as_it_was_written_hour_by_hour(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=END)
    with bronze_files(store, HOUR, END) as files:
        table = clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=END)
    written = write_silver(store, table, start=HOUR, end=END)
    assert [file.rows for file in written] == [2, 1, 0]
    assert written[0].key == silver_key(HOUR) == "silver/weather/2026/02/12/weather_clean_20260212T0800Z.parquet"
    back = pa.Table.from_batches(silver_batches(store, HOUR, END), schema=OBSERVATION_SCHEMA)
    assert back.sort_by("location_id").equals(table.sort_by("location_id"))


def test_bronze_is_cleaned_into_silver_some_hours_at_a_time(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def one_row_at_a_time(files: Sequence[BronzeFile]) -> Iterator[list[BronzeFile]]:
        for part in in_slices(files, 1):
            sizes.append(len(part))
            yield part

    monkeypatch.setattr(lake, "in_slices", one_row_at_a_time)
    write_bronze(store, THREE, start=HOUR, end=END)
    with bronze_files(store, HOUR, END) as files:
        written = write_clean(store, files, NO_ROWS_QUARANTINED, start=HOUR, end=END)
        table = clean(files, NO_ROWS_QUARANTINED, start=HOUR, end=END)
    assert sizes == [1, 2]
    assert [(file.hour, file.rows) for file in written] == [(HOUR, 2), (NEXT, 1), (NEXT + timedelta(hours=1), 0)]
    back = pa.Table.from_batches(silver_batches(store, HOUR, END), schema=OBSERVATION_SCHEMA)
    assert back.sort_by("location_id").equals(table.sort_by("location_id"))


def test_nothing_is_cleaned_where_a_later_hour_can_not_be(store: LocalStore) -> None:
    write_bronze(store, THREE, start=HOUR, end=NEXT)
    unknown = replace(fetched(row(time="2026-02-12T09:00")), units={**UNITS, "visibility": "furlong"})
    write_bronze(store, unknown, start=NEXT, end=NEXT + timedelta(hours=1))
    with bronze_files(store, HOUR, NEXT + timedelta(hours=1)) as files, pytest.raises(DataError, match="furlong"):
        write_clean(store, files, NO_ROWS_QUARANTINED, start=HOUR, end=NEXT + timedelta(hours=1))
    assert store.list("silver") == []


def test_a_file_that_can_not_be_written_is_an_error(store: LocalStore) -> None:
    (store.root / "bronze/weather/2026/02/12").mkdir(parents=True)
    (store.root / "bronze/weather/2026/02/12/09").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="can't be written"):
        write_bronze(store, THREE, start=HOUR, end=END)


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
