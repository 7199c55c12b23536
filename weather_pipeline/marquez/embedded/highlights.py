"""Where a search's words stand in a document, as OpenSearch shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from weather_pipeline.marquez.embedded.facets import as_text

Highlight = dict[str, list[str]]
"""Fragments by the path of the field that matches."""

_FRAGMENT = 100
"""Length of a fragment in characters; whole words are kept, so it may be a little more."""

_LEAD = 30
"""How much of a fragment may stand before its first match."""

_FRAGMENTS = 5
_WORDS = 40
_READ = 100_000
"""How much of a search, in words, and of a text, in characters, is looked at: what the database indexes of them."""

_LETTER = r"[^\W_]"
_HUMP = r"(?<=[^\W_A-Z])(?=[A-Z])"


def highlight(document: Mapping[str, Any], fields: Sequence[str], q: str) -> Highlight:
    """The fields of a document that hold the words of a search, each with up to five fragments.

    Args:
        document: A hit as JSON.
        fields: Paths such as `facets.schema.fields.name`; `*` stands for every member of an object.
        q: What was searched: words in a row, of the last one its beginning.

    Returns:
        Fragments by path, with `<em>` around every word. The text around it is not escaped, as OpenSearch leaves it.
    """
    pattern = phrase(q)
    if pattern is None:
        return {}
    found: Highlight = {}
    for field in fields:
        for path, text in texts(document, field.split(".")):
            kept = found.get(path, [])
            kept += islice(_fragments(text[:_READ], pattern), _FRAGMENTS - len(kept))
            if kept:
                found[path] = kept
    return found


def phrase(q: str) -> re.Pattern[str] | None:
    """What finds the words of a search in a text, each in a group of its own; None where there are no words.

    A word begins where the one before ends: at anything that is neither letter nor digit, and inside `rainGauge`.
    """
    words = re.findall(f"{_LETTER}+", q)[:_WORDS]
    if not words:
        return None
    begin = f"(?:(?<!{_LETTER})|{_HUMP})"
    between = rf"(?:[\W_]+|{_HUMP})"
    *whole, last = [f"(?i:{word})" for word in words]
    return re.compile(begin + between.join([*(f"({word})" for word in whole), f"({last}{_LETTER}*)"]))


def texts(value: Any, path: Sequence[str], at: str = "") -> Iterator[tuple[str, str]]:
    """The texts at a path of a JSON value, each with the path that led there; arrays add nothing to it."""
    if isinstance(value, list):
        for entry in value:
            yield from texts(entry, path, at)
    elif not path:
        text = as_text(value)
        if text is not None:
            yield at, text
    elif isinstance(value, Mapping):
        for name in value if path[0] == "*" else (path[0],):
            yield from texts(value.get(name), path[1:], f"{at}.{name}" if at else name)


def _fragments(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The pieces of a text that have matches, each match marked."""
    position = 0
    while match := pattern.search(text, position):
        start = _word_start(text, max(position, match.start() - _LEAD), match.start()) if len(text) > _FRAGMENT else 0
        end = _word_end(text, max(start + _FRAGMENT, match.end()))
        yield _marked(text, start, end, pattern)
        position = end


def _word_start(text: str, wanted: int, latest: int) -> int:
    """The beginning of the first word from a position on."""
    if wanted == 0:
        return 0
    space = text.find(" ", wanted - 1, latest)
    return wanted if space < 0 else space + 1


def _word_end(text: str, wanted: int) -> int:
    """The end of the word at a position; a word that is very long is cut."""
    space = text.find(" ", wanted, wanted + _LEAD)
    return space if space >= 0 else min(len(text), wanted + _LEAD)


def _marked(text: str, start: int, end: int, pattern: re.Pattern[str]) -> str:
    parts: list[str] = []
    position = start
    for match in pattern.finditer(text, start, end):
        for group in range(1, pattern.groups + 1):
            first, last = match.span(group)
            parts += [text[position:first], "<em>", text[first:last], "</em>"]
            position = last
    return "".join([*parts, text[position:end]])
