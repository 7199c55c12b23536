"""Events that the backend refused for good, kept in the Dagster instance's own storage.

Which letters there are is a set of dynamic partition keys, the one set of a project's own values that Dagster's public
surface has: adding and removing a key is one row, so that exporters that bury and a user who drops never undo each
other's work. What a letter says is a value in the small key-value table that every storage of Dagster has.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from dagster import DagsterInstance

from weather_pipeline.lineage.dagster_internals import saved_values, store_values

SET = "openlineage/dead-letters"
"""The name of the set, and the prefix of its values."""
_CHUNK = 500
"""Values read with one query."""


@dataclass(frozen=True)
class DeadLetter:
    """One refused event: what it was, why, and when."""

    key: str
    """The event's `Message.key`, or `<dagster run>:withheld:<asset>` where no event could be built."""
    reason: str
    at: str
    """When it was refused, ISO 8601."""
    event: dict[str, Any]
    """The event's body; `{"dagsterRunId": …, "asset": …}` where no event could be built."""
    writer: str = ""
    """The sensor that buried it."""

    @property
    def is_event(self) -> bool:
        """Whether there is an event that could be sent again."""
        return "eventTime" in self.event


def bury(instance: DagsterInstance, key: str, reason: str, event_body: dict[str, Any], *, writer: str = "") -> None:
    """Keep a refused event; one with the same key is replaced.

    Args:
        instance: The Dagster instance.
        key: The event's `Message.key`.
        reason: The backend's answer, or why no event could be built.
        event_body: The event as JSON values.
        writer: The sensor that buries it.
    """
    letter = DeadLetter(key, reason, datetime.now(UTC).isoformat(), event_body, writer)
    store_values(instance, {_value(_name(key)): json.dumps(asdict(letter))})
    instance.add_dynamic_partitions(SET, [_name(key)])


def dead_letters(instance: DagsterInstance) -> list[DeadLetter]:
    """All refused events, oldest first."""
    names = list(instance.get_dynamic_partitions(SET))
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    return [letter for chunk in chunks for letter in _read(instance, chunk)]


def drop(instance: DagsterInstance, keys: Collection[str]) -> int:
    """Forget letters; returns how many of the keys had one."""
    known = set(instance.get_dynamic_partitions(SET))
    dropped = [name for name in map(_name, dict.fromkeys(keys)) if name in known]
    for name in dropped:
        # Values can't be deleted; an empty one is no letter.
        store_values(instance, {_value(name): ""})
        instance.delete_dynamic_partition(SET, name)
    return len(dropped)


def _read(instance: DagsterInstance, names: Sequence[str]) -> list[DeadLetter]:
    values = saved_values(instance, {_value(name) for name in names})
    return [DeadLetter(**json.loads(values[_value(name)])) for name in names if values.get(_value(name))]


def _name(key: str) -> str:
    """A key's name in storage, where columns are of limited width."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


def _value(name: str) -> str:
    return f"{SET}/{name}"
