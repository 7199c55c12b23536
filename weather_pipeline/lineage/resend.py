"""Events of the past, sent again outside the sensor: in order, concurrently, as fast as the backend takes them.

Memory holds two batches of runs: one on its way, and the next, which is read meanwhile. An outage is waited out; what
is refused for good becomes a dead letter, as it would have in the sensor.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

import dagster as dg

from weather_pipeline.lineage import deadletters
from weather_pipeline.lineage.deadletters import DeadLetter
from weather_pipeline.lineage.delivery import Answer, Outcome, Sink, Verdict, ask, deliver
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.stored import message_of

PATIENCE = 300.0
"""Seconds for which a backend that takes nothing is tried again."""
_BATCH = 32
_SLICE = 5.0
"""Seconds after which a delivery returns, so that an interruption is heard."""
_LONGEST_PAUSE = 15.0
_ROUNDS = 5
"""How often an event is tried that fails while others are accepted."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Parcel:
    """Events that go together, in order: those of one Dagster run."""

    name: str
    at: datetime
    """When the run was created."""
    messages: Sequence[Message]


@dataclass
class Resent:
    """How far it came."""

    runs: int = 0
    """Dagster runs all of whose events are done with."""
    accepted: int = 0
    refused: int = 0
    reached: datetime | None = None
    """Everything of the runs created before this is done with."""
    last_refusal: str | None = None


class BackendAway(Exception):
    """The backend took nothing for longer than it was waited for, or refuses whatever it is sent."""


@dataclass
class Resending:
    """One sending of parcels in their order; `done` can be read at any time, also after an interruption.

    Args:
        instance: The Dagster instance, which keeps what is refused for good.
        sink: Where the events go.
        writer: Who buries refused events.
        tell: Hears of every step forward.
        patience: Seconds for which a backend that takes nothing is tried again.
    """

    instance: dg.DagsterInstance
    sink: Sink
    writer: str
    tell: Callable[[Resent], None] = lambda _: None
    patience: float = PATIENCE
    done: Resent = field(default_factory=Resent)
    _is_stopped: bool = False
    _proof: Message | None = None
    """The last event that was accepted."""

    def send(self, parcels: Iterable[Parcel]) -> Resent:
        """Send all parcels.

        Raises:
            BackendAway: The backend takes nothing for longer than `patience`.
        """
        on_its_way: Future[None] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="openlineage-resend") as sender:
            try:
                for batch in _batches(parcels):
                    if on_its_way:
                        on_its_way.result()
                    on_its_way = sender.submit(self._send_batch, batch)
                if on_its_way:
                    on_its_way.result()
            finally:
                self._is_stopped = True
        return self.done

    def _send_batch(self, batch: list[Parcel]) -> None:
        left = {parcel.name: list(parcel.messages) for parcel in batch}
        self.done.reached = batch[0].at
        failures: dict[str, int] = {}
        since, pause = time.monotonic(), 0.5
        while any(left.values()) and not self._is_stopped:
            pending = {name: messages for name, messages in left.items() if messages}
            outcome = deliver(self.sink, pending, deadline=time.monotonic() + _SLICE)
            settled = self._settle(outcome, failures)
            for name, messages in left.items():
                left[name] = [message for message in messages if message.key not in settled]
            if settled:
                since, pause = time.monotonic(), 0.5
            elif time.monotonic() - since > self.patience:
                reason = outcome.failed[-1][2].reason if outcome.failed else "no answer"
                raise BackendAway(f"{self.sink.name} takes no events: {reason}")
            else:
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            self.tell(self.done)
        if not self._is_stopped:
            self.done.runs += len(batch)
            self.done.reached = batch[-1].at
            self.tell(self.done)

    def _settle(self, outcome: Outcome, failures: dict[str, int]) -> set[str]:
        """The keys of the events that are done with: accepted, or refused for good.

        Raises:
            BackendAway: It refuses whatever it is sent: its address or its state is to blame, no event.
        """
        accepted = {message.key for messages in outcome.accepted.values() for message in messages}
        self.done.accepted += len(accepted)
        if outcome.accepted:
            self._proof = next(reversed(outcome.accepted.values()))[-1]
        refused = set()
        refusal = next((a.reason for _, _, a in outcome.failed if a.verdict is Verdict.REFUSED), None)
        if refusal and not accepted and not self._is_well():
            raise BackendAway(f"{self.sink.name} refuses everything: {refusal}")
        for _, message, answer in outcome.failed:
            if answer.verdict is Verdict.DOUBTFUL and accepted:
                # Others pass: this event itself may be to blame.
                failures[message.key] = failures.get(message.key, 0) + 1
            if answer.verdict is Verdict.REFUSED or failures.get(message.key, 0) >= _ROUNDS:
                self._bury(message, answer)
                refused.add(message.key)
        return accepted | refused

    def _is_well(self) -> bool:
        """Whether the backend takes an event that it has taken before: sending again changes nothing."""
        return self._proof is not None and ask(self.sink, self._proof).verdict is Verdict.ACCEPTED

    def _bury(self, message: Message, answer: Answer) -> None:
        deadletters.bury(self.instance, message.key, answer.reason, message.body(), writer=self.writer)
        self.done.refused += 1
        self.done.last_refusal = answer.reason


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch


def resend_letters(
    instance: dg.DagsterInstance, sink: Sink, letters: Iterable[DeadLetter]
) -> list[tuple[DeadLetter, str | None]]:
    """Send dead letters again, the events of one subject in order; what is accepted is no dead letter any more.

    Returns:
        Each letter with why it stays, None where it was accepted.
    """
    stays: dict[str, str | None] = {}
    pending: dict[str, list[Message]] = defaultdict(list)
    of_message: dict[int, DeadLetter] = {}
    listed = sorted(letters, key=_when)
    for letter in listed:
        stays[letter.key] = "not tried: an event before it was not accepted, or the backend is away"
        try:
            message = message_of(letter.event)
        except ValueError:
            what = letter.event.get("asset", "the asset")
            stays[letter.key] = f"no event could be built. When that is mended: replay --since … --asset {what}"
            continue
        pending[message.subject].append(message)
        of_message[id(message)] = letter
    outcome = deliver(sink, pending, deadline=time.monotonic() + PATIENCE)
    for _, message, answer in outcome.failed:
        stays[of_message[id(message)].key] = answer.reason
    accepted = [of_message[id(message)] for messages in outcome.accepted.values() for message in messages]
    deadletters.drop(instance, [letter.key for letter in accepted])
    stays |= dict.fromkeys((letter.key for letter in accepted), None)
    return [(letter, stays[letter.key]) for letter in listed]


def _when(letter: DeadLetter) -> tuple[str, bool]:
    return str(letter.event.get("eventTime")), letter.event.get("eventType") != "START"
