"""There is too little space for temporary files: said so, and tried again."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from tests.small_disk import SmallDisk, small_disk
from weather_pipeline.errors import StoreUnavailable
from weather_pipeline.store.base import open_store
from weather_pipeline.weather import duck

pytestmark = pytest.mark.integration

KEY = "bronze/weather/2026/11/21/10/weather_20261121T1000Z.parquet"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    """A small disk on which temporary files lie."""
    with small_disk(tmp_path / "temporary") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
        yield disk


def sort_much() -> None:
    with duck.connect() as connection:
        connection.execute("SET memory_limit = '20MB'")
        connection.sql("SELECT * FROM (SELECT range, hash(range) AS h FROM range(3000000)) ORDER BY h").to_arrow_table()


def test_duckdb_that_can_not_spill_names_the_remedy(temporary: SmallDisk) -> None:
    with pytest.raises(StoreUnavailable, match=r"DuckDB has too little memory and space.*set TMPDIR"):
        sort_much()
    assert not list(temporary.path.iterdir()), "it leaves nothing behind"


def test_a_place_for_temporary_files_that_is_read_only_is_named(temporary: SmallDisk) -> None:
    temporary.read_only()
    with pytest.raises(StoreUnavailable, match=r"Read-only file system.*set TMPDIR"):
        sort_much()


def test_an_object_of_s3_that_has_no_place_for_its_copy(temporary: SmallDisk, tmp_path: Path) -> None:
    with S3ServerProcess(tmp_path / "s3") as server:
        store = open_store(server.url, ACCESS)
        store.put(KEY, b"x" * 100_000)
        temporary.fill()
        with pytest.raises(StoreUnavailable, match=r"no place for a copy of s3://bronze.*set TMPDIR"):
            store.local(KEY).__enter__()
        temporary.free()
        with store.local(KEY) as path:
            assert path.stat().st_size == 100_000
