"""OpenLineage events as the service stores them. Pure; `reading.py` makes them from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from weather_pipeline.marquez.embedded import facets as facet_rules
from weather_pipeline.marquez.embedded.facets import Facets

StateChange = Literal["RUNNING", "COMPLETE", "FAIL", "ABORT"]
EVENT_TYPE_OF_STATE: Mapping[str, StateChange] = {
    "RUNNING": "RUNNING",
    "COMPLETED": "COMPLETE",
    "FAILED": "FAIL",
    "ABORTED": "ABORT",
}
"""The states of a run, and the type of event that brings each."""

_STATES: Mapping[str, str] = {event_type: state for state, event_type in EVENT_TYPE_OF_STATE.items()}
_ENDINGS = _STATES.keys() - {"RUNNING"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACES = 3


class Kind(StrEnum):
    """The three events of OpenLineage."""

    RUN = "RUN"
    JOB = "JOB"
    DATASET = "DATASET"

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Kind:
        """The kind of an event, by the fragment of its schema's URL as in Marquez; a run event without one."""
        url = event.get("schemaURL")
        fragment = url.rpartition("/")[2] if isinstance(url, str) else ""
        return {"JobEvent": cls.JOB, "DatasetEvent": cls.DATASET}.get(fragment, cls.RUN)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as an event describes it; `io_facets` are its input or output facets."""

    namespace: str
    name: str
    is_output: bool
    facets: Facets
    io_facets: Facets

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Name, type and description of every column that the schema facet names, each as text."""
        described = self.facets.get("schema", {}).get("fields", [])
        return [
            {
                "name": column["name"],
                "type": facet_rules.as_text(column.get("type")),
                "description": column.get("description"),
            }
            for column in described
        ]

    @property
    def description(self) -> str | None:
        """The documentation facet's text."""
        return self.facets.get("documentation", {}).get("description")

    @property
    def lifecycle_state(self) -> str:
        """CREATE, ALTER, DROP, …; empty where the event does not say."""
        return self.facets.get("lifecycleStateChange", {}).get("lifecycleStateChange", "")

    @property
    def source(self) -> tuple[str, str | None] | None:
        """Name and URL of the data source."""
        described = self.facets.get("dataSource", {})
        name = described.get("name")
        return (name, described.get("uri")) if name else None

    @property
    def symlinks(self) -> list[dict[str, Any]]:
        """The dataset's other names: namespace, name, type."""
        return self.facets.get("symlinks", {}).get("identifiers", [])

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """Column lineage: output column → input fields and transformation."""
        return self.facets.get("columnLineage", {}).get("fields", {})


@dataclass(frozen=True, slots=True)
class Parent:
    """The run and job that started this run."""

    run_id: UUID
    external_run_id: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event. `run_id` is None for job and dataset events, the job's names for dataset events."""

    kind: Kind
    event_type: str
    at: datetime
    body: str
    run_id: UUID | None = None
    external_run_id: str | None = None
    run_facets: Facets = field(default_factory=dict)
    parent: Parent | None = None
    job_namespace: str | None = None
    job_name: str | None = None
    job_facets: Facets = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()

    @property
    def order(self) -> int:
        """How new the event is: by its time, and at the same time START is the oldest, a run's end the newest."""
        place = 2 if self.event_type in _ENDINGS else 0 if self.event_type == "START" else 1
        return (self.at - _EPOCH) // datetime.resolution * _PLACES + place

    @property
    def state(self) -> str:
        """The run state that this event brings: COMPLETED, FAILED, ABORTED, else RUNNING."""
        return _STATES.get(self.event_type, "RUNNING")

    @property
    def args(self) -> dict[str, str]:
        """The run's arguments as Marquez derives them from the nominal time and the parent."""
        args: dict[str, str] = {}
        nominal = self.run_facets.get("nominalTime", {})
        for name, key in (("nominal_start_time", "nominalStartTime"), ("nominal_end_time", "nominalEndTime")):
            if key in nominal:
                args[name] = facet_rules.format_zoned(datetime.fromisoformat(nominal[key]))
        if self.parent:
            args |= {
                "run_id": self.parent.external_run_id,
                "name": self.parent.name,
                "namespace": self.parent.namespace,
            }
        return args
