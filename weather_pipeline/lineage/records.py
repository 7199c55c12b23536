"""Dagster's records of assets, looked up by the storage ids that readers of the assets recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from weather_pipeline.lineage import reader
from weather_pipeline.lineage.model import AssetPath, Producer, RunInfo, StorageUnavailable
from weather_pipeline.lineage.provenance import by_run

_NEWEST = 5
_FOLLOWING = 50
_PAGE = 200
_REMEMBERED = 5000
"""Look-ups of a kind that are remembered: a command goes through any number of runs with the same records."""
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


def _forget_many(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()


@dataclass(frozen=True)
class _Window:
    """Materializations of an asset that follow each other, by storage id."""

    records: Sequence[dg.EventLogRecord]
    begins: bool
    """It begins with the asset's first one."""
    ends: bool
    """It ends with the asset's newest one."""

    def covers(self, before: float) -> bool:
        """Whether it has the last one before a time, or shows that there is none."""
        begins = self.begins or self.last(before) is not None
        return begins and (self.ends or (bool(self.records) and before <= self.records[-1].timestamp))

    def last(self, before: float) -> dg.EventLogRecord | None:
        """The last one before a time."""
        return next((record for record in reversed(self.records) if record.timestamp < before), None)


class AssetRecords:
    """Materializations and observations of one instance; what was looked up once is not looked up again."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._runs: dict[str, RunInfo | None] = {}
        self._windows: dict[AssetPath, _Window] = {}
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
        known = self._records(path, pointer, at, partitions)
        return by_run((record.partition_key, self._producer(record)) for record in known)

    def newest(
        self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str] = ()
    ) -> dg.EventLogRecord | None:
        """The newest of the records that `producers` speaks of; None where they were deleted since.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        found = self._records(path, pointer, at, partitions)
        return max(found, key=lambda record: record.storage_id, default=None)

    def last(self, path: AssetPath, before: datetime) -> dg.EventLogRecord | None:
        """The last materialization before a time.

        Raises:
            StorageUnavailable: Dagster's storage can't be read now.
        """
        known = self._windows.get(path)
        if known is None or not known.covers(before.timestamp()):
            _forget_many(self._windows)
            with reading():
                known = self._windows[path] = self._window(dg.AssetKey(path), before.timestamp(), is_first=not known)
        return known.last(before.timestamp())

    def learn(self, path: AssetPath, newest: dg.EventLogRecord | None) -> None:
        """Take the newest materialization of an asset, or that there is none, from who has looked it up already."""
        found = _Window([newest] if newest else [], begins=newest is None, ends=True)
        self._windows.setdefault(path, found)

    def _window(self, key: dg.AssetKey, before: float, *, is_first: bool) -> _Window:
        """Materializations around a time: the newest ones if they reach back to it, else those that follow it.

        Runs are told in their order, so the next ones will be asked for next.
        """
        fetch = self._instance.fetch_materializations
        if is_first:
            newest = fetch(key, limit=_NEWEST).records
            window = _Window(newest[::-1], begins=len(newest) < _NEWEST, ends=True)
            if window.covers(before):
                return window
        found = fetch(dg.AssetRecordsFilter(key, before_timestamp=before), limit=1).records
        after = found[0].storage_id if found else None
        later = fetch(dg.AssetRecordsFilter(key, after_storage_id=after), limit=_FOLLOWING, ascending=True).records
        return _Window([*found, *later], begins=not found, ends=len(later) < _FOLLOWING)

    def _records(
        self, path: AssetPath, pointer: int, at: datetime, partitions: Sequence[str]
    ) -> list[dg.EventLogRecord]:
        """What a pointer names, of what was there at a time: an id may have been given to a later record."""
        key = path, pointer, tuple(partitions)
        if key not in self._found:
            _forget_many(self._found)
            with reading():
                self._found[key] = tuple(self._look_up(dg.AssetKey(path), pointer, partitions))
        return [record for record in self._found[key] if record.timestamp <= at.timestamp()]

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
            _forget_many(self._runs)
            with reading():
                found = reader.run_info(self._instance, run_id)
            self._runs[run_id] = found[0] if found else None
        return self._runs[run_id]
