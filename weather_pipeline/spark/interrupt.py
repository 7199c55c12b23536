"""Ctrl-C in a Spark driver: the jobs are cancelled first, then `KeyboardInterrupt` arrives where the driver waits.

PySpark's handler of SIGINT means to do that, and can't: it asks Java over the connection on which the main thread waits
for another answer. Both then fail with an error, and the jobs go on (`signal_handler` in pyspark.core.context, 4.1).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from types import FrameType

from py4j.protocol import Py4JError
from pyspark import SparkContext

_PATIENCE = 10.0
"""Seconds in which Java must take note of it."""


def cancel_beside() -> None:
    """From now on let `SparkContext.cancelAllJobs` ask Java over a connection of its own."""
    cancel = SparkContext.cancelAllJobs
    if hasattr(cancel, "__wrapped__"):
        return

    @wraps(cancel)
    def beside(context: SparkContext) -> None:
        def ask() -> None:
            with suppress(Exception):  # Java has ended: there is nothing to cancel
                cancel(context)

        thread = threading.Thread(target=ask, daemon=True)  # each has its own connection
        thread.start()
        thread.join(_PATIENCE)

    SparkContext.cancelAllJobs = beside  # type: ignore[method-assign]


def interrupt_in(error: BaseException | None) -> KeyboardInterrupt | None:
    """The Ctrl-C that an error is of: itself, or what it came up in the wake of; None where it is of none.

    It breaks the connection to Java off, and whatever cleans up finds it broken.
    """
    while isinstance(error, Py4JError | ConnectionError):
        error = error.__context__
    return error if isinstance(error, KeyboardInterrupt) else None


@contextmanager
def interrupt_afterwards(what: str) -> Iterator[None]:
    """Let Ctrl-C wait until what is half made is made; a second one does not wait.

    In another thread than the main one nothing changes: no signal arrives there.

    Args:
        what: What happens first, for people.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    is_asked = False

    def wait(_: int, __: FrameType | None) -> None:
        nonlocal is_asked
        is_asked = True
        signal.signal(signal.SIGINT, before)
        with suppress(OSError):
            sys.stderr.write(f"Interrupted: {what} first. Again ends it at once.\n")

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if is_asked:
            signal.raise_signal(signal.SIGINT)
