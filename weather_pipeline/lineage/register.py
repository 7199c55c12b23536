"""What was published of a code location's definitions, kept in the instance's own storage."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import dagster as dg

from weather_pipeline.lineage.dagster_internals import saved_values, store_values
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.scope import Scope

_SHARDS = 64
"""Values over which the fingerprints are spread: a value of MySQL's holds 64 kB."""


class Published(NamedTuple):
    """What was said of an asset: its fingerprint, since when (seconds since the epoch), whether that was accepted."""

    fingerprint: str
    at: float
    accepted: bool


class Register:
    """What a sensor has published of its code location, kept in the instance's own storage.

    Args:
        instance: The Dagster instance.
        scope: The repository of the code location.
        sensor: The sensor's name.
    """

    def __init__(self, instance: dg.DagsterInstance, scope: Scope, sensor: str) -> None:
        self.letters = DeadLetters(instance, scope, sensor)
        """Where what is refused for good is kept."""
        self._instance = instance
        home = f"{scope.location}/{scope.repository}"
        self._keys = [f"openlineage/published/{home}/{sensor}/{shard}" for shard in range(_SHARDS)]

    def load(self) -> dict[str, Published]:
        """What was published, by asset."""
        saved = saved_values(self._instance, self._keys).values()
        return {asset: Published(*entry) for value in saved for asset, entry in json.loads(value).items()}

    def save(self, register: Mapping[str, Published], changed: Iterable[str]) -> None:
        """Keep what the register says of the assets that have changed."""
        shards: dict[int, dict[str, Published]] = defaultdict(dict)
        for asset, entry in register.items():
            shards[_shard(asset)][asset] = entry
        wanted = sorted({_shard(asset) for asset in changed})
        store_values(self._instance, {self._keys[shard]: json.dumps(shards[shard]) for shard in wanted})


def _shard(asset: str) -> int:
    return zlib.crc32(asset.encode()) % _SHARDS
