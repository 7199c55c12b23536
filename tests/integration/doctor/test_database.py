"""A real PostgreSQL: let in or not, with and without tables and rights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.integration.doctor.conftest import Look
from weather_pipeline.doctor.database_check import ask, look_at_server
from weather_pipeline.doctor.examine import Report
from weather_pipeline.doctor.finding import Status
from weather_pipeline.stack.ports import free_port
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.stack.supervisor import open_postgres
from weather_pipeline.store.migrate import MIGRATIONS, load_migrations, migrate

pytestmark = pytest.mark.integration


def test_tables_are_up_to_date(new_database: Callable[[], str], look: Look) -> None:
    url = new_database()
    migrate(url)
    finding = look("database", database_url=url)
    assert finding.status is Status.OK
    assert "tables are up to date" in finding.found


def test_an_empty_database_stays_empty(new_database: Callable[[], str], look: Look) -> None:
    url = new_database()
    finding = look("database", database_url=url)
    assert (finding.status, finding.command) == (Status.PROBLEM, "weather migrate")
    assert all(migration.name in finding.found for migration in load_migrations(MIGRATIONS))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'weather'").fetchone() == (0,)


def test_a_pending_migration_is_named(new_database: Callable[[], str], look: Look, tmp_path: Path) -> None:
    url = new_database()
    migrate(url)
    last = load_migrations(MIGRATIONS)[-1].name
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM weather.schema_migrations WHERE name = %s", [last])
    finding = look("database", database_url=url)
    assert finding.found == f"The tables are not up to date: {last} is still to be applied."


def test_a_wrong_password(postgres: EmbeddedPostgres, look: Look) -> None:
    finding = look("database", database_url=postgres.url().replace(postgres.password, "s3cr3t"))
    assert finding.status is Status.PROBLEM
    assert finding.cause == "The password or the user is wrong."
    assert "s3cr3t" not in str(finding)


def test_a_missing_database(postgres: EmbeddedPostgres, look: Look) -> None:
    assert look("database", database_url=postgres.url("nowhere")).cause == "The server has no such database."


def test_a_stopped_server(look: Look) -> None:
    finding = look("database", database_url=f"postgresql://a:b@127.0.0.1:{free_port()}/x")
    assert finding.cause.startswith("No server listens there")


def test_rights_that_are_lacking(new_database: Callable[[], str], examined: Callable[..., Report]) -> None:
    url = new_database()
    migrate(url)
    name = f"reader_{url.rpartition('/')[2]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA weather TO {name}".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA weather TO {name}".encode())
        try:
            reader = url.replace(url.split("//")[1].split("@")[0], f"{name}:x")
            (rights,) = [each for each in examined("database", database_url=reader).findings if each.status != "ok"]
            assert rights.subject == "rights"
            # What it proposes is enough.
            connection.execute(rights.command.encode())
            assert examined("database", database_url=reader).healthy
        finally:
            connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_its_clock_is_ours(postgres: EmbeddedPostgres) -> None:
    _, reading = ask(postgres.url())
    assert abs(reading.ahead) <= 1 + reading.uncertainty


def test_a_server_that_was_told_to_be_read_only(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on".encode())
    findings = look_at_server(url, str).findings
    assert "read-only" in [finding.subject for finding in findings]


def test_the_embedded_one_before_and_after_its_first_start(tmp_path: Path, look: Look) -> None:
    home = tmp_path / "home"
    assert "is made at the first start" in look("database", home=home).found
    assert not home.exists()
    server = open_postgres(home)
    try:
        with server:
            pass
        assert "starts with the stack" in look("database", home=home).found
        (server.directory / "password").rename(server.directory / "elsewhere")
        if server.stored is not None:  # as root it may lie outside, where it counts as removed
            finding = look("database", home=home)
            assert finding.status is Status.PROBLEM
            assert "password" in finding.found
    finally:
        server.destroy()
