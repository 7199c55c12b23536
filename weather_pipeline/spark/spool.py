"""What a Spark session leaves beside its events, for whoever delivers them (`lineage/spool/`): who it is, how it ended.

The record is locked as long as the driver lives: a driver that was killed is seen to be dead, and never taken for one
that completed. How it ended is written by the driver itself, since the listener calls every end a success.
"""

from __future__ import annotations

import atexit
import fcntl
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn

from pyspark import SparkContext

from weather_pipeline.spark.interrupt import interrupt_in
from weather_pipeline.spark.listener import ParentRun
from weather_pipeline.spark.spool_record import Place

EVENTS, RECORD, ENDED, FAILED = ".ndjson", ".session.json", ".ended.json", ".failed.jsonl"
_FORMAT = 1


class _Driver:
    """This process as the driver of its sessions: keeps their locks, and says how it ended."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._records: list[IO[str]] = []
        self._ended: list[Path] = []
        self._said: dict[str, str | None] | None = None

    def begin(self, record: Path, ended: Path, said: Mapping[str, Any]) -> int:
        """Begin a session; the descriptor of its lock."""
        if self._pid is None:
            self._pid = os.getpid()
            self._watch()
        file = record.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(said))
        file.flush()
        self._records.append(file)
        self._ended.append(ended)
        return file.fileno()

    def _watch(self) -> None:
        sys.excepthook = self._told_of_errors(sys.excepthook)
        sys.exit = self._told_of_codes(sys.exit)  # type: ignore[assignment]
        atexit.register(self._end)

    def _told_of_errors(self, before: Callable[..., object]) -> Callable[..., object]:
        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self.say_error(error)
            before(kind, error, trace)

        return hook

    def say_error(self, error: BaseException) -> None:
        """Say that an error ends this process."""
        with suppress(Exception):
            told = interrupt_in(error) or error
            is_stopped = not isinstance(told, Exception)
            message = ": ".join(filter(None, (type(told).__name__, str(told))))
            self._say("ABORT" if is_stopped else "FAIL", message, "".join(traceback.format_exception(error)))

    def _told_of_codes(self, before: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        # Nothing else of Python's tells with which code a process ends.
        def leave(code: Any = None, /) -> NoReturn:
            if code not in (None, 0):
                self._say("FAIL", f"The driver ended with {code!r}.", None)
            before(code)

        return leave

    def _say(self, state: str, message: str | None, stack: str | None) -> None:
        self._said = {"state": state, "at": datetime.now(UTC).isoformat(), "message": message, "stack": stack}

    def _end(self) -> None:
        """Let the listener tell its last events, then say how it all ended."""
        if os.getpid() != self._pid:
            return  # a forked child is no driver
        with suppress(Exception):
            if (context := SparkContext._active_spark_context) is not None:  # noqa: SLF001  (without starting one)
                context.stop()
        if self._said is None:
            self._say("COMPLETE", None, None)
        for ended in self._ended:
            with suppress(OSError):
                beside = ended.with_suffix(".new")
                beside.write_text(json.dumps(self._said))
                beside.replace(ended)


_driver = _Driver()


def failures_of(events: Path) -> Path:
    """The file beside a session's events that says which of its actions failed."""
    return events.with_name(events.name.removesuffix(EVENTS) + FAILED)


def end_badly(error: BaseException) -> None:
    """Say of this process' sessions that an error ends them which nobody else will see."""
    _driver.say_error(error)


def begin_session(
    events: Path,
    application: str,
    *,
    places: Sequence[Place] = (),
    parent: ParentRun | None = None,
    launch: str | None = None,
    keeps_parent: bool = False,
) -> int:
    """Say who a session is, in a file beside that of its events; from now on this process says how it ended.

    Args:
        events: The file of the session's events.
        application: The application's name.
        places: Where datasets lie on this machine, and what every producer calls them.
        parent: The run that started it.
        launch: The file in the spool in which what launched it says how it ended.
        keeps_parent: Whether that run is told as its parent.

    Returns:
        The descriptor of the record, which is locked: who inherits it keeps the session alive.

    Raises:
        OSError: The spool can't be written.
    """
    launched_by = asdict(parent) if parent else None
    return _driver.begin(
        events.with_name(events.name.removesuffix(EVENTS) + RECORD),
        events.with_name(events.name.removesuffix(EVENTS) + ENDED),
        {
            "format": _FORMAT,
            "application": application,
            "description": _description(),
            "places": [{"physical": physical, "dataset": dataset} for physical, dataset in places],
            "launched_by": launched_by,
            "launch": launch,
            "keeps_parent": keeps_parent,
        },
    )


def _description() -> str | None:
    """What the program says of itself: the first paragraph of its docstring; None of a notebook or a runner.

    A runner of others, as pytest or a server, is installed: only our own jobs are programs that are.
    """
    program = sys.modules["__main__"]
    file, spec = getattr(program, "__file__", None), getattr(program, "__spec__", None)
    is_ours = spec is not None and spec.name.startswith(f"{__package__}.")
    if not is_ours and (file is None or any(_lies_in(file, prefix) for prefix in (sys.prefix, sys.base_prefix))):
        return None
    return " ".join(inspect.cleandoc(program.__doc__ or "").partition("\n\n")[0].split()) or None


def _lies_in(file: str, directory: str) -> bool:
    return Path(file).resolve().is_relative_to(Path(directory).resolve())
