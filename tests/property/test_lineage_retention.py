"""Whatever happened, in whatever order it was told: deleting the past changes nothing that is said of the present."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.present import present
from tests.integration.marquez.retention import counted, pruned, run_of
from weather_pipeline.marquez.embedded.retention import Limit
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

_LIMIT = Limit(datetime(2026, 2, 1, tzinfo=UTC))
_TABLES = ("a", "b", "c")


@dataclass(frozen=True)
class _Run:
    job: str
    hours: int
    """From the limit to its start; negative before it."""
    reads: frozenset[str]
    writes: frozenset[str]
    end: str | None


_SIDES = st.frozensets(st.sampled_from(_TABLES), max_size=2)
_ALL_RUNS = st.lists(
    st.builds(
        _Run, st.sampled_from("jk"), st.integers(-50, 20), _SIDES, _SIDES, st.sampled_from(["COMPLETE", "FAIL", None])
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageService]:
    log = tmp_path_factory.mktemp("lineage") / "service.log"
    with LineageService(postgres.ensure_database("lineage_retention"), log) as running:
        yield running


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(_ALL_RUNS)
def test_the_present_stays(service: LineageService, runs: list[_Run]) -> None:
    namespace = uuid.uuid4().hex
    ids = {str(uuid.uuid4()): run for run in runs}
    for run_id, run in ids.items():
        start = _LIMIT.happened_before + timedelta(hours=run.hours)
        service.accept(*run_of((namespace, run.job), start, run_id, reads=run.reads, writes=run.writes, end=run.end))
    before, shown = present(service, namespace), _shown(service, ids)
    expected = counted(service.database_url, _LIMIT)

    deleted = pruned(service.database_url, _LIMIT)

    assert deleted == expected
    assert pruned(service.database_url, _LIMIT) == {}
    assert present(service, namespace) == before
    left = _shown(service, ids)
    assert left.items() <= shown.items(), "what stays says the same"
    assert {run_id for run_id, run in ids.items() if run.hours >= 0} <= left.keys()
    for run_id, answer in left.items():
        _everything_it_names_is_there(service, namespace, ids[run_id].job, answer)


def _shown(service: LineageService, ids: Mapping[str, _Run]) -> dict[str, str]:
    """The runs that are there, as they are answered."""
    answers = {run_id: requests.get(f"{service.url}/api/v1/jobs/runs/{run_id}", timeout=30) for run_id in ids}
    assert {answer.status_code for answer in answers.values()} <= {200, 404}
    return {run_id: answer.text for run_id, answer in answers.items() if answer.ok}


def _everything_it_names_is_there(service: LineageService, namespace: str, job: str, answer: str) -> None:
    run: dict[str, Any] = json.loads(answer)
    base = f"/api/v1/namespaces/{namespace}"
    for side in ("inputDatasetVersions", "outputDatasetVersions"):
        for named in run[side]:
            version = named["datasetVersionId"]
            service.get(f"{base}/datasets/{version['name']}/versions/{version['version']}")
    if run["jobVersion"]:
        service.get(f"{base}/jobs/{job}/versions/{run['jobVersion']['version']}")
    service.get(f"/api/v1/runlineage/upstream?runId={run['id']}")
