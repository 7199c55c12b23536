"""Loading observations against the server's own COPY from a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pyarrow as pa
import pyarrow.csv

from benchmarks.data import START, observation_batches, place_ids
from benchmarks.measure import Contestant, take_turns
from benchmarks.report import Section, ratio_table
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.store.copying import OpenSession, binary_session, csv_session
from weather_pipeline.store.migrate import migrate
from weather_pipeline.store.warehouse import upsert_observations
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.schema import KEY, OBSERVATION_SCHEMA

HOURS = PLACES = 1000

_NAMES = ", ".join(OBSERVATION_SCHEMA.names)
_VALUES = [name for name in OBSERVATION_SCHEMA.names if name not in KEY]
_STRAIGHT, _STAGED = "server's COPY", "server's COPY and upsert"
_OURS, _PLAIN = "upsert_observations", "upsert_observations, plain way (psycopg2, CSV)"
_METHOD = """\
One million observations (1,000 hours of 1,000 places) of 12 columns into `weather.observations` as the migrations make
it: primary key, foreign key, check, second index. The server is the embedded PostgreSQL as the stack starts it,
durable. The server's COPY reads a CSV file on its own disk, so nothing is sent to it: once straight into the table,
which only an empty range allows, and once (“and upsert”) in the set-up of an upsert: into a temporary table and from
there by `INSERT … ON CONFLICT DO UPDATE` of what differs. `upsert_observations` gets the rows as Arrow batches, one an
hour, as silver has them, with the hours they replace: it also deletes what is no longer given, which the server's
upsert does not."""


def run(rounds: int, say: Callable[[str], None]) -> Section:
    """Measure empty hours, a rerun and new values for every row."""
    with _warehouse(PLACES) as warehouse:
        rows = HOURS * PLACES
        first, second = warehouse.data("first.csv"), warehouse.data("second.csv", shift=1.0)
        processes = {"server": warehouse.server, "say": say}

        def of(data: _Data, before: Callable[[], object]) -> dict[str, Contestant]:
            return {
                _STAGED: Contestant(lambda: warehouse.staged(data), before),
                _OURS: Contestant(lambda: warehouse.load(data, binary_session), before),
                _PLAIN: Contestant(lambda: warehouse.load(data, csv_session), before),
            }

        def filled() -> None:
            warehouse.empty()
            warehouse.straight(first)
            warehouse.settle()

        straight = {_STRAIGHT: Contestant(lambda: warehouse.straight(first), warehouse.empty)}
        empty = take_turns({**straight, **of(first, warehouse.empty)}, rounds, **processes)
        filled()
        rerun = take_turns(of(first, warehouse.settle), rounds, **processes)
        updated = take_turns(of(second, filled), rounds, **processes)
    return Section(
        "load",
        "Load: upsert against the server's own COPY",
        _METHOD,
        [
            ratio_table("Empty hours, against COPY into the table", rows, empty, _STRAIGHT),
            ratio_table("Empty hours, against COPY in the set-up of an upsert", rows, _without(empty), _STAGED),
            ratio_table("Rerun: every row is there and equal", rows, rerun, _STAGED),
            ratio_table("Every row is there with other values", rows, updated, _STAGED),
        ],
    )


def _without(figures: dict) -> dict:
    return {name: value for name, value in figures.items() if name != _STRAIGHT}


@dataclass(frozen=True)
class _Data:
    """The same rows for both sides."""

    batches: list[pa.RecordBatch]
    file: Path


@dataclass(frozen=True)
class _Warehouse:
    url: str
    server: psutil.Process
    directory: Path

    def data(self, name: str, *, shift: float = 0.0) -> _Data:
        batches = list(observation_batches(HOURS, PLACES, shift=shift))
        file = self.directory / name
        options = pyarrow.csv.WriteOptions(include_header=False)
        pyarrow.csv.write_csv(pa.Table.from_batches(batches), file, options)
        file.chmod(0o644)
        return _Data(batches, file)

    def empty(self) -> None:
        self._execute("TRUNCATE weather.observations")
        self.settle()

    def settle(self) -> None:
        """Leave nothing of the turn before to write during the next."""
        self._execute("VACUUM ANALYZE weather.observations")
        self._execute("CHECKPOINT")

    def load(self, data: _Data, way: OpenSession) -> None:
        hours = (START, START + HOURS * HOUR)
        upsert_observations(self.url, iter(data.batches), replace_hours=hours, open_session=way)

    def straight(self, data: _Data) -> None:
        self._execute(f"COPY weather.observations ({_NAMES}) FROM '{data.file}' WITH (FORMAT csv)")

    def staged(self, data: _Data) -> None:
        assignments = ", ".join(f"{name} = EXCLUDED.{name}" for name in _VALUES)
        old, new = (", ".join(f"{side}.{name}" for name in _VALUES) for side in ("old", "EXCLUDED"))
        with psycopg.connect(self.url) as connection:
            for statement in (
                "CREATE TEMPORARY TABLE staged (LIKE weather.observations) ON COMMIT DROP",
                "ALTER TABLE staged DROP COLUMN loaded_at",
                f"COPY staged ({_NAMES}) FROM '{data.file}' WITH (FORMAT csv)",
                (
                    f"INSERT INTO weather.observations AS old ({_NAMES}) SELECT {_NAMES} FROM staged "
                    f"ON CONFLICT (location_id, observed_at) DO UPDATE SET {assignments}, loaded_at = now() "
                    f"WHERE ({old}) IS DISTINCT FROM ({new})"
                ),
            ):
                connection.execute(statement.encode())

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def _warehouse(places: int) -> Iterator[_Warehouse]:
    with started_warehouse(places) as (url, server), tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        # The server runs under another user where we are root, and reads the files itself.
        Path(directory).chmod(0o755)
        yield _Warehouse(url, server, Path(directory))


@contextlib.contextmanager
def started_warehouse(places: int) -> Iterator[tuple[str, psutil.Process]]:
    """A real server with the warehouse's tables and so many places, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        postgres = EmbeddedPostgres(
            Path(directory) / "postgres",
            log_file=Path(directory) / "postgres.log",
            options={"max_connections": "200"},
        )
        try:
            process = postgres.start()
            url = postgres.ensure_database("warehouse")
            migrate(url)
            with psycopg.connect(url) as connection:
                connection.execute(
                    "INSERT INTO weather.locations (location_id, name, latitude, longitude) "
                    "SELECT id, id, 0, 0 FROM unnest(%s::text[]) AS id",
                    [place_ids(places).to_pylist()],
                )
            yield url, psutil.Process(process.pid)
        finally:
            postgres.destroy()
