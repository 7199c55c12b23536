"""The disk: where state, lake and temporary files go, and how much of it the stack has taken."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from weather_pipeline.doctor.disk import Place, in_words, judge_places, place
from weather_pipeline.doctor.finding import Finding, ok, problem, warning
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.stack.plan import POSTGRES, log_file

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (PostgreSQL's, not ours)
_SHARED_MEMORY_NEEDED = 16 * 1024 * 1024
"""Bytes. What a parallel query of PostgreSQL takes at least; containers have 64 MB by default."""

_LARGE_LOGS = 500_000_000
"""Bytes. The stack keeps each of six logs below 20 MB; Dagster's own, of every step, grow with the runs."""

_MOST_FILES = 100_000
"""A lake of years is not counted to its end: nobody waits for that."""


@dataclass(frozen=True)
class Usage:
    """What the stack has taken, in bytes; None where nothing is there yet, or nothing that this user may see."""

    state: int | None = None
    logs: int = 0
    complete: bool = True


def look(surroundings: Surroundings) -> Outcome:
    """Look at the disks."""
    home = surroundings.settings.home
    temporary = temporary_directory()
    places = [place("state and logs", home)]
    if temporary is not None:
        places.append(place("temporary files", temporary))
    shared = place("shared memory", _SHARED_MEMORY) if platform.system() == "Linux" else None
    findings = judge_places(places)
    if temporary is None:
        findings.append(_no_temporary())
    return Outcome([*findings, *judge_memory(shared), *judge_usage(usage(home), surroundings.command)])


def judge_memory(shared: Place | None) -> list[Finding]:
    """What to say of the shared memory that PostgreSQL uses on Linux; None elsewhere."""
    if shared is None or (shared.path == shared.existing and shared.free >= _SHARED_MEMORY_NEEDED):
        return []
    there = f"only {in_words(shared.free)} free" if shared.path == shared.existing else "missing"
    found = f"{_SHARED_MEMORY} is {there}: PostgreSQL's parallel queries need it."
    remedy = "Give the container more: `docker run --shm-size 256m`, or `shm_size` in compose."
    return [warning("shared memory", found, cause="A container with little shared memory.", remedy=remedy)]


def judge_usage(taken: Usage, command: Callable[[str], str]) -> list[Finding]:
    """What to say of the state directory's size."""
    if taken.state is None:
        return []
    at_least = "" if taken.complete else "at least "
    found = f"the state directory has {at_least}{in_words(taken.state)}, {in_words(taken.logs)} of it logs"
    if taken.logs <= _LARGE_LOGS:
        return [ok("usage", found)]
    return [
        warning(
            "usage",
            f"The logs have become large: {found}.",
            cause="Dagster keeps the output of every step.",
            remedy="Delete old runs in the Dagster UI, or begin anew (this removes all data):",
            command=command("down --delete-data"),
        )
    ]


def usage(home: Path) -> Usage:
    """What lies in a state directory; what this user may not see is not counted."""
    try:
        if not home.is_dir():
            return Usage()
    except PermissionError:
        return Usage()
    sizes = list(islice(_sizes(home), _MOST_FILES))
    logs = (log_file(home, POSTGRES).parent, home / "dagster_home" / "storage")
    of_logs = islice(chain.from_iterable(map(_sizes, logs)), _MOST_FILES)
    return Usage(sum(sizes), sum(of_logs), complete=len(sizes) < _MOST_FILES)


def temporary_directory() -> Path | None:
    """Where temporary files go; None where none of the usual places can be written."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return None


def _no_temporary() -> Finding:
    return problem(
        "temporary files",
        "There is no directory for temporary files that can be written.",
        cause="The usual places are full or read-only, and TMPDIR names no other.",
        remedy="Make room, or set TMPDIR to a directory of yours.",
    )


def _sizes(directory: Path) -> Iterator[int]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            else:
                yield entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # gone meanwhile
            continue


CHECK = Check("disk", look)
