"""Many finished runs in Dagster's storage: one that was really executed, again and again under new ids and times.

Executing thousands would take hours. Every row that Dagster wrote for the one run is written again with the run's id,
its times and the ids of the records that it points to exchanged; `differences` compares, through Dagster's own reading,
with another run that was really executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as db
from dagster import DagsterInstance
from dagster._core.storage.event_log.schema import AssetEventTagsTable, AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

Row = dict[str, Any]

_POINTER = "dagster/input_event_pointer/"
_CHUNK = 200
"""Runs that are written at once."""

_TIMES = (
    "timestamp",
    "event_timestamp",
    "create_timestamp",
    "update_timestamp",
    "start_time",
    "end_time",
    "last_materialization_timestamp",
)
_TIME_IN_JSON = re.compile(r'("timestamp": )(\d+\.\d+)')
_ID_IN_JSON = re.compile(rf'("{_POINTER}[^"]+": "|"storage_id": )(\d+)')
_VERSION = re.compile(r"\b[0-9a-f]{64}\b")
"""A data version: of its own for each run."""

_LOG_FILE = re.compile(r"file_key='\w+'")
_ANY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANY_NUMBER = re.compile(r"\d+(\.\d+)?( ?m?s\b)?")  # Dagster writes "in 1.02s" or "in 998ms", as it happens.


@dataclass
class _Template:
    """Everything that Dagster stored for one run; `shard` is the run's own file, where storage has one for each run."""

    run_id: str
    run: Row
    run_tags: list[Row]
    events: list[Row]
    event_tags: list[Row]
    shard: Path | None = None
    shard_events: list[Row] = field(default_factory=list)


def multiply(home: Path, run_id: str, count: int, *, apart: timedelta, postgres_url: str | None = None) -> list[str]:
    """Write a finished run so many times more, all of them older; the newest becomes the assets' last materialization.

    Ids ascend with time, as they do in a real history, once the run itself is deleted.

    Args:
        home: The instance's directory; nothing may run on it meanwhile.
        run_id: The run.
        count: How many more.
        apart: Time between two runs.
        postgres_url: Where storage is PostgreSQL.

    Returns:
        The ids of the runs written, oldest first.
    """
    with contextlib.ExitStack() as stack:
        if postgres_url is not None:
            runs = events = stack.enter_context(_opened(postgres_url))
        else:
            runs = stack.enter_context(opened_runs(home, None))
            events = stack.enter_context(_opened(f"sqlite:///{home}/history/runs/index.db"))
        template = _read(runs, events, run_id)
        if postgres_url is None:
            template.shard = home / "history" / "runs" / f"{run_id}.db"
            with _opened(f"sqlite:///{template.shard}") as shard:
                shard.execute(db.text("PRAGMA wal_checkpoint(TRUNCATE)"))
                template.shard_events = _rows(shard, SqlEventLogStorageTable, run_id)
        copies = [(str(uuid.uuid4()), apart * (number - count)) for number in range(count)]
        written: list[_Copy] = []
        for at in range(0, count, _CHUNK):
            written = _write(template, copies[at : at + _CHUNK], runs, events)
            runs.commit()
            events.commit()
        _advance_ids(runs, (RunsTable, RunTagsTable))
        _advance_ids(events, (SqlEventLogStorageTable, AssetEventTagsTable))
        _point_assets(events, template.run_id, written[-1])
    return [copied for copied, _ in copies]


def differences(instance: DagsterInstance, run_id: str, other_id: str) -> list[str]:
    """How two runs of the same job differ in what Dagster reads of them, but for ids, times and process numbers."""
    one, other = (_as_read(instance, each) for each in (run_id, other_id))
    return [f"{left} | {right}" for left, right in zip(one, other, strict=False) if left != right] + (
        [] if len(one) == len(other) else [f"{len(one)} | {len(other)} records"]
    )


def _as_read(instance: DagsterInstance, run_id: str) -> list[str]:
    record = instance.get_run_record_by_id(run_id)
    if record is None or record.start_time is None or record.end_time is None:
        return [f"no finished run {run_id}"]
    run = record.dagster_run
    lines = [repr((run.job_name, run.status, run.tags, run.remote_job_origin, run.asset_selection))]
    for each in instance.all_logs(run_id):
        event = each.dagster_event
        lines.append(repr((each.step_key, each.job_name, event and event.event_type_value, each.user_message, event)))
    for pattern, word in ((_LOG_FILE, "file"), (_VERSION, "version"), (_ANY_ID, "id"), (_ANY_NUMBER, "#")):
        lines = [pattern.sub(word, line) for line in lines]
    return lines


def opened_runs(home: Path, postgres_url: str | None) -> contextlib.AbstractContextManager[db.Connection]:
    """A connection to the storage of runs; what was done is committed at the end."""
    return _opened(postgres_url or f"sqlite:///{home}/history/runs.db")


