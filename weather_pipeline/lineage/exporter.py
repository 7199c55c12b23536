"""One tick of the exporter: find runs, read them, build events, deliver, remember what was accepted.

The order of things is the promise: progress names an event as sent only after the backend has accepted it, so
whatever crashes between leads to sending again, never to a gap; and sending again changes nothing.

Runs are taken in small batches, each read, built and delivered before the next, beginning where the last tick ended:
a backlog of any length shrinks with every tick, and no run, however large or broken, keeps the others waiting.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from weather_pipeline.lineage import deadletters, reader
from weather_pipeline.lineage.catalog import StorageUnavailable
from weather_pipeline.lineage.delivery import Answer, Outcome, Sink, Verdict, deliver
from weather_pipeline.lineage.discovery import discover
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.fold import RunLog, fold_log
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import RunInfo
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import OpenRun, Progress, Strikes
from weather_pipeline.lineage.story import Problem, messages_of

STRIKES = 5
"""How often an event may fail while the backend takes others before it counts as refused …"""
STRIKES_SPAN = 300.0
"""… and for how many seconds at least: a backend may be ill for some events and some minutes."""
_BATCH = 32
"""Runs that are read and built before what they gave is delivered …"""
_BATCH_SECONDS = 1.0
"""… or fewer, where that takes longer."""
_LEAST_SECONDS = 2.0
"""What a delivery gets even where reading has used up the budget: every tick must bring something forward."""
_LOOK_FOR_DELETED = 60.0


@dataclass
class Report:
    """What one tick did."""

    accepted: int = 0
    refused: int = 0
    open_runs: int = 0
    waiting: int = 0
    """Events that were due and not accepted, of the runs that were reached."""
    not_reached: int = 0
    """Open runs for which the tick had no time."""
    doubt: str | None = None
    """The last answer that left open whether the backend or the event is to blame."""
    trouble: str | None = None
    """Why the backend, or Dagster's storage, was given up for now."""
    blamed: dg.DagsterRun | None = None
    """A run whose events wait, by which the failure is shown."""

    def summary(self) -> str:
        """One line for the tick log."""
        parts = [f"{self.accepted} accepted", f"{self.refused} refused", f"{self.open_runs} runs open"]
        parts += [f"{self.waiting} events waiting"] if self.waiting else []
        parts += [f"{self.not_reached} runs for the next tick"] if self.not_reached else []
        return ", ".join(parts) + (f". In doubt: {self.doubt}" if self.doubt and not self.trouble else "")


@dataclass
class _Known:
    """A run's log as far as it has been read; only a cache: it is read anew after a restart."""

    info: RunInfo
    run: dg.DagsterRun
    read_since: datetime
    """When the log was last read from its beginning."""
    seen_at: datetime
    """When the run was last known to exist."""
    log: RunLog = field(default_factory=RunLog)
    cursor: str | None = None
    quiet: bool = False
    """Everything that the events read so far give rise to has been sent."""

    @property
    def last_at(self) -> datetime:
        """The last sign of life."""
        return self.log.last_at or self.info.created_at


@dataclass
class _Tick:
    """What one tick works with."""

    instance: dg.DagsterInstance
    builder: EventBuilder
    progress: Progress
    log: logging.Logger
    deadline: float
    """On the monotonic clock."""
    report: Report = field(default_factory=Report)

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return time.monotonic() >= self.deadline


