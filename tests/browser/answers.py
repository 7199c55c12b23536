"""Answers of a backend that a test makes up: a few jobs, and what they read and write."""

from __future__ import annotations

from typing import Any

from tests.marquez_double import Answer, MarquezDouble

NAMESPACE = "pipeline"
GRAPH = f"#/{NAMESPACE}/graph"


def dataset(name: str) -> dict[str, str]:
    return {"namespace": "file", "name": name}


def job(name: str, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
    run = {"id": "1", "state": "COMPLETED", "createdAt": "2026-11-19T10:00:00Z", "startedAt": "2026-11-19T10:00:00Z"}
    return {
        "namespace": NAMESPACE,
        "name": name,
        "description": None,
        "createdAt": "2026-11-19T10:00:00Z",
        "inputs": [dataset(one) for one in inputs],
        "outputs": [dataset(one) for one in outputs],
        "latestRun": {**run, "durationMs": 1000, "facets": {}, "inputDatasetVersions": [], "outputDatasetVersions": []},
    }


def serve(marquez: MarquezDouble, jobs: list[dict[str, Any]]) -> None:
    """Let the backend know these jobs and nothing else."""

    def answer(target: str) -> Answer:
        if target.startswith("/api/v1/namespaces?"):
            return 200, {"namespaces": [{"name": NAMESPACE, "isHidden": False}] if jobs else []}
        if target.startswith(("/api/v1/jobs?", f"/api/v1/namespaces/{NAMESPACE}/jobs?")):
            return 200, {"jobs": jobs, "totalCount": len(jobs)}
        if "/runs?" in target:
            return 200, {"runs": [jobs[0]["latestRun"]], "totalCount": 1}
        return 200, jobs[0]

    marquez.answer = answer


def instead(marquez: MarquezDouble, answers: dict[str, Answer]) -> None:
    """Let the backend answer these to targets that hold their keys, and what it did to others."""
    others = marquez.answer
    marquez.answer = lambda target: (
        next((found for part, found in answers.items() if part in target), None) or others(target)
    )


def tree(jobs: int) -> list[dict[str, Any]]:
    """Jobs that each write one dataset, which three others read."""
    return [job(f"job_{n}", [f"data_{(n - 1) // 3}"] if n else [], [f"data_{n}"]) for n in range(jobs)]
