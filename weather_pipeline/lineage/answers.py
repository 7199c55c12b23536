"""What a sink says of an event, and asking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.redaction import redacted
from weather_pipeline.lineage.stored import message_of


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
