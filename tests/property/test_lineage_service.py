"""Whatever the lineage service accepts, it can show again: no event may break an answer, whatever its facets hold."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

Path = tuple[str | int, ...]
"""Where a value stands in an event."""

_SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_KINDS = ("RunEvent", "JobEvent", "DatasetEvent")
_GONE = "gone"
"""What a value is replaced by where its member is left out."""

_DOTS = {".", ".."}
"""Names that no client can ask for: it would read them as part of a path."""

_EVERY_TIME = "before=9999-12-31T23:59:59.999999Z&after=0001-01-01T00:00:00Z"


def _whole_event() -> dict[str, Any]:
    """An event with every standard facet, and with the members of all three kinds of event."""
    source = {"namespace": "NAMESPACE", "name": "raw", "field": "t", "transformations": [{"type": "DIRECT"}]}
    columns = {"t": {"inputFields": [source], "transformationDescription": "same", "transformationType": "IDENTITY"}}
    link = {"namespace": "NAMESPACE", "name": "alias", "type": "TABLE"}
    tag = {"key": "team", "value": "weather", "source": "tests", "field": "t"}
    owner = {"name": "team:weather", "type": "OWNER"}
    fields = [{"name": "t", "type": "double", "description": "°C", "fields": [{"name": "inner", "type": "int"}]}]
    dataset_facets = {
        "schema": facet(fields=fields),
        "columnLineage": facet(fields=columns, dataset=[source]),
        "documentation": facet(description="words", contentType="text/plain"),
        "ownership": facet(owners=[owner]),
        "dataSource": facet(name="lake", uri="s3://lake"),
        "lifecycleStateChange": facet(
            lifecycleStateChange="CREATE", previousIdentifier={"name": "old", "namespace": "NAMESPACE"}
        ),
        "symlinks": facet(identifiers=[link]),
        "tags": facet(tags=[tag]),
        "version": facet(datasetVersion="1"),
        "datasetType": facet(datasetType="TABLE", subType="x"),
        "storage": facet(storageLayer="iceberg", fileFormat="parquet"),
    }
    assertions = [{"assertion": "in_range", "success": True, "column": "t", "severity": "warn"}]
    input_facets = {
        "dataQualityAssertions": facet(assertions=assertions),
        "dataQualityMetrics": facet(rowCount=1, columnMetrics={"t": {"nullCount": 0, "quantiles": {"0.5": 1.5}}}),
        "inputStatistics": facet(rowCount=1, size=2, fileCount=3),
        "subset": facet(inputCondition={"type": "location", "locations": ["s3://lake"]}),
    }
    parent_job = {"namespace": "NAMESPACE", "name": "parent"}
    parent_run = {"runId": "0199a000-0000-7000-8000-000000000001"}
    return run_event(
        "COMPLETE",
        "2026-03-01T10:00:00Z",
        "RUN",
        ("NAMESPACE", "job"),
        run_facets={
            "parent": facet(run=parent_run, job=parent_job, root={"run": parent_run, "job": parent_job}),
            "nominalTime": facet(nominalStartTime="2026-03-01T09:00:00Z", nominalEndTime="2026-03-01T10:00:00Z"),
            "errorMessage": facet(message="no", programmingLanguage="PYTHON", stackTrace="at line 1"),
            "processing_engine": facet(name="dagster", version="1", openlineageAdapterVersion="1"),
            "tags": facet(tags=[tag]),
            "dagster_run": facet(partitions=["2026-03-01"], attempts=1),
        },
        job_facets={
            "jobType": facet(processingType="BATCH", integration="DAGSTER", jobType="ASSET"),
            "documentation": facet(description="words"),
            "sourceCodeLocation": facet(type="git", url="https://example.org/repo", repoUrl="x", path="a.py"),
            "sql": facet(query="SELECT 1"),
            "ownership": facet(owners=[owner]),
            "tags": facet(tags=[tag]),
        },
        inputs=[dataset("NAMESPACE", "raw", dataset_facets, inputFacets=input_facets)],
        outputs=[
            dataset(
                "NAMESPACE",
                "tidy",
                dataset_facets,
                outputFacets={"outputStatistics": facet(rowCount=1, size=2, fileCount=3)},
            )
        ],
    ) | {"dataset": dataset("NAMESPACE", "described", dataset_facets)}


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from _paths(member, (*path, key))


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


PATHS = st.sampled_from(sorted(_paths(_whole_event()), key=str))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", " ", "\0", "a\0b", "\\u0000", "é🌍\u202e\uffff", "x" * 5000, 10**400, -(10**4000), 1.7e308]),
    st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-02-30T00:00:00Z", "2026-01-01"]),
)
ODD = st.one_of(
    st.just(_GONE),
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.integers(100, 210).map(_nested),
)


def _schema(key: str) -> Path:
    return ("outputs", 0, "facets", "schema", "fields", 0, key)


def _column(key: str) -> Path:
    return ("outputs", 0, "facets", "columnLineage", "fields", "t", key)


# Only found, not made smaller: an event that breaks an answer breaks those to every later event too.
@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(_KINDS), st.dictionaries(PATHS, ODD, max_size=3))
@example("RunEvent", {})
@example("JobEvent", {})
@example("DatasetEvent", {})
@example("RunEvent", {_schema("type"): ["null", "string"]})
@example("RunEvent", {_schema("type"): {"type": "struct", "fields": []}})
@example("RunEvent", {_schema("type"): 5})
@example("RunEvent", {_schema("description"): 5})
@example("RunEvent", {_column("transformationType"): ["IDENTITY"]})
@example("RunEvent", {_column("transformationDescription"): {"a": 1}})
@example("RunEvent", {("dataset",): 5})
@example("JobEvent", {("run",): 5})
@example("JobEvent", {("run", "facets", "nominalTime", "nominalStartTime"): "yesterday"})
@example("DatasetEvent", {("job",): [1], ("inputs",): {"a": 1}})
@example("RunEvent", {("eventTime",): "0001-01-01T00:00:00Z"})
@example("RunEvent", {("eventTime",): "9999-12-31T23:59:59.999999Z"})
@example("RunEvent", {("outputs", 0, "facets", "dataSource", "name"): "".join(map(chr, range(5000, 9000)))})
@example("RunEvent", {("schemaURL",): {"a": 1}})
def test_whatever_is_accepted_can_be_read(service: LineageService, kind: str, changes: dict[Path, Any]) -> None:
    event = _changed(kind, changes)

    with requests.Session() as session:
        posted = session.post(f"{service.url}/api/v1/lineage", json=event, timeout=30)
        broken = [] if posted.status_code in {400, 422} else list(_broken(session, service.url, event))

    assert posted.status_code in {201, 400, 422}, posted.text
    assert broken == []


@pytest.mark.parametrize("place", ["eventType", "facet", "inputFacet"])
def test_a_number_beyond_a_double_is_refused(service: LineageService, place: str) -> None:
    event = _changed("JobEvent", {})
    places = {"eventType": event, "facet": event["job"]["facets"], "inputFacet": event["inputs"][0]["inputFacets"]}
    places[place][place] = "HUGE"
    body = json.dumps(event).replace('"HUGE"', "1e400")
    headers = {"Content-Type": "application/json"}

    posted = requests.post(f"{service.url}/api/v1/lineage", body, headers=headers, timeout=30)

    assert posted.status_code == 422
    assert service.get(f"/api/v1/events/lineage?limit=1&{_EVERY_TIME}")


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageService]:
    log = tmp_path_factory.mktemp("lineage") / "service.log"
    with LineageService(postgres.ensure_database("lineage_property"), log) as running:
        yield running


def _changed(kind: str, changes: Mapping[Path, Any]) -> dict[str, Any]:
    """The whole event as one of a kind, in a namespace and a run of its own, with some values replaced."""
    text = json.dumps(_whole_event() | {"schemaURL": _SCHEMA_URL + kind})
    event = json.loads(text.replace("NAMESPACE", uuid.uuid4().hex).replace("RUN", str(uuid.uuid4())))
    # The longest way first: a replaced value has no members any more.
    for path, value in sorted(changes.items(), key=lambda change: -len(change[0])):
        *way, last = path
        owner = event
        for key in way:
            owner = owner[key]
        if value == _GONE and isinstance(owner, dict):
            del owner[last]
        else:
            owner[last] = copy.deepcopy(value)
    return event


def _broken(session: requests.Session, base: str, event: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every read around an event that is not answered with 200."""

    def read(path: str) -> Any:
        response = session.get(base + path, timeout=30)
        found[path] = response.status_code
        return response.json() if response.status_code == 200 and response.content else {}

    found: dict[str, int] = {}
    for path in (
        f"/api/v1/events/lineage?limit=3&{_EVERY_TIME}",
        f"/api/v1/events/lineage?limit=3&sortDirection=asc&{_EVERY_TIME}",
        "/api/v1/jobs?limit=5",
        "/api/v1/jobs/runs?limit=5",
        "/api/v1/sources?limit=1000",
        "/api/v1/search?q=t",
        "/api/v1/stats/lineage-events?period=DAY",
        "/api/v1/stats/datasets?period=WEEK",
    ):
        read(path)
    known = {namespace["name"] for namespace in read("/api/v1/namespaces?limit=10000").get("namespaces", [])}
    for namespace in sorted(_namespaces(event) & known):
        _read_namespace(read, f"/api/v1/namespaces/{quote(namespace, safe='')}", namespace)
    yield from ((path, status) for path, status in found.items() if status != 200)


