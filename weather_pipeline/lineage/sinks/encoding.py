"""A body as the bytes that are sent, whichever way it goes."""

from __future__ import annotations

import json
from typing import Any


def encoded(body: dict[str, Any], *, indent: int | None = None) -> bytes:
    """The body as JSON, as OpenLineage's own client writes it."""
    return json.dumps(body, sort_keys=True, default=_unserializable, indent=indent).encode()


def _unserializable(value: object) -> str:
    return f"<<non-serializable: {type(value).__qualname__}>>"
