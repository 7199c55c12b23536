"""One tick of the exporter: find runs, read them, build events, deliver, remember what was accepted.

The order of things is the promise: progress names an event as sent only after the backend has accepted it, so
whatever crashes between leads to sending again, never to a gap; and sending again changes nothing.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from weather_pipeline.lineage import deadletters, reader
from weather_pipeline.lineage.delivery import Answer, Outcome, Sink, Verdict, deliver
from weather_pipeline.lineage.events import EventBuilder, Message
from weather_pipeline.lineage.fold import asset_runs, check_runs, fold_log
from weather_pipeline.lineage.identity import CHECKS
from weather_pipeline.lineage.model import AssetPath, AssetRun, LogEvent, RunInfo
from weather_pipeline.lineage.naming import InvalidName
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import OpenRun, Progress

_MAX_OPEN = 500
"""Open runs at once: bounds the cursor and the work of a tick; the backlog waits in the event log."""
_SWEEP_EVERY = 60.0
_SWEEP_BACK = 180.0
_REMEMBER_CLOSED = 900.0
_REMEMBER_AT_MOST = 2000
_STRIKES = 5
"""How often an event may get a 500 from a backend that is otherwise well before it counts as refused."""


@dataclass
class Report:
    """What one tick did."""

    accepted: int = 0
    refused: int = 0
    open_runs: int = 0
    waiting: int = 0
    """Events that were due and not accepted."""
    unavailable: str | None = None
    blamed: dg.DagsterRun | None = None
    """A run whose events wait, by which the failure is shown."""

    def summary(self) -> str:
        """One line for the tick log."""
        parts = [f"{self.accepted} accepted", f"{self.refused} refused", f"{self.open_runs} runs open"]
        return ", ".join([*parts, f"{self.waiting} waiting"] if self.waiting else parts)


@dataclass
class _Known:
    """A run's log as far as it has been read; only a cache: it is read anew after a restart."""

    info: RunInfo
    run: dg.DagsterRun
    read_since: datetime
    """When the log was last read from its beginning."""
    events: list[LogEvent] = field(default_factory=list)
    cursor: str | None = None
    quiet: bool = False
    """Everything that the events read so far give rise to has been sent."""


@dataclass
class _Tick:
    """What one tick works with."""

    instance: dg.DagsterInstance
    builder: EventBuilder
    progress: Progress
    log: logging.Logger
    report: Report = field(default_factory=Report)


