"""The database goes away in the middle of a run: nothing half-written, a clear error, and the retry mends it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.store.observations import HOUR, NEXT, execute, query
from tests.integration.store.trouble import Trouble, troubled
from tests.integration.weather.runs import CHAIN, EVERYTHING, Runs, empty, failure, retries, tables, versions
from tests.small_disk import SmallDisk, small_disk
from weather_pipeline.errors import StoreUnavailable
from weather_pipeline.stack.postgres import UNPRIVILEGED_ID, EmbeddedPostgres
from weather_pipeline.store.lake import silver_batches
from weather_pipeline.store.local import LocalStore
from weather_pipeline.store.migrate import migrate
from weather_pipeline.store.warehouse import upsert_observations

pytestmark = pytest.mark.integration

STATEMENTS = {
    "weather_quality_check": b"COPY weather.quarantine ",
    "clean_weather_data": b"FROM weather.quarantine_hours",
    "weather_to_postgres": b"COPY weather.observations ",
    "weather_near_towers": b"INSERT INTO weather.weather_near_towers",
}
"""A statement of each asset in the middle of which trouble comes."""


@pytest.fixture
def undisturbed(runs: Runs, warehouse: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a run leaves that nothing disturbs. The tables are empty again afterwards, the lake is not."""
    assert runs.run(*EVERYTHING).success
    found = tables(warehouse)
    assert len(found["observations"]) == 14
    assert found["weather_near_towers"]
    empty(warehouse)
    return found


@pytest.mark.parametrize("asset", STATEMENTS)
def test_a_connection_that_breaks_in_the_middle_is_mended_by_the_steps_retry(
    runs: Runs, warehouse: str, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, asset: str
) -> None:
    with troubled(warehouse, Trouble(STATEMENTS[asset])) as trouble:
        monkeypatch.setenv("WEATHER_DATABASE_URL", trouble.url)
        result = runs.run(*EVERYTHING)
    assert trouble.made == 1
    assert result.success
    assert retries(result) == 1
    assert tables(warehouse) == undisturbed


