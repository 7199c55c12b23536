"""The lake is full, read-only or damaged: a clear error, only whole files, and the retry or the rerun mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.store.observations import HOUR as START
from tests.integration.store.observations import query
from tests.integration.weather.runs import (
    CHAIN,
    EVERYTHING,
    HOUR,
    Runs,
    failed_checks,
    failure,
    files,
    retries,
    tables,
    versions,
)
from tests.small_disk import SmallDisk, small_disk
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.hours import HOUR as ONE_HOUR
from weather_pipeline.weather.layout import bronze_key, silver_key

pytestmark = pytest.mark.integration

UNTIL = "2026-02-12-10:00"
BRONZE = [bronze_key(START + ONE_HOUR * index) for index in range(3)]
SILVER = [silver_key(START + ONE_HOUR * index) for index in range(3)]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "small") as disk:
        monkeypatch.setenv("WEATHER_LAKE_URL", (disk.path / "lake").as_uri())
        yield disk


@pytest.mark.parametrize("asset", ["raw_weather_data", "clean_weather_data"])
def test_a_full_disk_is_retried_and_keeps_what_was_there(runs: Runs, disk: SmallDisk, asset: str) -> None:
    assert runs.run(*CHAIN).success
    lake = disk.path / "lake"
    before = {name: (lake / name).read_bytes() for name in files(lake)}
    disk.fill()
    seen: list[object] = []

    def make_room() -> None:
        seen.append({name: (lake / name).read_bytes() for name in files(lake)})
        disk.free()

    result = runs.run(asset, on_retry=make_room)
    assert seen == [before]
    assert result.success
    assert files(lake) == list(before)


@pytest.mark.usefixtures("retried_at_once")
def test_a_disk_that_stays_full_fails_with_what_to_check_and_a_rerun_succeeds(
    runs: Runs, disk: SmallDisk, warehouse: str
) -> None:
    assert runs.run(*EVERYTHING).success
    before = versions(warehouse)
    disk.fill()
    result = runs.run(*EVERYTHING, until=UNTIL)
    message = failure(result, "raw_weather_data")
    assert "can't be written: No space left on device. Check that the disk has space and works." in message
    assert retries(result) == 3
    assert not [name for name in files(disk.path) if ".partial-" in name]
    assert versions(warehouse) == before
    disk.free()
    assert runs.run(*EVERYTHING, until=UNTIL).success
    assert len(tables(warehouse)["observations"]) == 44


def test_a_read_only_lake_fails_at_once_with_what_to_check_and_can_be_read(
    runs: Runs, disk: SmallDisk, warehouse: str
) -> None:
    assert runs.run(*EVERYTHING).success
    before = tables(warehouse)
    disk.read_only()
    message, again = runs.failure("raw_weather_data")
    assert "can't be written: Read-only file system. Check WEATHER_LAKE_URL and the access rights there." in message
    assert again == 0
    message, again = runs.failure("clean_weather_data")
    assert "weather_clean_20260212T0800Z.parquet can't be written: Read-only file system" in message
    assert again == 0
    assert runs.run("weather_quality_check").success
    assert runs.run("weather_to_postgres").success
    disk.writable()
    assert runs.run(*EVERYTHING).success
    assert tables(warehouse) == before


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped_in_a_page(content: bytes) -> bytes:
    column = pq.ParquetFile(pa.BufferReader(content)).metadata.row_group(0).column(5)
    assert column.path_in_schema in ("temperature_2m", "wind_speed_ms")
    position = column.data_page_offset + column.total_compressed_size // 2
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "no bytes": lambda _: b"",
    "truncated": truncated,
    "no footer": lambda content: content[:-4] + b"junk",
    "footer flipped": lambda content: (
        content[:-200] + bytes(byte ^ 255 for byte in content[-200:-190]) + content[-190:]
    ),
    "page flipped": flipped_in_a_page,
    "pages zeroed": lambda content: content[:4] + bytes(1000) + content[1004:],
}


def damage(lake: LocalStore, key: str, how: str) -> None:
    content = lake.get(key)
    changed = DAMAGE[how](content)
    assert changed != content
    (lake.root / key).write_bytes(changed)


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "lake")


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_bronze_is_found_by_its_check_which_keeps_the_other_hours_figures(
    runs: Runs, warehouse: str, lake: LocalStore, how: str
) -> None:
    assert runs.run("raw_weather_data", until=UNTIL).success
    damage(lake, BRONZE[1], how)
    result = runs.run(*EVERYTHING[1:], until=UNTIL)
    assert not result.success
    [(name, words)] = [
        (name, words) for name, words in failed_checks(result).items() if words and "parquet file" in words
    ]
    assert name == "readable"
    assert f"{BRONZE[1]} is no readable parquet file" in words
    assert words.endswith("Run raw_weather_data for its hour again.")
    assert retries(result) == 0
    assert lake.list("silver") == [], "nothing is cleaned of a range that is not whole"
    scores = query(
        warehouse, "SELECT rows_checked, score FROM weather.quality_metrics WHERE rule = 'overall' ORDER BY hour"
    )
    assert [rows for rows, _ in scores] == [15, 0, 15]
    assert [score > 0 for _, score in scores] == [True, False, True]
    assert query(warehouse, "SELECT count(*) FROM weather.quarantine_hours") == [(2,)]

    assert runs.run("raw_weather_data", hour="2026-02-12-09:00").success
    assert runs.run(*EVERYTHING[1:], until=UNTIL).success
    assert len(tables(warehouse)["observations"]) == 44


@pytest.mark.parametrize("how", ["truncated", "page flipped"])
def test_bronze_that_is_damaged_after_its_check_is_not_cleaned(runs: Runs, lake: LocalStore, how: str) -> None:
    assert runs.run(*CHAIN[:2], until=UNTIL).success
    damage(lake, BRONZE[1], how)
    message, again = runs.failure("clean_weather_data", until=UNTIL)
    assert BRONZE[1] in message
    assert "Run raw_weather_data for its hour again." in message or "Run weather_quality_check for 2026-02" in message
    assert again == 0
    assert lake.list("silver") == []


@pytest.mark.parametrize("how", ["no bytes", "footer flipped", "page flipped"])
def test_damaged_silver_is_not_loaded_and_cleaning_again_mends_it(
    runs: Runs, warehouse: str, lake: LocalStore, how: str
) -> None:
    assert runs.run(*EVERYTHING, until=UNTIL).success
    expected, before = tables(warehouse), versions(warehouse)
    damage(lake, SILVER[1], how)
    message, again = runs.failure("weather_to_postgres", until=UNTIL)
    assert f"{SILVER[1]} is no readable parquet file" in message
    assert "Run clean_weather_data for its hour again." in message
    assert again == 0
    assert versions(warehouse) == before, "the hours before the damaged one are not loaded either"
    assert runs.run(*EVERYTHING[2:], until=UNTIL).success
    assert tables(warehouse) == expected


def test_damaged_silver_does_not_stop_a_run_of_another_hour(runs: Runs, warehouse: str, lake: LocalStore) -> None:
    assert runs.run(*EVERYTHING, until=UNTIL).success
    damage(lake, SILVER[1], "truncated")
    assert runs.run("weather_to_postgres", hour=HOUR).success
