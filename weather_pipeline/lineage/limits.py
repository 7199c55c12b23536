"""How large a facet and an event may be: what is too large is cut where its schema allows it, and says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from weather_pipeline.lineage.redaction import shortened

TRUNCATED = "truncated"
"""Field of a facet that was cut: a list of what was kept of how much, and where."""

_STEPS = ((2000, 32_000), (600, 16_000), (200, 8_000), (60, 4_000), (20, 2_000), (6, 500), (2, 100))
"""Most items of a list and most characters of a text: the first pair that makes the facet fit is taken."""
_MAPS = ("fields", "columnMetrics", "catalogProperties", "params")
"""Mappings whose keys are data (columns, properties): they are cut as lists are. Other keys are the schema's."""
_NAMES = ("namespace", "name", "type", "field", "runId")


def size_of(value: Any) -> int:
    """Bytes of a JSON value as it is sent."""
    return len(json.dumps(value))


def fitted(facet: dict[str, Any], limit: int) -> dict[str, Any] | None:
    """The facet cut to at most so many bytes, with `truncated`; None where its schema leaves too little to cut.

    Args:
        facet: The facet as JSON values.
        limit: Bytes.
    """
    for items, characters in _STEPS:
        cuts: list[dict[str, Any]] = []
        cut = _cut("", facet, items, characters, cuts)
        marked = {**cut, TRUNCATED: cuts[:20]}
        if cuts and size_of(marked) <= limit:
            return marked
    return None


def _cut(where: str, value: Any, items: int, characters: int, cuts: list[dict[str, Any]]) -> Any:
    """A copy within bounds; adds to `cuts` what was left out."""
    if isinstance(value, str):
        if len(value) > characters:
            cuts.append({"where": where, "kept": characters, "of": len(value)})
        return shortened(value, characters)
    if isinstance(value, list):
        if len(value) > items:
            cuts.append({"where": where, "kept": items, "of": len(value)})
        return [_cut(f"{where}[{at}]", inner, items, characters, cuts) for at, inner in enumerate(value[:items])]
    if isinstance(value, Mapping):
        return dict(_cut_pairs(where, value, items, characters, cuts))
    return value


def _cut_pairs(
    where: str, pairs: Mapping[str, Any], items: int, characters: int, cuts: list[dict[str, Any]]
) -> Iterator[tuple[str, Any]]:
    for key, inner in pairs.items():
        at = f"{where}.{key}" if where else key
        if key.startswith("_") or (key in _NAMES and isinstance(inner, str)):
            yield key, inner  # a name that is cut is another name
        elif key in _MAPS and isinstance(inner, Mapping) and len(inner) > items:
            cuts.append({"where": at, "kept": items, "of": len(inner)})
            yield key, _cut(at, dict(list(inner.items())[:items]), items, characters, cuts)
        else:
            yield key, _cut(at, inner, items, characters, cuts)
