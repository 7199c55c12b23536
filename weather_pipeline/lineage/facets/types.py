"""Column types as text → nested fields: `struct<id: int, tags: array<struct<key: string>>>` and its dialects.

Spark and Hive write `struct<name: type>`, Trino `row(name type)`, DuckDB `STRUCT(name TYPE)`, BigQuery
`STRUCT<name TYPE>`; arrays are `array<…>`, `array(…)`, `ARRAY<…>` and `…[]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRUCT = re.compile(r"(?:struct|row|record)\s*[<(](.*)[>)]\s*", re.IGNORECASE | re.DOTALL)
_ARRAY = re.compile(r"(?:array|list)\s*[<(](.*)[>)]\s*", re.IGNORECASE | re.DOTALL)
_FIELD = re.compile(r"""\s*(?:"([^"]+)"|`([^`]+)`|([\w$-]+))\s*(?::\s*|\s+)(.+)""", re.DOTALL)
_OPEN, _CLOSE = "<([", ">)]"
_DEEPEST = 16
"""Levels that are looked into: a type is what a user wrote."""


class Nested(NamedTuple):
    """One field of a struct, with those of its own."""

    name: str
    type: str
    fields: tuple[Nested, ...]


def nested_fields(type_text: str, depth: int = 0) -> tuple[Nested, ...]:
    """The fields of a struct, or of the structs in an array; none for every other type, or where it can't be read."""
    if depth == _DEEPEST or len(type_text) > 100_000:  # noqa: PLR2004
        return ()
    type_text = type_text.strip()
    if type_text.endswith("[]"):
        return nested_fields(type_text[:-2], depth + 1)
    if array := _ARRAY.fullmatch(type_text):
        return nested_fields(array[1], depth + 1)
    struct = _STRUCT.fullmatch(type_text)
    if struct is None:
        return ()
    fields = [_FIELD.fullmatch(part) for part in _split(struct[1])]
    if not all(fields):
        return ()
    named = [(field[1] or field[2] or field[3], field[4].strip()) for field in fields if field]
    return tuple(Nested(name, kind, nested_fields(kind, depth + 1)) for name, kind in named)


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand in no brackets."""
    depth, begin = 0, 0
    for at, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if character == "," and depth == 0:
            yield text[begin:at]
            begin = at + 1
    yield text[begin:]
