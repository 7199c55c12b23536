"""What the service says when it can't start, and that it leaves nothing open."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import OperationalError, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolClosed

from weather_pipeline.marquez.embedded.app import create_app
from weather_pipeline.marquez.embedded.database import Use, migrate, wait_until_there
from weather_pipeline.marquez.embedded.server import cannot_be_reached
from weather_pipeline.stack.postgres import free_port

pytestmark = pytest.mark.integration

_WITHOUT_CHECKSUMS: Final = "ALTER TABLE schema_migrations DROP COLUMN checksum"


def _ended(database_url: str) -> str:
    """Start the service where it can't; what it says, which is one line."""
    command = [sys.executable, "-m", "weather_pipeline.marquez.embedded", "--port", str(free_port())]
    environment = {**os.environ, "WEATHER_LINEAGE_DATABASE_URL": database_url}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1, ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


def _url(url: str, **changes: str) -> str:
    parts = {**conninfo_to_dict(url), **changes}
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parts)


def test_a_wrong_password_is_said_at_once_and_not_shown(new_database: Callable[[], str]) -> None:
    said = _ended(_url(new_database(), password="hush"))

    assert "can't be reached: " in said
    assert "password authentication failed" in said
    assert "hush" not in said


def test_a_database_that_does_not_exist_is_said_at_once(new_database: Callable[[], str]) -> None:
    assert 'database "nowhere" does not exist' in _ended(_url(new_database(), dbname="nowhere"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"port": "54x2"}, "WEATHER_LINEAGE_DATABASE_URL can't be used: its port is no number from 1 to 65535."),
        ({"dbname": "lineage?sslmod=require"}, "PostgreSQL has no option 'sslmod': 'sslmode' may be meant."),
        ({"dbname": "lineage?sslmode=perhaps"}, "can't be reached: "),
    ],
)
def test_an_address_that_will_never_do_is_said_at_once(
    new_database: Callable[[], str], changes: dict[str, str], words: str
) -> None:
    said = _ended(_url(new_database(), **changes))

    assert words in said
    assert ("invalid sslmode value" in said) is ("perhaps" in changes.get("dbname", ""))


def test_of_a_host_that_can_not_be_found_it_is_said_what_to_check(caplog: pytest.LogCaptureFixture) -> None:
    address = "postgresql://me:hush@db.invalid/lineage"
    error = OperationalError("failed to resolve host 'db.invalid': [Errno -2] Name or service not known")

    with pytest.raises(OperationalError) as raised:
        asyncio.run(wait_until_there(address, 0.5))

    for said in (caplog.text, str(cannot_be_reached(address, raised.value)), str(cannot_be_reached(address, error))):
        assert "db.invalid" in said
        assert "Check the host's name in the address" in said
        assert "hush" not in said


def test_a_database_that_refuses_the_tables_is_said(new_database: Callable[[], str]) -> None:
    url = new_database()
    role = "reader_" + str(conninfo_to_dict(url)["dbname"])
    with psycopg.connect(url, autocommit=True) as connection:
        statement = "CREATE ROLE {} LOGIN PASSWORD 'hush'"
        connection.execute(sql.SQL(statement).format(sql.Identifier(role)))

    said = _ended(_url(url, user=role, password="hush"))

    assert "can't be migrated: permission denied for schema public" in said
    assert "hush" not in said


def test_a_database_of_a_newer_version_is_left_alone(new_database: Callable[[], str]) -> None:
    url = new_database()
    asyncio.run(migrate(url))
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO schema_migrations (name) VALUES ('9999_future.sql')")

    assert "has the migration 9999_future.sql, unknown here: a newer version" in _ended(url)


@pytest.mark.parametrize("change", ["UPDATE schema_migrations SET checksum = 'other'", _WITHOUT_CHECKSUMS])
def test_a_database_with_other_migrations_of_the_same_names_is_left_alone(
    new_database: Callable[[], str], change: LiteralString
) -> None:
    url = new_database()
    asyncio.run(migrate(url))
    with psycopg.connect(url) as connection:
        connection.execute(change)

    said = _ended(url)

    assert "has another migration 0001_lineage.sql than there is here" in said
    assert "weather down --delete-data" in said


def test_the_service_closes_its_connections_however_it_ends(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def fail() -> None:
        app = create_app(url, retention_days=1)
        with pytest.raises(RuntimeError, match="on its way"):
            async with app.router.lifespan_context(app):
                raise RuntimeError("on its way")
        try:
            for use in Use:
                with pytest.raises(PoolClosed):
                    await app.state.database.connection(use).__aenter__()
        finally:
            await app.state.database.close()

    asyncio.run(fail())
