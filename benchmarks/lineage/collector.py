"""A lineage backend in a process of its own: keeps what it accepts with the time, and fails as it is told.

The process obeys one word a line on standard input and answers each with a line:

- `ok`: accept with 201.
- `slow`: accept with 201, each event after `SLOW_ANSWER` seconds.
- `refuse`: close the port and every connection.
- `hang`: read the request, never answer.
- a number: answer with that status.

    python -m benchmarks.lineage.collector PORT FILE
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from benchmarks.lineage.killable import KillableServer
from weather_pipeline.stack.ports import HOST, free_port

OK, SLOW, REFUSE, HANG = "ok", "slow", "refuse", "hang"
SLOW_ANSWER = 0.08
"""Seconds for each event: with eight connections that is the pace of a real Marquez 0.51.1 at its best, 62 to 109
events a second on two cores."""
_CREATED = 201


class Collector:
    """The process, from outside.

    Args:
        file: Where it keeps what it accepts, a line an event: the time in seconds since the epoch, a tab, the body.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._process: subprocess.Popen[str] | None = None
        self._counted = self._counted_bytes = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.lineage.collector", str(self.port), str(self.file)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        self.behave(OK)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def behave(self, how: str) -> None:
        """Make it accept, accept slowly, refuse, hang, or answer with a status."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The collector is not running.")
        self._process.stdin.write(f"{how}\n")
        if self._process.stdout.readline().strip() != how:
            raise RuntimeError(f"The collector did not obey {how!r}.")

    def accepted(self) -> Iterator[tuple[float, str]]:
        """What it has accepted so far: when, and the body."""
        with contextlib.suppress(FileNotFoundError), self.file.open() as lines:
            for line in lines:
                at, tab, body = line.partition("\t")
                if tab and body.endswith("\n"):
                    yield float(at), body

    def count(self) -> int:
        """How many events it has accepted so far; reads only what is new."""
        with contextlib.suppress(FileNotFoundError), self.file.open("rb") as lines:
            lines.seek(self._counted_bytes)
            new = lines.read()
            self._counted += new.count(b"\n")
            self._counted_bytes += len(new)
        return self._counted


class _Server(KillableServer):
    def __init__(self, port: int, file: IO[bytes]) -> None:
        self.status = _CREATED
        self.hanging: threading.Event | None = None
        self.answers_after = 0.0
        self._file = file
        self._guard = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def keep(self, body: bytes) -> None:
        with self._guard:
            self._file.write(b"%.6f\t%b\n" % (time.time(), body.replace(b"\n", b" ")))
            self._file.flush()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server = cast("_Server", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if server.hanging is not None:
            server.hanging.wait()
            self.close_connection = True
            return
        if server.answers_after:
            time.sleep(server.answers_after)
        if server.status == _CREATED:
            server.keep(body)
        self.send_response_only(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        pass


def main(port: int, file: Path) -> None:
    """Serve until standard input ends."""
    server: _Server | None = None
    with file.open("ab") as kept:
        for line in sys.stdin:
            how = line.strip()
            if server is not None:
                if server.hanging is not None:
                    server.hanging.set()
                server.kill()
                server = None
            if how != REFUSE:
                server = _Server(port, kept)
                server.hanging = threading.Event() if how == HANG else None
                server.status = int(how) if how.isdecimal() else _CREATED
                server.answers_after = SLOW_ANSWER if how == SLOW else 0.0
                server.begin()
            sys.stdout.write(f"{how}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
