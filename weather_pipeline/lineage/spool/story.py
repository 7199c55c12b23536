"""What a Spark session told → what a lineage backend is told of it. Pure.

OpenLineage's Spark listener tells too much and too soon: the same run fails and then completes, an action completes
whose commit fails, the application completes whatever becomes of it, and a failure has no message. Here an end waits
until it is known to be true: that of an action for the driver's word, which stands before whatever comes next.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from weather_pipeline.lineage.spool.dataset_names import with_canonical_names, without_itself
from weather_pipeline.lineage.spool.facets import described, error_message, launched_by, with_metadata
from weather_pipeline.lineage.spool.record import Ended, Failed, Record

Event = dict[str, Any]
"""An OpenLineage RunEvent, as JSON values."""
Dataset = dict[str, Any]
"""One of its inputs or outputs."""

_NONE = Failed()
_ENDS = ("COMPLETE", "FAIL", "ABORT")
_REMEMBERED = 1000
"""Runs whose end is remembered: what contradicts an end comes within moments."""


@dataclass
class Story:
    """How far a session has been told.

    Attributes:
        application: The run id of the application.
        open: The first event of each run that has begun and not ended, by run id.
        held: The last action's end, which waits for the driver's word or its message, and the application's, which
            waits for what became of it.
        began: When each action of `held` began, in milliseconds, by run id; of one that ends at once the listener may
            have told no START.
        ended: The runs that ended last.
        read: The datasets that completed actions have read, as last told, by namespace and name.
        written: Those that they have written.
    """

    application: str | None = None
    open: dict[str, Event] = field(default_factory=dict)
    held: dict[str, Event] = field(default_factory=dict)
    began: dict[str, int] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    read: dict[str, Dataset] = field(default_factory=dict)
    written: dict[str, Dataset] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Story:
        """The story as it was kept."""
        return cls(**copy.deepcopy(dict(kept)))

    def copied(self) -> Story:
        """A story that goes on by itself. Events are never changed, so they are shared."""
        return Story(
            self.application,
            dict(self.open),
            dict(self.held),
            dict(self.began),
            list(self.ended),
            dict(self.read),
            dict(self.written),
        )

    def hear(self, told: Mapping[str, Any], record: Record, failed: Failed = _NONE) -> list[Event]:
        """What the backend is told after the session's next event, in order.

        The first run of a session is the application's.

        Args:
            told: The event, as it was written.
            record: What the session says of itself.
            failed: The actions that have failed by the driver's word, of all that it did before this event.

        Raises:
            KeyError, TypeError, AttributeError: It is no RunEvent.
        """
        event = _canonical(told, record)
        run, kind = event["run"]["runId"], event["eventType"]
        if self.application is None:
            self.application = run
        if run == self.application:
            event = described(launched_by(event, record), record)
        elif run in self.ended or run in self.held:
            return []  # the listener completes what it let fail
        if kind not in _ENDS:
            told_now = [] if run == self.application else self._release(failed)
            self.open.setdefault(run, _beginning(event))
            return [*told_now, event]
        if run == self.application:
            self.held[run] = event
            return []
        released = self._release(failed)
        self.held[run] = event
        if (begun := self.open.get(run)) is not None and begun["eventType"] == "START":
            self.began[run] = _milliseconds(begun)
        self._forget(run)
        return released

    def settle(self, failed: Failed) -> list[Event]:
        """The actions that are complete: the driver had time for another word.

        Args:
            failed: The actions that have failed by the driver's word.
        """
        return [
            self._told(run, failed)
            for run in self._actions()
            if self.held[run]["eventType"] != "FAIL" and not self._word(run, failed)
        ]

    def end(self, outcome: Ended, failed: Failed = _NONE) -> list[Event]:
        """The ends of all that is open, once it is known what became of the session.

        Args:
            outcome: What became of it.
            failed: The actions that have failed by the driver's word.
        """
        last = self.held.pop(self.application, None) if self.application else None
        told = [
            _ended(event, Ended("FAIL", outcome.at, outcome.message, outcome.stack))
            if event["eventType"] == "FAIL"
            else event
            for event in self._release(failed)
        ]
        for run, event in list(self.open.items()):
            if run != self.application:
                told.append(_ended(event, _of_open(outcome)))
                self._forget(run)
        begun = self.open.pop(self.application, None) if self.application else None
        if (event := last or begun) is not None:
            told.append(self._with_datasets(_ended(event, outcome, at=last["eventTime"] if last else None)))
        return told

    def _with_datasets(self, event: Event) -> Event:
        """The application's end with what its actions have read and written, but for what it made itself.

        The listener tells them of the actions alone, and whoever looks for the job looks for the application.
        """
        read = [_without_statistics(dataset) for key, dataset in self.read.items() if key not in self.written]
        written = [without_itself(_without_statistics(dataset)) for dataset in self.written.values()]
        return {**event, "inputs": [*event["inputs"], *read], "outputs": [*event["outputs"], *written]}

    def _actions(self) -> list[str]:
        """The runs whose ends wait, but for the application."""
        return [run for run in self.held if run != self.application]

    def _release(self, failed: Failed) -> list[Event]:
        """The ends that wait, of which nobody will say more: the application has gone on."""
        return [self._told(run, failed) for run in self._actions()]

    def _told(self, run: str, failed: Failed) -> Event:
        """The end of an action that is told now."""
        word = self._word(run, failed)
        event, _ = self.held.pop(run), self.began.pop(run, None)
        if word:
            return _failed(event, *word)
        if event["eventType"] != "FAIL":
            for seen, side in ((self.read, "inputs"), (self.written, "outputs")):
                seen |= {f"{each['namespace']} {each['name']}": each for each in event[side]}
        return event

    def _word(self, run: str, failed: Failed) -> list[str | None]:
        """Why an action whose end waits has failed by the driver's word; empty where it has not."""
        began, ended = self.began.get(run), _milliseconds(self.held[run])
        if began is not None and began in failed.begun:
            return [failed.begun[began]]
        words = failed.ended if began is None else failed.ended_alone
        return [words[ended]] if ended in words else []

    def _forget(self, run: str) -> None:
        self.open.pop(run, None)
        self.ended = [*self.ended, run][-_REMEMBERED:]


