"""The CSV files of articles: which they are, and what their dataset is called. Known without Spark."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.spool_record import Place

SAMPLE = Path(__file__).parent / "data" / "articles.csv"
"""Articles that ship with the product."""

_PATTERN = re.compile(r"[*?\[]")


def csv_files(settings: Settings) -> list[str]:
    """The files that `SCRAPED_DATA_PATH` names, as URLs.

    Raises:
        ConfigurationError: There is none.
    """
    pattern = settings.scraped_data_path or str(SAMPLE)
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  (a pattern, not one of a directory)
    if not found:
        raise ConfigurationError(
            f"SCRAPED_DATA_PATH is {pattern!r}: no file is there, seen from {Path.cwd()}. A path such as "
            "data/scraped/latest/*.csv is needed."
        )
    return [f"file://{Path(file).absolute()}" for file in found]


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
