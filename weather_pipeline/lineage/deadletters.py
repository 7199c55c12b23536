"""Events that the backend refused for good, kept in the Dagster instance's own storage.

Which letters there are is a set of dynamic partition keys, the one set of a project's own values that Dagster's public
surface has: adding and removing a key is one row, so that exporters that bury and a user who drops never undo each
other's work. What a letter says is a value in the small key-value table that every storage of Dagster has.

A key names the exporter (a sensor of a code location) and the event: two that send to different backends have letters
of their own. Letters from before exporters were told apart belong to all of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from dagster import DagsterInstance

from weather_pipeline.lineage.dagster_internals import saved_values, store_values
from weather_pipeline.lineage.scope import Scope

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
    """The sensor or command that buried it."""
    location: str = ""
    """The code location of the exporter to which it belongs …"""
    sensor: str = ""
    """… and its sensor; both empty where it belongs to all."""
    name: str = field(default="", compare=False)
    """Its name in storage."""

    @property
    def is_event(self) -> bool:
        """Whether there is an event that could be sent again."""
        return "eventTime" in self.event


class DeadLetters:
    """The dead letters of one exporter.

    Args:
        instance: The Dagster instance.
        home: The repository that its sensor stands in.
        sensor: The sensor's name.
    """

    def __init__(self, instance: DagsterInstance, home: Scope, sensor: str) -> None:
        self._instance = instance
        self._home = home
        self._sensor = sensor
        self._prefix = f"{_hash(json.dumps([home.location, home.repository, sensor]))}/"

    def bury(self, key: str, reason: str, event_body: dict[str, Any], *, writer: str | None = None) -> None:
        """Keep a refused event; one with the same key is replaced.

        Args:
            key: The event's `Message.key`.
            reason: The backend's answer, or why no event could be built.
            event_body: The event as JSON values.
            writer: Who buries it, where that is not the sensor.
        """
        at = datetime.now(UTC).isoformat()
        letter = DeadLetter(key, reason, at, event_body, writer or self._sensor, self._home.location, self._sensor)
        name = self._name(key)
        saved = {each: value for each, value in asdict(letter).items() if each != "name"}
        # The value first: what is listed can be read, whatever crashes between.
        store_values(self._instance, {_value(name): json.dumps(saved)})
        self._instance.add_dynamic_partitions(SET, [name])

    def count(self) -> int:
        """How many there are; reads none of them."""
        return len(self._own_names())

    def all(self) -> list[DeadLetter]:
        """Every letter, oldest first."""
        return _read(self._instance, self._own_names())

    def of(self, keys: Iterable[str]) -> list[DeadLetter]:
        """The letters of some events."""
        names = [name for key in keys for name in (self._name(key), _hash(key))]
        known = set(self._own_names()) if names else set[str]()
        return _read(self._instance, [name for name in names if name in known])

    def settle(self, keys: Iterable[str]) -> int:
        """Forget the letters of events that were accepted after all; returns how many there were."""
        return drop(self._instance, self.of(keys))

    def _own_names(self) -> list[str]:
        names = self._instance.get_dynamic_partitions(SET)
        return [name for name in names if "/" not in name or name.startswith(self._prefix)]

    def _name(self, key: str) -> str:
        """A key's name in storage, where columns are of limited width."""
        return self._prefix + _hash(key)


def all_letters(instance: DagsterInstance) -> list[DeadLetter]:
    """The letters of all exporters of an instance, oldest first."""
    return _read(instance, list(instance.get_dynamic_partitions(SET)))


def drop(instance: DagsterInstance, letters: Collection[DeadLetter]) -> int:
    """Forget letters; returns how many of them were still there."""
    known = set(instance.get_dynamic_partitions(SET)) if letters else set[str]()
    dropped = [letter.name for letter in letters if letter.name in known]
    for name in dropped:
        # Taken off the list first: what crashes here leaves a value that nobody lists, no letter that can't be read.
        instance.delete_dynamic_partition(SET, name)
        store_values(instance, {_value(name): ""})  # values can't be deleted
    return len(dropped)


def _read(instance: DagsterInstance, names: Sequence[str]) -> list[DeadLetter]:
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    return [letter for chunk in chunks for letter in _read_chunk(instance, chunk)]


def _read_chunk(instance: DagsterInstance, names: Sequence[str]) -> list[DeadLetter]:
    values = saved_values(instance, {_value(name) for name in names})
    return [_letter(name, values[_value(name)]) for name in names if values.get(_value(name))]


def _letter(name: str, value: str) -> DeadLetter:
    known = {each.name for each in fields(DeadLetter)}
    saved = {each: content for each, content in json.loads(value).items() if each in known}
    return DeadLetter(**{**saved, "name": name})


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _value(name: str) -> str:
    """Where the letter of a name is kept: on MySQL, values are told apart by the first 64 characters of their keys."""
    return f"{SET}/{_hash(name) if '/' in name else name}"
