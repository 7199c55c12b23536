"""What a backend must know once all events of a Dagster run have arrived: its runs, with states, edges and facets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openlineage.client.event_v2 import DatasetEvent, RunEvent

from weather_pipeline.lineage.history import Recorded

_STATES = {"START": "RUNNING", "RUNNING": "RUNNING", "COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}

Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class Ends:
    """The datasets on one side of a run: name → its facets and its input or output facets, by their keys."""

    facets: Mapping[Name, frozenset[str]]
    io_facets: Mapping[Name, frozenset[str]]


@dataclass(frozen=True)
class ExpectedRun:
    """An OpenLineage run as Dagster's log tells it."""

    run_id: str
    job: Name
    dagster_run: str
    state: str
    """RUNNING, COMPLETED, FAILED or ABORTED, in Marquez's words."""
    at: str
    """The time of its newest event."""
    keys: tuple[str, ...]
    """Its events, by `Message.key`."""
    run_facets: frozenset[str]
    job_facets: frozenset[str]
    inputs: Ends
    outputs: Ends

    @property
    def edges(self) -> int:
        """How many edges it has."""
        return len(self.inputs.facets) + len(self.outputs.facets)

    @property
    def facet_count(self) -> int:
        """How many facets are looked for in the run itself."""
        ends = [*self.inputs.io_facets.values(), *self.outputs.io_facets.values()]
        return len(self.run_facets) + sum(map(len, ends))


@dataclass(frozen=True)
class ExpectedDataset:
    """A dataset about which something was reported or observed."""

    name: Name
    dagster_run: str
    at: str
    """The time of the newest event about it."""
    key: str
    """That event, by `Message.key`."""


def expected_runs(recorded: Recorded) -> list[ExpectedRun]:
    """The OpenLineage runs that a Dagster run, or what was reported without any, gives rise to."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    keys: dict[str, list[str]] = defaultdict(list)
    for message in recorded.story.messages:
        if isinstance(message.event, RunEvent):
            events[message.subject].append(message.body())
            keys[message.subject].append(message.key)
    return [
        ExpectedRun(
            run_id=run_id,
            job=(told[-1]["job"]["namespace"], told[-1]["job"]["name"]),
            dagster_run=recorded.run_id,
            state=_STATES[told[-1]["eventType"]],
            at=told[-1]["eventTime"],
            keys=tuple(keys[run_id]),
            run_facets=frozenset(key for event in told for key in event["run"].get("facets", {})),
            job_facets=frozenset(told[-1]["job"].get("facets", {})),
            inputs=_ends(told, "input"),
            outputs=_ends(told, "output"),
        )
        for run_id, told in events.items()
    ]


def expected_datasets(recorded: Recorded) -> dict[str, ExpectedDataset]:
    """The datasets about which there are events without a run, by subject."""
    found: dict[str, ExpectedDataset] = {}
    for message in recorded.story.messages:
        if isinstance(message.event, DatasetEvent):
            dataset = message.event.dataset
            name = (dataset.namespace, dataset.name)
            found[message.subject] = ExpectedDataset(name, recorded.run_id, message.at, message.key)
    return found


def _ends(events: Sequence[Mapping[str, Any]], side: str) -> Ends:
    facets: dict[Name, frozenset[str]] = {}
    io_facets: dict[Name, frozenset[str]] = {}
    for event in events:
        for dataset in event.get(f"{side}s", ()):
            name = (dataset["namespace"], dataset["name"])
            facets[name] = facets.get(name, frozenset()) | frozenset(dataset.get("facets", {}))
            io_facets[name] = io_facets.get(name, frozenset()) | frozenset(dataset.get(f"{side}Facets", {}))
    return Ends(facets, io_facets)