@contextlib.contextmanager
def _opened(url: str) -> Iterator[db.Connection]:
    engine = db.create_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.execute(db.text("PRAGMA synchronous=OFF"))
            yield connection
            connection.commit()
    finally:
        engine.dispose()


def _read(runs: db.Connection, events: db.Connection, run_id: str) -> _Template:
    [run] = _rows(runs, RunsTable, run_id)
    found = _rows(events, SqlEventLogStorageTable, run_id)
    ids = [row["id"] for row in found]
    tags = (
        db.select(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)).order_by(AssetEventTagsTable.c.id)
    )
    return _Template(
        run_id, run, _rows(runs, RunTagsTable, run_id), found, [dict(row) for row in events.execute(tags).mappings()]
    )


def _rows(connection: db.Connection, table: db.Table, run_id: str) -> list[Row]:
    query = db.select(table).where(table.c.run_id == run_id).order_by(table.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _largest_id(connection: db.Connection, table: db.Table) -> int:
    return connection.execute(db.select(db.func.max(table.c.id))).scalar() or 0


def _advance_ids(connection: db.Connection, tables: Sequence[db.Table]) -> None:
    """PostgreSQL must not give ids again that were given here."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            largest = _largest_id(connection, table)
            connection.execute(db.text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {largest})"))


@dataclass(frozen=True)
class _Copy:
    """How one copy differs from the template."""

    old_id: str
    new_id: str
    shift: timedelta
    ids: Mapping[int, int]
    """Record ids that other records point to: old → new."""

    def row(self, row: Row, **others: Any) -> Row:
        """The row under the new id and time; its own id is given anew."""
        changed = {key: self._value(key, value) for key, value in row.items() if key != "id"}
        if str(row.get("key", "")).startswith(_POINTER):
            changed["value"] = str(self.ids.get(int(row["value"]), row["value"]))
        return {**changed, **others}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(_VERSION.sub(self._version, value.replace(self.old_id, self.new_id)))
        if key in _TIMES and isinstance(value, datetime):
            return value + self.shift
        if key in _TIMES and isinstance(value, float):
            return value + self.shift.total_seconds()
        return value

    def _version(self, found: re.Match[str]) -> str:
        return hashlib.sha256(f"{self.new_id} {found[0]}".encode()).hexdigest()

    def _text(self, text: str) -> str:
        if not text.startswith("{"):
            return text
        seconds = self.shift.total_seconds()
        text = _TIME_IN_JSON.sub(lambda found: f"{found[1]}{float(found[2]) + seconds!r}", text)
        return _ID_IN_JSON.sub(lambda found: f"{found[1]}{self.ids.get(int(found[2]), found[2])}", text)


def _write(
    template: _Template,
    copies: Sequence[tuple[str, timedelta]],
    runs: db.Connection,
    events: db.Connection,
) -> list[_Copy]:
    first = _largest_id(events, SqlEventLogStorageTable) + 1
    written: list[_Copy] = []
    rows: dict[str, list[Row]] = {name: [] for name in ("runs", "run_tags", "events", "event_tags")}
    for new_id, shift in copies:
        ids = {row["id"]: first + place for place, row in enumerate(template.events)}
        first += len(ids)
        copy = _Copy(template.run_id, new_id, shift, ids)
        written.append(copy)
        rows["runs"].append(copy.row(template.run))
        rows["run_tags"] += [copy.row(row) for row in template.run_tags]
        rows["events"] += [copy.row(row, id=ids[row["id"]]) for row in template.events]
        rows["event_tags"] += [copy.row(row, event_id=ids[row["event_id"]]) for row in template.event_tags]
        if template.shard is not None:
            _write_shard(template.shard, [copy.row(row, id=row["id"]) for row in template.shard_events], new_id)
    for connection, table, name in (
        (runs, RunsTable, "runs"),
        (runs, RunTagsTable, "run_tags"),
        (events, SqlEventLogStorageTable, "events"),
        (events, AssetEventTagsTable, "event_tags"),
    ):
        if rows[name]:
            connection.execute(table.insert(), rows[name])
    return written


def _write_shard(shard: Path, rows: list[Row], new_id: str) -> None:
    file = shard.with_name(f"{new_id}.db")
    shutil.copyfile(shard, file)
    with _opened(f"sqlite:///{file}") as connection:
        connection.execute(SqlEventLogStorageTable.delete())
        connection.execute(SqlEventLogStorageTable.insert(), rows)


def _point_assets(events: db.Connection, old_id: str, last: _Copy) -> None:
    """Make the newest copy what the template was: the assets' last materialization."""
    for row in events.execute(db.select(AssetKeyTable).where(AssetKeyTable.c.last_run_id == old_id)).mappings().all():
        changed = last.row(dict(row), cached_status_data=None)
        events.execute(AssetKeyTable.update().where(AssetKeyTable.c.id == row["id"]).values(changed))
