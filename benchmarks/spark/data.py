"""Articles without end, made from those that ship with the product."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

from weather_pipeline.spark.article_files import SAMPLE

_FIRST = datetime(2026, 10, 1, tzinfo=UTC)
_DAYS = 30


def write_csv(directory: Path, rows: int, files: int) -> str:
    """Write articles as CSV files; the pattern that names them."""
    directory.mkdir(parents=True)
    articles = _articles(rows)
    for number in range(files):
        with (directory / f"{number}.csv").open("w", newline="") as file:
            some = list(islice(articles, rows // files))
            writer = csv.DictWriter(file, some[0])
            writer.writeheader()
            writer.writerows(some)
    return f"{directory}/*.csv"


def write_json(file: Path, rows: int) -> None:
    """Write articles as JSON, one a line."""
    with file.open("w") as opened:
        opened.writelines(json.dumps(article) + "\n" for article in _articles(rows))


def _articles(rows: int) -> Iterator[dict[str, str]]:
    with SAMPLE.open(newline="") as file:
        known = [row for row in csv.DictReader(file) if row["id"] and row["title"] and row["body"]]
    step = timedelta(days=_DAYS) / rows
    for number, article in zip(range(rows), cycle(known), strict=False):
        at = (_FIRST + number * step).isoformat(timespec="seconds")
        yield {**article, "id": f"bench-{number:08}", "published_at": at}
