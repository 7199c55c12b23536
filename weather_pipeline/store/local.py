"""The object store in a local directory: a temporary file beside the target, made durable, then renamed over it."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.store.errors import ObjectNotFound

_PARTIAL = ".partial-"
"""Begins the name of a file that is still being written: such a file is never listed."""


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
            raise StoreUnavailable(
                f"{target} can't be written: {error.strerror or error}. Check space and access rights."
            ) from error

    def get(self, key: str) -> bytes:
        """The object's bytes (see `ObjectStore.get`)."""
        with self.local(key) as path:
            return path.read_bytes()

    def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with a prefix, sorted."""
        start = self.root / prefix.rpartition("/")[0]
        keys = (path.relative_to(self.root).as_posix() for path in start.rglob("*") if _is_object(path))
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove an object; none there is fine."""
        self._path(key).unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return self._path(key).is_file()

    def uri(self, key: str) -> str:
        """The object's absolute URI."""
        return self._path(key).absolute().as_uri()

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The file itself (see `ObjectStore.local`)."""
        path = self._path(key)
        if not path.is_file():
            raise ObjectNotFound(f"There is no object {key} in {self.root}.")
        yield path

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key)
        if parts.is_absolute() or not parts.name or ".." in parts.parts or parts.name.startswith(_PARTIAL):
            raise ConfigurationError(f"{key!r} is no key of an object: a relative path without '..' is.")
        return self.root / parts

    def _write(self, target: Path, data: bytes | Path) -> None:
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


def _sync_directory(directory: Path) -> None:
    """Make a rename durable. Systems that can't open a directory make it so themselves."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
