"""The embedded PostgreSQL, for real."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from weather_pipeline.errors import StackError
from weather_pipeline.stack.postgres import UNPRIVILEGED_ID, EmbeddedPostgres

pytestmark = pytest.mark.integration


def test_serves_sql_on_loopback_tcp(new_database: Callable[[], str]) -> None:
    with psycopg.connect(new_database()) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("127.0.0.1",)


def test_keeps_its_data_over_a_restart_and_refuses_a_wrong_password(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", log_file=tmp_path / "pg.log")
    with server:
        url = server.ensure_database("kept")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS n")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(server.password, "wrong"))
    again = EmbeddedPostgres(tmp_path / "pg", log_file=tmp_path / "pg.log")
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


def test_a_taken_port_is_an_error_with_the_servers_log(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Address already in use"):
        EmbeddedPostgres(tmp_path / "pg", port=postgres.port, log_file=tmp_path / "pg.log").start()
