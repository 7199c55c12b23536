"""Reading events: what is taken from them, and how errors are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from weather_pipeline.marquez.embedded.errors import MOST_ERRORS, InvalidBody
from weather_pipeline.marquez.embedded.events import Event, Kind
from weather_pipeline.marquez.embedded.reading import parse_event

_RUN_ID = "0199a000-0000-7000-8000-000000000001"
_EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-01T11:00:00+01:00",
    "producer": "https://example.org/producer",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": _RUN_ID},
    "job": {"namespace": "weather", "name": "load"},
}


def _read(**changes: Any) -> Event:
    document = {key: value for key, value in {**_EVENT, **changes}.items() if value is not ...}
    return parse_event(document, json.dumps(document))


def _errors(**changes: Any) -> list[str]:
    with pytest.raises(InvalidBody) as caught:
        _read(**changes)
    return caught.value.errors


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": [1] * 100_000},
        {"job": {"namespace": "n", "name": "j", "facets": {"symlinks": {"identifiers": [{}] * 100_000}}}},
        {"inputs": [{"namespace": "n", "name": "d", "facets": {"schema": {"fields": [{}]}}}] * 100_000},
        {
            "outputs": [
                {
                    "namespace": "n",
                    "name": "d",
                    "facets": {"columnLineage": {"fields": {"x" * 100_000: {"inputFields": [1] * 100_000}}}},
                }
            ]
        },
    ],
    ids=["datasets", "of a facet", "of facets", "of a long name"],
)
def test_of_very_many_errors_the_first_are_told(changes: dict[str, Any]) -> None:
    errors = _errors(**changes)

    assert len(errors) == MOST_ERRORS + 1
    assert errors[-1] == "… and more"
    assert max(map(len, errors)) < 300


def test_a_run_event() -> None:
    event = _read(inputs=[{"namespace": "s3://lake", "name": "raw", "inputFacets": {"a": {"b": None, "c": 1}}}])

    assert (event.kind, event.state, event.run_id) == (Kind.RUN, "COMPLETED", UUID(_RUN_ID))
    assert event.at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (event.datasets[0].is_output, event.datasets[0].io_facets) == (False, {"a": {"c": 1}})


@pytest.mark.parametrize(
    ("event_type", "state"),
    [
        ("START", "RUNNING"),
        ("RUNNING", "RUNNING"),
        ("OTHER", "RUNNING"),
        ("INVENTED", "RUNNING"),
        (None, "RUNNING"),
        ("complete", "COMPLETED"),
        ("FAIL", "FAILED"),
        ("ABORT", "ABORTED"),
    ],
)
def test_the_state_an_event_brings(event_type: str | None, state: str) -> None:
    assert _read(eventType=event_type).state == state


def test_the_schema_url_tells_the_kind() -> None:
    job = _read(schemaURL="https://example.org/OpenLineage.json#/$defs/JobEvent", run=...)
    dataset = _read(
        schemaURL="https://example.org/OpenLineage.json#/$defs/DatasetEvent",
        run=...,
        job=...,
        dataset={"namespace": "s3://lake", "name": "raw"},
    )

    assert (job.kind, job.run_id, job.job_name) == (Kind.JOB, None, "load")
    assert (dataset.kind, dataset.job_name, dataset.datasets[0].name) == (Kind.DATASET, None, "raw")


def test_a_run_id_that_is_no_uuid_is_kept_beside_the_uuid_marquez_gives_it() -> None:
    event = _read(run={"runId": "scheduled__2026"})

    # A version 3 UUID of the run id's MD5 without a namespace: Java's name UUID.
    assert event.run_id == UUID("971207ef-e600-3e12-8a33-5f688462271d")
    assert event.external_run_id == "scheduled__2026"


def test_of_events_at_the_same_time_the_start_is_the_oldest_and_the_end_the_newest() -> None:
    def order(event_type: str, second: int = 0) -> int:
        return _read(eventType=event_type, eventTime=f"2026-03-01T10:00:0{second}Z").order

    assert order("START") < order("RUNNING") == order("OTHER") < order("COMPLETE") == order("FAIL") == order("ABORT")
    assert order("COMPLETE") < order("START", second=1)


def test_arguments_come_from_nominal_time_and_parent() -> None:
    parent = {"run": {"runId": _RUN_ID}, "job": {"namespace": "weather", "name": "nightly"}}
    nominal = {"nominalStartTime": "2026-03-01T10:00:00.000Z", "nominalEndTime": "2026-03-01T11:30:15.500+01:00"}

    event = _read(run={"runId": _RUN_ID, "facets": {"parent": parent, "nominalTime": nominal}})

    assert event.args == {
        "nominal_start_time": "2026-03-01T10:00Z[UTC]",
        "nominal_end_time": "2026-03-01T10:30:15.500Z[UTC]",
        "run_id": _RUN_ID,
        "name": "nightly",
        "namespace": "weather",
    }
    assert event.run_facets["nominalTime"]["nominalEndTime"] == "2026-03-01T10:30:15.500Z"


def test_missing_members_are_named_in_marquez_words() -> None:
    with pytest.raises(InvalidBody) as caught:
        parse_event({}, "{}")

    assert caught.value.errors == [
        "eventTime must not be null",
        "producer must not be null",
        "job must not be null",
        "run must not be null",
    ]


_SCHEMA_URL = "https://example.org/OpenLineage.json#/$defs/"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"job": {}}, ["job.namespace must not be null", "job.name must not be null"]),
        ({"run": {}}, ["run.runId must not be null"]),
        (
            {"schemaURL": _SCHEMA_URL + "JobEvent", "run": ..., "job": {}},
            ["job.namespace must not be null", "job.name must not be null"],
        ),
        (
            {"schemaURL": _SCHEMA_URL + "DatasetEvent", "run": ..., "job": ..., "dataset": {}},
            ["dataset.namespace must not be null", "dataset.name must not be null"],
        ),
        ({"inputs": [{}]}, ["inputs[0].namespace must not be null", "inputs[0].name must not be null"]),
        (
            {"run": {"runId": _RUN_ID, "facets": {"parent": {"run": {}, "job": {"namespace": "n", "name": "j"}}}}},
            ["run.facets.parent.run.runId must not be null"],
        ),
        (
            {"run": {"runId": _RUN_ID, "facets": {"parent": {"run": {"runId": _RUN_ID}, "job": {}}}}},
            ["run.facets.parent.job.namespace must not be null", "run.facets.parent.job.name must not be null"],
        ),
    ],
)
def test_an_object_without_members_lacks_what_it_must_have(changes: dict[str, Any], errors: list[str]) -> None:
    assert _errors(**changes) == errors


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"eventTime": "yesterday"}, "eventTime must be an ISO 8601 time with an offset: got 'yesterday'"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "eventTime must be an ISO 8601 time with an offset"),
        ({"eventType": 1}, "eventType must be a string"),
        ({"job": []}, "job must be an object"),
        ({"job": {"namespace": "weather", "name": 1}}, "job.name must be a string"),
        ({"run": {"facets": {}}}, "run.runId must not be null"),
        ({"inputs": "raw"}, "inputs must be an array"),
        ({"inputs": ["raw"]}, "inputs[0] must be an object"),
        ({"outputs": [{"namespace": "s3://lake"}]}, "outputs[0].name must not be null"),
        ({"run": {"runId": "r", "facets": []}}, "run.facets must be an object"),
        (
            {"run": {"runId": "r", "facets": {"nominalTime": {"nominalStartTime": "soon"}}}},
            "run.facets.nominalTime.nominalStartTime must be an ISO 8601 time with an offset",
        ),
        (
            {"inputs": [{"namespace": "n", "name": "d", "facets": {"schema": {"fields": [{"type": "int"}]}}}]},
            "inputs[0].facets.schema.fields[0].name must be a string",
        ),
        (
            {
                "outputs": [
                    {
                        "namespace": "n",
                        "name": "d",
                        "facets": {"columnLineage": {"fields": {"c": {"inputFields": [{"namespace": "n"}]}}}},
                    }
                ]
            },
            "outputs[0].facets.columnLineage.fields.c.inputFields[0] must have namespace, name and field as strings",
        ),
        ({"schemaURL": {"a": 1}}, "schemaURL must be a string"),
        (
            {
                "inputs": [
                    {"namespace": "n", "name": "d", "facets": {"schema": {"fields": [{"name": "c", "description": 5}]}}}
                ]
            },
            "inputs[0].facets.schema.fields[0].description must be a string",
        ),
        (
            {
                "outputs": [
                    {
                        "namespace": "n",
                        "name": "d",
                        "facets": {
                            "columnLineage": {"fields": {"c": {"inputFields": [], "transformationDescription": {}}}}
                        },
                    }
                ]
            },
            "outputs[0].facets.columnLineage.fields.c.transformationDescription must be a string",
        ),
        ({"job": {"namespace": "a b", "name": "j"}}, "job.namespace must be 1 to 1024 characters of"),
    ],
)
def test_errors_name_the_field(changes: dict[str, Any], error: str) -> None:
    assert any(message.startswith(error) for message in _errors(**changes))


def test_nul_is_refused_but_not_its_spelling() -> None:
    spelled = _read(job={"namespace": "weather", "name": "a\\u0000b"})

    assert spelled.job_name == "a\\u0000b"
    assert any("NUL" in error for error in _errors(job={"namespace": "weather", "name": "a\0b"}))
