"""Events that the backend refused for good, kept in the Dagster instance's own storage.

Dagster's public surface has no place for a project's own values; the daemon's cursor storage has.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterInstance

from weather_pipeline.lineage.dagster_internals import saved_values, store_values

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
    keys = list(dict.fromkeys([*_keys(instance), key]))[-_MOST:]
    store_values(instance, {f"{_INDEX}/{key}": json.dumps(asdict(letter)), _INDEX: json.dumps(keys)})


def dead_letters(instance: DagsterInstance) -> list[DeadLetter]:
    """All refused events, oldest first."""
    keys = _keys(instance)
    if not keys:
        return []
    values = saved_values(instance, [f"{_INDEX}/{key}" for key in keys])
    return [DeadLetter(**json.loads(values[f"{_INDEX}/{key}"])) for key in keys if f"{_INDEX}/{key}" in values]


def _keys(instance: DagsterInstance) -> list[str]:
    saved = saved_values(instance, [_INDEX]).get(_INDEX)
    return json.loads(saved) if saved else []