class Exporter:
    """The exporter of one sensor; keeps a cache of open runs' logs between ticks.

    Args:
        sink: Where events go.
        options: What the user chose.
        budget: Seconds that a tick may take.
        clock: Gives the present time, timezone-aware.
        name: The sensor's name, which stands in dead letters.
    """

    def __init__(
        self,
        sink: Sink,
        options: Options,
        *,
        budget: float = 5.0,
        clock: Callable[[], datetime] | None = None,
        name: str = "",
    ) -> None:
        self._name = name
        self._sink = sink
        self._options = options
        self._budget = budget
        self._clock = clock or (lambda: datetime.now(UTC))
        self._known: dict[str, _Known] = {}
        self._reached: str | None = None
        """The run at which the last batch ended."""
        self._proof: Message | None = None
        """The last event that was accepted: sent again, it shows whether the backend is well."""

    def begin(self, instance: dg.DagsterInstance, since: datetime | None) -> Progress:
        """Progress of a first start: from now, or from a time that the user names."""
        if since is not None:
            return Progress(positions=dict.fromkeys(reader.STATUS_CHANGES, reader.BEGINNING), since=since.timestamp())
        positions = {kind: reader.newest_position(instance, kind) for kind in reader.STATUS_CHANGES}
        now = self._clock().timestamp()
        return Progress(positions=positions, since=now, swept_at=now)

    def tick(
        self,
        instance: dg.DagsterInstance,
        builder: EventBuilder,
        progress: Progress,
        log: logging.Logger,
        *,
        location: str | None = None,
    ) -> Report:
        """Bring the backend as far as the budget allows; changes `progress` as events are accepted.

        Args:
            instance: The Dagster instance.
            builder: Builds events from what the definitions say.
            progress: How far the exporter has come.
            log: Hears what a user should know.
            location: Only runs of this code location, and those of none, are told; None tells all.
        """
        tick = _Tick(instance, builder, progress, log, time.monotonic() + self._budget)
        report = tick.report
        while True:
            before = report.accepted + report.refused
            try:
                discover(instance, progress, self._clock().timestamp())
            except Exception:
                if not before:
                    raise
                log.exception("Dagster's storage can't be read now.")  # what was accepted must be remembered
                break
            self._pass(tick, location)
            if report.trouble or tick.is_over or report.accepted + report.refused == before:
                break
        report.open_runs = len(progress.open)
        return report

    def _pass(self, tick: _Tick, location: str | None) -> None:
        """Every open run once, in batches, as far as the budget allows."""
        tick.report.waiting = 0
        runs = self._order(tick.progress)
        left = iter(runs)
        reached = 0
        while True:
            due: dict[str, list[Message]] = {}
            # While the backend is down, one run's first event is probe enough.
            size = 1 if tick.progress.failing_since is not None else _BATCH
            until = time.monotonic() + _BATCH_SECONDS
            for run_id in left:
                reached += 1
                self._reached = run_id
                if messages := self._look(tick, run_id, location):
                    due[run_id] = messages
                if len(due) >= size or (due and time.monotonic() > until) or tick.is_over:
                    break
            if due:
                self._deliver(tick, due)
            if reached == len(runs) or tick.is_over or tick.report.trouble:
                tick.report.not_reached = len(runs) - reached
                return

    def _order(self, progress: Progress) -> list[str]:
        """The open runs, beginning after the one at which the last tick ended; those that fail come last."""
        runs = list(progress.open)
        if self._reached in progress.open:
            start = runs.index(self._reached) + 1
            runs = runs[start:] + runs[:start]
        return sorted(runs, key=lambda run_id: bool(progress.open[run_id].strikes))

    def _look(self, tick: _Tick, run_id: str, location: str | None) -> list[Message]:
        """The unsent events of a run; closes it where it is complete. A run that can't be read waits for itself."""
        try:
            known = self._read(tick.instance, run_id)
            if known is None:
                tick.log.warning("Dagster run %s was deleted while its lineage was open.", run_id)
                self._forget(tick.progress, run_id)
                return []
            if location is not None and known.info.location not in (None, location):
                tick.progress.closed[run_id] = self._clock().timestamp()
                self._forget(tick.progress, run_id)
                return []
            return self._unsent(tick, run_id, known) or self._close(tick, run_id, known)
        except Exception as error:  # noqa: BLE001  (any trouble with one run's log: the others go on)
            reason = error if isinstance(error, StorageUnavailable) else traceback.format_exc()
            tick.log.warning("Dagster run %s can't be read, and is tried again: %s", run_id, reason)
            return []

    def _read(self, instance: dg.DagsterInstance, run_id: str, *, anew: bool = False) -> _Known | None:
        """Read what is new in the run's log, or the whole log anew; None where the run was deleted."""
        now = self._clock()
        known = self._known.get(run_id)
        if known is None or anew:
            found = reader.run_info(instance, run_id)
            if found is None:
                return None
            known = _Known(*found, read_since=now, seen_at=now)
        events, known.cursor = reader.read_run(instance, run_id, known.cursor)
        if events:
            fold_log(events, known.log)
            known.quiet, known.seen_at = False, now
        elif (now - known.seen_at).total_seconds() > _LOOK_FOR_DELETED:
            if reader.run_info(instance, run_id) is None:
                return None
            known.seen_at = now
        self._known[run_id] = known
        return known

    def _unsent(self, tick: _Tick, run_id: str, known: _Known) -> list[Message]:
        now, options = self._clock(), self._options
        if known.quiet and known.log.ended is None and now - known.last_at <= options.max_runtime:
            return []
        open_run = tick.progress.open[run_id]
        story = messages_of(known.log, known.info, tick.builder, options, now)
        for problem in story.problems:
            self._withhold(tick, open_run, run_id, problem)
        unsent = [message for message in story.messages if message.key not in open_run.sent]
        known.quiet = not unsent
        return unsent

    def _withhold(self, tick: _Tick, open_run: OpenRun, run_id: str, problem: Problem) -> None:
        """Keep what can't be told as a dead letter, once."""
        withheld = f"withheld:{problem.about}"
        if withheld in open_run.sent:
            return
        tick.log.error(
            "No lineage for %s in Dagster run %s, kept as a dead letter: %s", problem.about, run_id, problem.reason
        )
        self._bury(tick, f"{run_id}:{withheld}", problem.reason, {"dagsterRunId": run_id, "asset": problem.about})
        open_run.sent.add(withheld)

    def _deliver(self, tick: _Tick, due: dict[str, list[Message]]) -> None:
        """Send what is due and take over what that achieved."""
        progress, report = tick.progress, tick.report
        deadline = max(tick.deadline, time.monotonic() + _LEAST_SECONDS)
        is_probe = progress.failing_since is not None
        outcome = deliver(
            self._sink,
            {run: messages[:1] if is_probe else messages for run, messages in due.items()},
            deadline=deadline,
        )
        for run_id, messages in outcome.accepted.items():
            open_run = progress.open[run_id]
            for message in messages:
                open_run.sent.add(message.key)
                open_run.strikes.pop(message.key, None)
            report.accepted += len(messages)
            progress.accepted += len(messages)
            self._proof = messages[-1]
        if outcome.accepted:
            if progress.failing_since is not None:
                tick.log.info("%s accepts events again.", self._sink.name)
            progress.failing_since = None
        self._judge(tick, outcome)
        for run_id, messages in due.items():
            unsent = [message for message in messages if message.key not in progress.open[run_id].sent]
            report.waiting += len(unsent)
            if unsent:
                report.blamed = self._known[run_id].run
        if report.trouble and progress.failing_since is None:
            progress.failing_since = self._clock().timestamp()
            tick.log.warning("%s takes no events for now: %s", self._sink.name, report.trouble)

    def _judge(self, tick: _Tick, outcome: Outcome) -> None:
        """Decide about the events that were not accepted: each is refused for good, or waits."""
        doubtful: list[tuple[str, Message, Answer]] = []
        for run_id, message, answer in outcome.failed:
            if answer.verdict is Verdict.REFUSED:
                self._refuse(tick, run_id, message, answer)
            elif answer.verdict is Verdict.DOUBTFUL:
                doubtful.append((run_id, message, answer))
                tick.report.doubt = answer.reason
            else:
                tick.report.trouble = answer.reason
        if doubtful and not (outcome.accepted or self._is_well()):
            # Nothing passes: the backend is ill, and no event is to blame.
            tick.report.trouble = tick.report.trouble or doubtful[0][2].reason
            return
        now = self._clock().timestamp()
        for run_id, message, answer in doubtful:
            strikes = tick.progress.open[run_id].strikes
            times, since = strikes.get(message.key, Strikes(0, now))
            strikes[message.key] = Strikes(times + 1, since)
            if times + 1 >= STRIKES and now - since >= STRIKES_SPAN:
                self._refuse(tick, run_id, message, answer)

    def _is_well(self) -> bool:
        """Whether the backend takes an event that it has taken before: sending again changes nothing."""
        return self._proof is not None and self._sink.send(self._proof).verdict is Verdict.ACCEPTED

    def _refuse(self, tick: _Tick, run_id: str, message: Message, answer: Answer) -> None:
        open_run = tick.progress.open[run_id]
        self._bury(tick, message.key, answer.reason, message.body())
        open_run.sent.add(message.key)
        open_run.strikes.pop(message.key, None)
        tick.log.error("%s refused an event of Dagster run %s: %s", self._sink.name, run_id, answer.reason)

    def _bury(self, tick: _Tick, key: str, reason: str, body: dict[str, Any]) -> None:
        deadletters.bury(tick.instance, key, reason, body, writer=self._name)
        tick.report.refused += 1
        tick.progress.refused += 1

    def _close(self, tick: _Tick, run_id: str, known: _Known) -> list[Message]:
        """Close a run that has nothing unsent, if its lineage is complete; else what was found to be unsent still.

        Complete is a run that is over, settled, and read whole since then, or one that has been dead for long.
        """
        now, ended = self._clock(), known.log.ended
        if ended is None:
            if now - known.last_at <= self._options.max_runtime:
                return []
        else:
            wait = self._options.grace if known.log.has_unfinished_steps else self._options.settle
            if now < ended.at + wait:
                return []
            if known.read_since < ended.at + wait:
                again = self._read(tick.instance, run_id, anew=True)
                if again and (unsent := self._unsent(tick, run_id, again)):
                    return unsent
        tick.progress.closed[run_id] = max(now, known.last_at).timestamp()
        self._forget(tick.progress, run_id)
        return []

    def _forget(self, progress: Progress, run_id: str) -> None:
        progress.open.pop(run_id, None)
        self._known.pop(run_id, None)
