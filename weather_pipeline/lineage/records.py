"""Dagster's records of assets, looked up by the storage ids that readers of the assets recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from weather_pipeline.lineage import reader
from weather_pipeline.lineage.model import AssetPath, Producer, RunInfo, StorageUnavailable
from weather_pipeline.lineage.provenance import by_run

_PAGE = 200
_MOST_PAGES = 10
"""Pages that are read for partitions that were written again and again; the rest stays unknown."""


@contextmanager
def reading() -> Iterator[None]:
    """Around every read of Dagster's storage.

    Raises:
        StorageUnavailable: It can't be read now.
    """
    try:
        yield
    except Exception as error:  # (whatever the storage's driver raises)
        raise StorageUnavailable(f"{type(error).__name__}: {error}") from error


class AssetRecords:
    """Materializations and observations of one instance; what was looked up once is not looked up again."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._runs: dict[str, RunInfo | None] = {}
        self._found: dict[tuple[AssetPath, int, tuple[str, ...]], tuple[dg.EventLogRecord, ...]] = {}

    def producers(
        self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str] = ()
    ) -> tuple[Producer, ...]:
        """Who wrote the record with a storage id, or the newest of each of some partitions up to it.

        What was deleted since has no producer: an id that was given to a later record names none.

        Args:
            path: The asset that was read.
            pointer: Storage id of the newest record that the asset had when it was read.
            at: When the reader recorded it.
            partitions: The partitions that were read; none of an asset without any.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        key = path, pointer, tuple(partitions)
        if key not in self._found:
            with reading():
                self._found[key] = tuple(self._look_up(dg.AssetKey(path), pointer, partitions))
        known = [record for record in self._found[key] if record.timestamp <= at.timestamp()]
        return by_run((record.partition_key, self._producer(record)) for record in known)

    def _look_up(self, key: dg.AssetKey, pointer: int, partitions: Sequence[str]) -> Iterator[dg.EventLogRecord]:
        if partitions:
            yield from self._newest_of_each(key, pointer, set(partitions))
            return
        wanted = dg.AssetRecordsFilter(key, storage_ids=[pointer])
        fetches: tuple[Callable[..., Any], ...] = (
            self._instance.fetch_materializations,
            self._instance.fetch_observations,
        )
        yield from next((records for fetch in fetches if (records := fetch(wanted, limit=1).records)), ())

    def _newest_of_each(self, key: dg.AssetKey, pointer: int, missing: set[str]) -> Iterator[dg.EventLogRecord]:
        before = pointer + 1
        for _ in range(_MOST_PAGES):
            wanted = dg.AssetRecordsFilter(key, asset_partitions=sorted(missing), before_storage_id=before)
            records = self._instance.fetch_materializations(wanted, limit=_PAGE).records
            for record in records:
                if record.partition_key in missing:
                    missing.discard(record.partition_key)
                    yield record
            if not missing or len(records) < _PAGE:
                return
            before = records[-1].storage_id

    def _producer(self, record: dg.EventLogRecord) -> Producer:
        observed = record.asset_observation is not None
        run_id = record.run_id or None
        at = datetime.fromtimestamp(record.timestamp, UTC)
        return Producer(at, run_id, self._run(run_id) if run_id else None, observed)

    def _run(self, run_id: str) -> RunInfo | None:
        if run_id not in self._runs:
            with reading():
                found = reader.run_info(self._instance, run_id)
            self._runs[run_id] = found[0] if found else None
        return self._runs[run_id]
