"""docs/spark.md describes articles as the jobs take them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from weather_pipeline.spark.article_columns import COLUMNS, NEEDED
from weather_pipeline.spark.articles import REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "spark.md").read_text()
TEXT = PAGE.partition("\n## Articles\n")[2].partition("\n## ")[0]


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def test_the_columns_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\|", TEXT, re.MULTILINE)
    assert [name for name, _ in rows] == list(COLUMNS)
    assert tuple(name for name, needed in rows if needed) == NEEDED


def test_the_example_of_a_file_has_all_columns_in_their_order() -> None:
    header, *rows = csv.reader(example("csv").splitlines())
    assert header == list(COLUMNS)
    assert [len(row) for row in rows] == [len(COLUMNS)]


def test_the_example_of_a_message_has_all_fields() -> None:
    assert list(json.loads(example("json"))) == list(COLUMNS)


def test_every_reason_is_there_in_its_order() -> None:
    found = re.findall(r"^- ([^(\n]+?)(?: \(.*)?$", TEXT, re.MULTILINE)
    assert found == list(REASONS.values())
