"""How far the exporter has come, as the sensor's cursor: small, bounded by open runs, readable as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from weather_pipeline.lineage.reader import Position

_VERSION = "openlineage-2"
_FIRST_VERSION = "openlineage-1"
"""The same without what was added since, all of which has a default."""


_ERROR_LENGTH = 500


class Strikes(NamedTuple):
    """How often an event failed while the backend took others, and since when (seconds since the epoch)."""

    times: int
    since: float


class Parked(NamedTuple):
    """A run that is looked at seldom, since nothing of it is due (see `parking`)."""

    position: int
    """How far its log has been read."""
    at: float
    """Until when it has been told, seconds since the epoch."""
    is_over: bool
    """It has ended: only a late writer could add to it."""


@dataclass
class OpenRun:
    """A Dagster run whose lineage is not complete yet.

    `sent` holds `Message.key`s that the backend accepted or that became dead letters; `strikes` those of events whose
    failure may or may not be for good.
    """

    sent: set[str] = field(default_factory=set)
    strikes: dict[str, Strikes] = field(default_factory=dict)
    due: int | None = None
    """Events that are due and not accepted, as of the last look; None before the first."""
    due_since: float | None = None
    """The time of the oldest of them, or of the run's change where it was not looked at; seconds since the epoch."""
    pending: dict[str, float] = field(default_factory=dict, compare=False)
    """Their keys and times, as far as this process knows; not in the cursor."""

    def look(self, pending: Mapping[str, float]) -> None:
        """Take what is due: keys and times, seconds since the epoch."""
        self.pending = dict(pending)
        self.count()

    def expect(self, guesses: Iterable[str], pending: Mapping[str, float]) -> None:
        """Take what is due in the place of what was thought to be."""
        for guess in guesses:
            self.pending.pop(guess, None)
        self.pending |= pending
        self.due = len(self.pending)

    def done(self, key: str) -> None:
        """An event is done with: accepted, or a dead letter."""
        self.sent.add(key)
        self.strikes.pop(key, None)
        if self.pending.pop(key, None) is not None:
            self.due = len(self.pending)

    def count(self) -> None:
        """Take the figures of what is due."""
        self.due, self.due_since = len(self.pending), min(self.pending.values(), default=None)


@dataclass
class Progress:
    """Positions, open runs, and runs closed so recently that the log may name them again."""

    positions: dict[str, Position] = field(default_factory=dict)
    open: dict[str, OpenRun] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    """Until when each closed run has been told, seconds since the epoch: only a later change opens it again."""
    parked: dict[str, Parked] = field(default_factory=dict)
    """Runs that are looked at in turn, some of them in each tick, the next first."""
    reported: list[str] = field(default_factory=list)
    """Reports without a run that were told, of those that are read again (`runless`)."""
    swept_at: float = 0.0
    """When runs were last looked for by update time, seconds since the epoch."""
    since: float = 0.0
    """What happened before is not exported, seconds since the epoch."""
    failing_since: float | None = None
    """Since when the backend has accepted nothing."""
    not_before: float = 0.0
    """Until when the backend wants no request (Retry-After), seconds since the epoch."""
    accepted: int = 0
    """Events that the backend has accepted, since the first start."""
    refused: int = 0
    """Events that became dead letters."""
    retried: int = 0
    """Answers, time-outs and broken connections that were reasons to send an event again."""
    last_error: str | None = None
    """The last answer that was no acceptance, or the last trouble with Dagster's storage …"""
    last_error_at: float | None = None
    """… and when that was, seconds since the epoch."""
    ticked_at: float = 0.0
    """When the last tick ended, seconds since the epoch."""
    lag: float = 0.0
    """At the end of the last tick: the age of the oldest event that was due and not accepted, in seconds."""
    undiscovered: int = 0
    """Runs that have changed and find no room among the open ones: so many at least …"""
    undiscovered_since: float | None = None
    """… the oldest of them since then, seconds since the epoch."""

    @property
    def is_stuck(self) -> bool:
        """Whether runs find no room though nothing of those that have it is due."""
        return bool(self.undiscovered and not self.waiting and not self.unread)

    @property
    def waiting(self) -> int:
        """The backlog: events that are due and not accepted, of the runs that were looked at."""
        return sum(run.due or 0 for run in self.open.values())

    @property
    def unread(self) -> int:
        """The rest of the backlog: open runs that no tick had the time to look at."""
        return sum(run.due is None for run in self.open.values())

    def note_error(self, reason: str, at: float) -> None:
        """Remember the last error; its text in part, since it travels with every cursor."""
        self.last_error, self.last_error_at = reason[:_ERROR_LENGTH], at

    def end_tick(self, now: float) -> None:
        """Take the figures of the tick that ends now (seconds since the epoch)."""
        for run in self.open.values():
            if run.pending:
                run.count()
        since = [run.due_since for run in self.open.values() if run.due_since is not None and run.due != 0]
        since += [] if self.undiscovered_since is None else [self.undiscovered_since]
        self.ticked_at, self.lag = now, max(0.0, now - min(since, default=now))

    @classmethod
    def load(cls, cursor: str | None) -> Progress | None:
        """The saved progress; None on the first start.

        Raises:
            ValueError: The cursor was not written by this exporter.
        """
        if not cursor:
            return None
        try:
            saved: Mapping[str, Any] = json.loads(cursor)
            positions = saved[_VERSION] if _VERSION in saved else saved[_FIRST_VERSION]
            return cls(
                positions={kind: Position(*values) for kind, values in positions.items()},
                open={run_id: _open_run(*values) for run_id, values in saved["open"].items()},
                closed=dict(saved["closed"]),
                parked={run_id: Parked(*values) for run_id, values in saved.get("parked", {}).items()},
                **{name: saved[name] for name in _FIGURES if name in saved},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"the sensor's cursor is not one of this exporter ({error}): {cursor[:80]!r}. "
                "Reset it in the Dagster UI to begin anew; sending again changes nothing."
            ) from error

    def dump(self) -> str:
        """The progress as a cursor."""
        return json.dumps(
            {
                _VERSION: {kind: [p.storage_id, p.run_id, p.at, p.moved_at] for kind, p in self.positions.items()},
                "open": {
                    run_id: [sorted(run.sent), run.strikes, run.due, run.due_since] for run_id, run in self.open.items()
                },
                "closed": self.closed,
                "parked": self.parked,
                **{name: getattr(self, name) for name in _FIGURES},
            },
            separators=(",", ":"),
        )

    def forget_closed(self, before: float, limit: int) -> None:
        """Forget runs closed before a time, and the oldest beyond a number: seeing one again is harmless."""
        kept = sorted((at, run_id) for run_id, at in self.closed.items() if at >= before)[-limit:]
        self.closed = {run_id: at for at, run_id in kept}


_FIGURES = tuple(each.name for each in fields(Progress) if each.name not in ("positions", "open", "closed", "parked"))


def _open_run(
    sent: Sequence[str], strikes: Mapping[str, Any], due: int | None = None, due_since: float | None = None
) -> OpenRun:
    return OpenRun(set(sent), {key: Strikes(*values) for key, values in strikes.items()}, due, due_since)
