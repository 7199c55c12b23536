"""An event as the database's function `store_event` takes it (migrations/0002_store_event.sql). Pure: no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from weather_pipeline.marquez.embedded.events import Dataset, Event, Kind, Parent
from weather_pipeline.marquez.embedded.facets import stored
from weather_pipeline.marquez.embedded.identity import (
    column_edge_key,
    dataset_key,
    dataset_version_key,
    job_key,
    unwritten_version_key,
)

_PROCESSING_TYPES = {"STREAMING": "STREAM"}
_NOBODY = UUID(int=0)
"""Who writes where an event has no job."""
_NOTHING = (UUID(int=0), "")
"""What a column is made of that has no inputs: a column of no dataset. It stands in for what older events said."""


class KnownJob(NamedTuple):
    """The job that a parent run belongs to.

    Attributes:
        named_at: The time of the oldest event that names the run as its parent; None where it has events of its own.
    """

    id: UUID
    namespace: str
    name: str
    named_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store already says about names: the datasets behind aliases, and the jobs of parent runs."""

    aliases: dict[UUID, UUID] = field(default_factory=dict)
    parents: dict[UUID, KnownJob] = field(default_factory=dict)

    def dataset(self, namespace: str, name: str) -> UUID:
        """The key of the dataset that has this name, or this other name."""
        key = dataset_key(namespace, name)
        return self.aliases.get(key, key)


def dataset_keys(event: Event) -> set[UUID]:
    """Keys of all dataset names that an event uses: each may be another name of a dataset."""
    keys = {dataset_key(dataset.namespace, dataset.name) for dataset in event.datasets}
    columns = [column for dataset in event.datasets for column in dataset.columns.values()]
    sources = [source for column in columns for source in column.get("inputFields", [])]
    return keys | {dataset_key(source["namespace"], source["name"]) for source in sources}


def alias_keys(event: Event) -> set[UUID]:
    """Keys of the other names that an event gives its datasets."""
    return {dataset_key(link["namespace"], link["name"]) for dataset in event.datasets for link in dataset.symlinks}


def posted(event: Event, known: Known) -> dict[str, Any]:
    """The event for `store_event`, apart from its body: what `pydantic_core.to_json` writes."""
    keys = [known.dataset(dataset.namespace, dataset.name) for dataset in event.datasets]
    read = {key for key, dataset in zip(keys, event.datasets, strict=True) if not dataset.is_output}
    document: dict[str, Any] = {
        "at": event.at,
        "order": event.order,
        "event_type": event.event_type,
        "run_id": event.run_id,
        "datasets": [
            _dataset(key, dataset, event, is_read=key in read)
            for key, dataset in zip(keys, event.datasets, strict=True)
        ],
        "makes_current": event.state == "COMPLETED" or event.kind is not Kind.RUN,
    }
    if event.job_namespace is not None and event.job_name is not None:
        parent = _parent_job(event, known)
        document["job"] = _job(event, event.job_namespace, event.job_name, parent)
        document["job_facets"] = stored(event.job_facets, event.order)
        if event.parent and parent and _makes_older(event, event.parent, known):
            document["parent"] = _parent(event.parent, parent)
        if event.run_id is not None:
            document["run"] = _run(event)
    if aliases := list(_aliases(event, known)):
        document["aliases"] = aliases
    if columns := list(_columns(event, known)):
        document["columns"] = columns
    return document


def names(events: Iterable[Event]) -> dict[str, Any]:
    """The namespaces and sources that events name, for `store_names`: each once."""
    namespaces: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, Any]] = {}
    for event in events:
        for namespace in _namespaces(event):
            _named(namespaces, namespace, event.at)
        for name, url in (dataset.source for dataset in event.datasets if dataset.source):
            source = _named(sources, name, event.at)
            # The newest that is given; of equally new ones the last.
            if url is not None and event.order >= source.get("url_order", event.order):
                source |= {"url": url, "url_order": event.order}
    document = {"namespaces": [*namespaces.values()]}
    return document | {"sources": [*sources.values()]} if sources else document


def _named(rows: dict[str, dict[str, Any]], name: str, at: datetime) -> dict[str, Any]:
    row = rows.setdefault(name, {"name": name, "first_at": at, "last_at": at})
    row["first_at"], row["last_at"] = min(row["first_at"], at), max(row["last_at"], at)
    return row


def _parent_job(event: Event, known: Known) -> KnownJob | None:
    parent = event.parent
    if parent is None:
        return None
    named = KnownJob(job_key(parent.namespace, parent.name), parent.namespace, parent.name)
    # A run that calls itself its parent would add to its job's name with every event.
    return named if parent.run_id == event.run_id else known.parents.get(parent.run_id, named)


