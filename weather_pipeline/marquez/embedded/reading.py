"""Reading OpenLineage events: JSON to `Event`, with every error named. Pure: no database.

Validation follows Marquez where Marquez refuses, and goes further where Marquez accepts an event that it can't serve
afterwards (`docs/lineage-service.md`): every error names the field, and an event with an error stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from weather_pipeline.marquez.embedded import facets as facet_rules
from weather_pipeline.marquez.embedded.errors import MOST_ERRORS, InvalidBody
from weather_pipeline.marquez.embedded.events import Dataset, Event, Kind, Parent
from weather_pipeline.marquez.embedded.facet_checks import facet_errors, is_object, parse_time
from weather_pipeline.marquez.embedded.facets import Facets
from weather_pipeline.marquez.embedded.identity import run_key

NAMESPACE_PATTERN = re.compile(r"[A-Za-z0-9_@+:=;/.-]{1,1024}")
"""Names that a real Marquez can list again after it stored them."""

NAME_LENGTH = 4000
"""Longest name of a job or dataset, in characters."""

_TYPE_LENGTH = 255
"""Longest type of an event, in characters: an index holds it."""

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def parse_event(document: Any, body: str) -> Event:
    """Validate one event.

    Args:
        document: The event's JSON as Python values.
        body: The same JSON as text, kept as it was received.

    Raises:
        InvalidBody: Every error names the field.
    """
    if document is None:
        raise InvalidBody(["The request body must not be null"])
    if not is_object(document):
        raise InvalidBody(["The request body must be a JSON object"])
    reader = _Reader(document)
    event = reader.event(body)
    if reader.errors:
        raise InvalidBody(reader.errors)
    return event


def namespace_error(path: str, value: str) -> str | None:
    """What is wrong with a namespace's name, if anything."""
    if NAMESPACE_PATTERN.fullmatch(value):
        return None
    return f"{path} must be 1 to 1024 characters of {NAMESPACE_PATTERN.pattern[:-8]}: got {value[:100]!r}"


