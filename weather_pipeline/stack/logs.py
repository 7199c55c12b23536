"""The parts' log files: read at their end, kept from growing without bound."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
"""A log that is longer is set aside, and its predecessor dropped: at most twice this for each part."""

_TAIL_BYTES = 64 * 1024
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a log file, without the colours that Dagster writes into it."""
    if not file.exists():
        return "(no log)"
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        text = log.read().decode(errors="replace")
    return "\n".join(_COLOUR.sub("", text).splitlines()[-lines:])


def keep_short(file: Path, *, limit: int = LIMIT_BYTES) -> bool:
    """Set a log aside as `NAME.1` once it is longer than `limit` bytes, and begin it anew; returns whether it was.

    Copied and emptied, not renamed: the part goes on writing to the file that it has open, at its end (`O_APPEND`).
    What it writes between the two steps is lost, which a log can bear.
    """
    try:
        if file.stat().st_size <= limit:
            return False
        shutil.copyfile(file, file.with_name(f"{file.name}.1"))
        os.truncate(file, 0)
    except OSError:
        return False  # no log yet, or no space to keep it: the part goes on either way
    return True
