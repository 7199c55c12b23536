"""How far the exporter has come, and whether lineage flows: the sensor's cursor, its state, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from weather_pipeline.lineage.progress import Progress
from weather_pipeline.lineage.projects import Project, ProjectError

_QUIET = 120.0
"""Seconds without a tick after which the sensor's daemon is taken as away …"""
_QUIET_INTERVALS = 4
"""… or this many of the sensor's intervals, where that is longer."""


@dataclass(frozen=True)
class ExporterStatus:
    """The exporter of one code location.

    Attributes:
        backend: Where events go.
        running: Whether the sensor is on.
        ticked_at: When it was last evaluated.
        tick_error: Why the last evaluation failed.
        interval: Seconds between two evaluations.
        progress: How far it has come; None before the first evaluation.
    """

    sensor: str
    location: str
    backend: str
    running: bool
    ticked_at: datetime | None
    tick_error: str | None
    interval: float
    progress: Progress | None
    dead_letters: int

    def troubles(self, now: datetime) -> list[str]:
        """What keeps lineage from flowing, each with what to do; empty where it flows."""
        found = []
        if not self.running:
            found.append(f"The sensor is off. Start it in the Dagster UI, or: dagster sensor start {self.sensor}")
        elif self.ticked_at is None:
            found.append("The sensor has never been evaluated. Does dagster-daemon run, with this DAGSTER_HOME?")
        elif (now - self.ticked_at).total_seconds() > max(_QUIET, _QUIET_INTERVALS * self.interval):
            found.append("The sensor is no longer evaluated. Does dagster-daemon run?")
        if self.progress is not None and self.progress.failing_since is not None:
            since = datetime.fromtimestamp(self.progress.failing_since, UTC)
            found.append(
                f"{self.backend} has taken nothing since {since:%Y-%m-%d %H:%M:%S} UTC. Nothing is lost: it is tried "
                f"again. The last answer: {self.progress.last_error}"
            )
        elif self.tick_error:
            found.append(f"The last evaluation failed: {self.tick_error}")
        if self.progress is not None and self.progress.is_stuck:
            found.append(
                f"{self.progress.undiscovered} runs or more can't be told: {len(self.progress.open)} that have not "
                "ended hold all the room. End those that are dead, in the Dagster UI."
            )
        if self.dead_letters:
            events = "event was" if self.dead_letters == 1 else "events were"
            found.append(f"{self.dead_letters} {events} refused for good: weather lineage dead-letters list")
        return found

    def cursor_text(self, now: datetime) -> str:
        """Up to when everything has been told: the oldest of what is still open, or the last tick."""
        if self.progress is None:
            return "none"
        at = self._told_until(now)
        return f"{len(self.progress.positions)} positions, all told up to {at:%Y-%m-%d %H:%M:%S} UTC"

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Everything as JSON values; times are ISO 8601, durations seconds."""
        progress = self.progress
        figures = None
        if progress is not None:
            figures = {
                "since": _iso(progress.since),
                "positions": {kind: position.storage_id for kind, position in progress.positions.items()},
                "told_until": self._told_until(now).isoformat(),
                "open_runs": len(progress.open),
                "waiting": progress.waiting,
                "not_looked_at": progress.unread,
                "without_room": progress.undiscovered,
                "parked_runs": len(progress.parked),
                "lag": progress.lag,
                "accepted": progress.accepted,
                "refused": progress.refused,
                "retried": progress.retried,
                "failing_since": _iso(progress.failing_since),
                "last_error": progress.last_error,
                "last_error_at": _iso(progress.last_error_at),
            }
        return {
            "sensor": self.sensor,
            "location": self.location,
            "running": self.running,
            "ticked_at": self.ticked_at.isoformat() if self.ticked_at else None,
            "tick_error": self.tick_error,
            "backend": self.backend,
            "progress": figures,
            "dead_letters": self.dead_letters,
            "troubles": self.troubles(now),
        }

    def _told_until(self, now: datetime) -> datetime:
        lag = self.progress.lag if self.progress else 0.0
        return (self.ticked_at or now) - timedelta(seconds=lag)


def status_of(project: Project) -> ExporterStatus:
    """The exporter's status now.

    Raises:
        ProjectError: The sensor's cursor is not one of this exporter.
    """
    state = project.state()
    progress = project.progress()
    try:
        backend = project.sink.name
    except ProjectError as error:
        backend = f"nowhere: {error}"
    ticked = state.ticked_at.timestamp() if state.ticked_at else 0.0
    last = max(ticked, progress.ticked_at if progress else 0.0)
    return ExporterStatus(
        sensor=project.sensor.name,
        location=project.location,
        backend=backend,
        running=state.running,
        ticked_at=datetime.fromtimestamp(last, UTC) if last else None,
        tick_error=state.tick_error,
        interval=float(project.sensor.minimum_interval_seconds or 0),
        progress=progress,
        dead_letters=project.letters.count(),
    )


def _iso(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat() if at is not None else None
