"""What is wrong with a set of events: each by the schemas, those of each run by the rules of a run's life."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.openlineage_spec import findings

Event = Mapping[str, Any]

TERMINAL = {"COMPLETE", "FAIL", "ABORT"}
_SECTIONS = (("run", "run"), ("job", "job"), ("dataset", "dataset"))


@dataclass
class Verdict:
    """What was seen, and what is wrong with it."""

    events: Counter[str] = field(default_factory=Counter)
    """Events by their kind: `START`, …, `JobEvent`, `DatasetEvent`."""
    facets: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Facets by the part of an event on which they stand, and their key."""
    runs: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, part: Verdict) -> None:
        """Add what was seen elsewhere."""
        self.events += part.events
        self.facets += part.facets
        self.runs += part.runs
        self.findings += part.findings

    def to_json(self) -> str:
        """The verdict as text, for another process."""
        facets = [[where, key, number] for (where, key), number in self.facets.items()]
        return json.dumps([self.events, facets, self.runs, self.findings])

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """The verdict of another process."""
        events, facets, runs, findings_ = json.loads(text)
        counted = Counter({(where, key): number for where, key, number in facets})
        return cls(Counter(events), counted, runs, findings_)


def judge(events: Iterable[Event]) -> Verdict:
    """Judge the events that one backend accepted, in the order of their arrival.

    The same event may arrive again: that is what at least once means. It has to be the same then.
    """
    verdict = Verdict()
    by_run: dict[str, list[Event]] = defaultdict(list)
    for event in _distinct(events):
        verdict.events[kind_of(event)] += 1
        verdict.facets.update(_facets(event))
        verdict.findings += [f"{_name(event)}: {finding}" for finding in findings(dict(event))]
        if "run" in event:
            by_run[event["run"]["runId"]].append(event)
    verdict.runs = len(by_run)
    for run_id, told in by_run.items():
        verdict.findings += [f"{_name(told[0])}, run {run_id}: {finding}" for finding in _of_run(told)]
    return verdict


def kind_of(event: Event) -> str:
    """The event's type, or which event without a run it is."""
    return event["eventType"] if "run" in event else "DatasetEvent" if "dataset" in event else "JobEvent"


def _of_run(told: list[Event]) -> list[str]:
    """One START, then one terminal event, both of one job, with times in order."""
    kinds = [event["eventType"] for event in told]
    found = []
    if kinds.count("START") != 1 or kinds[0] != "START":
        found.append(f"not exactly one START that comes first: {kinds}")
    if sum(kind in TERMINAL for kind in kinds) != 1 or kinds[-1] not in TERMINAL:
        found.append(f"not exactly one terminal event that comes last: {kinds}")
    jobs = {(event["job"]["namespace"], event["job"]["name"]) for event in told}
    if len(jobs) != 1:
        found.append(f"several jobs share the run id: {sorted(jobs)}")
    times = [event["eventTime"] for event in told]
    if times != sorted(times):
        found.append(f"times run backwards: {times}")
    return found


def _distinct(events: Iterable[Event]) -> list[Event]:
    seen: dict[str, Event] = {}
    for event in events:
        body = {key: value for key, value in event.items() if not key.startswith("_")}
        seen.setdefault(json.dumps(body, sort_keys=True), body)
    return list(seen.values())


def _facets(event: Event) -> Iterable[tuple[str, str]]:
    for part, label in _SECTIONS:
        yield from ((label, key) for key in event.get(part, {}).get("facets", {}))
    for side in ("inputs", "outputs"):
        for dataset in event.get(side, ()):
            yield from (("dataset", key) for key in dataset.get("facets", {}))
            yield from ((side[:-1], key) for key in dataset.get(f"{side[:-1]}Facets", {}))


def _name(event: Event) -> str:
    named = event.get("job") or event["dataset"]
    return f"{kind_of(event)} of {named['namespace']}/{named['name']}"
