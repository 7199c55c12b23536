"""Reads docs/seed-map.md, and the documents that it answers where they are at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tools import shared

_ROOT = Path(__file__).resolve().parents[1]
_MAP = _ROOT / "docs" / "seed-map.md"
_ROW = re.compile(r"\| (\d+)(?:-(\d+))? \| (.*?) \| (\w+)(?:, (\w+))? \| (.*?) ?\|")

DOCUMENTS = ("000", "003")


@dataclass(frozen=True)
class Row:
    """One row of the map.

    Attributes:
        document: Which document.
        first: Its first line that is answered.
        last: Its last line that is answered.
        asked_for: What it asked for, in markdown.
        answer: same, translated or false.
        mark: later or containers, or empty.
        here: How it is here, in markdown.
    """

    document: str
    first: int
    last: int
    asked_for: str
    answer: str
    mark: str
    here: str

    def __str__(self) -> str:
        return f"{self.document}:{self.first}"

    @property
    def commands(self) -> list[str]:
        """The commands that must work now: the ones behind `$`, and those asked for that are the same."""
        if self.mark:
            return []
        here = re.findall(r"`\$ ([^`]+)`", self.here)
        asked = re.findall(r"`(curl [^`]+)`", self.asked_for) if self.answer == "same" else []
        return [command.replace("\\|", "|") for command in (*asked, *here)]


def _rows() -> list[Row]:
    rows: list[Row] = []
    document = ""
    for line in _MAP.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            document = line[3:6]
        elif found := _ROW.fullmatch(line):
            first, last, asked, answer, mark, here = found.groups()
            rows.append(Row(document, int(first), int(last or first), asked, answer, mark or "", here.strip()))
    return rows


ROWS = _rows()


@cache
def document_lines(document: str) -> dict[int, str]:
    """A document's lines that are not blank, by number."""
    (path,) = shared("seeds").glob(f"{document}_*")
    lines = path.read_text(encoding="utf-8").splitlines()
    return {number: line for number, line in enumerate(lines, 1) if line.strip()}
