"""docs/seed-map.md answers every line of the documents that asked for the project."""

from __future__ import annotations

import re

import pytest

from tests.seed_map import DOCUMENTS, ROWS, Row, document_lines

_ANSWERS = {"same", "translated", "false"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_line_is_answered_once_and_in_order(document: str) -> None:
    rows = [row for row in ROWS if row.document == document]
    answered = [line for row in rows for line in range(row.first, row.last + 1)]

    assert answered == sorted(set(answered))
    assert [number for number in document_lines(document) if number not in set(answered)] == []
    assert all(any(number in document_lines(document) for number in range(r.first, r.last + 1)) for r in rows)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_answer_is_one_of_three(row: Row) -> None:
    assert row.answer in _ANSWERS
    assert row.mark in {"", "later", "containers"}
    assert row.here or row.answer == "same"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_quoted_code_stands_in_the_lines(row: Row) -> None:
    """What is quoted as asked for was really asked for."""
    lines = document_lines(row.document)
    text = _plain("\n".join(lines.get(number, "") for number in range(row.first, row.last + 1)))
    for quoted in re.findall(r"`([^`]+)`", row.asked_for):
        for part in re.split(r"…|\(.*?\)", quoted.replace("\\|", "|")):
            assert _plain(part) in text


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip()
