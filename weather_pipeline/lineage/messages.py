"""Descriptions of a run, its job and its datasets → one OpenLineage event, with where each part of it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.generated.base import StaticDataset
from openlineage.client.serde import Serde

from weather_pipeline.lineage.facets.base import PRODUCER, Facets, iso
from weather_pipeline.lineage.model import DatasetRef, Origin


@dataclass(frozen=True)
class JobDescription:
    """A job, ready to stand in an event."""

    namespace: str
    name: str
    facets: Facets


@dataclass(frozen=True)
class RunDescription:
    """A run of a job, ready to stand in an event."""

    run_id: str
    """The OpenLineage run id."""
    facets: Facets


@dataclass(frozen=True)
class DatasetDescription:
    """A dataset, ready to stand in an event."""

    ref: DatasetRef
    named_by: Origin
    facets: Facets = field(default_factory=dict)
    io_facets: Facets = field(default_factory=dict)
    """Input facets of an input, output facets of an output."""


@dataclass(frozen=True)
class Statement:
    """A part of an event, such as `outputs[s3://lake/raw].facets.schema`, and where its content was found."""

    where: str
    origin: Origin


@dataclass(frozen=True)
class Withheld:
    """A part that an event could have had and does not, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Message:
    """One event, ready to be sent."""

    subject: str
    """What the event is about: the OpenLineage run id, for events of runs. Events of one subject go in order."""
    part: str
    """Which of the subject's events: `start`, `end`, or `inferred`, an end that a real one may still follow."""
    event: RunEvent | JobEvent | DatasetEvent
    statements: tuple[Statement, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def key(self) -> str:
        """What has been sent is remembered by this: the subject and which of its events."""
        return f"{self.subject}:{self.part}"

    @property
    def at(self) -> str:
        """The event's time, as it stands in the event."""
        return self.event.eventTime

    def body(self) -> dict[str, Any]:
        """The event as JSON values, without anything empty that OpenLineage does not need."""
        return _pruned(Serde.to_dict(self.event))


def run_message(
    part: str,
    state: RunState,
    at: datetime,
    *,
    run: RunDescription,
    job: JobDescription,
    inputs: Sequence[DatasetDescription] = (),
    outputs: Sequence[DatasetDescription] = (),
) -> Message:
    """An event of a run."""
    event = RunEvent(
        eventType=state,
        eventTime=iso(at),
        run=Run(run.run_id, _plain(run.facets)),
        job=_job(job),
        inputs=[_input(each) for each in inputs],
        outputs=[_output(each) for each in outputs],
        producer=PRODUCER,
    )
    said = [*_statements("run", run.facets), *_statements("job", job.facets)]
    said += [*_said_of(inputs, "input"), *_said_of(outputs, "output")]
    return Message(run.run_id, part, event, tuple(said))


def job_message(
    part: str,
    at: datetime,
    *,
    job: JobDescription,
    inputs: Sequence[DatasetDescription] = (),
    outputs: Sequence[DatasetDescription] = (),
) -> Message:
    """An event about a job, without a run."""
    event = JobEvent(
        eventTime=iso(at),
        job=_job(job),
        inputs=[_input(each) for each in inputs],
        outputs=[_output(each) for each in outputs],
        producer=PRODUCER,
    )
    said = [*_statements("job", job.facets), *_said_of(inputs, "input"), *_said_of(outputs, "output")]
    return Message(f"job:{job.namespace}/{job.name}", part, event, tuple(said))


def dataset_message(part: str, at: datetime, dataset: DatasetDescription) -> Message:
    """An event about a dataset, without a run."""
    ref = dataset.ref
    static = StaticDataset(ref.namespace, ref.name, facets=_plain(dataset.facets))
    event = DatasetEvent(eventTime=iso(at), dataset=static, producer=PRODUCER)
    said = [Statement("dataset.name", dataset.named_by), *_statements("dataset", dataset.facets)]
    return Message(f"dataset:{ref.namespace}/{ref.name}", part, event, tuple(said))


def distinct(datasets: Iterable[DatasetDescription]) -> list[DatasetDescription]:
    """Each dataset once: the first mention is the one with facets."""
    found: dict[DatasetRef, DatasetDescription] = {}
    for each in datasets:
        found.setdefault(each.ref, each)
    return list(found.values())


def _job(job: JobDescription) -> Job:
    return Job(namespace=job.namespace, name=job.name, facets=_plain(job.facets))


def _input(each: DatasetDescription) -> InputDataset:
    return InputDataset(
        each.ref.namespace, each.ref.name, facets=_plain(each.facets), inputFacets=_plain(each.io_facets)
    )


def _output(each: DatasetDescription) -> OutputDataset:
    return OutputDataset(
        each.ref.namespace, each.ref.name, facets=_plain(each.facets), outputFacets=_plain(each.io_facets)
    )


def _said_of(datasets: Iterable[DatasetDescription], side: str) -> Iterator[Statement]:
    for each in datasets:
        where = f"{side}s[{each.ref.namespace}/{each.ref.name}]"
        yield Statement(f"{where}.name", each.named_by)
        yield from _statements(where, each.facets)
        yield from _statements(where, each.io_facets, f"{side}Facets")


def _plain(facets: Facets) -> dict[str, Any]:
    return {key: sourced.facet for key, sourced in facets.items()}


def _statements(where: str, facets: Facets, section: str = "facets") -> list[Statement]:
    return [Statement(f"{where}.{section}.{key}", sourced.origin) for key, sourced in facets.items()]


_KEPT = ("inputs", "outputs", "inputFields")


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        pruned = {key: _pruned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in pruned.items() if inner not in ({}, [], None) or key in _KEPT}
    return [_pruned(inner) for inner in value] if isinstance(value, list) else value
