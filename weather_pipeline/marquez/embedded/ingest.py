"""Storing one event: one transaction, one round trip for all statements."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.errors import DeadlockDetected, SerializationFailure

from weather_pipeline.marquez.embedded import statements
from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.events import Dataset, Event, Kind
from weather_pipeline.marquez.embedded.facets import stored
from weather_pipeline.marquez.embedded.identity import (
    column_edge_key,
    dataset_key,
    dataset_version_key,
    job_key,
)

_ATTEMPTS = 3
_PROCESSING_TYPES = {"STREAMING": "STREAM"}


async def ingest(connection: Connection, event: Event) -> None:
    """Store an event; when this returns, every read shows it.

    Args:
        connection: In autocommit mode and without an open transaction.
        event: A validated event.

    Raises:
        psycopg.OperationalError: The database is away. Storing the same event again changes nothing but the raw log.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await _store(connection, event)
        except (DeadlockDetected, SerializationFailure):
            if attempt == _ATTEMPTS:
                raise
        else:
            return


async def _store(connection: Connection, event: Event) -> None:
    known = await _resolve(connection, event)
    plan = _Plan(event, known)
    # Without BEGIN all statements up to the pipeline's one Sync are one transaction: PostgreSQL's implicit one.
    async with connection.pipeline():
        for statement, parameters in plan.steps():
            await connection.execute(statement, parameters)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store already says about an event's names: dataset keys behind aliases, and the parent run's job."""

    targets: dict[UUID, UUID]
    parent: tuple[UUID, str, str] | None

    def dataset(self, namespace: str, name: str) -> UUID:
        key = dataset_key(namespace, name)
        return self.targets.get(key, key)


async def _resolve(connection: Connection, event: Event) -> _Known:
    keys = {dataset_key(dataset.namespace, dataset.name) for dataset in event.datasets}
    keys |= {dataset_key(source["namespace"], source["name"]) for _, _, source in _column_sources(event)}
    parent_run_id = event.parent.run_id if event.parent else None
    if not keys and parent_run_id is None:
        return _Known({}, None)
    cursor = await connection.execute(statements.RESOLVE, {"datasets": list(keys), "parent_run_id": parent_run_id})
    rows = await cursor.fetchall()
    parents = [(row["target"], row["namespace"], row["name"]) for row in rows if row["kind"] == "parent"]
    targets = {row["id"]: row["target"] for row in rows if row["kind"] == "alias"}
    return _Known(targets, parents[0] if parents else None)


class _Plan:
    """The statements of one event, in the order in which they lock rows."""

    def __init__(self, event: Event, known: _Known) -> None:
        self.event = event
        self.known = known
        self.job = _job_of(event, known)
        self.parameters: dict[str, Any] = {
            "at": event.at,
            "run_id": event.run_id,
            "job_id": self.job["id"] if self.job else None,
            "location": self.job["location"] if self.job else None,
            "datasets": json.dumps([_posted(dataset, event, known) for dataset in event.datasets]),
            "job_facets": json.dumps(stored(event.job_facets, event.at)),
        }

    def steps(self) -> Iterable[tuple[Any, dict[str, Any]]]:
        event = self.event
        yield statements.NAMESPACES, {"at": event.at, "namespaces": sorted(_namespaces(event))}
        sources = {dataset.source[0]: dataset.source[1] for dataset in event.datasets if dataset.source}
        if sources:
            posted = [{"name": name, "url": url} for name, url in sources.items()]
            yield statements.SOURCES, {"at": event.at, "sources": json.dumps(posted)}
        yield from self._jobs_and_run()
        yield from self._datasets()
        if event.job_name is not None:
            static = self.parameters["job_facets"] if event.kind is Kind.JOB else "{}"
            yield statements.JOB_VERSION, self.parameters | {"static_facets": static}
            yield statements.JOB_EDGES, self.parameters
        yield from self._columns()
        yield (
            statements.RAW_EVENT,
            {"at": event.at, "event_type": event.event_type, "run_id": event.run_id, "body": event.body},
        )

    def _jobs_and_run(self) -> Iterable[tuple[Any, dict[str, Any]]]:
        event, parent = self.event, self.event.parent
        if self.job is None:
            return
        if parent and self.known.parent is None:
            names = {"id": self.job["parent_id"], "namespace": parent.namespace, "name": parent.name}
            parent_run = {"run_id": parent.run_id, "external_id": _external(parent.external_run_id, parent.run_id)}
            yield statements.PARENT_JOB, names | {"at": event.at}
            yield statements.JOBS, {"at": event.at, "jobs": json.dumps([self.job], default=str)}
            yield statements.PARENT_RUN, {"at": event.at, "id": names["id"]} | parent_run
        else:
            yield statements.JOBS, {"at": event.at, "jobs": json.dumps([self.job], default=str)}
        if event.run_id is not None:
            yield (
                statements.RUN,
                self.parameters
                | {
                    "external_id": event.external_run_id,
                    "parent_run_id": parent.run_id if parent else None,
                    "state": event.state,
                    "args": json.dumps(event.args),
                    "run_facets": json.dumps(stored(event.run_facets, event.at)),
                },
            )

    def _datasets(self) -> Iterable[tuple[Any, dict[str, Any]]]:
        event = self.event
        if not event.datasets:
            return
        yield statements.DATASETS, self.parameters
        aliases = list(_aliases(event, self.known))
        if aliases:
            yield statements.ALIASES, {"aliases": json.dumps(aliases)}
        written = [dataset for dataset in event.datasets if _makes_version(dataset, event)]
        posted = json.dumps([_posted(dataset, event, self.known) for dataset in written])
        versions = self.parameters | {"datasets": posted}
        yield statements.DATASET_VERSIONS, versions
        yield statements.READS, self.parameters
        if event.state == "COMPLETED" or event.kind is not Kind.RUN:
            yield statements.CURRENT_VERSIONS, versions

    def _columns(self) -> Iterable[tuple[Any, dict[str, Any]]]:
        columns = [
            _column_edge(self.known.dataset(output.namespace, output.name), field, column, source, self.known)
            for output, field, source in _column_sources(self.event)
            for column in [output.columns[field]]
        ]
        if columns:
            yield statements.COLUMN_LINEAGE, {"at": self.event.at, "columns": json.dumps(columns)}


def _job_of(event: Event, known: _Known) -> dict[str, Any] | None:
    """The job's row: Marquez names the job of a run with a parent `PARENT.NAME`."""
    if event.job_namespace is None or event.job_name is None:
        return None
    name = simple = event.job_name
    parent_id = None
    if event.parent:
        parent = event.parent
        parent_id, _, parent_name = known.parent or (
            job_key(parent.namespace, parent.name),
            parent.namespace,
            parent.name,
        )
        simple = event.job_name.removeprefix(f"{parent_name}.")
        name = f"{parent_name}.{simple}"
    facets = event.job_facets
    processing = facets.get("jobType", {}).get("processingType", "BATCH").upper()
    inputs = [dataset for dataset in event.datasets if not dataset.is_output and event.kind is Kind.RUN]
    return {
        "id": job_key(event.job_namespace, name),
        "namespace": event.job_namespace,
        "name": name,
        "simple_name": simple,
        "parent_id": parent_id,
        "type": _PROCESSING_TYPES.get(processing, "BATCH"),
        "description": facets.get("documentation", {}).get("description"),
        "location": facets.get("sourceCodeLocation", {}).get("url"),
        "current_inputs": [{"namespace": dataset.namespace, "name": dataset.name} for dataset in inputs],
    }


