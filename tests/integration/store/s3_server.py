"""A real S3 server, versitygw, that a test starts, stops and starts again."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.tools import versitygw
from weather_pipeline.stack.ports import free_port, is_listening
from weather_pipeline.store.s3_access import S3Access

ACCESS = S3Access("tester", "a secret of the test", secure=False)


class S3ServerProcess:
    """versitygw over a directory, on a port of its own that it keeps."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._program = versitygw()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"s3://127.0.0.1:{self.port}"

    def start(self, *, read_only: bool = False) -> None:
        metadata = self.directory.with_name("metadata")  # where the file system has no extended attributes
        for directory in (self.directory, metadata):
            directory.mkdir(exist_ok=True)
        keys = {"ROOT_ACCESS_KEY": ACCESS.access_key, "ROOT_SECRET_KEY": ACCESS.secret_key}
        command = [self._program, "--port", f"127.0.0.1:{self.port}", *(["--readonly"] if read_only else [])]
        command += ["posix", "--sidecar", str(metadata), str(self.directory)]
        with (self.directory.parent / "versitygw.log").open("ab") as log:
            self._process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
        while not is_listening(self.port):
            assert self._process.poll() is None, (self.directory.parent / "versitygw.log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
