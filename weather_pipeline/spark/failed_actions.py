"""Which actions of a session fail: OpenLineage's listener does not say it of all.

To it an action is complete whose Spark jobs all went well, though its commit fails then, and one that the session's end
cuts off before its first job. Spark's own record of SQL executions knows better. What it knows is written beside the
session's events as soon as the error reaches the driver, so before any event of what the driver does next:
`{"started": …, "ended": …, "message": …}`, with the milliseconds at which the action began and ended, which are the
times of its START and its end: of one that fails at once the listener tells no START. Each is null where another action
has it too, so that nobody could tell which of the two it was.

Of actions that several threads run at once another's event may come first: then the listener's word stands.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyspark.errors.exceptions import captured
from pyspark.sql import SparkSession

from weather_pipeline.spark.root_cause import root_cause_in

_LAST = 50
"""Executions that are looked at, from the newest back: more do not run at once."""
_PATIENCE = 1.0
"""Seconds in which Spark's record must know what has happened. The forwarder waits longer for the driver's word."""
_LOOK = 0.02


class _Watch:
    """What is known of one session."""

    def __init__(self, session: SparkSession, file: Path) -> None:
        self._session, self._file = session, file
        self._judged: set[int] = set()
        self._turn = threading.Lock()

    def note(self, *, is_over: bool) -> None:
        """Write down what has failed and is not written down yet.

        Args:
            is_over: Whether the session ends now, and with it what still runs.
        """
        java: Any = self._session._jsparkSession  # noqa: SLF001  (Spark has no other door to this record)
        with suppress(Exception):  # Java's, that it took too long
            java.sparkContext().listenerBus().waitUntilEmpty(int(_PATIENCE * 1000))
        deadline = time.monotonic() + _PATIENCE
        # Spark notes an end some moments after it: what has ended by now must be there.
        while (late := self._look(java, is_over=is_over)) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        self._judged |= late  # the event of its end was lost

    def _look(self, java: Any, *, is_over: bool) -> set[int]:
        """Write down what Spark's record has; the executions that have ended, and of which it does not say how."""
        store, classes = java.sharedState().statusStore(), _classes(self._session)
        executions = store.executionsList(max(0, store.executionsCount() - _LAST), _LAST)
        seen = [executions.apply(number) for number in range(executions.size())]
        begun = Counter(each.submissionTime() for each in seen)
        outcomes = {each.executionId(): (_ended(each), _error(each)) for each in seen}
        well = {ended for ended, error in outcomes.values() if error is None}
        late = set[int]()
        for each in seen:
            number = each.executionId()
            if number in self._judged:
                continue
            ended, error = outcomes[number]
            if ended is not None:
                has_failed = error is not None
            elif classes.org.apache.spark.sql.execution.SQLExecution.getQueryExecution(number) is None:
                late.add(number)
                continue
            elif is_over:
                has_failed = True
            else:
                continue
            started = each.submissionTime()
            word = {
                "started": started if begun[started] == 1 else None,
                "ended": ended if ended not in well else None,
                "message": error,
            }
            self._judge(number, word if has_failed else None)
        return late

    def _judge(self, number: int, word: dict[str, Any] | None) -> None:
        with self._turn:
            if number in self._judged:
                return
            if word is not None:
                with self._file.open("a") as file:
                    file.write(json.dumps(word) + "\n")
            self._judged.add(number)


def _ended(execution: Any) -> int | None:
    """The milliseconds at which an execution ended; None while it runs."""
    ended = execution.completionTime()
    return int(ended.get().getTime()) if ended.isDefined() else None


def _error(execution: Any) -> str | None:
    """Why an execution failed, in one line; None where it did not, or not yet."""
    error = execution.errorMessage()
    text = str(error.get()) if error.isDefined() else ""
    return root_cause_in(text) if text else None


def _classes(session: SparkSession) -> Any:
    return session._jvm  # noqa: SLF001  (as above)


_now: dict[str, _Watch] = {}
"""The watch of this process' session; empty where there is none."""
_here = threading.local()


def watch_actions(session: SparkSession, file: Path) -> None:
    """From now on write down which actions of a session fail, whenever an error of Java's arrives and when it ends.

    Args:
        session: The session; one that is watched already stays as it is.
        file: Where to.
    """
    context = session.sparkContext
    if getattr(context.stop, "__name__", "") == "stop_watched":
        return
    stop, watch = context.stop, _Watch(session, file)
    _now["watch"] = watch

    def stop_watched() -> None:
        if _now.get("watch") is watch:  # it may be stopped again once there is another session
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
