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

from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.deadletters import DeadLetter, DeadLetters, drop
from weather_pipeline.lineage.delivery import Outcome, deliver
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.proof import Proof
from weather_pipeline.lineage.stored import message_of

PATIENCE = 300.0
"""Seconds for which a backend that takes nothing is tried again."""
_BATCH = 32
_SLICE = 5.0
"""Seconds after which a delivery returns, so that an interruption is heard."""
_LONGEST_PAUSE = 15.0
_ROUNDS = 5
"""How often an event is tried that fails while the backend takes others."""

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
    withheld: int = 0
    """Events that OpenLineage's configuration keeps back."""
    refused: int = 0
    reached: datetime | None = None
    """Everything of the runs created before this is done with."""
    last_refusal: str | None = None
    """The last refused event, and the answer to it."""


class BackendAway(Exception):
    """The backend took nothing for longer than it was waited for, or refuses whatever it is sent."""


@dataclass
class Resending:
    """One sending of parcels in their order; `done` can be read at any time, also after an interruption.

    Args:
        letters: Where what is refused for good is kept, and what is accepted after all was.
        sink: Where the events go.
        writer: Who buries refused events.
        tell: Hears of every step forward.
        patience: Seconds for which a backend that takes nothing is tried again.
    """

    letters: DeadLetters
    sink: Sink
    writer: str
    tell: Callable[[Resent], None] = lambda _: None
    patience: float = PATIENCE
    done: Resent = field(default_factory=Resent)

    def __post_init__(self) -> None:
        self._is_stopped = False
        self._proof = Proof(self.sink)
        self._has_letters = self.letters.count() > 0

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
        left: dict[str, list[Message]] = {}
        for parcel in batch:
            if parcel.messages:
                left.setdefault(parcel.name, []).extend(parcel.messages)
        self.done.reached = batch[0].at
        tried: set[str] = set()
        failures: dict[str, int] = {}
        since, pause = time.monotonic(), 0.5
        while left and not self._is_stopped:
            # Runs that fail come last: they must not keep the others from being tried.
            pending = dict(sorted(left.items(), key=lambda item: item[0] in tried))
            outcome = deliver(self.sink, pending, deadline=time.monotonic() + _SLICE)
            news = {run for run, _, _ in outcome.failed} - tried
            tried |= news
            settled = self._settle(outcome, failures, is_all=left.keys() <= tried)
            unsettled = {run: [each for each in messages if each.key not in settled] for run, messages in left.items()}
            left = {run: messages for run, messages in unsettled.items() if messages}
            if settled:
                since, pause = time.monotonic(), 0.5
            elif time.monotonic() - since > self.patience:
                reason = outcome.failed[-1][2].reason if outcome.failed else "no answer"
                raise BackendAway(f"{self.sink.name} takes no events: {reason}")
            elif not news or left.keys() <= tried:
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            self.tell(self.done)
        if not self._is_stopped:
            self.done.runs += len(batch)
            self.done.reached = batch[-1].at
            self.tell(self.done)

    def _settle(self, outcome: Outcome, failures: dict[str, int], *, is_all: bool) -> set[str]:
        """The keys of the events that are done with: accepted, or refused for good.

        Args:
            outcome: What became of events.
            failures: How often each event failed while the backend took others; changed in place.
            is_all: Every run that is left has been tried.

        Raises:
            BackendAway: It has refused whatever it was sent: its address or its state is to blame, no event.
        """
        done = self._take(outcome)
        questions = [(message, answer) for _, message, answer in outcome.failed if answer.verdict is not Verdict.LATER]
        if not questions:
            return done
        if not self._proof.is_well():
            refusal = next((answer.reason for _, answer in questions if answer.verdict is Verdict.REFUSED), None)
            if refusal and is_all and not self._proof.is_possible:
                raise BackendAway(f"{self.sink.name} refuses everything: {refusal}")
            return done
        return done | {message.key for message, answer in questions if self._is_given_up(message, answer, failures)}

    def _take(self, outcome: Outcome) -> set[str]:
        """Take in what was accepted; returns the keys."""
        taken = [message for messages in outcome.accepted.values() for message in messages]
        accepted = [message for message in taken if message.key not in outcome.withheld]
        self.done.accepted += len(accepted)
        self.done.withheld += len(outcome.withheld)
        if accepted:
            self._proof.accepted(accepted[-1])
        keys = {message.key for message in taken}
        if keys and self._has_letters:
            self.letters.settle(keys)
        return keys

    def _is_given_up(self, message: Message, answer: Answer, failures: dict[str, int]) -> bool:
        """Whether an event that failed beside a backend that is well is refused for good; then it is kept as a letter.

        A refused one is sent once more: the backend may have come to its senses between it and the proof.
        """
        if answer.verdict is Verdict.REFUSED:
            again = self._proof.ask(message)
            if again is None or again.verdict is not Verdict.REFUSED:
                return False
        else:
            failures[message.key] = failures.get(message.key, 0) + 1
            if failures[message.key] < _ROUNDS:
                return False
        self.letters.bury(message.key, answer.reason, message.body(), writer=self.writer)
        self.done.refused += 1
        self.done.last_refusal = f"{message.key}: {answer.reason}"
        return True


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
        stays[letter.name] = "not tried: an event before it was not accepted, or the backend is away"
        try:
            message = message_of(letter.event)
        except ValueError:
            what = letter.event.get("asset", "the asset")
            stays[letter.name] = f"no event could be built. When that is mended: replay --since … --asset {what}"
            continue
        pending[message.subject].append(message)
        of_message[id(message)] = letter
    outcome = deliver(sink, pending, deadline=time.monotonic() + PATIENCE)
    for _, message, answer in outcome.failed:
        stays[of_message[id(message)].name] = answer.reason
    accepted = [of_message[id(message)] for messages in outcome.accepted.values() for message in messages]
    drop(instance, accepted)
    stays |= dict.fromkeys((letter.name for letter in accepted), None)
    return [(letter, stays[letter.name]) for letter in listed]


def _when(letter: DeadLetter) -> tuple[str, bool]:
    return str(letter.event.get("eventTime")), letter.event.get("eventType") != "START"
