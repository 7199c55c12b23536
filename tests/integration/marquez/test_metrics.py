"""What the service tells Prometheus."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, run_event
from tests.integration.marquez.figures import Figures
from weather_pipeline.marquez.embedded.app import create_app
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

_AT = "2026-03-01T10:00:00Z"


def test_requests_are_counted_by_the_routes_template(service: LineageService) -> None:
    before = Figures(service)
    for name in ("a", "b%2Fc", "d"):
        requests.get(f"{service.url}/api/v1/namespaces/{name}/jobs", timeout=30)
    requests.get(f"{service.url}/api/v1/namespaces/none", timeout=30)
    requests.get(f"{service.url}/nowhere/{uuid.uuid4()}", timeout=30)
    requests.request("PROPFIND", f"{service.url}/healthcheck", timeout=30)
    requests.get(f"{service.url}/healthcheck?q=%00", timeout=30)

    after = Figures(service)

    def counted(**labels: str) -> float:
        return after.value("http_requests_total", **labels) - before.value("http_requests_total", **labels)

    assert counted(method="GET", route="/api/v1/namespaces/{namespace}/jobs", status="200") == 3
    assert counted(route="/api/v1/namespaces/{namespace}", status="404") == 1
    assert counted(route="none", status="404") == 1
    assert counted(route="none", status="400") == 1
    assert counted(method="other", status="405") == 1
    assert counted(route="/metrics", status="200") == 1
    assert after.value("http_request_seconds_count") == after.value("http_requests_total")
    assert after.value("http_requests_in_progress") == 1
    assert not [route for route in after.labels("http_requests_total", "route") if "nowhere" in route]


def test_events_are_counted_by_type_and_outcome(service: LineageService) -> None:
    before = Figures(service)
    run_id = str(uuid.uuid4())
    service.accept(
        run_event("START", _AT, run_id, ("count", "job")),
        run_event("COMPLETE", _AT, run_id, ("count", "job"), outputs=[dataset("count", "table")]),
        run_event("invented by a sender", _AT, run_id, ("count", "job")),
        dataset_event(_AT, dataset("count", "table")),
    )
    wrong = run_event("FAIL", _AT, run_id, ("not allowed", "job"))
    for refused in (wrong, ["no event"]):
        assert service.post(refused).status_code == 422
    batch = [run_event("RUNNING", _AT, run_id, ("count", "job")), wrong]
    requests.post(f"{service.url}/api/v1/lineage/batch", json=batch, timeout=30).raise_for_status()

    after = Figures(service)

    counted = {
        (kind, outcome): after.value("events_total", type=kind, outcome=outcome)
        - before.value("events_total", type=kind, outcome=outcome)
        for kind in after.labels("events_total", "type")
        for outcome in ("accepted", "refused")
    }
    assert {key: count for key, count in counted.items() if count} == {
        ("START", "accepted"): 1,
        ("RUNNING", "accepted"): 1,
        ("COMPLETE", "accepted"): 1,
        ("OTHER", "accepted"): 1,
        ("DATASET", "accepted"): 1,
        ("FAIL", "refused"): 2,
        ("unknown", "refused"): 1,
    }
    assert after.value("ingest_seconds_count") - before.value("ingest_seconds_count") == 5


def test_the_rest(service: LineageService) -> None:
    figures = Figures(service)

    assert figures.answer.headers["content-type"].startswith("text/plain; version=")
    assert figures.value("database_up") == 1
    for pool in ("requests", "writer", "watch"):
        assert 1 <= figures.value("pool_connections", pool=pool) <= figures.value("pool_connections_max", pool=pool)
    assert figures.labels("stored_rows", "table") == {"events", "runs", "jobs", "datasets"}
    assert figures.labels("build_info", "version")
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= {sample.name for sample in figures.samples}


def test_openmetrics_for_who_asks_for_it(service: LineageService) -> None:
    accept = "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"

    answer = requests.get(f"{service.url}/metrics", headers={"Accept": accept}, timeout=30)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "weather_lineage_events" in {family.name for family in parse_openmetrics(answer.text)}


def test_figures_are_told_while_the_database_is_away(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", log_file=tmp_path / "postgres.log")
    postgres.start()
    try:
        with LineageService(postgres.ensure_database("lineage"), tmp_path / "service.log") as service:
            postgres.stop()

            figures = Figures(service)

            assert (figures.value("database_up"), figures.labels("stored_rows", "table")) == (0, set())
    finally:
        postgres.destroy()


def test_two_services_of_a_process_count_for_themselves(new_database: Callable[[], str]) -> None:
    first, second = create_app(new_database()), create_app(new_database())

    first.state.metrics.accepted("START")

    scrapes = [app.state.metrics.registry.get_sample_value(*_STARTED) for app in (first, second)]
    assert scrapes == [1, None]


_STARTED = ("weather_lineage_events_total", {"type": "START", "outcome": "accepted"})


def test_who_has_no_token_learns_nothing_and_is_counted(new_database: Callable[[], str], tmp_path: Path) -> None:
    with LineageService(new_database(), tmp_path / "log", WEATHER_LINEAGE_TOKEN="token") as service:
        refused = requests.get(f"{service.url}/metrics", timeout=30)
        told = requests.get(f"{service.url}/metrics", headers={"Authorization": "Bearer token"}, timeout=30)

    assert (refused.status_code, told.status_code) == (401, 200)
    assert "weather_lineage" not in refused.text
    assert 'weather_lineage_http_requests_total{method="GET",route="none",status="401"} 1.0' in told.text
