"""What a code location's definitions say about its assets: the asset graph → `AssetInfo`."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

import dagster as dg

from weather_pipeline.lineage.dagster_internals import asset_graph, mapped_partitions
from weather_pipeline.lineage.model import AssetInfo, AssetPath, Metadata, Partition, PartitionsRead, Producer
from weather_pipeline.lineage.provenance import Upstream
from weather_pipeline.lineage.records import AssetRecords, reading
from weather_pipeline.lineage.scope import Defined
from weather_pipeline.lineage.translation import plain_all

MOST_PARTITIONS = 100
"""Partitions that an event lists; of more it says how many there are."""

_TIME = dg.TimeWindowPartitionsDefinition
_AT_ONCE = 500
"""Assets that one query asks for: SQLite takes a limited number of values."""


class Catalog(Protocol):
    """Where `events` looks definitions up."""

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset; None where they don't know it."""
        ...

    def last(self, path: AssetPath, before: datetime | None = None) -> Metadata:
        """Metadata of the asset's last materialization, before a time if given; empty where there is none."""
        ...

    def materialized_at(self, path: AssetPath, before: datetime | None = None) -> datetime | None:
        """When the asset was last materialized, before a time if given; None where it never was."""
        ...

    def read_ahead(self, paths: Sequence[AssetPath]) -> None:
        """Look up at once what was materialized last of many assets."""
        ...

    def paths(self) -> list[AssetPath]:
        """The keys of all assets that the definitions know, in order."""
        ...

    def window(self, path: AssetPath, partitions: Sequence[str]) -> tuple[datetime, datetime] | None:
        """Start and end of the time that partitions cover; None where they are not time windows."""
        ...


class RunCatalog(Catalog, Upstream, Defined, Protocol):
    """The same, what runs read of upstream assets, and what may be launched."""


