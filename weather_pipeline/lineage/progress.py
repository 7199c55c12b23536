"""How far the exporter has come, as the sensor's cursor: small, bounded by open runs, readable as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from weather_pipeline.lineage.reader import Position

_VERSION = "openlineage-1"


class Strikes(NamedTuple):
    """How often an event failed while the backend took others, and since when (seconds since the epoch)."""

    times: int
    since: float


@dataclass
class OpenRun:
    """A Dagster run whose lineage is not complete yet.

    `sent` holds `Message.key`s that the backend accepted or that became dead letters; `strikes` those of events whose
    failure may or may not be for good.
    """

    sent: set[str] = field(default_factory=set)
    strikes: dict[str, Strikes] = field(default_factory=dict)


@dataclass
class Progress:
    """Positions, open runs, and runs closed so recently that the log may name them again."""

    positions: dict[str, Position] = field(default_factory=dict)
    open: dict[str, OpenRun] = field(default_factory=dict)
    closed: dict[str, float] = field(default_factory=dict)
    """Until when each closed run has been told, seconds since the epoch: only a later change opens it again."""
    swept_at: float = 0.0
    """When runs were last looked for by update time, seconds since the epoch."""
    since: float = 0.0
    """What happened before is not exported, seconds since the epoch."""
    failing_since: float | None = None
    """Since when the backend has accepted nothing."""
    accepted: int = 0
    refused: int = 0

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
            return cls(
                positions={kind: Position(*values) for kind, values in saved[_VERSION].items()},
                open={
                    run_id: OpenRun(set(sent), {key: Strikes(*values) for key, values in strikes.items()})
                    for run_id, (sent, strikes) in saved["open"].items()
                },
                closed=dict(saved["closed"]),
                swept_at=saved["swept_at"],
                since=saved["since"],
                failing_since=saved["failing_since"],
                accepted=saved["accepted"],
                refused=saved["refused"],
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
                "open": {run_id: [sorted(run.sent), run.strikes] for run_id, run in self.open.items()},
                "closed": self.closed,
                "swept_at": self.swept_at,
                "since": self.since,
                "failing_since": self.failing_since,
                "accepted": self.accepted,
                "refused": self.refused,
            },
            separators=(",", ":"),
        )

    def forget_closed(self, before: float, limit: int) -> None:
        """Forget runs closed before a time, and the oldest beyond a number: seeing one again is harmless."""
        kept = sorted((at, run_id) for run_id, at in self.closed.items() if at >= before)[-limit:]
        self.closed = {run_id: at for at, run_id in kept}
