"""Transports made of transports, transports of other people, and none at all."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import attr
from openlineage.client.transport import Transport
from openlineage.client.transport.transform import EventTransformer

from weather_pipeline.lineage.answers import Answer, Sink, Verdict, ask
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted

_REMEMBERED = 10_000
"""Events of which is remembered who has taken them; they are few, unless one child is down for long."""


@dataclass
class DisabledSink:
    """Lineage is switched off: nothing is sent, and nothing counts as sent."""

    reason: str
    """What switched it off, as `OPENLINEAGE_DISABLED=true`."""
    name: str = "nowhere"

    def send(self, message: Message) -> Answer:  # noqa: ARG002  (a sink)
        """Take nothing."""
        return Answer(Verdict.LATER, f"Lineage is switched off by {self.reason}.")


class TransportSink:
    """Any other transport of the OpenLineage client: what raises is not accepted.

    One event at a time: such a transport need not be made for several threads.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self.name = transport.name or transport.kind or type(transport).__name__

    def send(self, message: Message) -> Answer:
        """Hand one event to the transport."""
        event = without_empties(message.event)
        try:
            with self._lock:
                self._transport.emit(event)
        except Exception as error:  # noqa: BLE001  (any transport, any error: it was not accepted)
            return Answer(Verdict.LATER, redacted(f"{self.name}: {type(error).__name__}: {error}"))
        return Answer(Verdict.ACCEPTED)


class TransformSink:
    """Changes events by a transformer of the user's, as OpenLineage's transform transport does."""

    def __init__(self, transformer: EventTransformer, sink: Sink) -> None:
        self._transformer = transformer
        self._sink = sink
        self.inner = (sink,)
        self.name = sink.name

    def send(self, message: Message) -> Answer:
        """Send what the transformer makes of an event."""
        changed = self.changed(message)
        return changed if isinstance(changed, Answer) else self._sink.send(changed)

    def changed(self, message: Message) -> Message | Answer:
        """The event that is sent; the answer where none is."""
        try:
            event: Any = self._transformer.transform(copy.deepcopy(message.event))
        except Exception as error:  # noqa: BLE001  (the user's own code; this event may be what it can't take)
            return Answer(Verdict.DOUBTFUL, redacted(f"{self._transformer}: {type(error).__name__}: {error}"))
        if event is None:
            return Answer(Verdict.WITHHELD, f"{self._transformer} drops it.")
        return replace(message, event=event)


class CompositeSink:
    """Sends events to several sinks; what one of them has taken it does not get again while the others refuse.

    Args:
        sinks: In the order in which they are asked.
        continue_on_failure: Whether the next is asked where one has not taken the event.
        continue_on_success: Whether all must take it; else the first that does is enough.
    """

    def __init__(
        self, sinks: Sequence[Sink], *, continue_on_failure: bool = True, continue_on_success: bool = True
    ) -> None:
        self._sinks = sinks
        self.inner = tuple(sinks)
        self._continue_on_failure = continue_on_failure
        self._continue_on_success = continue_on_success
        self._taken: dict[str, set[int]] = {}
        self.name = ", ".join(sink.name for sink in sinks)

    def send(self, message: Message) -> Answer:
        """Send one event to all that have not taken it yet."""
        taken = self._taken.pop(message.key, set())
        done = Answer(Verdict.ACCEPTED) if taken else None
        answers: list[Answer] = []
        for number, sink in enumerate(self._sinks):
            if number in taken:
                continue
            answer = ask(sink, message)
            if answer.verdict.is_done:
                taken.add(number)
                done = answer if done is None or answer.verdict is Verdict.ACCEPTED else done
                if not self._continue_on_success:
                    return answer
            else:
                answers.append(replace(answer, reason=f"{sink.name}: {answer.reason}"))
                if not self._continue_on_failure:
                    break
        if not answers:
            return done or Answer(Verdict.ACCEPTED)
        if taken:
            self._remember(message.key, taken)
        return max(answers, key=lambda answer: _URGENCY.index(answer.verdict))

    def _remember(self, key: str, taken: set[int]) -> None:
        self._taken[key] = taken
        while len(self._taken) > _REMEMBERED:
            self._taken.pop(next(iter(self._taken)), None)


_URGENCY = (Verdict.REFUSED, Verdict.DOUBTFUL, Verdict.LATER)
"""Of several answers that which keeps most: an event waits as long as one sink may still take it."""


def without_empties(value: Any, name: str = "") -> Any:
    """An event without the empty parts that `Message.body` leaves out, still of OpenLineage's own classes."""
    if attr.has(type(value)):
        parts = {each.alias: each.name for each in attr.fields(type(value)) if each.init and each.alias}
        pruned = {alias: without_empties(getattr(value, part), part) for alias, part in parts.items()}
        changed = {alias: part for alias, part in pruned.items() if part is not getattr(value, parts[alias])}
        return attr.evolve(value, **changed) if changed else value
    if isinstance(value, dict):
        value = {key: each for key, inner in value.items() if (each := without_empties(inner, key)) is not None}
    elif isinstance(value, list):
        value = [without_empties(each) for each in value]
    return None if value in ({}, []) and name not in _KEPT else value


_KEPT = ("inputs", "outputs", "inputFields")
