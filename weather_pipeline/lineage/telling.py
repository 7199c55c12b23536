"""What of one Dagster run has not been told yet: built piece by piece as it is asked for, each piece once.

A run may have thousands of assets. A tick has seconds: it builds what it can send, and the next goes on from there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.progress import OpenRun
from weather_pipeline.lineage.story import Part, Problem


@dataclass
class _Built:
    """The events of a part, as what it said when they were built."""

    said: object
    keys: tuple[str, ...]
    unsent: tuple[Message, ...]


class Telling:
    """Tells one Dagster run over several ticks; remembers which parts of it are told."""

    def __init__(self) -> None:
        self._built: dict[tuple[type, str], _Built] = {}

    def unsent(self, parts: Sequence[Part], open_run: OpenRun) -> Iterator[Message | Problem]:
        """The events that the backend has not accepted, in order of time, and what can't be told.

        A part with an event that failed before comes last, so that another shows whether the backend takes events.

        Args:
            parts: The run's parts as of now.
            open_run: What was sent of it; learns what is due.
        """
        due = [part for part in parts if not self._is_told(part, open_run)]
        open_run.look({guess: part.at.timestamp() for part in due for guess in _guesses(part)})
        for failed in (False, True):
            yield from self._in_order([part for part in due if self._has_failed(part, open_run) is failed], open_run)

    def _in_order(self, parts: Sequence[Part], open_run: OpenRun) -> Iterator[Message | Problem]:
        """The events of some parts, merged by time; a part is built when its first event's turn has come."""
        waiting: list[tuple[str, int, int, Message]] = []
        for number, part in sorted(enumerate(parts), key=lambda each: each[1].at):
            while waiting and waiting[0][:2] < (iso(part.at), number):
                yield heapq.heappop(waiting)[-1]
            unsent = self._build(part, open_run)
            if isinstance(unsent, Problem):
                open_run.expect(_guesses(part), {})
                yield unsent
                continue
            times = {message.key: datetime.fromisoformat(message.at).timestamp() for message in unsent}
            open_run.expect(_guesses(part), times)
            for place, message in enumerate(unsent):
                heapq.heappush(waiting, (message.at, number, place, message))
        while waiting:
            yield heapq.heappop(waiting)[-1]

    def can_tell(self, part: Part) -> bool:
        """Whether a part's events can be built; those that were are not built again."""
        return not isinstance(self._events(part), Problem)

    def _events(self, part: Part) -> _Built | Problem:
        """The events of a part, built where they are not yet."""
        built = self._built.get(_name(part))
        if built is None or built.said != part.said:
            told = part.messages()
            if isinstance(told, Problem):
                return told
            built = _Built(part.said, tuple(message.key for message in told), tuple(told))
            self._built[_name(part)] = built
        return built

    def _build(self, part: Part, open_run: OpenRun) -> tuple[Message, ...] | Problem:
        """The unsent events of a part."""
        built = self._events(part)
        if isinstance(built, Problem):
            return built
        built.unsent = tuple(message for message in built.unsent if message.key not in open_run.sent)
        return built.unsent

    def _is_told(self, part: Part, open_run: OpenRun) -> bool:
        built = self._built.get(_name(part))
        if built is None or built.said != part.said or not open_run.sent.issuperset(built.keys):
            return False
        built.unsent = ()
        return True

    def _has_failed(self, part: Part, open_run: OpenRun) -> bool:
        built = self._built.get(_name(part))
        return built is not None and not open_run.strikes.keys().isdisjoint(built.keys)


def _name(part: Part) -> tuple[type, str]:
    return type(part.said), part.about


def _guesses(part: Part) -> list[str]:
    """The places of a part's events among those that are due, until it is built."""
    kind, about = _name(part)
    return [f"{kind.__name__}:{about}:{number}" for number in range(2 if part.has_ended else 1)]
