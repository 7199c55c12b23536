"""Ordered, concurrent delivery that says what was accepted.

Several Dagster runs are delivered at once over kept connections; the events of one go one after another, and those of
one OpenLineage run stop at the first that was not accepted. Only an acceptance moves progress. An answer that says the
event itself is bad is a refusal; everything else is a reason to try again: at once a few times, then later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weather_pipeline.lineage.answers import Answer, Sink, Verdict, ask
from weather_pipeline.lineage.gate import ATTEMPTS, WORKERS, Gate, Pass
from weather_pipeline.lineage.messages import Message

_QUEUE = 2 * WORKERS
"""Runs that may wait for a worker: enough to keep all busy, few enough to keep memory flat."""
_DEPTH = 64
"""Events of one run that may wait: enough to keep its worker busy while the next are built."""
_IDLE = 1.0
"""Seconds without work after which a worker's thread ends."""
_ABANDON = 120.0
"""Seconds after which a request that never ends is given up with its thread."""


@dataclass(frozen=True)
class Delivered:
    """What became of one event of a Dagster run."""

    run: str
    message: Message
    answer: Answer


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
