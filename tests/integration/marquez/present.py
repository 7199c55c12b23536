"""What the lineage service says about the present: all that stays the same when the past is deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

from tests.integration.marquez.conftest import LineageService

_PAST = "latestRuns"
"""The one member of these answers that is a list of the past."""


def present(service: LineageService, only: str | None = None) -> dict[str, Any]:
    """Every answer about namespaces, sources, tags, jobs, datasets and graphs, by its path.

    Args:
        service: The service.
        only: Ask about this namespace alone.
    """
    with requests.Session() as session:
        found: dict[str, Any] = {}

        def read(path: str) -> Any:
            response = session.get(service.url + path, timeout=30)
            assert response.status_code == 200, (path, response.text)
            found[path] = without_past(response.json())
            return response.json()

        if only is None:
            read("/api/v1/sources?limit=1000")
            read("/api/v1/tags?limit=1000")
            read("/api/v1/jobs?limit=1000")
        names = (
            [entry["name"] for entry in read("/api/v1/namespaces?limit=1000")["namespaces"]] if only is None else [only]
        )
        for namespace in names:
            base = f"/api/v1/namespaces/{_quoted(namespace)}"
            for job in read(f"{base}/jobs?limit=1000")["jobs"]:
                read(f"{base}/jobs/{_quoted(job['name'])}")
                read(f"/api/v1/lineage?nodeId=job:{_quoted(namespace)}:{_quoted(job['name'])}")
                if job["currentVersion"]:
                    read(f"{base}/jobs/{_quoted(job['name'])}/versions/{job['currentVersion']}")
                if job["latestRun"]:
                    read(f"/api/v1/jobs/runs/{job['latestRun']['id']}")
            for dataset in read(f"{base}/datasets?limit=1000")["datasets"]:
                node = f"dataset:{_quoted(namespace)}:{_quoted(dataset['name'])}"
                read(f"{base}/datasets/{_quoted(dataset['name'])}")
                read(f"/api/v1/lineage?nodeId={node}")
                if dataset["currentVersion"]:
                    read(f"{base}/datasets/{_quoted(dataset['name'])}/versions/{dataset['currentVersion']}")
                if dataset["fields"]:
                    read(f"/api/v1/column-lineage?nodeId={node}&withDownstream=true")
        return found


def without_past(answer: Any) -> Any:
    """An answer without what tells of the past."""
    if isinstance(answer, dict):
        return {key: without_past(member) for key, member in answer.items() if key != _PAST}
    return [without_past(member) for member in answer] if isinstance(answer, list) else answer


def _quoted(name: str) -> str:
    return quote(name, safe="")
