"""Text for streams that know ASCII only, as under `PYTHONIOENCODING=ascii` or `LC_ALL=C` on old systems."""

from __future__ import annotations

_PLAIN = str.maketrans({"✓": "+", "✗": "x", "…": "...", "→": "->", "─": "-", "°": " deg"})


def printable(text: str, encoding: str) -> str:
    """The text as a stream of this encoding can show it: symbols become ASCII, and what is left a question mark."""
    if can_show(text, encoding):
        return text
    return text.translate(_PLAIN).encode(encoding, errors="replace").decode(encoding)


def can_show(text: str, encoding: str) -> bool:
    """Whether a stream of this encoding can show the text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def spinner(encoding: str) -> str:
    """The name of rich's spinner that such a stream can show."""
    return "dots" if can_show("⠋", encoding) else "line"