def _makes_older(event: Event, parent: Parent, known: Known) -> bool:
    """Whether the event is the oldest that names a parent of which nothing else is known."""
    if parent.run_id not in known.parents:
        return True
    named_at = known.parents[parent.run_id].named_at
    return named_at is not None and event.at < named_at


def _parent(parent: Parent, job: KnownJob) -> dict[str, Any]:
    """A parent of which nothing is known but its names."""
    return {
        "job_id": job.id,
        "namespace": job.namespace,
        "name": job.name,
        "run_id": parent.run_id,
        "external_id": None if parent.external_run_id.lower() == str(parent.run_id) else parent.external_run_id,
    }


def _job(event: Event, namespace: str, name: str, parent: KnownJob | None) -> dict[str, Any]:
    """The job's row: Marquez names the job of a run with a parent `PARENT.NAME`."""
    simple = name
    if parent:
        simple = name.removeprefix(f"{parent.name}.")
        name = f"{parent.name}.{simple}"
    facets = event.job_facets
    processing = facets.get("jobType", {}).get("processingType", "BATCH").upper()
    inputs = [dataset for dataset in event.datasets if not dataset.is_output and event.kind is Kind.RUN]
    return {
        "id": job_key(namespace, name),
        "namespace": namespace,
        "name": name,
        "simple_name": simple,
        "parent_id": parent and parent.id,
        "type": _PROCESSING_TYPES.get(processing, "BATCH"),
        "description": facets.get("documentation", {}).get("description"),
        "location": facets.get("sourceCodeLocation", {}).get("url"),
        "current_inputs": [{"namespace": dataset.namespace, "name": dataset.name} for dataset in inputs],
    }


def _run(event: Event) -> dict[str, Any]:
    return {
        "external_id": event.external_run_id,
        "parent_run_id": event.parent and event.parent.run_id,
        "state": event.state,
        "args": event.args,
        "facets": stored(event.run_facets, event.order),
    }


def _dataset(key: UUID, dataset: Dataset, event: Event, *, is_read: bool) -> dict[str, Any]:
    fields = dataset.fields
    version = (
        dataset_version_key(key, dataset.lifecycle_state, fields, event.run_id)
        if dataset.is_output
        else unwritten_version_key(key)
    )
    return {
        "dataset_id": key,
        "namespace": dataset.namespace,
        "name": dataset.name,
        "is_output": dataset.is_output,
        "is_read": is_read,
        # A job event that only names its outputs says nothing about their content.
        "makes_version": event.kind is not Kind.JOB or not dataset.is_output or bool(dataset.facets),
        "version_id": version,
        "description": dataset.description,
        "source_name": dataset.source[0] if dataset.source else None,
        "lifecycle_state": dataset.lifecycle_state,
        "fields": fields,
        "facets": stored(dataset.facets, event.order),
        "io_facets": stored(dataset.io_facets, event.order),
    }


def _namespaces(event: Event) -> set[str]:
    names = {dataset.namespace for dataset in event.datasets}
    names |= {link["namespace"] for dataset in event.datasets for link in dataset.symlinks}
    if event.job_namespace:
        names.add(event.job_namespace)
    if event.parent:
        names.add(event.parent.namespace)
    return names


def _aliases(event: Event, known: Known) -> Iterable[dict[str, Any]]:
    for dataset in event.datasets:
        target = known.dataset(dataset.namespace, dataset.name)
        for link in dataset.symlinks:
            alias = dataset_key(link["namespace"], link["name"])
            if alias != target:
                names = {"namespace": link["namespace"], "name": link["name"], "type": link.get("type")}
                yield {"id": alias, "dataset_id": target, **names}


def _columns(event: Event, known: Known) -> Iterable[dict[str, Any]]:
    writer = _NOBODY
    if event.job_namespace is not None and event.job_name is not None:
        # By the name that the event has: another one, as that of a job with a parent, may depend on what came before.
        writer = job_key(event.job_namespace, event.job_name)
    for dataset in event.datasets:
        output = known.dataset(dataset.namespace, dataset.name)
        for name, column in dataset.columns.items():
            sources = column.get("inputFields", [])
            origins = [(known.dataset(source["namespace"], source["name"]), source["field"]) for source in sources]
            for origin, origin_field in origins or [_NOTHING]:
                yield {
                    "id": column_edge_key(output, name, origin, origin_field, writer),
                    "output_dataset_id": output,
                    "output_field": name,
                    "input_dataset_id": origin,
                    "input_field": origin_field,
                    "written_by": writer,
                    "transformation_description": column.get("transformationDescription"),
                    "transformation_type": column.get("transformationType"),
                }
