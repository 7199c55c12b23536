"""Ordered, concurrent delivery that says what was accepted.

Several Dagster runs are delivered at once over kept connections; the events of one go one after another, and those of
one OpenLineage run stop at the first that was not accepted. Only an acceptance moves progress. An answer that says the
event itself is bad is a refusal; everything else is a reason to try again: at once a few times, then later.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Protocol

from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted
from weather_pipeline.lineage.stored import message_of

WORKERS = 8
"""Runs in flight at once."""
ATTEMPTS = 3
"""How often the backend is tried, with growing pauses, before it counts as away for this tick."""
_QUEUE = 2 * WORKERS
"""Runs that may wait for a worker: enough to keep all busy, few enough to keep memory flat."""
_DEPTH = 64
"""Events of one run that may wait: enough to keep its worker busy while the next are built."""
_PAUSE = 0.2
"""Seconds before the second attempt, on average; three times as long before each further one."""
_IDLE = 1.0
"""Seconds without work after which a worker's thread ends."""
_ABANDON = 120.0
"""Seconds after which a request that never ends is given up with its thread."""


class Verdict(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    WITHHELD = "withheld"
    """OpenLineage's own configuration keeps it back: done with, though nothing was sent."""
    REFUSED = "refused"
    LATER = "later"
    DOUBTFUL = "doubtful"
    """A 500, no answer in time, a connection that broke: so it goes both when the backend is ill and when the event is
    bad."""

    @property
    def is_final(self) -> bool:
        """Whether sending the event again could not change it."""
        return self in (Verdict.ACCEPTED, Verdict.WITHHELD, Verdict.REFUSED)

    @property
    def is_done(self) -> bool:
        """Whether the events after it may go."""
        return self in (Verdict.ACCEPTED, Verdict.WITHHELD)


@dataclass(frozen=True)
class Answer:
    """The verdict on one event, with the backend's own words."""

    verdict: Verdict
    reason: str = ""
    retry_after: float | None = None
    """Seconds for which the backend wants no further request."""


class Sink(Protocol):
    """Where events go. Called from several threads."""

    name: str

    def send(self, message: Message) -> Answer:
        """Send one event and say what became of it; never raises for what the backend does."""
        ...


def send_body(sink: Sink, body: Mapping[str, Any]) -> Answer:
    """Send a body that was kept, such as a dead letter's.

    Raises:
        ValueError: The body is no OpenLineage event.
    """
    return ask(sink, message_of(body))


def ask(sink: Sink, message: Message) -> Answer:
    """Send one event; whatever a sink raises (a token provider, a sink of the user's own) is a reason to try later."""
    try:
        return sink.send(message)
    except Exception as error:  # noqa: BLE001  (any sink, any error: it was not accepted)
        return Answer(Verdict.LATER, redacted(f"{type(error).__name__}: {error}"))


@dataclass(frozen=True)
class Delivered:
    """What became of one event of a Dagster run."""

    run: str
    message: Message
    answer: Answer


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


@dataclass
class _Parcel:
    """The events of one Dagster run, in order; more may come while it is carried."""

    run: str
    messages: deque[Message]
    gate: Gate
    begun_at: float | None = None
    """When a worker took it, on the monotonic clock."""
    is_abandoned: bool = False


class Courier:
    """Delivers parcels by a few threads, each run's events in order; a run is in one parcel at a time.

    Threads begin with the first parcel and end when there is nothing to do. A request that hangs holds up its own run
    alone: the others go on, `finish` does not wait for it, and what became of it is collected whenever it ends.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._changed = threading.Condition()
        self._waiting: deque[_Parcel] = deque()
        self._carried: list[_Parcel] = []
        self._delivered: list[Delivered] = []
        self._stuck: set[str] = set()
        """Subjects of which an event was not accepted: what comes after it waits for the next time."""
        self._threads = 0
        self._idle = 0
        self.gate = Gate(0.0)

    def begin(self, gate: Gate) -> None:
        """Take parcels anew, as far as a gate lets them pass."""
        with self._changed:
            self.gate = gate
            self._stuck.clear()
            for parcel in [each for each in self._carried if _age(each) > _ABANDON]:
                parcel.is_abandoned = True
                self._carried.remove(parcel)
                self._threads -= 1

    @property
    def is_busy(self) -> bool:
        """Whether anything is on its way."""
        with self._changed:
            return bool(self._waiting or self._carried)

    def has(self, run: str) -> bool:
        """Whether events of a run are on their way."""
        with self._changed:
            return any(parcel.run == run for parcel in (*self._waiting, *self._carried))

    def put(self, run: str, messages: Sequence[Message], *, until: float) -> bool:
        """Hand over a run's events, after those of its that wait; waits while enough of them wait already.

        Args:
            run: The Dagster run.
            messages: Its events, in order.
            until: `time.monotonic()` after which it waits no longer.

        Returns:
            Whether they were taken.
        """
        with self._changed:
            while not self._take_in(run, messages):
                if self.gate.given_up or time.monotonic() >= until:
                    return False
                self._changed.wait(min(0.05, max(0.001, until - time.monotonic())))
            return True

    def _take_in(self, run: str, messages: Sequence[Message]) -> bool:
        for parcel in (*self._carried, *self._waiting):
            if parcel.run == run:
                if len(parcel.messages) >= _DEPTH:
                    return False
                parcel.messages.extend(messages)
                return True
        if len(self._waiting) >= _QUEUE:
            return False
        self._waiting.append(_Parcel(run, deque(messages), self.gate))
        if self._idle < len(self._waiting) and self._threads < WORKERS:
            self._threads += 1
            threading.Thread(target=self._work, name="openlineage", daemon=True).start()
        self._changed.notify_all()
        return True

    def collect(self) -> list[Delivered]:
        """What became of events since the last look."""
        with self._changed:
            delivered, self._delivered = self._delivered, []
            return delivered

    def finish(self, until: float) -> None:
        """Wait until nothing is on its way, at most until a time on the monotonic clock; the rest is let go."""
        with self._changed:
            while (self._waiting or self._carried) and time.monotonic() < until:
                self._changed.wait(min(1.0, max(0.001, until - time.monotonic())))
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while parcel := self._next():
            while message := self._next_of(parcel):
                answer = self._send(parcel, message)
                with self._changed:
                    if parcel.is_abandoned:  # its place has been given to another thread
                        return
                    if answer is None:
                        parcel.messages.clear()
                        continue
                    if not answer.verdict.is_done:
                        self._stuck.add(message.subject)
                    self._delivered.append(Delivered(parcel.run, message, answer))

    def _next_of(self, parcel: _Parcel) -> Message | None:
        """The next event of a parcel that may go; lets the parcel go where there is none."""
        with self._changed:
            while parcel.messages:
                message = parcel.messages.popleft()
                # What comes after it in the same OpenLineage run waits; other assets of the Dagster run do not.
                if message.subject not in self._stuck:
                    self._changed.notify_all()
                    return message
            self._carried.remove(parcel)
            self._changed.notify_all()
            return None

    def _next(self) -> _Parcel | None:
        with self._changed:
            self._idle += 1
            try:
                if not self._waiting:
                    self._changed.wait_for(lambda: self._waiting, _IDLE)
                if not self._waiting:
                    self._threads -= 1
                    return None
                parcel = self._waiting.popleft()
                parcel.begun_at = time.monotonic()
                self._carried.append(parcel)
                self._changed.notify_all()
                return parcel
            finally:
                self._idle -= 1

    def _send(self, parcel: _Parcel, message: Message) -> Answer | None:
        """The last answer to an event that was tried as often as is of use; None where it was not tried at all."""
        gate, answer = parcel.gate, None
        for attempt in range(1, ATTEMPTS + 1):
            may = gate.enter()
            if may is Pass.NO:
                break
            begun_at = time.monotonic()
            answer = ask(self._sink, message)
            gate.leave(may, answer)
            if answer.verdict.is_final:
                break
            took = time.monotonic() - begun_at
            if answer.verdict is Verdict.DOUBTFUL and not gate.rest(attempt, needed=took):
                break
        return answer


def _age(parcel: _Parcel) -> float:
    return time.monotonic() - parcel.begun_at if parcel.begun_at is not None else 0.0


@dataclass
class Outcome:
    """What one delivery achieved, by Dagster run."""

    accepted: dict[str, list[Message]] = field(default_factory=dict)
    """The events that are done with."""
    withheld: set[str] = field(default_factory=set)
    """Keys of those among the accepted that OpenLineage's configuration keeps back: nothing was sent."""
    failed: list[tuple[str, Message, Answer]] = field(default_factory=list)
    """The events that were not accepted, each with its Dagster run and the answer."""


def deliver(
    sink: Sink, pending: Mapping[str, Sequence[Message]], *, deadline: float, patience: float = _ABANDON
) -> Outcome:
    """Deliver the events of several runs, each run's in order, until a deadline or until the backend is found away.

    Args:
        sink: Where events go.
        pending: Events by Dagster run, in order.
        deadline: `time.monotonic()` after which no further event is begun.
        patience: Seconds after it for which requests that are under way are waited for.
    """
    outcome, courier = Outcome(), Courier(sink)
    courier.begin(Gate(deadline))
    for run, messages in pending.items():
        if not courier.put(run, messages, until=deadline):
            break
    courier.finish(deadline + patience)
    for each in courier.collect():
        if each.answer.verdict.is_done:
            outcome.accepted.setdefault(each.run, []).append(each.message)
            if each.answer.verdict is Verdict.WITHHELD:
                outcome.withheld.add(each.message.key)
        else:
            outcome.failed.append((each.run, each.message, each.answer))
    return outcome
