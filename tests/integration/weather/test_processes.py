"""Runs as processes: killed in the middle, and two for the same hours at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.store.observations import query
from tests.integration.store.trouble import Trouble, troubled
from tests.integration.weather.runs import CHAIN, EVERYTHING, HOUR, Runs, files, tables
from tests.integration.weather.warmer import warmer_server
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.layout import BRONZE_PREFIX, SILVER_PREFIX

pytestmark = pytest.mark.integration

UNTIL = "2026-02-12-10:00"
PROJECT = Path(__file__).parents[3]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.weather.run_hours", *arguments]
    return subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("file", "layer"), [(2, BRONZE_PREFIX), (5, SILVER_PREFIX)])
def test_a_process_that_is_killed_in_the_middle_of_a_file_leaves_whole_files_only(
    runs: Runs, warehouse: str, tmp_path: Path, file: int, layer: str
) -> None:
    process = start(HOUR, UNTIL, str(file))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    store = LocalStore(tmp_path / "lake")
    assert [name for name in files(store.root) if ".partial-" in name], "some of the three files were being written"
    assert len(store.list(layer)) < 3
    assert tables(warehouse)["observations"] == []
    assert runs.run(*EVERYTHING, until=UNTIL).success
    assert len(store.list()) == 6
    assert len(tables(warehouse)["observations"]) == 44


def test_a_process_that_is_killed_in_the_middle_of_a_copy_loads_nothing_and_a_rerun_all(
    runs: Runs, warehouse: str
) -> None:
    assert runs.run(*EVERYTHING).success
    before = tables(warehouse)
    process: list[subprocess.Popen[str]] = []

    def kill() -> None:
        process[0].kill()
        process[0].wait()

    with troubled(warehouse, Trouble(b"COPY staged", kill)) as trouble:
        process.append(start(HOUR, "2026-02-12-14:00", WEATHER_DATABASE_URL=trouble.url))
        process[0].communicate()
    assert trouble.made == 1
    assert process[0].returncode == -signal.SIGKILL
    assert tables(warehouse)["observations"] == before["observations"]
    assert runs.run(*EVERYTHING, until="2026-02-12-14:00").success
    rows = tables(warehouse)["observations"]
    assert len(rows) > len(before["observations"])
    assert set(before["observations"]) <= set(rows)


def temperatures(table: pa.Table, time: str, temperature: str) -> dict[tuple[str, datetime], float]:
    """(Place, hour) → °C of a table of the lake."""
    rows = zip(*(table[name].to_pylist() for name in ("location_id", time, temperature)), strict=True)
    return {(place, at): celsius for place, at, celsius in rows if celsius is not None}


def test_two_processes_that_fetch_other_readings_of_the_same_hours_at_the_same_time_end_as_one(
    runs: Runs, warehouse: str, tmp_path: Path
) -> None:
    with warmer_server() as url:
        processes = [start(HOUR, UNTIL), start(HOUR, UNTIL, WEATHER_SOURCE="open-meteo", WEATHER_OPEN_METEO_URL=url)]
        outputs = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes, outputs
    for code, output in zip(codes, outputs, strict=True):
        # Whoever finds another's bronze in place of its own stops, and names what to run.
        assert code == 0 or "Run weather_quality_check for" in output, output
    assert not [name for name in files(tmp_path / "lake") if ".partial-" in name]

    store = LocalStore(tmp_path / "lake")
    silver = temperatures(
        pa.concat_tables(pq.read_table(store.root / key) for key in store.list(SILVER_PREFIX)),
        "observed_at",
        "temperature_c",
    )
    loaded = query(
        warehouse,
        "SELECT location_id, observed_at, temperature_c FROM weather.observations WHERE temperature_c IS NOT NULL",
    )
    assert len(silver) > 30
    assert {(place, at): celsius for place, at, celsius in loaded} == pytest.approx(silver)
    before = tables(warehouse)
    assert runs.run(*CHAIN[1:], until=UNTIL).success
    assert tables(warehouse) == before, "what is loaded is what the last fetch brought"
