"""A directory that something writes to: space, inodes and whether it can be written, without writing anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weather_pipeline.doctor.finding import Finding, listed, ok, problem, warning

MEBIBYTE = 1024 * 1024
NEEDED_BYTES = 300 * MEBIBYTE
"""A first start writes about 100 MiB (three databases, their log of writes, logs), a day of runs as much again."""

COMFORTABLE_BYTES = 2048 * MEBIBYTE
"""PostgreSQL alone keeps up to 1 GiB of its log of writes under load (max_wal_size)."""

_NEEDED_INODES = 10_000
"""Databases are about 3,000 files, and each run leaves some in Dagster's storage."""


@dataclass(frozen=True)
class Place:
    """A directory as it is.

    Attributes:
        uses: What is written there.
        path: The directory.
        existing: The nearest directory on the way to it that exists.
        device: Number of its file system.
        free: Bytes that this user may still write.
        inodes: Files that may still be made; None where the file system has no limit.
        writable: Whether this user may write there.
        blocked_by: What stands in the way: a file where a directory is wanted.
    """

    uses: tuple[str, ...]
    path: Path
    existing: Path
    device: int
    free: int
    inodes: int | None
    writable: bool
    blocked_by: Path | None = None


def place(use: str, path: Path) -> Place:
    """Look at a directory that may not exist yet."""
    existing = next(each for each in (path, *path.parents) if _is_seen(each))
    blocked_by = None if existing.is_dir() else existing
    system = os.statvfs(existing)
    mode = os.W_OK | os.X_OK if blocked_by is None else os.W_OK
    # As the user that counts when writing; root may pass by every mode, but not by a read-only file system.
    writable = os.access(existing, mode, effective_ids=os.access in os.supports_effective_ids)
    return Place(
        uses=(use,),
        path=path,
        existing=existing,
        device=existing.stat().st_dev,
        free=system.f_bavail * system.f_frsize,
        inodes=system.f_favail if system.f_files else None,
        writable=writable,
        blocked_by=blocked_by,
    )


def _is_seen(path: Path) -> bool:
    """Whether there is something that this user may know of."""
    try:
        return path.exists()
    except PermissionError:
        return False


def judge_places(places: Iterable[Place]) -> list[Finding]:
    """What to say of directories; those of one file system share what is said of its space."""
    places = list(places)
    findings = [finding for each in places if (finding := _entry(each)) is not None]
    devices: dict[int, list[Place]] = {}
    for each in places:
        devices.setdefault(each.device, []).append(each)
    return findings + [_space(group) for group in devices.values()]


def _entry(place: Place) -> Finding | None:
    """What keeps this user from writing there, if anything."""
    use = place.uses[0]
    if place.blocked_by is not None:
        return problem(
            use,
            f"{place.path} ({use}) can't be a directory.",
            cause=f"{place.blocked_by} is a file.",
            remedy="Name another directory (--home, WEATHER_HOME), or move the file away.",
        )
    if not place.writable:
        where = place.path if place.path == place.existing else f"{place.existing}, where {place.path} is to be,"
        return problem(
            use,
            f"{where} ({use}) can't be written.",
            cause="It belongs to another user, or its file system is read-only.",
            remedy="Name another directory (--home, WEATHER_HOME), or make it yours:",
            command=f"ls -ld {place.existing}",
        )
    return None


def _space(places: list[Place]) -> Finding:
    first = places[0]
    uses = listed([use for each in places for use in each.uses])
    if first.inodes is not None and first.inodes < _NEEDED_INODES:
        return problem(
            "inodes",
            f"Only {first.inodes:,} more files can be made on the file system of {first.existing} ({uses}).",
            cause="It is full of small files.",
            remedy="Remove some. This shows where they are:",
            command=f"du --inodes -x -d 3 {first.existing} | sort -n | tail",
        )
    found = f"{in_words(first.free)} are free for {uses}"
    if first.free >= COMFORTABLE_BYTES:
        return ok("space", found)
    make = problem if first.free < NEEDED_BYTES else warning
    cause = (
        f"A first start needs {in_words(NEEDED_BYTES)}."
        if first.free < NEEDED_BYTES
        else f"It is enough to start, but PostgreSQL may keep 1 GB of its log of writes; {in_words(COMFORTABLE_BYTES)} "
        "are comfortable."
    )
    return make(
        "space",
        f"Only {found} (the file system of {first.existing}).",
        cause=cause,
        remedy="Make room, or name a directory elsewhere (--home, WEATHER_HOME). This shows what is large:",
        command=f"du -xh -d 2 {first.existing} | sort -h | tail",
    )


def in_words(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004  (the next unit)
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