def _namespaces(event: Mapping[str, Any]) -> set[str]:
    """The namespaces that the event names for jobs and datasets."""
    found: set[str] = set()
    owners = [event.get("job"), event.get("dataset")]
    for side in (event.get("inputs"), event.get("outputs")):
        owners += side if isinstance(side, list) else []
    for owner in owners:
        if isinstance(owner, dict) and isinstance(owner.get("namespace"), str):
            found.add(owner["namespace"])
    return found - _DOTS


def _read_namespace(read: Any, url: str, namespace: str) -> None:
    for what in ("jobs", "datasets"):
        read(f"/api/v2beta/search/{what}?q={quote(namespace, safe='')}")
    for job in _named(read(f"{url}/jobs").get("jobs", [])):
        name = quote(job["name"], safe="")
        read(f"{url}/jobs/{name}")
        read(f"/api/v1/lineage?nodeId={quote('job:' + namespace, safe='')}:{name}")
        for version in read(f"{url}/jobs/{name}/versions").get("versions", []):
            read(f"{url}/jobs/{name}/versions/{version['version']}")
        for run in read(f"{url}/jobs/{name}/runs").get("runs", []):
            _read_run(read, run["id"])
    for entry in _named(read(f"{url}/datasets").get("datasets", [])):
        name = quote(entry["name"], safe="")
        node = f"{quote('dataset:' + namespace, safe='')}:{name}"
        read(f"{url}/datasets/{name}")
        read(f"/api/v1/lineage?nodeId={node}")
        if entry["fields"]:
            read(f"/api/v1/column-lineage?nodeId={node}&withDownstream=true")
        for version in read(f"{url}/datasets/{name}/versions").get("versions", []):
            read(f"{url}/datasets/{name}/versions/{version['version']}")


def _named(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["name"] not in _DOTS]


def _read_run(read: Any, run_id: str) -> None:
    read(f"/api/v1/jobs/runs/{run_id}")
    for direction in ("upstream", "downstream"):
        read(f"/api/v1/runlineage/{direction}?runId={run_id}")
    for whose in ("run", "job"):
        read(f"/api/v1/jobs/runs/{run_id}/facets?type={whose}")
