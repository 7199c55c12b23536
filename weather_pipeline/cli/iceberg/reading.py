"""What pyiceberg can't read of a table, told with the table and its file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile

from weather_pipeline.errors import DataError

_UNREADABLE = (ValueError, KeyError, OverflowError, NotImplementedError, EOFError, BadGzipFile, zlib.error)


@contextmanager
def readable(table: str, source: Callable[[], str]) -> Iterator[None]:
    """Read a table's metadata inside it.

    Args:
        table: The table's name.
        source: Where its metadata comes from; asked for only where it can't be read.

    Raises:
        DataError: The metadata is damaged, or has what pyiceberg does not know.
    """
    import requests
    from pyiceberg.exceptions import ValidationError

    try:
        yield
    except requests.RequestException:  # some are ValueErrors too
        raise
    except (ValidationError, *_UNREADABLE) as error:
        raise DataError(
            f"The table {table} can't be read from {source()}: {_said(error)}. Is the file whole, and in a format that "
            "pyiceberg knows?"
        ) from None


def _said(error: Exception) -> str:
    """An error in one line, without the values that were read: a catalog's answer may hold keys."""
    import pydantic

    cause = error.__cause__ if isinstance(error.__cause__, pydantic.ValidationError) else error
    if isinstance(cause, pydantic.ValidationError):
        first = cause.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    return " ".join(str(error).split()) or type(error).__name__