def _without_statistics(dataset: Dataset) -> Dataset:
    """The dataset without what was counted: that of one action is not that of all."""
    return {name: value for name, value in dataset.items() if name not in ("inputFacets", "outputFacets")}


def _canonical(told: Mapping[str, Any], record: Record) -> Event:
    return with_metadata(with_canonical_names(told, record.places))


def _beginning(event: Event) -> Event:
    """What is needed to end a run: who it is, and what it belongs to."""
    facets = event["run"].get("facets") or {}
    kept = {name: facets[name] for name in ("parent", "jobDependencies", "processing_engine") if name in facets}
    return {**event, "run": {**event["run"], "facets": kept}}


def _milliseconds(event: Event) -> int:
    return round(datetime.fromisoformat(event["eventTime"]).timestamp() * 1000)


def _failed(event: Event, why: str | None) -> Event:
    """A failure, whatever the listener called it, with Spark's own reason."""
    said = {"errorMessage": error_message(Ended("FAIL", event["eventTime"], why), "JAVA")} if why else {}
    return {**event, "eventType": "FAIL", "run": {**event["run"], "facets": {**event["run"]["facets"], **said}}}


def _of_open(outcome: Ended) -> Ended:
    """What becomes of an action that never ended."""
    if outcome.state != "COMPLETE":
        return outcome
    return Ended("ABORT", outcome.at, "Spark told no end of this action.", None)


def _ended(event: Event, outcome: Ended, *, at: str | None = None) -> Event:
    facets = dict(event["run"].get("facets") or {})
    if outcome.state != "COMPLETE" and outcome.message:
        facets["errorMessage"] = error_message(outcome)
    ended = {**event, "eventType": outcome.state, "run": {**event["run"], "facets": facets}}
    ended["eventTime"] = at or (event["eventTime"] if event["eventType"] in _ENDS else outcome.at)
    return ended
