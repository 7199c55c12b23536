"""COPY of Arrow batches into PostgreSQL, inside one transaction: in binary by pgpq, or as CSV by psycopg2.

Binary is the fast way: the server parses no text. CSV is the plain way, for machines on which pgpq is not installed.
Both take the same values to the table, and fail with the same errors.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
import pyarrow as pa
import pyarrow.csv

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.database import connected, conninfo
from weather_pipeline.store.errors import database_errors, words

BATCH_ROWS = 65_536
"""Rows encoded at a time: memory does not grow with what is copied."""


class Cursor(Protocol):
    """What the cursors of psycopg and psycopg2 share."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed."""
        ...

    def execute(self, query: bytes, params: Mapping[str, Any] | None = None, /) -> object:
        """Run a statement."""
        ...

    def fetchone(self) -> Any:
        """The next row of the result, None after the last."""
        ...


Copy = Callable[[str, pa.Schema, Iterable[pa.RecordBatch]], None]
"""Copy batches of a schema into the table's columns of the same names."""


@dataclass(frozen=True, slots=True)
class Session:
    """One transaction (READ COMMITTED: each statement sees what others committed before it).

    Attributes:
        cursor: Runs statements.
        copy: Copies batches.
    """

    cursor: Cursor
    copy: Copy


OpenSession = Callable[[str], AbstractContextManager[Session]]
"""Open a session on the database at a URL; committed at the end, rolled back where an error leaves it."""


def fastest_session(database_url: str) -> AbstractContextManager[Session]:
    """A session that copies in binary, or as CSV where pgpq is not installed.

    Raises:
        ConfigurationError: Neither pgpq nor psycopg2 is installed.
    """
    try:
        import pgpq  # noqa: F401  (only whether it is there)
    except ImportError:
        return csv_session(database_url)
    return binary_session(database_url)


@contextlib.contextmanager
def binary_session(database_url: str) -> Iterator[Session]:
    """A session that copies in PostgreSQL's binary format, encoded by pgpq."""
    from pgpq import ArrowToPostgresBinaryEncoder

    with connected(database_url) as connection, connection.cursor() as cursor:
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED

        def copy(table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
            encoder = ArrowToPostgresBinaryEncoder(schema)
            with cursor.copy(_statement(table, schema, "binary")) as target:
                target.write(encoder.write_header())
                for batch in _bounded(batches):
                    target.write(encoder.write_batch(batch))
                target.write(encoder.finish())

        yield Session(cursor, copy)


@contextlib.contextmanager
def csv_session(database_url: str) -> Iterator[Session]:
    """A session that copies as CSV, written by Arrow and sent by psycopg2.

    Raises:
        ConfigurationError: psycopg2 is not installed.
    """
    try:
        import psycopg2
    except ImportError as error:
        raise ConfigurationError(
            "Loading needs pgpq or psycopg2: install with `pip install 'weather-pipeline[pipeline]'`, "
            "or `pip install psycopg2-binary` where pgpq has no wheel."
        ) from error
    with database_errors():
        try:
            with contextlib.closing(psycopg2.connect(conninfo(database_url))) as connection:
                connection.set_session(isolation_level="READ COMMITTED")
                with connection, connection.cursor() as cursor:
                    yield Session(cursor, _csv_copy(cursor))
        except psycopg2.Error as error:
            raise _as_psycopg(error) from error


def _csv_copy(cursor: Any) -> Copy:
    def copy(table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        source = _CsvSource(batches)
        try:
            cursor.copy_expert(_statement(table, schema, "csv"), source, BATCH_ROWS)
        except Exception:
            # psycopg2 keeps of an error in the source its words only.
            if source.error is not None:
                raise source.error from None
            raise

    return copy


class _CsvSource:
    """Batches as a file of CSV, of which one batch at a time exists. NULL is empty, an empty text is quoted."""

    _OPTIONS = pyarrow.csv.WriteOptions(include_header=False)

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.error: Exception | None = None
        self._batches = _bounded(batches)
        self._current = io.BytesIO()

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        try:
            while not (content := self._current.read(size)):
                batch = next(self._batches, None)
                if batch is None:
                    return b""
                self._current = io.BytesIO()
                pyarrow.csv.write_csv(batch, self._current, self._OPTIONS)
                self._current.seek(0)
        except Exception as error:
            self.error = error
            raise
        return content


def _bounded(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _statement(table: str, schema: pa.Schema, form: str) -> bytes:
    """Names are constants of ours, never what was received."""
    return f"COPY {table} ({', '.join(schema.names)}) FROM STDIN WITH (FORMAT {form})".encode()


def _as_psycopg(error: Any) -> psycopg.Error:
    """The same error of psycopg, which `database_errors` knows."""
    try:
        kind = psycopg.errors.lookup(error.pgcode or "")
    except KeyError:
        # A lost or refused connection has no code.
        kind = psycopg.DatabaseError if error.pgcode else psycopg.OperationalError
    return kind(words(error))
