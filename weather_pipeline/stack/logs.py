"""The parts' log files: read at their end, kept from growing without bound."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
"""A log that is longer is set aside, and its predecessor dropped: at most twice this for each part."""

_TAIL_BYTES = 64 * 1024
_LAST_WORDS = 10
_LONGEST_LINE = 400
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OF_A_RUN = re.compile(r" - dagster - [A-Z]+ - .+ - [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12} - ")
"""A line of a run, which Dagster has its processes write to the log of the code server that started them."""


class Logs:
    """Logs that several starts write to, and where the words of the newest one begin."""

    def __init__(self) -> None:
        self._beginnings: dict[Path, int] = {}

    def begin(self, file: Path) -> None:
        """Whoever writes to this log from now on is started now."""
        self._beginnings[file] = size(file)

    def keep_short(self, file: Path) -> None:
        """Set a log aside once it is long; see the function of this name."""
        if keep_short(file):
            self._beginnings[file] = 0

    def last_words(self, file: Path) -> str:
        """What the newest start said last; see the function of this name."""
        return last_words(file, since=self._beginnings.get(file, 0))


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a log file, without the colours that Dagster writes into it."""
    return "\n".join(_lines(file)[-lines:]) if file.exists() else "(no log)"


def last_words(file: Path, *, since: int = 0) -> str:
    """The last lines that a part wrote itself, introduced by the name of its log: none of its runs, none endless.

    Args:
        file: Its log.
        since: Where in the log its own words begin; earlier starts wrote what stands before.
    """
    own = [line for line in _lines(file, since) if line.strip() and not _OF_A_RUN.search(line)]
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …" for line in own[-_LAST_WORDS:]]
    return "\n".join([f"The end of {file}:", *cut]) if cut else f"It wrote nothing to {file}."


def size(file: Path) -> int:
    """The length of a log in bytes; 0 where there is none yet."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


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


def _lines(file: Path, since: int = 0) -> list[str]:
    """The lines at the end of a log, from some byte on; none where it can't be read."""
    try:
        with file.open("rb") as log:
            length = size(file)
            # One that is shorter than it was has been emptied by somebody: all of it is new.
            log.seek(max(since if since <= length else 0, length - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return []
    return _COLOUR.sub("", text).splitlines()
