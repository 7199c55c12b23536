"""What tests of the order of arrival share: stories told in every order, and all that the service says in the end."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from tests.integration.marquez.conftest import LineageService

Event = Mapping[str, Any]


def arrivals(
    service: LineageService, story: Callable[[str], Sequence[Event]], shown: Callable[[str], Any]
) -> list[Any]:
    """What is shown after each order of arrival of a story's events; each is told in a namespace of its own."""
    found = list[Any]()
    for order in itertools.permutations(range(len(story("")))):
        namespace = f"arrivals-{uuid.uuid4().hex}"
        events = story(namespace)
        service.accept(*(events[position] for position in order))
        answer = shown(namespace)
        if answer not in found:
            found.append(answer)
    return found


def named_run(namespace: str, name: str) -> str:
    """The id of a run of a story."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{namespace}/{name}"))


def run_lineage(service: LineageService, direction: str, namespace: str, name: str, *names: str) -> list[str]:
    """The names of a run and of those of `names` that it depends on, or that depend on it."""
    answer = service.get(f"/api/v1/runlineage/{direction}?runId={named_run(namespace, name)}")
    known = {named_run(namespace, each): each for each in (name, *names)}
    return [known[entry["run"]["id"]] for entry in answer["runs"]]


class _Reader:
    """Reads answers, and keeps each under its path."""

    def __init__(self, base: str, session: requests.Session) -> None:
        self.found: dict[str, Any] = {}
        self._base = base
        self._session = session

    def read(self, path: str) -> Any:
        response = self._session.get(self._base + path, timeout=30)
        assert response.status_code == 200, (path, response.text)
        self.found[path] = response.json() if response.content else None
        return self.found[path]

    def read_run(self, run_id: str) -> None:
        self.read(f"/api/v1/jobs/runs/{run_id}")
        for kind in ("run", "job"):
            self.read(f"/api/v1/jobs/runs/{run_id}/facets?type={kind}")
        for direction in ("upstream", "downstream"):
            self.read(f"/api/v1/runlineage/{direction}?runId={run_id}")

    def read_namespace(self, namespace: str) -> None:
        base, node = f"/api/v1/namespaces/{quote(namespace, safe='')}", quote(namespace, safe="")
        for job in self.read(f"{base}/jobs?limit=1000")["jobs"]:
            name = quote(job["name"], safe="")
            for rest in ("", "/runs", "/versions"):
                self.read(f"{base}/jobs/{name}{rest}")
            self.read(f"/api/v1/lineage?nodeId=job:{node}:{name}")
        for dataset in self.read(f"{base}/datasets?limit=1000")["datasets"]:
            name = quote(dataset["name"], safe="")
            for rest in ("", "/versions"):
                self.read(f"{base}/datasets/{name}{rest}")
            self.read(f"/api/v1/lineage?nodeId=dataset:{node}:{name}")
            if dataset["fields"]:
                self.read(f"/api/v1/column-lineage?nodeId=dataset:{node}:{name}&withDownstream=true")


def everything(service: LineageService) -> dict[str, Any]:
    """What the service says of namespaces, sources, jobs, runs, datasets, their versions and graphs, by path."""
    with requests.Session() as session:
        reader = _Reader(service.url, session)
        reader.read("/api/v1/sources?limit=1000")
        reader.read("/api/v1/jobs?limit=1000")
        for run in reader.read("/api/v1/jobs/runs?limit=1000")["runs"]:
            reader.read_run(run["id"])
        for namespace in reader.read("/api/v1/namespaces?limit=1000")["namespaces"]:
            reader.read_namespace(namespace["name"])
        return reader.found
