"""What is due goes out, and progress learns what became of it: the delivering half of a tick.

Progress names an event as sent only after the backend has accepted it, so whatever crashes between leads to sending
again, never to a gap. An event is given up as refused only where the backend is seen to take another one right after,
and refuses this one again: a backend that refuses everything for a while (a wrong address, an expired certificate, a
proxy's error page) loses nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.delivery import Courier, Delivered
from weather_pipeline.lineage.gate import Gate
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.progress import Progress, Strikes
from weather_pipeline.lineage.proof import PATIENCE, Proof
from weather_pipeline.lineage.scope import NOWHERE, Scope

STRIKES = 5
"""How often an event may fail while the backend takes others before it counts as refused …"""
STRIKES_SPAN = 300.0
"""… and for how many seconds at least: a backend may be ill for some events and some minutes."""
_LEAST_SECONDS = 2.0
"""What a delivery gets even where reading has used up the budget: every tick must bring something forward."""
_SLACK = 0.5
"""Seconds for which the end of a tick waits for requests that are under way; the next tick takes over the rest."""


@dataclass
class Report:
    """What one tick did."""

    accepted: int = 0
    refused: int = 0
    retried: int = 0
    open_runs: int = 0
    waiting: int = 0
    """Events that were due and not accepted, of the runs that were looked at."""
    not_reached: int = 0
    """Open runs for which the tick had no time."""
    undiscovered: int = 0
    """Runs, at least so many, that find no room among the open ones."""
    is_cut_short: bool = False
    """The budget was used up."""
    lag: float = 0.0
    """The age of the oldest event that was due and not accepted, in seconds."""
    doubt: str | None = None
    """The last answer that left open whether the backend or the event is to blame."""
    trouble: str | None = None
    """Why the backend, or Dagster's storage, was given up for now."""
    blamed: dg.DagsterRun | None = None
    """A run whose events wait, where one is known."""

    @property
    def has_backlog(self) -> bool:
        """Whether the budget was used up before everything was sent."""
        return bool(self.is_cut_short and (self.waiting or self.not_reached or self.undiscovered))

    def add(self, later: Report) -> None:
        """Take in what a later look of the same evaluation did."""
        for name in ("accepted", "refused", "retried"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        for name in ("open_runs", "waiting", "not_reached", "undiscovered", "is_cut_short", "lag", "trouble", "blamed"):
            setattr(self, name, getattr(later, name))
        self.doubt = later.doubt or self.doubt

    def summary(self) -> str:
        """One line for the tick log."""
        parts = [f"{self.accepted} accepted", f"{self.refused} refused"]
        parts += [f"{self.retried} retried"] if self.retried else []
        parts += [f"{self.open_runs} runs open"]
        parts += [f"{self.waiting} events waiting"] if self.waiting else []
        parts += [f"{self.not_reached} runs for the next tick"] if self.not_reached else []
        parts += [f"{self.undiscovered} runs or more find no room yet"] if self.undiscovered else []
        parts += [f"oldest {self.lag:.0f} s old"] if self.waiting or self.not_reached or self.undiscovered else []
        return ", ".join(parts) + (f". In doubt: {self.doubt}" if self.doubt and not self.trouble else "")


@dataclass
class Tick:
    """What one tick works with."""

    instance: dg.DagsterInstance
    progress: Progress
    log: logging.Logger
    deadline: float
    """On the monotonic clock."""
    home: Scope = NOWHERE
    """The repository that the sensor stands in."""
    report: Report = field(default_factory=Report)
    warned: set[str] = field(default_factory=set)
    """What `warn_of_lost` has said."""

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return time.monotonic() >= self.deadline

    def warn_of_lost(self, run_id: str, message: Message) -> None:
        """Say which parts of an accepted event could not be built; what is wrong with many is said once."""
        for lost in message.withheld:
            if lost.failed and lost.reason not in self.warned:
                self.warned.add(lost.reason)
                self.log.warning("Dagster run %s is told without %s: %s", run_id, lost.where, lost.reason)


class Dispatcher:
    """Delivers what is due, while the next runs are read, and keeps progress in step with what was accepted.

    Args:
        sink: Where events go.
        name: The sensor's name, which stands in dead letters.
        clock: Gives the present time, timezone-aware.
    """

    def __init__(self, sink: Sink, *, name: str, clock: Callable[[], datetime]) -> None:
        self._sink = sink
        self._name = name
        self._clock = clock
        self._courier = Courier(sink)
        self._failed: list[Delivered] = []
        self.proof = Proof(sink)
        """Whether the backend is well."""
        self._is_begun = False
        self.told: set[str] = set()
        """Runs of which events were accepted, for the exporter to look whether that was all."""

    @property
    def _now(self) -> float:
        return self._clock().timestamp()

    def may_begin(self, tick: Tick) -> bool:
        """Begin a tick with what the last one left under way; False while the backend wants no request."""
        self.collect(tick)
        self._is_begun = False
        wait = tick.progress.not_before - self._now
        if wait <= 0:
            return True
        until = datetime.fromtimestamp(tick.progress.not_before, UTC).isoformat(timespec="seconds")
        tick.report.trouble = f"It asked for no request before {until}: {tick.progress.last_error}"
        return False

    def has(self, tick: Tick, run: str) -> bool:
        """Whether events of a run are on their way; where none are, progress knows what became of the last."""
        if self._courier.has(run):
            return True
        self.collect(tick)
        return False

    def put(self, tick: Tick, run: str, message: Message, *, waits: bool) -> bool:
        """Send an event of a run; waits while enough of them wait already, or until the backend is seen to be back.

        Args:
            tick: The tick.
            run: The Dagster run.
            message: Its next event.
            waits: Wait longer than the budget says, for as long as any delivery gets.

        Returns:
            Whether there is use in the next.
        """
        if not self._is_begun:
            self._open(tick)
        gate = self._courier.gate
        is_probe = tick.progress.failing_since is not None
        is_taken = self._courier.put(run, [message], until=gate.deadline if waits else tick.deadline)
        if is_probe:
            is_taken = gate.wait_for_verdict() and is_taken
        self.collect(tick)
        return is_taken

    def may_go_on(self, tick: Tick) -> bool:
        """Whether there is use in bringing more; decides where the backend was given up."""
        if self._is_begun and self._courier.gate.given_up:
            self.settle(tick)
        return tick.report.trouble is None

    def settle(self, tick: Tick) -> None:
        """Wait for what is under way, as long as the tick may, and judge what was not accepted."""
        if not self._is_begun:
            return
        gate = self._courier.gate
        self._courier.finish(gate.deadline + _SLACK)
        self.collect(tick)
        tick.report.retried += gate.retried
        tick.progress.retried += gate.retried
        self._is_begun = False
        given_up = gate.given_up
        if given_up is None and not tick.report.accepted and self._courier.is_busy:
            given_up = Answer(Verdict.LATER, f"{self._sink.name} has not answered yet.")
        self._judge(tick, given_up)

    def collect(self, tick: Tick) -> None:
        """Take over what has become of events so far."""
        for delivered in self._courier.collect():
            open_run = tick.progress.open.get(delivered.run)
            if open_run is None:
                continue
            message, answer = delivered.message, delivered.answer
            if not answer.verdict.is_done:
                self._failed.append(delivered)
                continue
            open_run.done(message.key)
            self.told.add(delivered.run)
            if answer.verdict is Verdict.ACCEPTED:
                tick.report.accepted += 1
                tick.progress.accepted += 1
                self.proof.accepted(message)
                self._is_back(tick)
                tick.warn_of_lost(delivered.run, message)

    def bury(self, tick: Tick, key: str, reason: str, body: dict[str, Any]) -> None:
        """Keep what can't be sent as a dead letter."""
        DeadLetters(tick.instance, tick.home, self._name).bury(key, reason, body)
        tick.progress.note_error(reason, self._now)
        tick.report.refused += 1
        tick.progress.refused += 1

    def _open(self, tick: Tick) -> None:
        deadline = max(tick.deadline, time.monotonic() + _LEAST_SECONDS)
        self._courier.begin(Gate(deadline, is_probe=tick.progress.failing_since is not None))
        self._is_begun = True

    def _is_back(self, tick: Tick) -> None:
        if tick.progress.failing_since is not None:
            tick.log.info("%s accepts events again.", self._sink.name)
            tick.progress.failing_since = None
        tick.progress.not_before = 0.0

    def _judge(self, tick: Tick, given_up: Answer | None) -> None:
        """Decide about the events that were not accepted: each is refused for good, or waits."""
        failed = [each for each in self._failed if each.run in tick.progress.open]
        self._failed = []
        if not failed and not given_up:
            return
        last = given_up or failed[-1].answer
        tick.progress.note_error(last.reason, self._now)
        questions = [each for each in failed if each.answer.verdict is not Verdict.LATER]
        for each in failed if given_up is None else questions:
            # Its run comes after those that may be well.
            tick.progress.open[each.run].strikes.setdefault(each.message.key, Strikes(0, self._now))
        if given_up and given_up.verdict is Verdict.LATER:
            self._give_up(tick, given_up)
        elif given_up or questions:
            is_well = self.proof.is_well(self._patience)
            if is_well:
                self._is_back(tick)
                self._strike(tick, questions)
            elif is_well is None and tick.report.accepted and given_up is None:
                tick.report.doubt = last.reason  # No time was left to ask: a later tick will.
            else:
                # Nothing passes: the backend is ill, and no event is to blame.
                self._give_up(tick, given_up or questions[0].answer)

    def _strike(self, tick: Tick, questions: Sequence[Delivered]) -> None:
        """Events that fail while the backend takes others: refused now, or when they have failed often and long."""
        for each in questions:
            if each.answer.verdict is Verdict.REFUSED:
                self._ask_again(tick, each)
                continue
            tick.report.doubt = each.answer.reason
            strikes = tick.progress.open[each.run].strikes
            times, since = strikes[each.message.key]
            since = since if times else self._now
            strikes[each.message.key] = Strikes(times + 1, since)
            if times + 1 >= STRIKES and self._now - since >= STRIKES_SPAN:
                self._refuse(tick, each)

    def _give_up(self, tick: Tick, answer: Answer) -> None:
        tick.report.trouble = answer.reason
        if answer.retry_after:
            tick.progress.not_before = self._now + answer.retry_after
        if tick.progress.failing_since is None:
            tick.progress.failing_since = self._now
            tick.log.warning("%s takes no events for now: %s", self._sink.name, answer.reason)

    def _ask_again(self, tick: Tick, refused: Delivered) -> None:
        """Send a refused event once more: the backend may have come to its senses between it and the proof."""
        answer = self.proof.ask(refused.message, self._patience)
        if answer is None or not answer.verdict.is_final:
            return  # a later tick will know more
        if answer.verdict is Verdict.REFUSED:
            self._refuse(tick, refused)
            return
        tick.progress.open[refused.run].done(refused.message.key)
        self.told.add(refused.run)
        tick.report.accepted += 1
        tick.progress.accepted += 1

    @property
    def _patience(self) -> float:
        """Seconds for which an answer may be waited for at the end of the tick."""
        return min(PATIENCE, self._courier.gate.deadline + _SLACK - time.monotonic())

    def _refuse(self, tick: Tick, refused: Delivered) -> None:
        message = refused.message
        try:
            self.bury(tick, message.key, refused.answer.reason, message.body())
        except Exception:
            tick.log.exception("A refused event can't be kept as a dead letter now: it waits.")
            return
        tick.progress.open[refused.run].done(message.key)
        tick.log.error(
            "%s refused an event of Dagster run %s, kept as a dead letter: %s",
            self._sink.name,
            refused.run,
            refused.answer.reason,
        )
