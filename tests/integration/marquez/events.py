"""OpenLineage events for tests of the lineage service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PRODUCER = "https://example.org/producer"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


def facet(**content: Any) -> dict[str, Any]:
    """A facet with its producer and schema."""
    return {"_producer": _PRODUCER, "_schemaURL": "https://example.org/facet.json", **content}


def schema(*columns: str) -> dict[str, Any]:
    """A schema facet with columns of type double."""
    return facet(fields=[{"name": name, "type": "double"} for name in columns])


def dataset(namespace: str, name: str, facets: Mapping[str, Any] | None = None, **sides: Any) -> dict[str, Any]:
    """An input or output."""
    return {"namespace": namespace, "name": name, "facets": dict(facets or {}), **sides}


def run_event(
    event_type: str,
    time: str,
    run_id: str,
    job: tuple[str, str],
    *,
    inputs: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
    run_facets: Mapping[str, Any] | None = None,
    job_facets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A run event; `time` is ISO 8601 with an offset, `job` namespace and name."""
    return {
        "eventType": event_type,
        "eventTime": time,
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA + "RunEvent",
        "run": {"runId": run_id, "facets": dict(run_facets or {})},
        "job": {"namespace": job[0], "name": job[1], "facets": dict(job_facets or {})},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def job_event(time: str, job: tuple[str, str], **parts: Any) -> dict[str, Any]:
    """A job event: `inputs`, `outputs`, `job_facets`."""
    event = run_event("", time, "", job, **parts)
    del event["run"], event["eventType"]
    return event | {"schemaURL": _SCHEMA + "JobEvent"}


def dataset_event(time: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset event."""
    return {
        "eventTime": time,
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA + "DatasetEvent",
        "dataset": dict(content),
    }
