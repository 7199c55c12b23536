"""A disk of a test's own, so small that it can be filled, and that can be made read-only."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools import missing


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory, mounted at `path`."""

    path: Path

    @property
    def _filler(self) -> Path:
        return self.path / "filler"

    def fill(self) -> None:
        """Leave no space."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink(missing_ok=True)

    def read_only(self) -> None:
        """Refuse every write, to root too."""
        _mount("-o", "remount,ro", str(self.path))

    def writable(self) -> None:
        """Allow writes again."""
        _mount("-o", "remount,rw", str(self.path))


@contextlib.contextmanager
def small_disk(path: Path, *, megabytes: int = 1, owner: int | None = None) -> Iterator[SmallDisk]:
    """Mount a disk at a directory; skips the test (fails it in CI) where that is not allowed.

    Args:
        path: Where; made when missing.
        megabytes: How much it holds.
        owner: The user id that may write; ours if not given.
    """
    path.mkdir(parents=True, exist_ok=True)
    try:
        _mount(
            "-t",
            "tmpfs",
            "-o",
            f"size={megabytes}m,uid={os.geteuid() if owner is None else owner},mode=755",
            "tmpfs",
            str(path),
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        missing(f"No disk can be mounted here ({error}): run the tests as root, or allow sudo without a password.")
    try:
        yield SmallDisk(path)
    finally:
        _as_root("umount", "--lazy", str(path))


def _mount(*arguments: str) -> None:
    _as_root("mount", *arguments)


def _as_root(*command: str) -> None:
    sudo = ["sudo", "--non-interactive"] if os.geteuid() != 0 else []
    subprocess.run([*sudo, *command], check=True, capture_output=True)