class _Reader:
    """Reads one event and collects what is wrong with it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.errors: list[str] = []

    def event(self, body: str) -> Event:
        kind = Kind.of(self.document)
        at = self._time(self.document, "eventTime", "eventTime")
        self._text(self.document, "producer", "producer")
        if not isinstance(self.document.get("schemaURL"), str | None):
            self.errors.append("schemaURL must be a string")
        job = None if kind is Kind.DATASET else self._object(self.document, "job", "job", required=True)
        run = None if kind is not Kind.RUN else self._object(self.document, "run", "run", required=True)
        event_type = self._event_type(kind)
        event = Event(kind=kind, event_type=event_type, at=at or datetime.now(UTC), body=body)
        changes: dict[str, Any] = {"datasets": self._datasets(kind)}
        if job is not None:
            changes |= self._job(job)
        if run is not None:
            changes |= self._run(run)
        self._reject_nul(body)
        if self.errors:
            return event
        known = {name: getattr(event, name) for name in ("kind", "event_type", "at", "body")}
        return Event(**known, **changes)

    def _event_type(self, kind: Kind) -> str:
        if kind is not Kind.RUN:
            return kind.value
        event_type = self.document.get("eventType")
        if event_type is None:
            return "OTHER"
        if not isinstance(event_type, str):
            self.errors.append("eventType must be a string")
            return "OTHER"
        if len(event_type) > _TYPE_LENGTH:
            self.errors.append(f"eventType must not be longer than {_TYPE_LENGTH} characters")
        return event_type.upper()

    def _job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        namespace = self._namespace(job, "job")
        name = self._name(job, "job")
        return {"job_namespace": namespace, "job_name": name, "job_facets": self._facets(job, "facets", "job.facets")}

    def _run(self, run: Mapping[str, Any]) -> dict[str, Any]:
        run_id = self._text(run, "runId", "run.runId")
        if run_id is not None and not run_id.strip():
            self.errors.append("run.runId must not be blank")
        facets = self._facets(run, "facets", "run.facets")
        key = run_key(run_id or "")
        external = None if run_id is None or str(key) == run_id.lower() else run_id
        return {"run_id": key, "external_run_id": external, "run_facets": facets, "parent": self._parent(facets)}

    def _parent(self, facets: Facets) -> Parent | None:
        facet = facets.get("parent")
        if facet is None:
            return None
        path = "run.facets.parent"
        run = self._object(facet, "run", f"{path}.run", required=True)
        job = self._object(facet, "job", f"{path}.job", required=True)
        run_id = None if run is None else self._text(run, "runId", f"{path}.run.runId")
        namespace = None if job is None else self._namespace(job, f"{path}.job")
        name = None if job is None else self._name(job, f"{path}.job")
        if run_id is None or namespace is None or name is None:
            return None
        return Parent(run_id=run_key(run_id), external_run_id=run_id, namespace=namespace, name=name)

    def _datasets(self, kind: Kind) -> tuple[Dataset, ...]:
        if kind is Kind.DATASET:
            entry = self._object(self.document, "dataset", "dataset", required=True)
            found = [] if entry is None else [self._dataset(entry, "dataset", is_output=True)]
        else:
            found = [*self._list("inputs", is_output=False), *self._list("outputs", is_output=True)]
        return tuple(dataset for dataset in found if dataset is not None)

    def _list(self, name: str, *, is_output: bool) -> list[Dataset | None]:
        entries = self.document.get(name)
        if entries is None:
            return []
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            self.errors.append(f"{name} must be an array")
            return []
        found: list[Dataset | None] = []
        for i, entry in enumerate(entries):
            if len(self.errors) > MOST_ERRORS:
                break  # as many as are told, and the one that says that there are more
            found.append(self._dataset(entry, f"{name}[{i}]", is_output=is_output))
        return found

    def _dataset(self, entry: Any, path: str, *, is_output: bool) -> Dataset | None:
        if not is_object(entry):
            self.errors.append(f"{path} must be an object")
            return None
        namespace, name = self._namespace(entry, path), self._name(entry, path)
        facets = self._facets(entry, "facets", f"{path}.facets")
        side = "outputFacets" if is_output else "inputFacets"
        io_facets = self._facets(entry, side, f"{path}.{side}")
        if namespace is None or name is None:
            return None
        self._symlinks(facets, f"{path}.facets.symlinks")
        return Dataset(namespace=namespace, name=name, is_output=is_output, facets=facets, io_facets=io_facets)

    def _symlinks(self, facets: Facets, path: str) -> None:
        for i, entry in enumerate(facets.get("symlinks", {}).get("identifiers", [])):
            self._namespace(entry, f"{path}.identifiers[{i}]")
            self._name(entry, f"{path}.identifiers[{i}]")

    def _facets(self, owner: Mapping[str, Any], key: str, path: str) -> Facets:
        raw = self._object(owner, key, path, required=False)
        errors = [f"{path}.{message}" for message in islice(facet_errors(raw or {}), MOST_ERRORS + 1)]
        self.errors += errors
        return {} if errors or not raw else facet_rules.clean(raw)

    def _object(self, owner: Mapping[str, Any], key: str, path: str, *, required: bool) -> Mapping[str, Any] | None:
        value = owner.get(key)
        if value is None:
            if required:
                self.errors.append(f"{path} must not be null")
            return None
        if not is_object(value):
            self.errors.append(f"{path} must be an object")
            return None
        return value

    def _text(self, owner: Mapping[str, Any], key: str, path: str) -> str | None:
        value = owner.get(key)
        if value is None:
            self.errors.append(f"{path} must not be null")
        elif not isinstance(value, str):
            self.errors.append(f"{path} must be a string")
        else:
            return value
        return None

    def _namespace(self, owner: Mapping[str, Any], path: str) -> str | None:
        value = self._text(owner, "namespace", f"{path}.namespace")
        if value is None:
            return None
        error = namespace_error(f"{path}.namespace", value)
        if error:
            self.errors.append(error)
        return value

    def _name(self, owner: Mapping[str, Any], path: str) -> str | None:
        value = self._text(owner, "name", f"{path}.name")
        if value is not None and not value.strip():
            self.errors.append(f"{path}.name must not be blank")
        if value is not None and len(value) > NAME_LENGTH:
            self.errors.append(f"{path}.name must not be longer than {NAME_LENGTH} characters: got {len(value)}")
        return value

    def _time(self, owner: Mapping[str, Any], key: str, path: str) -> datetime | None:
        value = self._text(owner, key, path)
        if value is None:
            return None
        moment = parse_time(value)
        if moment is None:
            self.errors.append(f"{path} must be an ISO 8601 time with an offset: got {value[:100]!r}")
        return moment

    def _reject_nul(self, body: str) -> None:
        # Most bodies are looked through without the expression, which is slow.
        if "\\u0000" in body and _NUL.search(body):
            self.errors.append("The request body contains the character NUL (\\u0000), which PostgreSQL can't store")
