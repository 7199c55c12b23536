"""The CSV files of articles: which they are, and what their dataset is called. Known without Spark."""

from __future__ import annotations

import bz2
import csv
import glob
import gzip
import os
import re
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path

from weather_pipeline.errors import ConfigurationError, DataError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.article_columns import COLUMNS
from weather_pipeline.spark.spool_record import Place

SAMPLE = Path(__file__).parent / "data" / "articles.csv"
"""Articles that ship with the product."""

_PATTERN = re.compile(r"[*?\[]")
_SHOWN = 300
"""Characters of a header that are shown of one that is refused."""
_COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open}
_FOR_SPARK = frozenset({".deflate", ".lz4", ".snappy", ".zst"})
"""Compressed in ways that Python does not know: Spark checks their headers itself."""


def csv_files(settings: Settings) -> list[str]:
    """The files that `SCRAPED_DATA_PATH` names, as URLs.

    Raises:
        ConfigurationError: There is none.
    """
    pattern = settings.scraped_data_path or str(SAMPLE)
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  (a pattern, not one of a directory)
    if not any(_is_read(Path(file)) for file in found):
        raise ConfigurationError(
            f"SCRAPED_DATA_PATH is {pattern!r}: no file is there, seen from {Path.cwd()}. A path such as "
            "data/scraped/latest/*.csv is needed."
        )
    return [f"file://{Path(file).absolute()}" for file in found]


def check_headers(urls: Iterable[str]) -> None:
    """Check that each file's header has the columns of articles, in any case, as Spark will want it.

    A file without a line has no header, and no rows.

    Args:
        urls: Files and directories, as URLs.

    Raises:
        ConfigurationError: A file can't be read.
        DataError: A header is another.
    """
    for file in _files(urls):
        try:
            header = _header(file)
        except (OSError, EOFError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"{file} can't be read (SCRAPED_DATA_PATH): {why}.") from None
        except csv.Error as error:
            raise DataError(f"{file} is no CSV file: {error}. {_NEEDED}") from None
        if header and [name.lower() for name in header] != list(COLUMNS):
            found = ",".join(header)
            shown = found if len(found) <= _SHOWN else found[:_SHOWN] + "…"
            raise DataError(f"{file} has other columns than articles: its header is {shown!r}. {_NEEDED}")


_NEEDED = f"{','.join(COLUMNS)} is needed, in this order."


def _is_read(path: Path) -> bool:
    """Whether Spark finds a file there: the path itself, or one somewhere below a directory."""
    if not path.is_dir():
        return _is_seen(Path(path.name))
    return any(file.is_file() and _is_seen(file.relative_to(path)) for file in path.rglob("*"))


def _is_seen(path: Path) -> bool:
    """Whether Spark takes a path: it passes over names that begin with _ or a dot."""
    return not any(part.startswith(("_", ".")) for part in path.parts)


def _files(urls: Iterable[str]) -> Iterator[Path]:
    """The files themselves, as Spark takes them."""
    for path in (Path(url.removeprefix("file://")) for url in urls):
        files = (each for each in sorted(path.iterdir()) if each.is_file()) if path.is_dir() else [path]
        yield from (each for each in files if _is_seen(Path(each.name)) and each.suffix not in _FOR_SPARK)


def _header(file: Path) -> list[str]:
    """The first line that is not empty; none of an empty file."""
    opened = _COMPRESSED.get(file.suffix, Path.open)(file, "rb")
    with TextIOWrapper(opened, encoding="utf-8-sig", errors="replace", newline="") as text:
        return next((line for line in csv.reader(text) if line), [])


def files_place(settings: Settings) -> Place:
    """Where the files lie, and what their dataset is called: the directory's path as it is given."""
    if settings.scraped_data_path is None:
        return ("file", str(SAMPLE.parent)), ("file", "weather_pipeline/articles")
    path = settings.scraped_data_path
    pattern = _PATTERN.search(path)
    if pattern:
        before, slash, _ = path[: pattern.start()].rpartition("/")
        directory = Path(before or slash or ".")
    else:
        directory = Path(path) if Path(path).is_dir() else Path(path).parent
    return ("file", os.path.abspath(directory)), ("file", directory.as_posix())  # noqa: PTH100  (without `..`)
