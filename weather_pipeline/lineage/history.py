"""What Dagster has recorded in a span of time, told run by run: what `verify` expects and `replay` sends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
from openlineage.client.event_v2 import RunEvent, RunState

from weather_pipeline.lineage import reader, runless
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.facets.base import iso
from weather_pipeline.lineage.model import RunInfo
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.runlog import fold_log
from weather_pipeline.lineage.story import Story, messages_of, story_of_reports

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_OPEN = (RunState.START, RunState.RUNNING)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Span:
    """A span of time, the end excluded; both timezone-aware."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise ValueError(f"the time from {self.since.isoformat()} to {self.until.isoformat()} is empty or reversed")

    def touches(self, story: Story) -> bool:
        """Whether a run went on in the span, from its first event to its last, or to now where it has not ended."""
        since, until = iso(self.since), iso(self.until)
        times = [message.at for message in story.messages]
        return bool(times) and min(times) < until and (max(times) >= since or _goes_on(story))


def _goes_on(story: Story) -> bool:
    """Whether one of the OpenLineage runs has not ended."""
    last = {message.subject: message.event for message in story.messages}
    return any(isinstance(event, RunEvent) and event.eventType in _OPEN for event in last.values())


@dataclass(frozen=True)
class Recorded:
    """What gives rise to events, and all of them: a Dagster run, or some of what was reported without any."""

    run_id: str
    """The Dagster run's id; empty for what was reported without any run."""
    at: datetime
    """When the run was created, or reporting is looked at from."""
    story: Story


@dataclass
class Census:
    """The Dagster runs of a span."""

    told: int = 0
    """Those that the sensor tells …"""
    elsewhere: Counter[str] = field(default_factory=Counter)
    """… and those of other code locations, which it does not."""

    @property
    def is_of_others(self) -> bool:
        """Whether there are runs, but of other code locations only: this one's name may be wrong."""
        return not self.told and bool(self.elsewhere)

    def why_none(self, location: str) -> str | None:
        """Why no run is told, in words; None where some are.

        Args:
            location: The code location whose runs are told.
        """
        if self.told:
            return None
        if not self.elsewhere:
            return "Dagster recorded no run in this time"
        others = ", ".join(f"{name} ({count:,})" for name, count in sorted(self.elsewhere.items()))
        return (
            f"no Dagster run in this time is of the code location {location!r}, but of others: {others}. Where the "
            "instance knows it by another name, give --location NAME"
        )


def parse_time(text: str, now: datetime) -> datetime:
    """A moment as people write it: `2026-11-01`, `2026-11-01T06:00`, or how long ago: `90m`, `24h`, `7d`.

    Without a timezone it is UTC.

    Args:
        text: The moment.
        now: The present, timezone-aware.

    Raises:
        ValueError: It is none of these, or lies before the year 1.
    """
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is no time: write 2026-11-01, 2026-11-01T06:00, 2026-11-01T06:00+01:00, or 90m, 24h, 7d ago"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def runs_in(instance: dg.DagsterInstance, span: Span, *, late: timedelta) -> Iterator[RunInfo]:
    """The Dagster runs that may have done something in a span, in the order of their creation.

    Args:
        instance: The Dagster instance.
        span: The span.
        late: How long after a run's end something may still be written to its log.
    """
    return reader.runs_between(instance, span.since - late, span.until)


def tell(
    instance: dg.DagsterInstance, info: RunInfo, builder: EventBuilder, options: Options, now: datetime
) -> Recorded:
    """Read a run's whole log and tell it.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    events, _ = reader.read_run(instance, info.run_id, None)
    log = fold_log(events)
    reader.listen(instance, info.run_id, log, now=now, max_runtime=options.max_runtime)
    return Recorded(info.run_id, info.created_at, messages_of(log, info, builder, options, now))


def reports_in(instance: dg.DagsterInstance, span: Span, builder: EventBuilder, now: datetime) -> Iterator[Recorded]:
    """What was reported without any run in a span, in pages.

    Args:
        instance: The Dagster instance.
        span: The span.
        builder: Builds events from what the definitions say.
        now: The present, timezone-aware.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    position, told = reader.BEGINNING, frozenset[str]()
    while True:
        page = runless.read_reports(instance, position, now=now.timestamp(), since=span.since.timestamp())
        fresh = [each.event for each in page.reports if each.key not in told and each.event.at < span.until]
        ours = [event for event in fresh if builder.tells_report_on(event.path)]
        if ours:
            yield Recorded(runless.NO_RUN, span.since, story_of_reports(ours, builder))
        if page.is_last:
            return
        position, told = page.position, frozenset(each.key for each in page.reports)
