"""Deliver what Spark sessions have left in the spool: by the exporter's own delivery, at least once and in order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.delivery import deliver
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.proof import Proof
from weather_pipeline.lineage.spool.files import DONE, LAUNCH, LOCK, Progress, SessionFiles, is_held, sessions
from weather_pipeline.lineage.spool.record import Ended, Failed, Record, UnreadableRecord
from weather_pipeline.lineage.spool.story import Story
from weather_pipeline.lineage.stored import message_of

_AT_ONCE = 100
"""Lines that are read before what they told is delivered."""
_ROUNDS = 5
"""How often an event is tried that fails while the backend takes others."""
_NO_EVENT = (KeyError, TypeError, ValueError, AttributeError)

KEPT = timedelta(days=30)
"""How long delivered events stay on disk."""


@dataclass
class Report:
    """What a look at the spool did.

    Attributes:
        sent: Events that the backend accepted.
        refused: Events that it refused for good, and lines that are no events.
        open: Sessions that still run, or of which events wait.
        ended: Sessions that are delivered.
        trouble: Why the backend takes nothing now.
        doubt: The answer to an event that was not taken, while it is open whether that or the backend is to blame.
        problems: Sessions that can't be read, with the reason.
    """

    sent: int = 0
    refused: int = 0
    open: int = 0
    ended: int = 0
    trouble: str | None = None
    doubt: str | None = None
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """In one line."""
        parts = [f"{self.sent:,} Spark events sent"]
        parts += [f"{self.refused:,} refused"] if self.refused else []
        parts += [f"{self.ended:,} session{'s' if self.ended != 1 else ''} complete"] if self.ended else []
        parts += [f"{self.open:,} open"] if self.open else []
        parts += [f"{len(self.problems):,} unreadable"] if self.problems else []
        return ", ".join(parts)


@dataclass(frozen=True)
class _Step:
    """What one line leads to.

    Attributes:
        offset: Where it ends.
        story: What has been told after it.
        messages: What the backend is told.
        refused: What can't be told, and why.
    """

    offset: int
    story: Story
    messages: Sequence[Message]
    refused: Sequence[tuple[str, str]] = ()


@dataclass
class _Sent:
    """What one sending achieved.

    Attributes:
        settled: Which messages are done with, by identity.
        refused: How many of them were refused for good.
    """

    settled: set[int]
    refused: int = 0


class Forwarder:
    """Delivers a spool; one that lives long remembers that the backend has been seen to take events.

    Args:
        directory: The spool; one that is missing is empty.
        sink: Where events go.
    """

    def __init__(self, directory: Path, sink: Sink) -> None:
        self._directory = directory
        self._sink = sink
        self._proof = Proof(sink)

    def run(self, seconds: float, tell: Callable[[Report], None] = lambda _: None) -> Report:
        """Deliver what is there.

        Args:
            seconds: How long to work at most; the rest waits for the next time.
            tell: Called as it goes.
        """
        report, deadline = Report(), time.monotonic() + seconds
        for session in sessions(self._directory):
            with session.taken() as is_ours:
                try:
                    # Another one may have delivered it since it was listed.
                    is_over = is_ours and (not session.is_there() or self._forward(session, deadline, report, tell))
                except Exception as error:  # noqa: BLE001  (whatever is wrong with one session: the others go on)
                    what = error if isinstance(error, UnreadableRecord) else f"{type(error).__name__}: {error}"
                    report.problems.append(f"{session.name}: {what}")
                    continue
            report.ended += is_over
            report.open += not is_over
            if report.trouble or time.monotonic() >= deadline:
                break
        _tidy(self._directory)
        return report

    def _forward(self, session: SessionFiles, deadline: float, report: Report, tell: Callable[[Report], None]) -> bool:
        """Whether all of a session is done with."""
        record, progress = session.record(), session.load()
        # Before the events are read: none may come after it.
        outcome = session.outcome(record)
        while lines := session.lines(progress.offset, _AT_ONCE):
            before = progress.offset
            steps = _steps(lines, progress.story, record, session.failed())
            self._deliver(session, steps, progress, deadline, report)
            tell(report)
            if progress.offset == before:
                return False
        if outcome is None:
            if session.is_quiet() and (step := _quiet_step(session, progress)).messages:
                self._deliver(session, [step], progress, deadline, report)
            return False
        if not self._deliver(session, [_last_step(session, progress, outcome)], progress, deadline, report):
            return False
        session.put_away()
        return True

    def _deliver(
        self, session: SessionFiles, steps: Sequence[_Step], progress: Progress, deadline: float, report: Report
    ) -> bool:
        """Deliver what some lines lead to, and go on to the first of which something was not accepted.

        Returns:
            Whether all of it is done with.
        """
        waiting = [message for step in steps for message in step.messages]
        settled: set[int] = set()
        while waiting:
            done = self._send(session, waiting, progress, deadline, report)
            settled |= done.settled
            waiting = [message for message in waiting if id(message) not in settled]
            if not done.refused:
                break  # what comes after a refused event has not been tried yet
        is_done = True
        for step in steps:
            if not all(id(message) in settled for message in step.messages):
                is_done = False
                break
            progress.offset, progress.story = step.offset, step.story
            for text, reason in step.refused:
                session.refuse(text, reason)
            report.refused += len(step.refused)
        session.save(progress)
        return is_done

    def _send(
        self, session: SessionFiles, messages: Sequence[Message], progress: Progress, deadline: float, report: Report
    ) -> _Sent:
        done = deliver(self._sink, {session.name: messages}, deadline=deadline)
        accepted = done.accepted.get(session.name, [])
        if accepted:
            self._proof.accepted(accepted[-1])
        sent = _Sent({id(message) for message in accepted})
        for _, message, answer in done.failed:
            if self._is_refused(session, message, answer, progress):
                sent.settled.add(id(message))
                sent.refused += 1
            elif answer.verdict is Verdict.LATER:
                report.trouble = report.trouble or answer.reason
            else:
                report.doubt = answer.reason
        report.sent += len(accepted)
        report.refused += sent.refused
        return sent

    def _is_refused(self, session: SessionFiles, message: Message, answer: Answer, progress: Progress) -> bool:
        """Whether an event is refused for good, beside others that are taken: then it is kept, with the answer."""
        if answer.verdict is Verdict.LATER or not self._proof.is_well():
            return False
        if answer.verdict is Verdict.DOUBTFUL:
            event = f"{message.key} {message.at}"
            progress.failures[event] = progress.failures.get(event, 0) + 1
            if progress.failures[event] < _ROUNDS:
                return False
            del progress.failures[event]
        session.refuse(json.dumps(message.body()), answer.reason)
        return True


def _steps(lines: Sequence[tuple[int, bytes]], story: Story, record: Record, failed: Failed) -> list[_Step]:
    steps = []
    for offset, line in lines:
        heard = story.copied()
        try:
            messages = [message_of(event) for event in _heard(line, heard, record, failed)]
            for event in heard.held.values():  # what waits must be known to be one, or the next line would pay for it
                message_of(event)
        except _NO_EVENT as error:
            # As if it had not been written: what it would have let go still waits.
            refused = (line.decode(errors="replace"), f"It can't be told ({type(error).__name__}: {error}).")
            steps.append(_Step(offset, story, (), (refused,)))
        else:
            story = heard
            steps.append(_Step(offset, story, messages))
    return steps


def _quiet_step(session: SessionFiles, progress: Progress) -> _Step:
    """What is told of a session from which nothing comes for a while."""
    story = progress.story.copied()
    return _Step(progress.offset, story, [message_of(event) for event in story.settle(session.failed())])


def _last_step(session: SessionFiles, progress: Progress, outcome: Ended) -> _Step:
    """What the end of a session leads to."""
    story, messages, refused = progress.story.copied(), [], []
    rest = session.rest(progress.offset)
    if rest:
        refused.append((rest.decode(errors="replace"), "The driver was killed while it wrote this."))
    for event in story.end(outcome, session.failed()):
        try:
            messages.append(message_of(event))
        except ValueError as error:
            refused.append((json.dumps(event), f"It can't be told ({error})."))
    return _Step(progress.offset + len(rest), story, messages, refused)


def _heard(line: bytes, story: Story, record: Record, failed: Failed) -> list[dict[str, Any]]:
    return story.hear(json.loads(line), record, failed) if line.strip() else []


def _tidy(directory: Path) -> None:
    """Remove what was delivered long ago, and launches and locks that nothing has needed for as long."""
    before = time.time() - KEPT.total_seconds()
    # The lock of a session that is still there stays: who opens it next has to meet who holds it.
    locks = (
        file
        for file in directory.glob(f"*{LOCK}")
        if not SessionFiles(directory, file.name.removesuffix(LOCK)).is_there()
    )
    for file in (*(directory / DONE).glob("*"), *directory.glob(f"*{LAUNCH}"), *locks):
        with suppress(FileNotFoundError):  # another one tidies too
            if file.stat().st_mtime < before and not is_held(file):
                file.unlink()
