"""What there is to say of an Iceberg table, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot


@dataclass(frozen=True)
class Column:
    """A column; `type` is Iceberg's own name of it."""

    name: str
    type: str
    required: bool
    doc: str | None


@dataclass(frozen=True)
class PartitionField:
    """What a table is partitioned by: a column and Iceberg's transform of it, as `day`."""

    name: str
    column: str
    transform: str


@dataclass(frozen=True)
class SnapshotFacts:
    """A snapshot.

    Attributes:
        id: Its id.
        at: When it was committed, ISO 8601, UTC.
        operation: `append`, `overwrite`, `delete`, or `replace` for files that were rewritten.
        added_rows: Rows in the files that it added.
        removed_rows: Rows in the files that it removed.
        total_rows: Rows in all files afterwards.
        files: Data files afterwards.
        properties: What its writer says of it, as the stream's micro-batch.
    """

    id: int
    at: str
    operation: str
    added_rows: int
    removed_rows: int
    total_rows: int
    files: int
    properties: Mapping[str, str]


@dataclass(frozen=True)
class TableFacts:
    """A table as it is now.

    Attributes:
        table: CATALOG.NAMESPACE.TABLE.
        comment: What it is for.
        location: Where its files lie.
        format_version: Version of Iceberg's table format.
        rows: Rows, without those that delete files take away.
        data_files: Data files.
        delete_files: Delete files.
        bytes: Bytes in all of them.
        snapshot: The current snapshot; None where nothing was written yet.
        columns: The columns.
        partitions: What it is partitioned by.
        snapshot_count: How many snapshots it has.
        snapshots: Some of them, newest first.
        properties: Table properties.
    """

    table: str
    comment: str | None
    location: str
    format_version: int
    rows: int
    data_files: int
    delete_files: int
    bytes: int
    snapshot: int | None
    columns: tuple[Column, ...]
    partitions: tuple[PartitionField, ...]
    snapshot_count: int
    snapshots: tuple[SnapshotFacts, ...]
    properties: Mapping[str, str]


def facts_of(name: str, table: Table, *, snapshots: int) -> TableFacts:
    """What there is to say of a table.

    Args:
        name: CATALOG.NAMESPACE.TABLE.
        table: The table, as pyiceberg has it.
        snapshots: How many of its snapshots are told, the newest.
    """
    current, schema = table.current_snapshot(), table.schema()
    newest = sorted(table.snapshots(), key=lambda each: (each.timestamp_ms, each.sequence_number or 0), reverse=True)
    deletes = _count(current, "total-delete-files")
    properties = dict(table.properties)
    return TableFacts(
        table=name,
        comment=properties.pop("comment", None),
        location=table.location(),
        format_version=table.format_version,
        # Only what is deleted needs a look into files.
        rows=table.scan().count() if deletes else _count(current, "total-records"),
        data_files=_count(current, "total-data-files"),
        delete_files=deletes,
        bytes=_count(current, "total-files-size"),
        snapshot=current.snapshot_id if current else None,
        columns=tuple(Column(each.name, str(each.field_type), each.required, each.doc) for each in schema.fields),
        partitions=tuple(
            PartitionField(each.name, schema.find_column_name(each.source_id) or "?", str(each.transform))
            for each in table.spec().fields
        ),
        snapshot_count=len(newest),
        snapshots=tuple(_snapshot(each) for each in newest[:snapshots]),
        properties=properties,
    )


def _snapshot(found: Snapshot) -> SnapshotFacts:
    summary = found.summary.additional_properties if found.summary else {}
    return SnapshotFacts(
        id=found.snapshot_id,
        at=datetime.fromtimestamp(found.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        operation=found.summary.operation.value if found.summary else "unknown",
        added_rows=_count(found, "added-records"),
        removed_rows=_count(found, "deleted-records"),
        total_rows=_count(found, "total-records"),
        files=_count(found, "total-data-files"),
        properties={key: value for key, value in summary.items() if key.startswith("weather.")},
    )


def _count(snapshot: Snapshot | None, key: str) -> int:
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary.additional_properties.get(key) or 0)
