"""OpenLineage into files: an event is accepted when it is on the disk, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from openlineage.client.transport.file import FileConfig

from weather_pipeline.lineage.answers import Answer, Verdict
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.sinks.encoding import encoded

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def is_local(config: FileConfig) -> bool:
    """Whether the files are on this machine's disks; others are written by fsspec, by OpenLineage's transport."""
    return config.filesystem is None and ("://" not in config.log_file_path or _is_file_url(config.log_file_path))


class FileSink:
    """Writes events to a local file: one line each where it appends, else a file each.

    Names and content are those of OpenLineage's file transport. Unlike it, a line is never torn by another thread,
    another process or a full disk, a file never replaced by one of the same microsecond, and nothing counts before it
    is synchronised.

    Args:
        config: OpenLineage's settings of its file transport.
    """

    def __init__(self, config: FileConfig) -> None:
        self._config = config
        self._base = _local_path(config.log_file_path)
        self._lock = threading.Lock()
        self.name = f"file {self._base}"

    def send(self, message: Message) -> Answer:
        """Write one event."""
        body = message.body()
        data = encoded(body, indent=2 if self._config.debug_mode else None) + b"\n"
        try:
            with self._lock:
                if self._config.append:
                    _append(Path(self._base), data)
                else:
                    self._create(body, data)
        except OSError as error:
            return Answer(Verdict.LATER, f"{self.name}: {error.strerror or error}")
        return Answer(Verdict.ACCEPTED)

    def _create(self, body: dict[str, Any], data: bytes) -> None:
        at = datetime.now(UTC).astimezone()
        while True:
            path = Path(self._name(body, at))
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                break
            except FileExistsError:
                at += timedelta(microseconds=1)
        try:
            _write(descriptor, data)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)

    def _name(self, body: dict[str, Any], at: datetime) -> str:
        if not self._config.debug_mode:
            return f"{self._base}-{at:%Y%m%d-%H%M%S.%f}.json"
        subject = (body.get("job") or body["dataset"])["name"]
        safe = "".join(each if each.isalnum() or each in "_.-" else "__" for each in subject)
        return f"{self._base}-{at:%y%m%dT%H%M%S.%f}-{safe}-{body.get('eventType', 'unknown_event_type')}.json"


def _append(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        # Another process, as a replay beside the sensor, must not write into a line, nor lose one to the cut below.
        _lock(descriptor)
        size = os.fstat(descriptor).st_size
        try:
            _write(descriptor, data)
        except OSError:
            # Half a line would spoil the one after it.
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Wait until no other process appends; closing the file ends it. Some file systems and devices know no locks."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})
"""Pipes and devices such as /dev/stdout, which have nothing to synchronise."""


def _is_file_url(path: str) -> bool:
    return path.startswith("file://")


def _local_path(path: str) -> str:
    return url2pathname(urlparse(path).path) if _is_file_url(path) else path
