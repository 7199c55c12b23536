"""The embedded PostgreSQL, for real."""

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from weather_pipeline.errors import StackError
from weather_pipeline.stack.postgres import UNPRIVILEGED_ID, EmbeddedPostgres

pytestmark = pytest.mark.integration


def test_serves_sql_on_loopback_tcp(new_database: Callable[[], str]) -> None:
    with psycopg.connect(new_database()) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("127.0.0.1",)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, not started."""
    server = EmbeddedPostgres(tmp_path / "pg", log_file=tmp_path / "pg.log")
    yield server
    server.destroy()


def test_keeps_its_data_over_a_restart_and_refuses_a_wrong_password(own: EmbeddedPostgres) -> None:
    server = own
    with server:
        url = server.ensure_database("kept")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS n")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(server.password, "wrong"))
    again = EmbeddedPostgres(own.directory, log_file=own.log_file)
    with again, psycopg.connect(again.url("kept")) as connection:
        assert connection.execute("SELECT n FROM t").fetchone() == (7,)


def test_data_and_password_are_private(postgres: EmbeddedPostgres) -> None:
    assert stat.S_IMODE((postgres.directory / "password").stat().st_mode) == 0o600
    _, data = postgres._binaries_and_data()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to drop its rights")
def test_as_root_runs_unprivileged(postgres: EmbeddedPostgres) -> None:
    assert postgres.process is not None
    status = Path(f"/proc/{postgres.process.pid}/status").read_text()
    assert f"Uid:\t{UNPRIVILEGED_ID}\t{UNPRIVILEGED_ID}" in status


def test_a_taken_port_is_an_error_with_the_servers_log(postgres: EmbeddedPostgres, own: EmbeddedPostgres) -> None:
    own.port = postgres.port
    with pytest.raises(StackError, match=r"Address already in use"):
        own.start()


def test_what_a_killed_initialisation_left_is_done_again(own: EmbeddedPostgres) -> None:
    _, data = own._binaries_and_data()
    half = data.with_name("data.partial")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    with own:
        psycopg.connect(own.url()).close()
    assert not half.exists()


def test_a_server_that_its_owner_left_is_stopped_by_the_next(own: EmbeddedPostgres) -> None:
    running = own.start()
    heir = EmbeddedPostgres(own.directory, log_file=own.log_file)
    assert heir.stop_leftover()
    assert running.wait() == 0
    assert not heir.stop_leftover()


def test_a_dead_server_that_nobody_reaped_keeps_no_other_from_starting(own: EmbeddedPostgres) -> None:
    dead = own.start()
    os.kill(dead.pid, signal.SIGKILL)
    try:
        while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        heir = EmbeddedPostgres(own.directory, log_file=own.log_file)

        assert heir.stop_leftover()
        with heir:
            psycopg.connect(heir.url()).close()
        assert psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE
    finally:
        dead.wait()


def test_a_process_number_that_was_given_away_is_left_alone(own: EmbeddedPostgres) -> None:
    _, data = own._binaries_and_data()
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    assert not own.stop_leftover()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that every user reaches, which pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def hidden(reachable: Path) -> Iterator[EmbeddedPostgres]:
    """A server below a directory that is closed to others."""
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "pg", log_file=reachable / "pg.log")
    yield server
    server.destroy()


@pytest.fixture
def open_to_all(reachable: Path) -> Iterator[EmbeddedPostgres]:
    """A server below a directory that every user reaches."""
    server = EmbeddedPostgres(reachable / "pg", log_file=reachable / "pg.log")
    yield server
    server.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under another user")
def test_data_outside_a_directory_that_was_removed_is_not_taken_for_its_own(hidden: EmbeddedPostgres) -> None:
    with hidden:
        hidden.ensure_database("old")
    shutil.rmtree(hidden.directory)
    with hidden, psycopg.connect(hidden.url()) as connection:
        assert connection.execute("SELECT 1 FROM pg_database WHERE datname = 'old'").fetchone() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under another user")
def test_data_stays_where_it_is_when_the_way_to_it_opens_or_closes(
    hidden: EmbeddedPostgres, open_to_all: EmbeddedPostgres
) -> None:
    with hidden:
        hidden.ensure_database("kept")
    hidden.directory.parent.chmod(0o755)
    with hidden:
        psycopg.connect(hidden.url("kept")).close()

    server = open_to_all
    with server:
        server.ensure_database("kept")
    server.directory.parent.chmod(0o700)
    with pytest.raises(StackError, match=r"can't be reached.*chmod o\+x"):
        server.start()
    server.directory.parent.chmod(0o755)
    with server:
        psycopg.connect(server.url("kept")).close()


def test_a_password_that_is_not_the_datas_is_an_error_at_once(own: EmbeddedPostgres) -> None:
    with own:
        pass
    (own.directory / "password").write_text("another")
    with pytest.raises(StackError, match="has another password"):
        own.start()


def test_destroy_leaves_nothing(own: EmbeddedPostgres) -> None:
    own.start()
    _, data = own._binaries_and_data()
    assert (data / "PG_VERSION").exists()
    own.destroy()
    assert not data.exists()
    assert not own.directory.exists()
    assert not own._outside.exists()
