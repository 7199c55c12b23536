"""`/openapi.json` against the service that it describes: no answer is a 5xx, and every answer is as described.

Schemathesis makes the requests: valid ones, those that name what is stored, and invalid ones.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema
from weather_pipeline.marquez.embedded.app import create_app
from weather_pipeline.marquez.embedded.identity import dataset_key, dataset_version_key

pytestmark = pytest.mark.integration

_RUN, _NEXT_RUN = "0199d000-0000-7000-8000-000000000001", "0199d000-0000-7000-8000-000000000002"
_FIELDS = [{"name": name, "type": "double", "description": None} for name in ("t", "u")]
_EXAMPLES = 25

_STORED: Mapping[str, list[str]] = {
    "namespace": ["stored", "s3://stored"],
    "job": ["clean", "load/all"],
    "dataset": ["raw", "tidy.table", "alias"],
    "field": ["t", "u"],
    "tag": ["tagged", "PII"],
    "run_id": [_RUN, _NEXT_RUN],
    "runId": [_RUN, _NEXT_RUN],
    "source": ["lake", "default"],
    "nodeId": [
        "job:stored:clean", "dataset:stored:raw", "dataset:stored:tidy.table", "datasetField:stored:tidy.table:t",
        "dataset:stored:alias",
    ],
    "q": ["t", "clean", "raw", "stored", "0199d000"],
    "timezone": ["Europe/Zurich", "UTC"],
    "version": [str(dataset_version_key(dataset_key("stored", "tidy.table"), "", _FIELDS, uuid.UUID(_RUN)))],
}  # fmt: skip
"""What parameters may name that is stored."""


def _operations() -> Iterator[tuple[str, APIOperation, GenerationMode]]:
    """Every operation with whatever names are valid, with those that are stored, and with what is not valid."""
    document = create_app("postgresql://").openapi()
    for operation in _of(document):
        yield "any", operation, GenerationMode.POSITIVE
        if operation.query or operation.body:
            yield "invalid", operation, GenerationMode.NEGATIVE
    for operation in _of(_naming_what_is_stored(document)):
        if operation.path_parameters or operation.query:
            yield "stored", operation, GenerationMode.POSITIVE


def _of(document: dict[str, Any]) -> Iterator[APIOperation]:
    described = schemathesis.openapi.from_dict(document)
    return (described[path][method] for path in described for method in described[path])


def _naming_what_is_stored(document: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in _STORED:
                    parameter["schema"] = {"enum": _STORED[parameter["name"]]}
    return document


def _events() -> Iterator[dict[str, Any]]:
    """Two runs: each of the stored names is there."""
    column = {"inputFields": [{"namespace": "stored", "name": "raw", "field": "t"}]}
    facets = {
        "schema": schema("t", "u"),
        "columnLineage": facet(fields={"t": column}),
        "symlinks": facet(identifiers=[{"namespace": "stored", "name": "alias", "type": "TABLE"}]),
        "dataSource": facet(name="lake", uri="s3://lake"),
    }
    steps = ((_RUN, "clean", "raw", "tidy.table"), (_NEXT_RUN, "load/all", "tidy.table", "raw"))
    for run_id, job, read, written in steps:
        inputs = [dataset("stored", read, {"schema": schema("t", "u")})]
        outputs = [dataset("stored", written, facets if written == "tidy.table" else {"schema": schema("t", "u")})]
        yield run_event("COMPLETE", "2026-03-01T10:00:00Z", run_id, ("stored", job), inputs=inputs, outputs=outputs)


@pytest.fixture(autouse=True)
def stored(service: LineageService) -> None:
    """What the tests before have hidden is there again."""
    service.accept(*_events())


@pytest.mark.parametrize(
    ("operation", "mode"),
    [pytest.param(operation, mode, id=f"{operation.label}, {names}") for names, operation, mode in _operations()],
)
def test_every_answer_is_as_described(service: LineageService, operation: APIOperation, mode: GenerationMode) -> None:
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    with requests.Session() as session:

        @settings(
            max_examples=_EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(case=operation.as_strategy(mode))
        def ask(case: Case) -> None:
            if case.method == "DELETE":
                service.accept(*_events())
            response = case.call(service.url, session, timeout=30)
            # Marquez answers the facets of a run that has none with an empty body.
            case.validate_response(response, checks=checks if response.content else checks[:2])

        ask()
