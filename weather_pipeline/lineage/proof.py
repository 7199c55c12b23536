"""Whether a backend is well: the proof without which no event is given up.

A backend that refuses everything for a while (a wrong address, an expired certificate, a proxy's error page) must lose
nothing. So an event counts as refused only where the backend is seen to take another one right after.
"""

from __future__ import annotations

import threading

from weather_pipeline.lineage.answers import Answer, Sink, Verdict, ask
from weather_pipeline.lineage.messages import Message

PATIENCE = 2.0
"""Seconds for which an answer is waited for."""


class Proof:
    """Remembers the last event that was accepted: sending it again changes nothing, and shows how the backend is.

    Args:
        sink: Where events go.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._accepted: Message | None = None

    @property
    def is_possible(self) -> bool:
        """Whether any event has been accepted."""
        return self._accepted is not None

    def accepted(self, message: Message) -> None:
        """An event was accepted."""
        self._accepted = message

    def is_well(self, patience: float = PATIENCE) -> bool | None:
        """Whether the backend takes, now, an event that it has taken before; None where there was no answer in time."""
        if self._accepted is None:
            return False
        answer = self.ask(self._accepted, patience)
        return answer.verdict is Verdict.ACCEPTED if answer else None

    def ask(self, message: Message, patience: float = PATIENCE) -> Answer | None:
        """The answer to one event; None where there is no time for it, or none comes in time."""
        if patience <= 0:
            return None
        answers: list[Answer] = []
        # A thread, because a backend that hangs must not hold up whoever asks.
        asking = threading.Thread(target=lambda: answers.append(ask(self._sink, message)), daemon=True)
        asking.start()
        asking.join(patience)
        return answers[0] if answers else None
