"""OpenLineage's own Python client against the embedded service, as it is installed and without any adaptation."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    documentation_job,
    output_statistics_output_dataset,
    schema_dataset,
)

from tests.integration.marquez.conftest import LineageService

pytestmark = pytest.mark.integration

_TIMEOUT = 60.0
_DAY = "2026-03-01T"
_TRANSPORTS = [
    {"type": "http"},
    {"type": "http", "compression": "gzip"},
    {"type": "async_http"},
    {"type": "async_http", "compression": "gzip"},
]


@pytest.mark.parametrize("transport", _TRANSPORTS, ids=lambda transport: "-".join(transport.values()))
def test_what_it_sends_can_be_read(service: LineageService, transport: dict[str, str]) -> None:
    namespace, run_id = f"client-{uuid.uuid4().hex}", str(uuid.uuid4())
    client = OpenLineageClient(config={"transport": {**transport, "url": service.url}})

    for event in _events(namespace, run_id):
        client.emit(event)
    assert client.close(_TIMEOUT)

    run = service.get(f"/api/v1/jobs/runs/{run_id}")
    assert (run["state"], run["startedAt"], run["endedAt"]) == ("COMPLETED", f"{_DAY}10:00:00Z", f"{_DAY}10:00:05Z")
    (written,) = run["outputDatasetVersions"]
    assert written["facets"]["outputStatistics"]["rowCount"] == 3
    base = f"/api/v1/namespaces/{namespace}"
    job = service.get(f"{base}/jobs/clean")
    assert (job["description"], job["latestRun"]["id"]) == ("Cleans.", run_id)
    assert [name["name"] for name in (*job["inputs"], *job["outputs"])] == ["raw", "tidy"]
    tidy = service.get(f"{base}/datasets/tidy")
    assert [field["name"] for field in tidy["fields"]] == ["t"]
    assert tidy["columnLineage"][0]["inputFields"][0]["field"] == "celsius"
    planned = service.get(f"{base}/jobs/planned")
    assert [name["name"] for name in planned["inputs"]] == ["tidy"]
    assert [field["name"] for field in service.get(f"{base}/datasets/described")["fields"]] == ["a", "b"]
    page = service.get("/api/v1/events/lineage?limit=1000")["events"]
    stored = [event for event in page if event.get("job") and event["job"]["namespace"] == namespace]
    assert sorted(event["eventType"] or "" for event in stored) == ["", "COMPLETE", "START"]


def _events(namespace: str, run_id: str) -> list[Any]:
    """Events of all three kinds."""
    run, job = (
        Run(runId=run_id),
        Job(namespace, "clean", {"documentation": documentation_job.DocumentationJobFacet("Cleans.")}),
    )
    source = column_lineage_dataset.InputField(namespace=namespace, name="raw", field="celsius")
    columns = column_lineage_dataset.Fields(inputFields=[source], transformationType="IDENTITY")
    tidy = OutputDataset(
        namespace,
        "tidy",
        facets={
            "schema": _schema("t"),
            "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet({"t": columns}),
        },
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=3)
        },
    )
    raw = InputDataset(namespace, "raw", facets={"schema": _schema("celsius")})
    return [
        RunEvent(eventType=RunState.START, eventTime=f"{_DAY}10:00:00Z", run=run, job=job, inputs=[raw]),
        RunEvent(
            eventType=RunState.COMPLETE, eventTime=f"{_DAY}10:00:05Z", run=run, job=job, inputs=[raw], outputs=[tidy]
        ),
        JobEvent(eventTime=f"{_DAY}11:00:00Z", job=Job(namespace, "planned"), inputs=[InputDataset(namespace, "tidy")]),
        DatasetEvent(
            eventTime=f"{_DAY}11:00:00Z",
            dataset=StaticDataset(namespace, "described", facets={"schema": _schema("a", "b")}),
        ),
    ]


def _schema(*columns: str) -> schema_dataset.SchemaDatasetFacet:
    return schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields(name) for name in columns])
