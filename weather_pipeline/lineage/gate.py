"""When a request may go: closed while the backend is away, opened again by a single request."""

from __future__ import annotations

import random
import threading
import time
from enum import Enum

from weather_pipeline.lineage.answers import Answer, Verdict

WORKERS = 8
"""Runs in flight at once."""
ATTEMPTS = 3
"""How often the backend is tried, with growing pauses, before it counts as away for this tick."""
_PAUSE = 0.2
"""Seconds before the second attempt, on average; three times as long before each further one."""


class Pass(Enum):
    """Whether a request may go."""

    NO = "none may go any more"
    FREE = "with the others"
    ALONE = "to see whether the backend is back"


class Gate:
    """Decides whether a request may go: closed while the backend is away, opened again by a single request.

    The one place where the workers' attempts meet: however many of them fail at once, the backend is asked again by
    one of them alone, after a pause that grows, until `ATTEMPTS` are used up.
    """

    def __init__(self, deadline: float, *, is_probe: bool = False) -> None:
        self.deadline = deadline
        """`time.monotonic()` after which no request is begun."""
        self._changed = threading.Condition()
        self._failures = ATTEMPTS - 1 if is_probe else 0
        self._doubts = WORKERS - 1 if is_probe else 0
        self._resume_at = 0.0
        self._asking = False
        self.given_up: Answer | None = None
        """The answer for which the backend was given up."""
        self.retried = 0
        """Answers after which an event has to be sent again."""

    def enter(self) -> Pass:
        """Wait until a request may go, or none may go any more."""
        with self._changed:
            while not self._is_over():
                if not self._failures and self._doubts < WORKERS - 1:
                    return Pass.FREE
                if not self._asking and time.monotonic() >= self._resume_at:
                    self._asking = True
                    return Pass.ALONE
                self._wait(self.deadline if self._asking else self._resume_at)
            return Pass.NO

    def leave(self, used: Pass, answer: Answer) -> None:
        """Learn from the answer to a request that went."""
        with self._changed:
            if used is Pass.ALONE:
                self._asking = False
            self.retried += not answer.verdict.is_final
            if answer.verdict.is_done:
                self._failures = self._doubts = 0
                self._resume_at = 0.0
            elif answer.verdict is not Verdict.LATER:
                self._doubts += 1
            elif used is Pass.ALONE or not self._failures:
                # Those that were under way when the first failed say nothing new.
                self._failures += 1
                self._resume_at = time.monotonic() + (answer.retry_after or pause(self._failures))
            if self._failures >= ATTEMPTS or self._doubts >= WORKERS or self._resume_at > self.deadline:
                self.given_up = self.given_up or answer
            self._changed.notify_all()

    def rest(self, attempt: int, *, needed: float) -> bool:
        """Pause before an event that is in doubt is sent again; False where that has no use, or no time.

        Args:
            attempt: How often it was sent.
            needed: Seconds that the last answer took, as the next one may.
        """
        until = time.monotonic() + pause(attempt)
        if attempt >= ATTEMPTS or until + needed > self.deadline:
            return False
        with self._changed:
            while not self._is_over() and time.monotonic() < until:
                self._wait(until)
            return not self._is_over()

    def wait_for_verdict(self) -> bool:
        """Wait until it is known whether the backend takes events, and say whether it does."""
        with self._changed:
            while not self._is_over() and (self._failures or self._doubts):
                self._wait(self.deadline)
            return not self._is_over()

    def _is_over(self) -> bool:
        return self.given_up is not None or time.monotonic() >= self.deadline

    def _wait(self, until: float) -> None:
        self._changed.wait(max(0.001, min(until, self.deadline, time.monotonic() + 60.0) - time.monotonic()))


def pause(attempt: int) -> float:
    """Seconds before the next attempt: growing, and never the same for two who failed together."""
    return _PAUSE * 3 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  (jitter, no secret)