def test_an_answer_to_the_commit_that_gets_lost_loads_nothing_twice(
    runs: Runs, warehouse: str, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs.run(*CHAIN[:-1]).success
    with troubled(warehouse, Trouble(b"COMMIT\0", answer=True)) as trouble:
        monkeypatch.setenv("WEATHER_DATABASE_URL", trouble.url)
        committed: list[object] = []
        result = runs.run(CHAIN[-1], on_retry=lambda: committed.append(versions(warehouse)["observations"]))
    assert retries(result) == 1
    assert committed == [versions(warehouse)["observations"]], "the retry found all rows as it would write them"
    assert tables(warehouse)["observations"] == undisturbed["observations"]


def test_half_a_copy_leaves_the_rows_as_they_were(runs: Runs, warehouse: str) -> None:
    assert runs.run(*EVERYTHING).success
    execute(warehouse, "UPDATE weather.observations SET temperature_c = 0")
    before = versions(warehouse)
    seen: list[object] = []
    with troubled(warehouse, Trouble(b"COPY staged", times=2)) as trouble, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEATHER_DATABASE_URL", trouble.url)
        result = runs.run("weather_to_postgres", on_retry=lambda: seen.append(versions(warehouse)))
    assert seen == [before, before]
    assert result.success
    assert query(warehouse, "SELECT count(*) FROM weather.observations WHERE temperature_c = 0") == [(0,)]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that a test may kill. It syncs to disk, or a crash could lose more than it may."""
    directory = tmp_path_factory.mktemp("own")
    server = EmbeddedPostgres(directory / "server", log_file=directory / "postgres.log")
    try:
        server.start()
        yield server
    finally:
        server.destroy()


@pytest.fixture
def own_warehouse(own_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, runs: Runs) -> str:
    url = own_server.ensure_database("weather")
    migrate(url)
    empty(url)
    monkeypatch.setenv("WEATHER_DATABASE_URL", url)
    return url


def crash(server: EmbeddedPostgres) -> None:
    """An immediate shutdown: no checkpoint, no farewell; the next start recovers from the log."""
    process = server.process
    assert process is not None
    process.send_signal(signal.SIGQUIT)
    process.wait()


@pytest.mark.parametrize("asset", ["weather_quality_check", "weather_to_postgres"])
def test_a_server_that_is_restarted_in_the_middle_is_waited_for(
    runs: Runs, undisturbed: dict[str, Any], own_server: EmbeddedPostgres, own_warehouse: str, asset: str
) -> None:
    trouble = Trouble(STATEMENTS[asset], lambda: crash(own_server))
    with troubled(own_warehouse, trouble), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEATHER_DATABASE_URL", trouble.url)
        result = runs.run(*EVERYTHING, on_retry=own_server.start)
    assert result.success
    assert retries(result) == 1
    assert tables(own_warehouse) == undisturbed


@pytest.mark.usefixtures("retried_at_once")
def test_a_server_that_stays_away_fails_the_run_with_what_to_check_and_a_rerun_succeeds(
    runs: Runs, undisturbed: dict[str, Any], own_server: EmbeddedPostgres, own_warehouse: str
) -> None:
    own_server.stop()
    result = runs.run(*EVERYTHING)
    own_server.start()
    message = failure(result, "weather_quality_check")
    assert "The database is not available" in message
    assert "Check WEATHER_DATABASE_URL, and that it runs." in message
    assert own_server.password not in message
    assert retries(result) == 3
    assert tables(own_warehouse)["observations"] == []
    assert runs.run(*EVERYTHING).success
    assert tables(own_warehouse) == undisturbed


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    # pytest's own directories are closed to the server's user.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        Path(place).chmod(0o755)
        with small_disk(Path(place) / "disk", owner=_server_id()) as disk:
            yield disk


@pytest.fixture
def small_warehouse(disk: SmallDisk, own_server: EmbeddedPostgres, own_warehouse: str) -> Iterator[str]:
    """A warehouse whose observations lie on the small disk."""
    place = disk.path / "tables"
    execute(own_server.url(), f"CREATE TABLESPACE small LOCATION '{_for_server(place)}'")
    execute(own_warehouse, "ALTER TABLE weather.observations SET TABLESPACE small")
    yield own_warehouse
    execute(own_warehouse, "ALTER TABLE weather.observations SET TABLESPACE pg_default")
    execute(own_server.url(), "DROP TABLESPACE small")


def _for_server(directory: Path) -> Path:
    directory.mkdir()
    if os.geteuid() == 0:
        os.chown(directory, _server_id(), _server_id())
    return directory


def _server_id() -> int:
    return os.geteuid() or UNPRIVILEGED_ID


def test_a_database_without_space_says_so_and_goes_on_when_there_is_some(
    runs: Runs, undisturbed: dict[str, Any], small_warehouse: str, disk: SmallDisk
) -> None:
    assert runs.run(*CHAIN[:-1]).success
    disk.fill()
    seen: list[object] = []

    def make_room() -> None:
        seen.append(tables(small_warehouse)["observations"])
        disk.free()

    result = runs.run("weather_to_postgres", "weather_near_towers", on_retry=make_room)
    assert seen == [[]]
    assert result.success
    assert tables(small_warehouse) == undisturbed


def test_a_database_without_space_is_named_as_such(
    runs: Runs, undisturbed: dict[str, Any], small_warehouse: str, disk: SmallDisk, tmp_path: Path
) -> None:
    disk.fill()
    batches = silver_batches(LocalStore(tmp_path / "lake"), HOUR, NEXT)
    with pytest.raises(StoreUnavailable, match=r"can't be written: .*No space left on device.*Free space on the data"):
        upsert_observations(small_warehouse, batches)
    assert tables(small_warehouse)["observations"] == []
