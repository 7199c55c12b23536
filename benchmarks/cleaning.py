"""Cleaning and judging bronze against pandas."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import START, write_bronze_hours
from benchmarks.measure import Contestant, take_turns
from benchmarks.pandas_cleaning import PREFIX, clean_hours
from benchmarks.report import Section, ratio_table
from weather_pipeline.store.lake import bronze_files, silver_batches, write_clean
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.quality import evaluate
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA

LARGE = (24, 208_000)
"""A day of hours, each with so many places: 5.04 million rows received."""

SMALL = (31 * 24, 15)
"""A month of hours with the platform's own places: many small files."""

_METHOD = """\
Both read the same bronze files (recorded observations tiled over places and hours, one row in a hundred twice, wind in
km/h and temperature in °F), leave out the quarantined rows, convert units, parse times, keep the last of each key,
sort, and write one zstd parquet file for each hour through the same durable store. Both times include opening bronze,
with the checksum of every file; the product's also what it refuses, such as a row without a key. Before anything is
measured both results are compared: the same rows, and values equal within the last bits. pandas works hour by hour,
which is its fastest way."""
_QUALITY = """\
All rules over the same files, with every hour's figures and the quarantine. Beside it stands what pandas takes to read
the files and no more."""


def run(rounds: int, say: Callable[[str], None]) -> Section:
    """Measure cleaning of a large day and of a month of small hours."""
    tables = [
        _measure(shape, caption, rounds, say)
        for shape, caption in ((LARGE, "A day of 24 large files"), (SMALL, "A month of 744 small files"))
    ]
    return Section("cleaning", "Cleaning: bronze to silver against pandas", _METHOD, tables)


def run_quality(rounds: int, say: Callable[[str], None]) -> Section:
    """Measure the quality rules on a large day."""
    hours, places = LARGE
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        store = LocalStore(Path(directory))
        rows = write_bronze_hours(store, hours, places)
        with bronze_files(store, START, START + hours * HOUR) as files:
            contestants = {
                "pandas, reading alone": Contestant(lambda: [len(pd.read_parquet(file.path)) for file in files]),
                "evaluate": Contestant(lambda: evaluate(files, start=START, end=START + hours * HOUR)),
            }
            figures = take_turns(contestants, rounds, say=say)
    caption = "A day of 24 large files"
    return Section("quality", "Quality rules", _QUALITY, [ratio_table(caption, rows, figures, "pandas, reading alone")])


def _measure(shape: tuple[int, int], caption: str, rounds: int, say: Callable[[str], None]) -> str:
    hours, places = shape
    end = START + hours * HOUR
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        store = LocalStore(Path(directory))
        rows = write_bronze_hours(store, hours, places)
        with bronze_files(store, START, end) as files:
            quarantined = evaluate(files, start=START, end=end).quarantine

        def ours() -> None:
            with bronze_files(store, START, end) as files:
                write_clean(store, files, quarantined, start=START, end=end)

        def pandas() -> None:
            with bronze_files(store, START, end) as files:
                clean_hours(store, files, quarantined)

        ours()
        pandas()
        _check_equal(store, hours)
        contestants = {"pandas": Contestant(pandas), "write_clean": Contestant(ours)}
        figures = take_turns(contestants, rounds, say=say)
    return ratio_table(f"{caption}, {rows:,} rows", rows, figures, "pandas")


def _check_equal(store: LocalStore, hours: int) -> None:
    """Refuse to compare the speed of two different results."""
    expected = [pq.read_table(store.root / key, schema=OBSERVATION_SCHEMA) for key in store.list(f"{PREFIX}/")]
    found = pa.Table.from_batches(silver_batches(store, START, START + hours * HOUR), schema=OBSERVATION_SCHEMA)
    pd.testing.assert_frame_equal(found.to_pandas(), pa.concat_tables(expected).to_pandas(), rtol=1e-12)
