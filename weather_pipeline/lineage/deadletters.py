"""Events that the backend refused for good, kept in the Dagster instance's own storage.

Dagster's public surface has no place for a project's own values; the daemon's cursor storage is the small key-value
table that every storage of Dagster has.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterInstance

_INDEX = "openlineage/dead-letters"
_MOST = 10_000
"""Letters that are listed: the index is one value, and the storage is not made for more."""


@dataclass(frozen=True)
class DeadLetter:
    """One refused event: what it was, why, and when."""

    key: str
    reason: str
    at: str
    event: dict[str, Any]


def bury(instance: DagsterInstance, key: str, reason: str, event: dict[str, Any]) -> None:
    """Keep a refused event; one with the same key is replaced."""
    letter = DeadLetter(key, reason, datetime.now(UTC).isoformat(), event)
    storage = instance.daemon_cursor_storage
    keys = list(dict.fromkeys([*_keys(instance), key]))[-_MOST:]
    # One key at a time: where one of several exists, SQLite's storage updates that one and drops the others.
    storage.set_cursor_values({f"{_INDEX}/{key}": json.dumps(asdict(letter))})
    storage.set_cursor_values({_INDEX: json.dumps(keys)})


def dead_letters(instance: DagsterInstance) -> list[DeadLetter]:
    """All refused events, oldest first."""
    keys = _keys(instance)
    if not keys:
        return []
    values = instance.daemon_cursor_storage.get_cursor_values({f"{_INDEX}/{key}" for key in keys})
    return [DeadLetter(**json.loads(values[f"{_INDEX}/{key}"])) for key in keys if f"{_INDEX}/{key}" in values]


def _keys(instance: DagsterInstance) -> list[str]:
    saved = instance.daemon_cursor_storage.get_cursor_values({_INDEX}).get(_INDEX)
    return json.loads(saved) if saved else []
