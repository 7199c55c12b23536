"""Descriptions of a run, its job and its datasets → one OpenLineage event, with where each part of it came from.

The one gate to the outside: every facet of every event passes `_Gate`, which keeps in what the policy keeps in, hides
secrets, cuts what is too large, and says what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from weather_pipeline.lineage.facets import runs
from weather_pipeline.lineage.facets.base import KEPT_EMPTY, PRODUCER, Facets, LeftOut, Sourced, iso, present
from weather_pipeline.lineage.limits import fitted, size_of
from weather_pipeline.lineage.model import DatasetRef, Origin
from weather_pipeline.lineage.policy import EmissionPolicy
from weather_pipeline.lineage.redaction import Redactor, fields_of

START = "start"
"""The part of a subject that its first event is."""

_EVERYTHING = EmissionPolicy()
_NEEDED = ("parent", "dagster_run", "jobType", "dataSource", "nominalTime", "processing_engine", "errorMessage")
"""Facets that are never left out for the event's size: small ones, by which runs are found and failures explained."""


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
    kept_in: str | None = None
    """Why nobody may know of it; then no event names it."""


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
    failed: bool = False
    """It could not be built: something to repair."""


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
        return _json(self.event)


def run_message(
    part: str,
    state: RunState,
    at: datetime,
    *,
    run: RunDescription,
    job: JobDescription,
    inputs: Sequence[DatasetDescription] = (),
    outputs: Sequence[DatasetDescription] = (),
    policy: EmissionPolicy = _EVERYTHING,
) -> Message:
    """An event of a run. Facets that could not be built stand in its `extractionError`."""
    gate = _Gate(policy)
    described = gate.job(job)
    read, written = gate.inputs(inputs), gate.outputs(outputs)
    event = RunEvent(
        eventType=state,
        eventTime=iso(at),
        run=Run(run.run_id, gate.run_facets(run.facets)),
        job=described,
        inputs=read,
        outputs=written,
        producer=PRODUCER,
    )
    return gate.message(run.run_id, part, event)


def job_message(
    part: str,
    at: datetime,
    *,
    job: JobDescription,
    inputs: Sequence[DatasetDescription] = (),
    outputs: Sequence[DatasetDescription] = (),
    policy: EmissionPolicy = _EVERYTHING,
) -> Message:
    """An event about a job, without a run."""
    gate = _Gate(policy)
    event = JobEvent(
        eventTime=iso(at),
        job=gate.job(job),
        inputs=gate.inputs(inputs),
        outputs=gate.outputs(outputs),
        producer=PRODUCER,
    )
    return gate.message(f"job:{job.namespace}/{job.name}", part, event)


def dataset_message(
    part: str, at: datetime, dataset: DatasetDescription, *, policy: EmissionPolicy = _EVERYTHING
) -> Message:
    """An event about a dataset, without a run."""
    gate = _Gate(policy)
    ref = dataset.ref
    gate.say("dataset.name", dataset.named_by)
    static = StaticDataset(ref.namespace, ref.name, facets=gate.facets("dataset.facets", dataset.facets))
    event = DatasetEvent(eventTime=iso(at), dataset=static, producer=PRODUCER)
    return gate.message(f"dataset:{ref.namespace}/{ref.name}", part, event)


def distinct(datasets: Iterable[DatasetDescription]) -> list[DatasetDescription]:
    """Each dataset once: the first mention is the one with facets."""
    found: dict[DatasetRef, DatasetDescription] = {}
    for each in datasets:
        found.setdefault(each.ref, each)
    return list(found.values())


