"""Dagster's SQLite files, made quickly: it makes one for each run, and the tests make runs by the thousand."""

from __future__ import annotations

import sqlite3
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine


def be_quick() -> None:
    """In this process, wait for no disk, and read Dagster's eighty migrations once instead of for each file.

    What a file has is the same. Without the disk's word a crash of the machine may damage it; no test has one.
    """
    event.listen(Engine, "connect", _wait_for_no_disk)
    read, known = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = read(config)
        return known[place]

    ScriptDirectory.from_config = from_config  # type: ignore[method-assign]


def _wait_for_no_disk(connection: Any, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
