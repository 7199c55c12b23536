"""What a code location's definitions say about its assets: the asset graph → `AssetInfo`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import dagster as dg

from weather_pipeline.lineage.dagster_internals import asset_graph
from weather_pipeline.lineage.model import AssetInfo, AssetPath, Metadata
from weather_pipeline.lineage.reader import plain_all


class Catalog(Protocol):
    """Where `events` looks definitions up."""

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset; None where they don't know it."""
        ...

    def last(self, path: AssetPath) -> Metadata:
        """Metadata of the asset's last materialization; empty where there is none."""
        ...

    def window(self, path: AssetPath, partitions: Sequence[str]) -> tuple[datetime, datetime] | None:
        """Start and end of the time that partitions cover; None where they are not time windows."""
        ...


class StorageUnavailable(Exception):
    """Dagster's own storage could not be read: a reason to try again, not to give an event up."""


class RepositoryCatalog:
    """The asset graph of one code location, and the instance that knows what was materialized.

    For one tick: what it has looked up once it does not look up again.
    """

    def __init__(self, repository: dg.RepositoryDefinition | None, instance: dg.DagsterInstance) -> None:
        self._repository = repository
        self._instance = instance
        self._known: dict[AssetPath, AssetInfo | None] = {}
        self._last: dict[AssetPath, Metadata] = {}

    def get(self, path: AssetPath) -> AssetInfo | None:
        """What the definitions say about an asset; None where they don't know it."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def last(self, path: AssetPath) -> Metadata:
        """Metadata of the asset's last materialization; empty where there is none.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        if path not in self._last:
            try:
                records = self._instance.fetch_materializations(dg.AssetKey(path), limit=1).records
            except Exception as error:  # (whatever the storage's driver raises)
                raise StorageUnavailable(f"{type(error).__name__}: {error}") from error
            done = records[0].asset_materialization if records else None
            self._last[path] = plain_all(done.metadata) if done else {}
        return self._last[path]

    def window(self, path: AssetPath, partitions: Sequence[str]) -> tuple[datetime, datetime] | None:
        """Start and end of the time that partitions cover, from their definition, not from the keys' text."""
        key = dg.AssetKey(path)
        if not partitions or self._graph is None or not self._graph.has(key):
            return None
        definition = self._graph.get(key).partitions_def
        if not isinstance(definition, dg.TimeWindowPartitionsDefinition):
            return None
        windows = [definition.time_window_for_partition_key(partition) for partition in partitions]
        return min(window.start for window in windows), max(window.end for window in windows)

    @cached_property
    def _graph(self) -> Any:
        return asset_graph(self._repository) if self._repository is not None else None

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
            output_required=_output_required(node, key),
        )


def _output_required(node: Any, key: dg.AssetKey) -> bool:
    """Whether the asset's step has to materialize it: an optional output may be skipped."""
    definition = node.assets_def
    if not definition.is_executable:
        return True
    names = [name for name, output_key in definition.keys_by_output_name.items() if output_key == key]
    return all(definition.node_def.output_def_named(name).is_required for name in names)