class _Gate:
    """Lets what was described out into one event.

    Args:
        policy: What may leave, and how large it may be.
    """

    def __init__(self, policy: EmissionPolicy) -> None:
        self._policy = policy
        self._redactor = Redactor()
        self._statements: list[Statement] = []
        self._withheld: list[Withheld] = []
        self._failed: list[tuple[str, LeftOut]] = []
        self._released: list[tuple[int, str, dict[str, Any], str]] = []
        """Weight, place, and in which mapping under which key each facet stands."""

    def say(self, where: str, origin: Origin) -> None:
        """Note where a part's content was found."""
        self._statements.append(Statement(where, origin))

    def job(self, job: JobDescription) -> Job:
        """The job, as it may be told."""
        return Job(namespace=job.namespace, name=job.name, facets=self.facets("job.facets", job.facets))

    def inputs(self, inputs: Iterable[DatasetDescription]) -> list[InputDataset]:
        """What was read, as it may be told."""
        return [
            InputDataset(each.ref.namespace, each.ref.name, facets=facets, inputFacets=io_facets)
            for each, facets, io_facets in self._datasets("input", inputs)
        ]

    def outputs(self, outputs: Iterable[DatasetDescription]) -> list[OutputDataset]:
        """What was written, as it may be told."""
        return [
            OutputDataset(each.ref.namespace, each.ref.name, facets=facets, outputFacets=io_facets)
            for each, facets, io_facets in self._datasets("output", outputs)
        ]

    def run_facets(self, facets: Facets) -> dict[str, Any]:
        """The run's facets, and what went wrong with any facet of the event: ask for them last."""
        released = self.facets("run.facets", facets)
        error = runs.extraction_error(self._failed, len(self._released) + len(self._failed))
        return released | (self.facets("run.facets", present(extractionError=error)) if error else {})

    def facets(self, where: str, facets: Facets) -> dict[str, Any]:
        """Facets as they may be told."""
        released: dict[str, Any] = {}
        for key, sourced in facets.items():
            at = f"{where}.{key}"
            if isinstance(sourced, LeftOut):
                self._withheld.append(Withheld(at, sourced.reason, sourced.failed))
                self._failed += [(at, sourced)] if sourced.failed else []
            elif reason := self._policy.why_not_facet(key):
                self._withheld.append(Withheld(at, reason))
            elif (facet := self._safe(at, sourced)) is not None:
                released[key] = facet
                self._released.append((self._redactor.weight, at, released, key))
                self.say(at, sourced.origin)
        return released

    def message(self, subject: str, part: str, event: RunEvent | JobEvent | DatasetEvent) -> Message:
        """The event as a message, within the limit of its size."""
        total = sum(weight for weight, *_ in self._released)
        if total > self._policy.max_event_bytes // 2:
            self._lighten(event)
        return Message(subject, part, event, tuple(self._statements), tuple(self._withheld))

    def _datasets(
        self, side: str, datasets: Iterable[DatasetDescription]
    ) -> Iterator[tuple[DatasetDescription, dict[str, Any], dict[str, Any]]]:
        for each in datasets:
            where = f"{side}s[{each.ref.namespace}/{each.ref.name}]"
            if each.kept_in:
                self._withheld.append(Withheld(where, each.kept_in))
                continue
            self.say(f"{where}.name", each.named_by)
            yield (
                each,
                self.facets(f"{where}.facets", each.facets),
                self.facets(f"{where}.{side}Facets", each.io_facets),
            )

    def _safe(self, where: str, sourced: Sourced) -> Any:
        """The facet without secrets and cut to its limit; None where it can't be cut so far."""
        found = len(self._redactor.found)
        self._redactor.weight = 0
        facet = self._redactor.facet(where, sourced.facet)
        hidden = self._redactor.found[found:]
        self._withheld += [Withheld(place, "it looks like a secret") for place in hidden]
        limit = self._policy.max_facet_bytes
        # The weight may be half of what JSON makes of it.
        if self._redactor.weight * 2 <= limit:
            return facet
        body = _json(facet)
        if (size := size_of(body)) <= limit:
            return facet
        cut = fitted(body, limit)
        what = "left out" if cut is None else f"cut to {size_of(cut)}"
        self._withheld.append(Withheld(where, f"{size} bytes, more than the {limit} of max_facet_bytes: {what}"))
        self._redactor.weight = size_of(cut) if cut else 0
        return cut

    def _lighten(self, event: RunEvent | JobEvent | DatasetEvent) -> None:
        """Take the largest facets out of an event that is too large; its datasets stay, whatever their number."""
        limit = self._policy.max_event_bytes
        size = size_of(_json(event))
        for _, where, facets, key in sorted(self._released, key=lambda released: -released[0]):
            if size <= limit:
                return
            if key in _NEEDED:
                continue
            freed = size_of({key: _json(facets.pop(key))})
            reason = f"the event has {size} bytes, more than the {limit} of max_event_bytes"
            self._withheld.append(Withheld(where, reason))
            self._statements = [said for said in self._statements if said.where != where]
            size -= freed


def _json(value: Any) -> Any:
    """JSON values without anything empty that OpenLineage does not need.

    As the client's `Serde.to_dict` gives them, in one walk: every event takes it.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if names := fields_of(kind):
        return _kept((name, getattr(value, name)) for name in names)
    if isinstance(value, Mapping):
        return _kept(value.items())
    if isinstance(value, list | tuple):
        plain = (_json(each) for each in value)
        return [each for each in plain if each is not None and each != {}]
    return Serde.remove_nulls_and_enums(value)


_PLAIN = (str, int, float, bool, type(None))


def _kept(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    kept = {}
    for key, value in items:
        plain = _json(value)
        if plain is not None and (plain not in ({}, []) or key in KEPT_EMPTY):
            kept[key] = plain
    return kept
