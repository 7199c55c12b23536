"""Who hears what the supervisor does."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Hears what the supervisor does, to show it."""

    def starting(self, part: str) -> None:
        """A part was started."""

    def ready(self, part: str, seconds: float) -> None:
        """A part answers, so many seconds after it was started."""

    def stopping(self, part: str) -> None:
        """A part was asked to stop."""

    def note(self, text: str) -> None:
        """Something the user should know."""