class RepositoryCatalog:
    """The asset graph of one code location, and the instance that knows what was materialized.

    For one tick: what it has looked up once it does not look up again.
    """

    def __init__(self, repository: dg.RepositoryDefinition | None, instance: dg.DagsterInstance) -> None:
        self._repository = repository
        self._instance = instance
        self._known: dict[AssetPath, AssetInfo | None] = {}
        self._last: dict[AssetPath, tuple[datetime | None, Metadata]] = {}
        self._records = AssetRecords(instance)

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset; None where they don't know it."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def last(self, path: AssetPath, before: datetime | None = None) -> Metadata:
        """Metadata of the asset's last materialization, before a time if given; empty where there is none.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        return self._materialized(path, before)[1]

    def materialized_at(self, path: AssetPath, before: datetime | None = None) -> datetime | None:
        """When the asset was last materialized, before a time if given; None where it never was.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        return self._materialized(path, before)[0]

    def has_check(self, path: AssetPath, name: str) -> bool:
        """Whether the definitions have an asset check."""
        return dg.AssetCheckKey(dg.AssetKey(path), name) in self._checks

    def has_job(self, name: str) -> bool:
        """Whether the definitions have a job."""
        return self._repository is not None and self._repository.has_job(name)

    def paths(self) -> list[AssetPath]:
        """The keys of all assets that the definitions know, in order."""
        return sorted(tuple(key.path) for key in self._graph.get_all_asset_keys()) if self._graph is not None else []

    def read_ahead(self, paths: Sequence[AssetPath]) -> None:
        """Look up what was materialized last of many assets at once.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        unknown = [path for path in paths if path not in self._last]
        for start in range(0, len(unknown), _AT_ONCE):
            wanted = unknown[start : start + _AT_ONCE]
            with reading():
                records = self._instance.get_asset_records([dg.AssetKey(path) for path in wanted])
            self._last |= dict.fromkeys(wanted, (None, {}))
            for record in records:
                path, newest = tuple(record.asset_entry.asset_key.path), record.asset_entry.last_materialization_record
                self._last[path] = _materialization(newest)
                self._records.learn(path, newest)

    def _materialized(self, path: AssetPath, before: datetime | None) -> tuple[datetime | None, Metadata]:
        if before is not None:
            return _materialization(self._records.last(path, before))
        if path not in self._last:
            with reading():
                records = self._instance.fetch_materializations(dg.AssetKey(path), limit=1).records
            self._last[path] = _materialization(records[0] if records else None)
        return self._last[path]

    def window(self, path: AssetPath, partitions: Sequence[str]) -> tuple[datetime, datetime] | None:
        """Start and end of the time that partitions cover, from their definition, not from the keys' text.

        Of partitions of several dimensions, that of the one which is time.
        """
        key = dg.AssetKey(path)
        if not partitions or self._graph is None or not self._graph.has(key):
            return None
        definition = self._graph.get(key).partitions_def
        if isinstance(definition, dg.MultiPartitionsDefinition):
            times = [each for each in definition.partitions_defs if isinstance(each.partitions_def, _TIME)]
            if len(times) != 1:
                return None
            keys = map(definition.get_partition_key_from_str, partitions)
            partitions = list(dict.fromkeys(key.keys_by_dimension[times[0].name] for key in keys))
            definition = times[0].partitions_def
        if not isinstance(definition, _TIME):
            return None
        windows = [
            (window.start, window.end)
            for window in map(definition.time_window_for_partition_key, _ends(partitions, definition.fmt))
        ]
        # In UTC, because times of one timezone compare by what its clock shows.
        starts, ends = ([at.astimezone(UTC) for at in side] for side in zip(*windows, strict=True))
        return min(starts), max(ends)

    def partitions_read(
        self, path: AssetPath, upstream: AssetPath, partitions: Sequence[str], at: datetime
    ) -> PartitionsRead | None:
        """Which partitions of an upstream asset some partitions of an asset read.

        None where the upstream asset has none, or where the definitions don't say: an asset that is not theirs, a
        dependency or a partition that they don't know any more.
        """
        info = self.get(path)
        if self._repository is None or info is None or upstream not in info.parents or self.get(upstream) is None:
            return None
        try:
            mapped = mapped_partitions(
                self._repository,
                self._instance,
                child=dg.AssetKey(path),
                parent=dg.AssetKey(upstream),
                partitions=partitions,
                at=at,
                limit=MOST_PARTITIONS,
            )
        except Exception:  # noqa: BLE001  (a partition that is gone, a mapping of the user's own)
            return None
        if mapped is None:
            return None
        return PartitionsRead(mapped.count, tuple(Partition(key, parts) for key, parts in mapped.keys.items()))

    def producers(self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str]) -> tuple[Producer, ...]:
        """Who wrote what a pointer names, or the newest of each of these partitions up to it.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        return self._records.producers(path, pointer, at, partitions)

    def recorded(
        self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str]
    ) -> tuple[Metadata, datetime] | None:
        """The metadata of the newest of these, and when it was recorded; None where that is not known any more.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        record = self._records.newest(path, pointer, at, partitions)
        said = record and (record.asset_materialization or record.asset_observation)
        return (plain_all(said.metadata), datetime.fromtimestamp(record.timestamp, UTC)) if record and said else None

    @cached_property
    def _graph(self) -> Any:
        return asset_graph(self._repository) if self._repository is not None else None

    @cached_property
    def _checks(self) -> AbstractSet[dg.AssetCheckKey]:
        return self._graph.asset_check_keys if self._graph is not None else frozenset()

    def _read(self, path: AssetPath) -> AssetInfo | None:
        key = dg.AssetKey(path)
        if self._graph is None or not self._graph.has(key):
            return None
        node = self._graph.get(key)
        return AssetInfo(
            path=path,
            description=node.description,
            owners=tuple(node.owners),
            tags={name: value for name, value in node.tags.items() if not name.startswith("dagster/")},
            kinds=tuple(sorted(node.kinds)),
            group=node.group_name,
            code_version=node.code_version,
            metadata=plain_all(node.metadata),
            parents=tuple(sorted(tuple(parent.path) for parent in node.parent_keys)),
            is_external=node.is_external,
            is_executable=node.is_executable,
            output_required=_output_required(node, key),
        )


def _ends(keys: Sequence[str], fmt: str) -> list[str]:
    """The first and the last of some keys of time windows: a window costs far more than a look at its key.

    The hour that a clock shows twice has two keys.
    """
    at = {key: _clock(key, fmt) for key in keys}
    ends = min(at.values()), max(at.values())
    return [key for key, time in at.items() if time in ends]


def _clock(key: str, fmt: str) -> datetime:
    """What a clock on the wall shows when a window begins."""
    try:
        at = datetime.strptime(key, fmt)  # noqa: DTZ007  (the definition has the timezone)
    except ValueError:
        at = datetime.strptime(key, f"{fmt}%z")  # the second time that it shows it
    return at.replace(tzinfo=None)


def _materialization(record: dg.EventLogRecord | None) -> tuple[datetime | None, Metadata]:
    done = record.asset_materialization if record else None
    return (datetime.fromtimestamp(record.timestamp, UTC), plain_all(done.metadata)) if record and done else (None, {})


def _output_required(node: Any, key: dg.AssetKey) -> bool:
    """Whether the asset's step has to materialize it: an optional output may be skipped."""
    definition = node.assets_def
    if not definition.is_executable:
        return True
    names = [name for name, output_key in definition.keys_by_output_name.items() if output_key == key]
    return all(definition.node_def.output_def_named(name).is_required for name in names)
