"""Which datasets assets are, as an event sees them: by what was recorded until then, so the same whenever it is told.

A definition names its asset always. Elsewhere a materialization does, and later ones may name another dataset: a run's
output is what its own materialization names, an input what the record that was read names. What was not written or read
yet goes by the last materialization before the run began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from weather_pipeline.lineage import naming
from weather_pipeline.lineage.catalog import Catalog
from weather_pipeline.lineage.model import AssetPath, AssetRun, DatasetRef, Metadata, Origin, Read
from weather_pipeline.lineage.provenance import Upstream


class Said(NamedTuple):
    """What a record says of its asset."""

    metadata: Metadata
    before: datetime | None
    """Where it names nothing, the last materialization before this speaks; None for the newest."""


Sayings = Mapping[AssetPath, Callable[[], Said | None]]


class Names:
    """The datasets of assets, as of a time.

    Args:
        catalog: What the definitions say, and what was materialized.
        authority: Namespace of relations.
        before: Later materializations don't count; None for the newest.
        said: What speaks before them, by asset; asked only where the definition names nothing.
    """

    def __init__(
        self,
        catalog: Catalog,
        authority: naming.Authorities,
        *,
        before: datetime | None = None,
        said: Sayings | None = None,
    ) -> None:
        self._catalog = catalog
        self._authority = authority
        self._before = before
        self._said = said or {}

    def of(self, path: AssetPath) -> tuple[DatasetRef, Origin]:
        """Which dataset an asset is, and what says so.

        Raises:
            InvalidName: Its name is one that no backend should get.
            StorageUnavailable: Dagster's storage can't be read now.
        """
        return naming.dataset_of(self._catalog.get(path), path, self._metadata(path), authority=self._authority)

    def or_none(self, path: AssetPath) -> tuple[DatasetRef, Origin] | None:
        """The dataset of a neighbour; None where its name can't be sent, which is that asset's own trouble."""
        try:
            return self.of(path)
        except naming.InvalidName:
            return None

    def is_known(self, path: AssetPath) -> bool:
        """Whether it is known which dataset an asset is before it is materialized for the first time.

        Where only that materialization will say it, a START must not name another that nobody ever writes.
        """
        info = self._catalog.get(path)
        if info and naming.names(info.metadata, self._authority, info.kinds):
            return True
        return self._catalog.materialized_at(path, self._before) is not None

    def _metadata(self, path: AssetPath) -> Iterator[Metadata]:
        said = self._said[path]() if path in self._said else None
        if said:
            yield said.metadata
        yield self._catalog.last(path, said.before if said else self._before)


def sayings(run: AssetRun, reads: Mapping[AssetPath, Read], upstream: Upstream) -> Sayings:
    """What a run wrote and read, as far as it says which datasets these are."""
    found: dict[AssetPath, Callable[[], Said | None]] = {
        path: lambda read=read: _said_of(read, run, upstream) for path, read in reads.items()
    }
    if run.materializations:
        own = Said(run.materializations[-1].metadata, run.started_at)
        found[run.path] = lambda: own
    return found


def _said_of(read: Read, run: AssetRun, upstream: Upstream) -> Said | None:
    if read.record:
        return Said(read.record.metadata, read.record.at)
    if read.pointer is None:
        return None
    keys = [partition.key for partition in read.partitions.listed] if read.partitions else []
    found = upstream.recorded(read.path, read.pointer, run.materializations[-1].at, keys)
    return Said(*found) if found else None
