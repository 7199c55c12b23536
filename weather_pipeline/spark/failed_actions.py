"""Which actions of a session fail: OpenLineage's listener does not say it of all.

To it an action is complete whose Spark jobs all went well, though its commit fails then, and one that the session's end
cuts off before its first job. Spark's own record of SQL executions knows better. What it knows is written among the
session's events, behind those of the action and before any of the next one, as
`{"failedActions": [{"started": …, "message": …}]}`: with the milliseconds at which an action began, that of its START.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyspark.errors.exceptions import captured
from pyspark.sql import SparkSession

FAILED_ACTIONS = "failedActions"

_LAST = 50
"""Executions that are looked at, from the newest back: more do not run at once."""
_PATIENCE = 10_000
"""Milliseconds in which Spark's listeners must have heard of what has happened."""
_LONGEST = 1000


class _Watch:
    """What is known of one session."""

    def __init__(self, session: SparkSession, events: Path) -> None:
        self._session, self._events = session, events
        self._noted: set[int] = set()
        self._turn = threading.Lock()

    def note(self, *, is_over: bool) -> None:
        """Write down what has failed and is not written down yet.

        Args:
            is_over: Whether the session ends now, and with it what still runs.
        """
        with self._turn:
            failed = [
                {"started": started, "message": message}
                for started, message in self._failed(is_over=is_over)
                if started not in self._noted
            ]
            if not failed:
                return
            self._noted |= {each["started"] for each in failed}
            # Java appends to the same file: one write is one line, whoever else writes.
            descriptor = os.open(self._events, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, json.dumps({FAILED_ACTIONS: failed}).encode() + b"\n")
            finally:
                os.close(descriptor)

    def _failed(self, *, is_over: bool) -> Iterator[tuple[int, str | None]]:
        java: Any = self._session._jsparkSession  # noqa: SLF001  (Spark has no other door to this record)
        with suppress(Exception):  # Java's, that it took too long
            java.sparkContext().listenerBus().waitUntilEmpty(_PATIENCE)
        store = java.sharedState().statusStore()
        there = store.executionsCount()
        executions = store.executionsList(max(0, there - _LAST), _LAST)
        for number in range(executions.size()):
            execution = executions.apply(number)
            error = execution.errorMessage()
            if error.isDefined() and error.get():
                yield execution.submissionTime(), error.get().splitlines()[0][:_LONGEST]
            elif is_over and not execution.completionTime().isDefined():
                yield execution.submissionTime(), None


_now: dict[str, _Watch] = {}
"""The watch of this process' session; empty where there is none."""
_here = threading.local()


def watch_actions(session: SparkSession, events: Path) -> None:
    """From now on write down which actions of a session fail, whenever an error of Java's arrives and when it ends.

    Args:
        session: The session; one that is watched already stays as it is.
        events: The file of its events.
    """
    context = session.sparkContext
    if getattr(context.stop, "__name__", "") == "stop_watched":
        return
    stop, watch = context.stop, _Watch(session, events)
    _now["watch"] = watch

    def stop_watched() -> None:
        _now.clear()
        with suppress(Exception):
            watch.note(is_over=True)
        stop()

    context.stop = stop_watched  # type: ignore[method-assign]
    if not hasattr(captured.convert_exception, "__wrapped__"):
        captured.convert_exception = _noting(captured.convert_exception)


def _noting(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """PySpark's translation of Java's errors, which every one of them passes, with a look at what has failed."""

    def converted(error: Any) -> Any:
        if getattr(_here, "looks", False):  # at the error's causes, or at Spark's record
            return convert(error)
        _here.looks = True
        try:
            if (watch := _now.get("watch")) is not None:
                with suppress(Exception):
                    watch.note(is_over=False)
            return convert(error)
        finally:
            _here.looks = False

    converted.__wrapped__ = convert  # type: ignore[attr-defined]
    return converted
