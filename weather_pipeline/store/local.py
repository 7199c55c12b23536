"""The object store in a local directory: a temporary file beside the target, made durable, then renamed over it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from weather_pipeline.errors import FOR_GOOD, ConfigurationError, StoreUnavailable, WeatherPipelineError
from weather_pipeline.store.errors import ObjectNotFound

_PARTIAL = ".partial-"
"""Begins the name of a file that is still being written: such a file is never listed."""
_ABANDONED = 86_400.0
"""Seconds without a write after which a partial file belongs to a process that was killed."""


class LocalStore:
    """Objects as files below a directory.

    Args:
        root: The directory; made when something is first put.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes | Path) -> None:
        """Store bytes or a file, all or nothing (see `ObjectStore.put`)."""
        target = self._path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write(target, data)
        except OSError as error:
            raise _explained(error, target, "written") from error

    def get(self, key: str) -> bytes:
        """The object's bytes (see `ObjectStore.get`)."""
        path = self._path(key)
        with self._reading(key):
            return path.read_bytes()

    def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with a prefix, sorted."""
        start = self.root / prefix.rpartition("/")[0]
        keys = (path.relative_to(self.root).as_posix() for path in start.rglob("*") if _is_object(path))
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove an object; none there is fine."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _explained(error, path, "deleted") from error

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        path = self._path(key)
        try:
            return path.is_file()
        except OSError as error:
            raise _explained(error, path, "read") from error

    def uri(self, key: str) -> str:
        """The object's absolute URI."""
        return self._path(key).absolute().as_uri()

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The file itself (see `ObjectStore.local`)."""
        path = self._path(key)
        with self._reading(key):
            before = _identity(path)
        yield path
        # Two reads by path, as of a footer and then of the rows, must not have seen two contents.
        with self._reading(key):
            unchanged = _identity(path) == before
        if not unchanged:
            raise StoreUnavailable(f"{path} was written again while it was read, by another run of the same hour.")

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectNotFound(f"There is no object {key} in {self.root}.") from error
        except OSError as error:
            raise _explained(error, self._path(key), "read") from error

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key)
        if parts.is_absolute() or not parts.name or ".." in parts.parts or parts.name.startswith(_PARTIAL):
            raise ConfigurationError(f"{key!r} is no key of an object: a relative path without '..' is.")
        return self.root / parts

    def _write(self, target: Path, data: bytes | Path) -> None:
        _remove_abandoned(target.parent)
        partial = target.with_name(f"{_PARTIAL}{uuid.uuid4().hex}")
        try:
            with partial.open("xb") as file:
                if isinstance(data, Path):
                    with data.open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
                else:
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)


def _is_object(path: Path) -> bool:
    return not path.name.startswith(_PARTIAL) and path.is_file()


def _explained(error: OSError, path: Path, what: str) -> WeatherPipelineError:
    """One of our errors for the system's, with what to check."""
    words = f"{path} can't be {what}: {error.strerror or error}."
    if error.errno in FOR_GOOD:
        return ConfigurationError(f"{words} Check WEATHER_LAKE_URL and the access rights there.")
    return StoreUnavailable(f"{words} Check that the disk has space and works.")


def _identity(path: Path) -> tuple[int, int, int]:
    """Another one after each write: a rename brings another file, a change another time or size."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return found.st_ino, found.st_mtime_ns, found.st_size


def _remove_abandoned(directory: Path) -> None:
    """Remove what a killed process has left half-written."""
    before = time.time() - _ABANDONED
    for partial in directory.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):  # another writer does the same
            if partial.stat().st_mtime < before:
                partial.unlink()


def _sync_directory(directory: Path) -> None:
    """Make a rename durable. Systems that can't open a directory make it so themselves."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