class Exporter:
    """The exporter of one sensor; keeps a cache of open runs' logs between ticks.

    Args:
        sink: Where events go.
        options: What the user chose.
        budget: Seconds that a tick may take.
        clock: Gives the present time, timezone-aware.
    """

    def __init__(
        self, sink: Sink, options: Options, *, budget: float = 5.0, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._sink = sink
        self._options = options
        self._budget = budget
        self._clock = clock or (lambda: datetime.now(UTC))
        self._known: dict[str, _Known] = {}

    def begin(self, instance: dg.DagsterInstance, since: datetime | None) -> Progress:
        """Progress of a first start: from now, or from a time that the user names."""
        if since is not None:
            return Progress(positions=dict.fromkeys(reader.STATUS_CHANGES, reader.BEGINNING), since=since.timestamp())
        positions = {kind: reader.newest_position(instance, kind) for kind in reader.STATUS_CHANGES}
        now = self._clock().timestamp()
        return Progress(positions=positions, since=now, swept_at=now)

    def tick(
        self, instance: dg.DagsterInstance, builder: EventBuilder, progress: Progress, log: logging.Logger
    ) -> Report:
        """Bring the backend as far as the budget allows; changes `progress` as events are accepted."""
        tick = _Tick(instance, builder, progress, log)
        deadline = time.monotonic() + self._budget
        while True:
            self._discover(tick)
            due = self._collect(tick)
            if not due or time.monotonic() >= deadline:
                break
            outcome = deliver(self._sink, due, deadline=deadline, cautious=progress.failing_since is not None)
            refused = tick.report.refused
            self._settle(tick, outcome)
            if outcome.unavailable or (not outcome.accepted and tick.report.refused == refused):
                break
        self._close(tick)
        report = tick.report
        report.open_runs = len(progress.open)
        unsent = {
            run_id: sum(message.key not in progress.open[run_id].sent for message in messages)
            for run_id, messages in due.items()
            if run_id in progress.open
        }
        report.waiting = sum(unsent.values())
        report.blamed = next((self._known[run_id].run for run_id, count in unsent.items() if count), None)
        return report

    def _discover(self, tick: _Tick) -> None:
        progress, now = tick.progress, self._clock().timestamp()
        found: list[str] = []
        for kind in reader.STATUS_CHANGES:
            if len(progress.open) + len(found) >= _MAX_OPEN:
                break
            position = progress.positions.get(kind, reader.BEGINNING)
            page = reader.changed_runs(tick.instance, kind, position, since=progress.since, limit=_MAX_OPEN)
            progress.positions[kind] = page.position
            found += page.run_ids
        if now - progress.swept_at > _SWEEP_EVERY:
            since = max(progress.swept_at - _SWEEP_BACK, progress.since)
            found += reader.runs_updated_since(tick.instance, datetime.fromtimestamp(since, UTC), _MAX_OPEN)
            progress.swept_at = now
        for run_id in found:
            if run_id not in progress.open and run_id not in progress.closed:
                progress.open[run_id] = OpenRun()
        progress.forget_closed(now - _REMEMBER_CLOSED, _REMEMBER_AT_MOST)

    def _collect(self, tick: _Tick) -> dict[str, list[Message]]:
        """The unsent events of the open runs that have any."""
        due = {}
        for run_id in list(tick.progress.open):
            known = self._read(tick.instance, run_id)
            if known is None:
                tick.log.warning("Dagster run %s was deleted while its lineage was open.", run_id)
                self._forget(tick.progress, run_id)
            elif unsent := self._unsent(tick, run_id, known):
                due[run_id] = unsent
        return due

    def _read(self, instance: dg.DagsterInstance, run_id: str, *, anew: bool = False) -> _Known | None:
        """Read what is new in the run's log, or the whole log anew."""
        known = self._known.get(run_id)
        if known is None or anew:
            found = reader.run_info(instance, run_id)
            if found is None:
                return None
            known = _Known(*found, read_since=self._clock())
        events, known.cursor = reader.read_run(instance, run_id, known.cursor)
        known.events += events
        known.quiet = known.quiet and not events
        self._known[run_id] = known
        return known

    def _unsent(self, tick: _Tick, run_id: str, known: _Known) -> list[Message]:
        now, options = self._clock(), self._options
        if known.quiet and now - known.info.created_at < options.max_runtime:
            return []
        folded = fold_log(known.events)
        runs = asset_runs(folded, known.info, now=now, grace=options.grace, max_runtime=options.max_runtime)
        open_run = tick.progress.open[run_id]
        messages: list[Message] = []
        for run in runs:
            messages += self._built(tick, open_run, "/".join(run.path), lambda run=run: tick.builder.asset_events(run))
        for checks in check_runs(folded, known.info, read_by=_read_by(tick.builder, runs)):
            name = "/".join(checks.path) + CHECKS
            messages += self._built(tick, open_run, name, lambda checks=checks: tick.builder.check_events(checks))
        unsent = [message for message in messages if message.key not in open_run.sent]
        known.quiet = not unsent
        return sorted(unsent, key=lambda message: message.event.eventTime)

    def _built(
        self, tick: _Tick, open_run: OpenRun, name: str, build: Callable[[], Iterable[Message]]
    ) -> list[Message]:
        """The events of one asset's run; none, but a dead letter, where they can't be built."""
        key = f"withheld:{name}"
        if key in open_run.sent:
            return []
        try:
            return list(build())
        except InvalidName as error:
            reason = str(error)
        except Exception:  # noqa: BLE001  (one asset that can't be told must not silence the others)
            reason = traceback.format_exc()
        tick.log.error("No lineage for %s, kept as a dead letter: %s", name, reason)
        deadletters.bury(tick.instance, key, reason, {})
        open_run.sent.add(key)
        tick.report.refused += 1
        return []

    def _settle(self, tick: _Tick, outcome: Outcome) -> None:
        """Take over what a delivery achieved."""
        progress, report = tick.progress, tick.report
        for run_id, messages in outcome.accepted.items():
            progress.open[run_id].sent.update(message.key for message in messages)
            progress.open[run_id].strikes = 0
            report.accepted += len(messages)
            progress.accepted += len(messages)
        if outcome.accepted:
            if progress.failing_since is not None:
                tick.log.info("%s accepts events again.", self._sink.name)
            progress.failing_since = None
        for run_id, (message, answer) in outcome.stopped.items():
            self._judge(tick, run_id, message, answer)
        if outcome.unavailable:
            report.unavailable = outcome.unavailable
            if progress.failing_since is None:
                progress.failing_since = self._clock().timestamp()
                tick.log.warning("%s takes no events for now: %s", self._sink.name, outcome.unavailable)

    def _judge(self, tick: _Tick, run_id: str, message: Message, answer: Answer) -> None:
        """Decide about an event that was not accepted: wait, or give it up for good."""
        open_run = tick.progress.open[run_id]
        refused = answer.verdict is Verdict.REFUSED
        if answer.verdict is Verdict.DOUBTFUL:
            open_run.strikes += 1
            refused = open_run.strikes >= _STRIKES and self._sink.is_well()
            tick.report.unavailable = tick.report.unavailable or answer.reason
        if not refused:
            return
        deadletters.bury(tick.instance, message.key, answer.reason, message.body())
        open_run.sent.add(message.key)
        open_run.strikes = 0
        tick.report.refused += 1
        tick.progress.refused += 1
        tick.log.error("%s refused an event of Dagster run %s: %s", self._sink.name, run_id, answer.reason)

    def _close(self, tick: _Tick) -> None:
        """Close the runs whose lineage is complete: over, settled, read whole since then, and all of it sent."""
        now = self._clock()
        for run_id in list(tick.progress.open):
            known = self._known[run_id]
            folded = fold_log(known.events)
            if folded.ended is None:
                continue
            wait = self._options.grace if folded.has_unfinished_steps else self._options.settle
            settled_at = folded.ended.at + wait
            if now < settled_at:
                continue
            if known.read_since < settled_at:
                known = self._read(tick.instance, run_id, anew=True)
            if known and not self._unsent(tick, run_id, known):
                tick.progress.closed[run_id] = now.timestamp()
                self._forget(tick.progress, run_id)

    def _forget(self, progress: Progress, run_id: str) -> None:
        progress.open.pop(run_id, None)
        self._known.pop(run_id, None)


def _read_by(builder: EventBuilder, runs: Iterable[AssetRun]) -> list[tuple[AssetPath, str]]:
    """The checks that are assertions on an input of some run, and so no tests of their own."""
    return [
        (check.path, check.name) for run in runs for checks in builder.input_checks(run).values() for check in checks
    ]
