"""A part of the stack, as data: what to run, with what, when it is ready, what it needs before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weather_pipeline.errors import StackError
from weather_pipeline.stack.probes import Probe


@dataclass(frozen=True)
class Part:
    """One server of the stack.

    Attributes:
        name: Short and stable: also the log file's name.
        command: Program and arguments; never a secret, since every user of the machine can read it.
        environment: Added to the inherited one; secrets travel here.
        port: Where it listens on 127.0.0.1, if anywhere.
        after: Names of the parts that must be ready before it starts.
        start_timeout: Seconds in which its probe must succeed.
        stop_grace: Seconds between being asked to stop and being killed.
        end_leftovers: Whether what it left running when it died ends before it is started again. Not that of Dagster's
            code server: runs go on without it.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    log_file: Path
    probe: Probe
    port: int | None = None
    after: frozenset[str] = frozenset()
    start_timeout: float = 120.0
    stop_grace: float = 10.0
    end_leftovers: bool = False


def stop_order(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """Groups of parts in the order in which they stop: whoever needs another stops before it.

    Parts of one group don't need each other and stop at the same time.
    """
    left = {part.name: part for part in parts}
    groups = []
    while left:
        needed = frozenset[str]().union(*(part.after for part in left.values()))
        group = tuple(part for name, part in left.items() if name not in needed)
        if not group:
            raise ValueError(f"parts need each other in a circle: {sorted(left)}")
        groups.append(group)
        for part in group:
            del left[part.name]
    return groups


class PartDied(StackError):
    """A part ended although nobody asked it to."""

    def __init__(self, name: str, code: int, last_words: str) -> None:
        """Say who, how, and what it said last, introduced."""
        super().__init__(name, code, last_words)
        self.name, self.code, self.last_words = name, code, last_words

    @property
    def what(self) -> str:
        """Who died, and how."""
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"{self.name} {how}."

    def __str__(self) -> str:
        return f"{self.what} The stack stops. {self.last_words}"