def _posted(dataset: Dataset, event: Event, known: _Known) -> dict[str, Any]:
    key = known.dataset(dataset.namespace, dataset.name)
    fields = dataset.fields
    return {
        "dataset_id": str(key),
        "namespace": dataset.namespace,
        "name": dataset.name,
        "is_output": dataset.is_output,
        "version_id": str(dataset_version_key(key, dataset.lifecycle_state, fields, event.run_id)),
        "description": dataset.description,
        "source_name": dataset.source[0] if dataset.source else "default",
        "lifecycle_state": dataset.lifecycle_state,
        "fields": fields,
        "facets": stored(dataset.facets, event.at),
        "io_facets": stored(dataset.io_facets, event.at),
    }


def _makes_version(dataset: Dataset, event: Event) -> bool:
    """A job event that only names its outputs says nothing about their content."""
    return event.kind is not Kind.JOB or not dataset.is_output or bool(dataset.facets)


def _namespaces(event: Event) -> set[str]:
    names = {dataset.namespace for dataset in event.datasets}
    names |= {link["namespace"] for dataset in event.datasets for link in dataset.symlinks}
    if event.job_namespace:
        names.add(event.job_namespace)
    if event.parent:
        names.add(event.parent.namespace)
    return names


def _aliases(event: Event, known: _Known) -> Iterable[dict[str, Any]]:
    for dataset in event.datasets:
        target = known.dataset(dataset.namespace, dataset.name)
        for link in dataset.symlinks:
            alias = dataset_key(link["namespace"], link["name"])
            if alias != target:
                names = {"namespace": link["namespace"], "name": link["name"], "type": link.get("type")}
                yield {"id": str(alias), "dataset_id": str(target), **names}


def _column_sources(event: Event) -> Iterable[tuple[Dataset, str, dict[str, Any]]]:
    """Every (dataset, output column, input field) that the event maps."""
    for dataset in event.datasets:
        for field, column in dataset.columns.items():
            for source in column.get("inputFields", []):
                yield dataset, field, source


def _column_edge(
    output: UUID, field: str, column: dict[str, Any], source: dict[str, Any], known: _Known
) -> dict[str, Any]:
    source_key = known.dataset(source["namespace"], source["name"])
    return {
        "id": str(column_edge_key(output, field, source_key, source["field"])),
        "output_dataset_id": str(output),
        "output_field": field,
        "input_dataset_id": str(source_key),
        "input_field": source["field"],
        "transformation_description": column.get("transformationDescription"),
        "transformation_type": column.get("transformationType"),
    }


def _external(run_id: str, key: UUID) -> str | None:
    return None if run_id.lower() == str(key) else run_id
