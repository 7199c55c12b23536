"""The state directory: the lock that one stack holds, and the file that says which processes it has."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from weather_pipeline.errors import StackError
from weather_pipeline.stack.process import Identity

STARTING, UP, STOPPING = "starting", "up", "stopping"


@dataclass(frozen=True)
class PartState:
    """One started part.

    Attributes:
        ready: POSIX time at which its probe first succeeded; None before.
    """

    name: str
    identity: Identity
    port: int | None
    log: str
    started: float
    ready: float | None = None


@dataclass(frozen=True)
class StackState:
    """What runs for a state directory.

    Attributes:
        lineage: Where lineage goes.
        lineage_alone: Whether it is the lineage service with its database and nothing else.
    """

    stack_id: str
    supervisor: Identity
    phase: str
    started: float
    port_offset: int
    source: str
    lineage: str
    parts: tuple[PartState, ...] = ()
    lineage_alone: bool = False

    def with_part(self, part: PartState) -> StackState:
        """The same with this part added, or replaced where it is known."""
        others = tuple(known for known in self.parts if known.name != part.name)
        return replace(self, parts=(*others, part))


def state_file(home: Path) -> Path:
    """Where the state of a stack lies."""
    return home / "stack.json"


def read_state(home: Path) -> StackState | None:
    """The state that the last stack left, or has; None where there is none.

    Raises:
        StackError: The file can't be understood.
    """
    file = state_file(home)
    try:
        body = json.loads(file.read_text())
        parts = tuple(PartState(**{**part, "identity": Identity(**part["identity"])}) for part in body.pop("parts"))
        return StackState(**{**body, "supervisor": Identity(**body["supervisor"]), "parts": parts})
    except (FileNotFoundError, NotADirectoryError):  # where the directory is to be may be a file: its start says so
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StackError(f"{file} can't be understood ({error!r}): stop what runs by hand and remove it.") from error


def write_state(home: Path, state: StackState) -> None:
    """Replace the state file in one step."""
    file = state_file(home)
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(state), indent=1))
    partial.replace(file)


def remove_state(home: Path) -> None:
    """Forget the stack, once all its processes have ended."""
    state_file(home).unlink(missing_ok=True)


@contextmanager
def stack_lock(home: Path) -> Iterator[None]:
    """Hold the state directory for this process; the system frees the lock whatever ends the process.

    Raises:
        StackError: Another process holds it; names its pid. Or the directory can't be made or written; says why.
    """
    with os.fdopen(_open_lock(home), "r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = handle.read().strip() or "unknown"
            raise StackError(
                f"A stack of {home} runs already (process {holder}): `{command_for(home, 'status')}` shows where. "
                f"Stop it with `{command_for(home, 'down')}`, or give this one a directory of its own: "
                "--home DIR --port-offset N."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _open_lock(home: Path) -> int:
    """The lock's file, open, in a directory that is made where it is missing."""
    doing = "made"
    try:
        home.mkdir(parents=True, exist_ok=True)
        doing = "written"
        return os.open(lock_file(home), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = error.strerror
        if isinstance(error, FileExistsError | NotADirectoryError):
            ways = (each for each in (home, *home.parents) if each.exists() and not each.is_dir())
            reason = next((f"{way} is a file" for way in ways), reason)
        rights = "give this user the rights to it, or " if isinstance(error, PermissionError) else ""
        raise StackError(
            f"The state directory {home} can't be {doing}: {reason}. To go on, {rights}name another directory with "
            "--home DIR (or WEATHER_HOME)."
        ) from error


def command_for(home: Path, arguments: str) -> str:
    """A `weather` command for a state directory, to be copied into a shell."""
    return f"weather {arguments} --home {shlex.quote(str(home))}"


def lock_file(home: Path) -> Path:
    """The file that a running stack holds a lock on."""
    return home / "lock"


def marker_file(home: Path) -> Path:
    """The file that marks a state directory as a stack's own, so that its data may be removed with it."""
    return home / ".weather-stack"


def mark_as_own(home: Path, entries: Iterable[Path]) -> None:
    """Mark a state directory at its first start.

    Args:
        home: The state directory, locked.
        entries: What a stack writes there. What is there already is somebody else's, and stays so.
    """
    file = marker_file(home)
    if not file.exists():
        foreign = sorted(entry.name for entry in entries if entry.exists())
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps({"there_before": foreign}) + "\n")
        partial.replace(file)


def there_before(home: Path) -> frozenset[str] | None:
    """The names of what was in a marked directory before its first start; None where it is not marked.

    Raises:
        StackError: The marker can't be understood.
    """
    file = marker_file(home)
    try:
        return frozenset(json.loads(file.read_text())["there_before"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StackError(f"{file} can't be understood ({error!r}): remove the stack's data by hand.") from error


def kept_port_file(home: Path, name: str) -> Path:
    """Where the port that a part had lies."""
    return home / f"{name}.port"


def kept_port(home: Path, name: str) -> int | None:
    """The port that a part had at an earlier start."""
    try:
        return int(kept_port_file(home, name).read_text())
    except (FileNotFoundError, ValueError):
        return None


def keep_port(home: Path, name: str, port: int) -> None:
    """Remember a part's port for later starts."""
    kept_port_file(home, name).write_text(str(port))
