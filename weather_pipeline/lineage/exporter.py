"""One tick of the exporter: find runs, read them, build events, deliver, remember what was accepted.

The order of things is the promise: progress names an event as sent only after the backend has accepted it, so
whatever crashes between leads to sending again, never to a gap; and sending again changes nothing.

Runs are taken one after another, beginning where the last tick ended, and what one gives rise to is delivered while the
next is read: a backlog of any length shrinks with every tick, and no run, however large or broken, keeps the others
waiting.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from weather_pipeline.lineage import discovery, parking, reader, runless
from weather_pipeline.lineage.answers import Sink
from weather_pipeline.lineage.dispatch import Dispatcher, Report, Tick
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.model import RunEnded, RunInfo, RunState, StepError, StorageUnavailable
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.progress import OpenRun, Progress
from weather_pipeline.lineage.proof import Proof
from weather_pipeline.lineage.runlog import RunLog, fold_log
from weather_pipeline.lineage.scope import NOWHERE, Scope
from weather_pipeline.lineage.story import Problem, parts_of
from weather_pipeline.lineage.telling import Telling

_LOOK_FOR_DELETED = 60.0
_PREFETCH = 50
"""Run records that are read at once."""
_SHARE_FREE = 10
"""When fewer than one of so many places for open runs is free, others are parked until half of them are."""
_SHARE_FOR_PARKED = 0.2
"""Of a tick's budget."""
_AT_LEAST = 16
"""Events of a run that are handed over even where the budget is used up: every tick must bring something forward."""


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
    telling: Telling = field(default_factory=Telling)
    cursor: str | None = None
    is_whole: bool = False
    """The log has been read to where it ended then."""
    quiet: bool = False
    """Everything that the events read so far give rise to has been sent."""
    has_named_others: bool = False
    """It was said which of its assets others tell."""
    has_open_starts: bool = False
    """At the last look something had begun and not ended."""
    has_inferred_ends: bool = False
    """An end was concluded from the run's: the real one may follow."""

    @property
    def last_at(self) -> datetime:
        """The last sign of life."""
        return self.log.last_at or self.info.created_at


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
        self._options = options
        self.budget = budget
        """Seconds that a tick may take."""
        self._clock = clock or (lambda: datetime.now(UTC))
        self._dispatcher = Dispatcher(sink, name=name, clock=self._clock)
        self._known: dict[str, _Known] = {}
        self._infos: dict[str, tuple[RunInfo, dg.DagsterRun]] = {}
        """Run records that were read ahead."""
        self._reached: str | None = None
        """The run at which the last tick ended."""

    @property
    def proof(self) -> Proof:
        """Whether the backend is well, as the runs' events show."""
        return self._dispatcher.proof

    def begin(self, instance: dg.DagsterInstance, since: datetime | None) -> Progress:
        """Progress of a first start: from now, or from a time that the user names."""
        if since is not None:
            return Progress(positions=dict.fromkeys(reader.STATUS_CHANGES, reader.BEGINNING), since=since.timestamp())
        positions = {kind: reader.newest_position(instance, kind) for kind in reader.STATUS_CHANGES}
        positions[runless.POSITION] = runless.begin(instance)
        now = self._clock().timestamp()
        return Progress(positions=positions, since=now, swept_at=now)

    def tick(
        self,
        instance: dg.DagsterInstance,
        builder: EventBuilder,
        progress: Progress,
        log: logging.Logger,
        *,
        home: Scope = NOWHERE,
        quick: bool = False,
        budget: float | None = None,
    ) -> Report:
        """Bring the backend as far as the budget allows; changes `progress` as events are accepted.

        Args:
            instance: The Dagster instance.
            builder: Builds events from what the definitions say, and knows which runs are told here.
            progress: How far the exporter has come.
            log: Hears what a user should know.
            home: The repository that the sensor stands in, which stands in dead letters.
            quick: Not look for what has become visible late: the tick before this one did, seconds ago.
            budget: Seconds that this tick may take, where they are others than the exporter's.
        """
        tick = Tick(instance, progress, log, time.monotonic() + (self.budget if budget is None else budget), home)
        report = tick.report
        if self._dispatcher.may_begin(tick):
            try:
                self._bring(tick, builder, quick=quick)
            except Exception as error:
                self._dispatcher.settle(tick)
                progress.note_error(f"Dagster's storage: {error}", self._clock().timestamp())
                if not report.accepted + report.refused:
                    raise
                log.exception("Dagster's storage can't be read now.")  # what was accepted must be remembered
        now = self._clock().timestamp()
        if not progress.waiting and not progress.unread:
            progress.failing_since = None  # What waited is gone: nothing shows how the backend is.
        progress.end_tick(now)
        report.is_cut_short = tick.is_over
        report.open_runs, report.waiting, report.lag = len(progress.open), progress.waiting, progress.lag
        report.undiscovered = progress.undiscovered
        waiting = (run_id for run_id, open_run in progress.open.items() if open_run.due)
        report.blamed = next((self._known[run_id].run for run_id in waiting if run_id in self._known), None)
        return report

    def _bring(self, tick: Tick, builder: EventBuilder, *, quick: bool) -> None:
        """Find runs and send what they give rise to, until nothing is due, nothing passes or the budget is used up."""
        report, looks_at_parked = tick.report, not quick
        while True:
            before = report.accepted + report.refused
            now = self._clock().timestamp()
            self._make_room(tick.progress, now)
            discovery.discover(tick.instance, tick.progress, now, quick=quick)
            if looks_at_parked:
                looks_at_parked, until = False, time.monotonic() + self.budget * _SHARE_FOR_PARKED
                parking.open_changed(
                    tick.instance, tick.progress, now, self._options.max_runtime, tick.log, until=until
                )
            was_full = len(tick.progress.open) >= discovery.MAX_OPEN
            self._pass(tick, builder)
            if not was_full or report.trouble or tick.is_over or report.accepted + report.refused == before:
                return

    def _make_room(self, progress: Progress, now: float) -> None:
        """Park open runs of which nothing is due, those without a sign of life for the longest time first."""
        room = discovery.MAX_OPEN - len(progress.open.keys() | {runless.NO_RUN})
        if room >= discovery.MAX_OPEN // _SHARE_FREE + 1:
            return
        quiet = [
            (known.last_at, run_id)
            for run_id, known in self._known.items()
            if known.quiet and known.log.ended is None and run_id in progress.open and not progress.open[run_id].due
        ]
        for _, run_id in sorted(quiet)[: discovery.MAX_OPEN // 2 - room + 1]:
            if parking.park(progress, run_id, self._known[run_id].cursor, now, is_over=False):
                self._forget(progress, run_id)

    def _pass(self, tick: Tick, builder: EventBuilder) -> None:
        """Every open run once, as far as the budget allows; what one gives rise to goes while the next is read."""
        runs, dispatcher, reached = self._order(tick.progress), self._dispatcher, 0
        tick.report.not_reached = 0
        for run_id in runs:
            if not dispatcher.may_go_on(tick):
                break
            self._read_ahead(tick.instance, runs, reached)
            reached += 1
            self._reached = run_id
            if dispatcher.has(tick, run_id):
                continue
            self._tell(tick, builder, run_id)
            self._close_the_told(tick)
            if tick.is_over and run_id != runless.NO_RUN:
                break
        dispatcher.settle(tick)
        self._close_the_told(tick)
        tick.report.not_reached += len(runs) - reached

    def _order(self, progress: Progress) -> list[str]:
        """The open runs, beginning after the one at which the last tick ended; those that fail come last.

        Reports without a run come first, but while the backend is down in their turn: the probe goes round.
        """
        first = [runless.NO_RUN] if runless.NO_RUN in progress.open and progress.failing_since is None else []
        runs = [run_id for run_id in progress.open if run_id not in first]
        if self._reached in runs:
            start = runs.index(self._reached) + 1
            runs = runs[start:] + runs[:start]
        return first + sorted(runs, key=lambda run_id: bool(progress.open[run_id].strikes))

    def _tell(self, tick: Tick, builder: EventBuilder, run_id: str) -> None:
        """Hand over what is due of a run, as far as the budget allows. A run that can't be read waits for itself."""
        handed_over = 0
        try:
            for message in self._due(tick, builder, run_id):
                if not self._dispatcher.put(tick, run_id, message, waits=not handed_over):
                    return
                handed_over += 1
                if tick.is_over and handed_over >= _AT_LEAST:
                    return
        except Exception as error:  # noqa: BLE001  (any trouble with one run's log: the others go on)
            reason = error if isinstance(error, StorageUnavailable) else traceback.format_exc()
            tick.log.warning("Dagster run %s can't be read, and is tried again: %s", run_id, reason)

    def _due(self, tick: Tick, builder: EventBuilder, run_id: str) -> Iterator[Message]:
        """The unsent events of a run; closes it where there is none and it is complete."""
        if run_id == runless.NO_RUN:
            yield from self._due_reports(tick, builder)
            return
        known = self._read(tick, run_id)
        if known is None:
            yield from self._due_of_deleted(tick, builder, run_id)
        elif not builder.tells(known.info):
            tick.progress.closed[run_id] = self._clock().timestamp()
            self._forget(tick.progress, run_id)
        elif known.is_whole:
            yield from self._unsent(tick, builder, run_id, known)
            if known.quiet:
                yield from self._close(tick, builder, run_id, known)
        else:
            tick.report.not_reached += 1

    def _due_of_deleted(self, tick: Tick, builder: EventBuilder, run_id: str) -> Iterator[Message]:
        """The ends of what was open when its run was deleted, as far as this process still knows the run's log."""
        known = self._known.get(run_id)
        if known:
            if known.log.ended is None:
                error = StepError(None, "The Dagster run was deleted while it was open.")
                fold_log([RunEnded(RunState.ABORT, known.last_at, error, inferred=True)], known.log)
            known.quiet = False
            yield from self._unsent(tick, builder, run_id, known)
            if not known.quiet or self._clock() - known.last_at < self._options.grace:
                return
        tick.log.warning("Dagster run %s was deleted while its lineage was open.", run_id)
        self._forget(tick.progress, run_id)

    def _due_reports(self, tick: Tick, builder: EventBuilder) -> Iterator[Message]:
        """The unsent events of what was reported without a run."""
        open_run = tick.progress.open[runless.NO_RUN]
        now = self._clock().timestamp()
        while True:
            story = runless.look(tick.instance, builder, tick.progress, now=now)
            for problem in story.problems:
                self._withhold(tick, open_run, runless.NO_RUN, problem)
            open_run.look({message.key: datetime.fromisoformat(message.at).timestamp() for message in story.messages})
            if story.messages:
                yield from story.messages
                return
            if not story.problems:
                self._forget(tick.progress, runless.NO_RUN)
                return

    def _read(self, tick: Tick, run_id: str, *, anew: bool = False) -> _Known | None:
        """Read what is new in the run's log, or the whole log anew; None where the run was deleted.

        Of a long log one page at least, and the others as far as the budget allows.
        """
        now, instance = self._clock(), tick.instance
        known = self._known.get(run_id)
        if known is None or anew:
            found = self._infos.pop(run_id, None) or reader.run_info(instance, run_id)
            if found is None:
                return None
            fresh = _Known(*found, read_since=now, seen_at=now)
            if known:
                fresh.telling, fresh.has_named_others = known.telling, known.has_named_others
            known = fresh
        while True:
            page = reader.read_page(instance, run_id, known.cursor)
            known.cursor, known.is_whole = page.cursor, page.is_last
            if page.events:
                fold_log(page.events, known.log)
                known.quiet, known.seen_at = False, now
            self._known[run_id] = known
            if page.is_last or tick.is_over:
                break
        if (now - known.seen_at).total_seconds() > _LOOK_FOR_DELETED:
            if reader.run_info(instance, run_id) is None:
                return None
            known.seen_at = now
        return known

    def _unsent(self, tick: Tick, builder: EventBuilder, run_id: str, known: _Known) -> Iterator[Message]:
        """The events of a run that were not accepted, built as they are asked for."""
        now, options = self._clock(), self._options
        open_run = tick.progress.open[run_id]
        reader.listen(tick.instance, run_id, known.log, now=now, max_runtime=options.max_runtime)
        if known.quiet and known.log.ended is None and now - known.last_at <= options.max_runtime:
            open_run.look({})
            return
        parts = parts_of(known.log, known.info, builder, options, now, can_tell=known.telling.can_tell)
        if known.log.ended and not known.has_named_others:
            known.has_named_others = True
            self._name_others(tick, builder, known)
        known.has_open_starts = not all(part.has_ended for part in parts)
        known.has_inferred_ends = any(part.is_inferred for part in parts)
        known.quiet = False
        is_told = True
        for told in known.telling.unsent(parts, open_run):
            if isinstance(told, Problem):
                self._withhold(tick, open_run, run_id, told)
            else:
                is_told = False
                yield told
        known.quiet = is_told

    def _name_others(self, tick: Tick, builder: EventBuilder, known: _Known) -> None:
        """Say of which assets nothing is told: the definitions that are loaded may be older than the run."""
        if others := builder.left_to_others(known.log, known.info):
            tick.log.info(
                "Dagster run %s, which no code location launched, has assets that this one does not define (%s): whose "
                "they are tells them. If they are new here, reload the code location and run weather lineage replay.",
                known.info.run_id,
                ", ".join("/".join(path) for path in others[:10]) + (", …" if len(others) > 10 else ""),  # noqa: PLR2004
            )

    def _withhold(self, tick: Tick, open_run: OpenRun, run_id: str, problem: Problem) -> None:
        """Keep what can't be told as a dead letter, once."""
        withheld = f"withheld:{problem.about}"
        if withheld in open_run.sent:
            return
        tick.log.error(
            "No lineage for %s in Dagster run %s, kept as a dead letter: %s", problem.about, run_id, problem.reason
        )
        self._dispatcher.bury(
            tick, f"{run_id}:{withheld}", problem.reason, {"dagsterRunId": run_id, "asset": problem.about}
        )
        open_run.sent.add(withheld)

    def _read_ahead(self, instance: dg.DagsterInstance, runs: Sequence[str], start: int) -> None:
        """Read the records of the next unknown runs with one query."""
        if start % _PREFETCH == 0:
            unknown = [run_id for run_id in runs[start : start + _PREFETCH] if run_id not in self._known]
            self._infos = reader.run_infos(instance, unknown) if len(unknown) > 1 else {}

    def _close_the_told(self, tick: Tick) -> None:
        """Close the runs that were complete when they were read, and of which all has been accepted since."""
        for run_id in self._dispatcher.told:
            known, open_run = self._known.get(run_id), tick.progress.open.get(run_id)
            if known and open_run and open_run.due == 0 and not open_run.strikes and self._is_complete(known):
                self._end(tick.progress, run_id, known)
        self._dispatcher.told.clear()

    def _is_complete(self, known: _Known) -> bool:
        """Whether a run is over and settled, and was read whole since then."""
        ended = known.log.ended
        if ended is None:
            return False
        return known.is_whole and known.read_since >= ended.at + self._wait(known)

    def _wait(self, known: _Known) -> timedelta:
        """How long after its end a run stays open: whatever was begun gets its end before."""
        is_unfinished = known.log.has_unfinished_steps or known.has_open_starts
        return self._options.grace if is_unfinished else self._options.settle

    def _close(self, tick: Tick, builder: EventBuilder, run_id: str, known: _Known) -> Iterator[Message]:
        """Close a run that has nothing unsent, if its lineage is complete; else what was found to be unsent still.

        Complete is a run that is over, settled, and read whole since then, or one that has been dead for long.
        """
        now, ended = self._clock(), known.log.ended
        if ended is None:
            if now - known.last_at <= self._options.max_runtime:
                return
        elif not self._is_complete(known):
            if now < ended.at + self._wait(known):
                return
            again = self._read(tick, run_id, anew=True)
            if again and not again.is_whole:
                return
            if again:
                yield from self._unsent(tick, builder, run_id, again)
                if not again.quiet:
                    return
        self._end(tick.progress, run_id, known)

    def _end(self, progress: Progress, run_id: str, known: _Known) -> None:
        at = max(self._clock(), known.last_at).timestamp()
        is_final = known.log.ended is None or not (known.log.has_unfinished_steps or known.has_inferred_ends)
        if is_final or not parking.park(progress, run_id, known.cursor, at, is_over=True):
            progress.closed[run_id] = at
        self._forget(progress, run_id)

    def _forget(self, progress: Progress, run_id: str) -> None:
        progress.open.pop(run_id, None)
        self._known.pop(run_id, None)
