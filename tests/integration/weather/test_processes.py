"""Runs as processes: killed in the middle, and two for the same hours at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.store.trouble import Trouble, troubled
from tests.integration.weather.runs import CHAIN, EVERYTHING, HOUR, Runs, empty, files, tables
from weather_pipeline.store.layout import BRONZE_PREFIX, SILVER_PREFIX
from weather_pipeline.store.local import LocalStore

pytestmark = pytest.mark.integration

UNTIL = "2026-02-12-10:00"
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def undisturbed(runs: Runs, warehouse: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a run leaves that nothing disturbs. The tables are empty again afterwards, the lake is not."""
    assert runs.run(*EVERYTHING, until=UNTIL).success
    found = tables(warehouse)
    empty(warehouse)
    return found


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.weather.run_hours", *arguments]
    return subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("fsync", "layer"), [(3, BRONZE_PREFIX), (9, SILVER_PREFIX)])
def test_a_process_that_is_killed_in_the_middle_of_a_file_leaves_whole_files_only(
    runs: Runs, warehouse: str, tmp_path: Path, fsync: int, layer: str
) -> None:
    process = start(HOUR, UNTIL, str(fsync))
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


def test_two_processes_that_run_the_same_hours_at_the_same_time_end_as_one(
    runs: Runs, warehouse: str, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    processes = [start(HOUR, UNTIL) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes, outputs
    for code, output in zip(codes, outputs, strict=True):
        # Whoever finds another's bronze in place of its own stops, and names what to run.
        assert code == 0 or "Run weather_quality_check for" in output, output
    assert tables(warehouse) == undisturbed
    assert not [name for name in files(tmp_path / "lake") if ".partial-" in name]
    assert runs.run(*CHAIN, until=UNTIL).success
