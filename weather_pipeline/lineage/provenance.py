"""What a run really read: the version, the partitions and the producing runs of each of its inputs.

Dagster writes two tags for each upstream asset on a materialization: the data version that was read, and the storage
id of the newest record that the asset had then (of any partition). The partitions come from the asset graph's
partition mappings; the newest record of each of them that is no newer than that id is what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

from dagster import AssetKey

from weather_pipeline.lineage.model import (
    AssetPath,
    AssetRun,
    Materialization,
    Metadata,
    PartitionsRead,
    Producer,
    Read,
)

_VERSION = "dagster/input_data_version/"
_POINTER = "dagster/input_event_pointer/"
_NO_RECORD = "NULL"


class Upstream(Protocol):
    """Who knows partitions and records of upstream assets."""

    def partitions_read(
        self, path: AssetPath, upstream: AssetPath, partitions: Sequence[str], at: datetime
    ) -> PartitionsRead | None:
        """Which partitions of an upstream asset some partitions of an asset read; None where it has none."""
        ...

    def producers(self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str]) -> tuple[Producer, ...]:
        """Who wrote what a pointer names, or the newest of each of these partitions up to it."""
        ...

    def recorded(
        self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str]
    ) -> tuple[Metadata, datetime] | None:
        """The metadata of the newest of these, and when it was recorded; None where that is not known any more."""
        ...


class Recorded(NamedTuple):
    """What Dagster recorded about one upstream asset."""

    version: str | None
    pointer: int | None


def recorded_reads(materializations: Iterable[Materialization]) -> dict[AssetPath, Recorded]:
    """What the tags of a run's materializations say about each upstream asset; the last one speaks."""
    found: dict[AssetPath, Recorded] = {}
    for made in materializations:
        for tag, value in made.tags.items():
            if tag.startswith(_VERSION):
                path = _path(tag, _VERSION)
                found[path] = found.get(path, Recorded(None, None))._replace(version=value)
            elif tag.startswith(_POINTER):
                path = _path(tag, _POINTER)
                pointer = int(value) if value != _NO_RECORD else None
                found[path] = found.get(path, Recorded(None, None))._replace(pointer=pointer)
    return found


def reads(run: AssetRun, upstream: Upstream) -> dict[AssetPath, Read]:
    """What a run really read, by upstream asset; empty before it has materialized anything.

    Args:
        run: The asset's run.
        upstream: Knows partitions and records of upstream assets.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    return {path: _read(run, path, said, upstream) for path, said in recorded_reads(run.materializations).items()}


def _read(run: AssetRun, path: AssetPath, said: Recorded, upstream: Upstream) -> Read:
    partitions = upstream.partitions_read(run.path, path, run.partitions, run.started_at)
    keys = [partition.key for partition in partitions.listed] if partitions else []
    if partitions and not keys:
        return Read(path, said.version, partitions, pointer=said.pointer)
    record = _same_run(run, path, said, keys)
    producers: tuple[Producer, ...] = ()
    if record:
        producers = (Producer(record.at, run.run.run_id, run.run, partitions=tuple(keys)),)
    elif said.pointer is not None:
        producers = upstream.producers(path, said.pointer, run.materializations[-1].at, keys)
    if partitions is None and any(producer.partitions for producer in producers):
        # The newest record of any partition: nothing says that this was the partition that was read.
        producers = ()
    return Read(path, said.version, partitions, producers, said.pointer, record)


def _same_run(run: AssetRun, path: AssetPath, said: Recorded, keys: Sequence[str]) -> Materialization | None:
    """The newest of what was read, where its version shows that the same run wrote all of it: no record is looked up.

    Unless somebody chose them, code version and data version are made from the run's id, so no other run has the same.
    """
    written: dict[str | None, Materialization] = {}
    for made in run.upstream.get(path, ()):
        if made.at <= run.materializations[-1].at and _is_its_runs_own(run, made):
            written[made.partition if keys else None] = made
    wanted: Sequence[str | None] = keys or [None]
    if not all(key in written for key in wanted):
        return None
    if _version_of([written[key] for key in wanted], partitioned=bool(keys)) != said.version:
        return None
    return max((written[key] for key in wanted), key=lambda made: made.at)


def _is_its_runs_own(run: AssetRun, made: Materialization) -> bool:
    user_provided = made.tags.get("dagster/data_version_is_user_provided") == "true"
    return made.tags.get("dagster/code_version") == run.run.run_id and not user_provided


def _version_of(made: Sequence[Materialization], *, partitioned: bool) -> str | None:
    """The data version that a reader records: of partitions it is a hash of theirs, in the order of their keys."""
    versions = [
        each.tags.get("dagster/data_version", "") for each in sorted(made, key=lambda each: each.partition or "")
    ]
    return sha256("".join(versions).encode()).hexdigest() if partitioned else versions[0]


def _path(tag: str, prefix: str) -> AssetPath:
    return tuple(AssetKey.from_user_string(tag.removeprefix(prefix)).path)


def by_run(producers: Iterable[tuple[str | None, Producer]]) -> tuple[Producer, ...]:
    """Producers of single partitions, joined by their Dagster run, oldest first."""
    joined: dict[tuple[str | None, bool], Producer] = {}
    for partition, producer in producers:
        key = producer.dagster_run_id, producer.observed
        before = joined.get(key)
        named = (partition,) if partition else ()
        partitions = tuple(sorted((*before.partitions, *named) if before else named))
        at = max(producer.at, before.at) if before else producer.at
        joined[key] = Producer(at, producer.dagster_run_id, producer.run, producer.observed, partitions)
    return tuple(sorted(joined.values(), key=lambda each: (each.at, each.dagster_run_id or "")))
