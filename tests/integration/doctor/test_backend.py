"""Real servers in place of Marquez, right and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from pydantic import SecretStr

from tests.integration.doctor.conftest import Answers, Look
from tests.integration.stack.conftest import free_offset
from tests.lineage_page import lineage_page
from tests.marquez_double import MarquezDouble
from weather_pipeline.doctor import dead_letters
from weather_pipeline.doctor.finding import Status
from weather_pipeline.lineage.deadletters import DeadLetters
from weather_pipeline.lineage.scope import NOWHERE
from weather_pipeline.stack.ports import free_port

pytestmark = pytest.mark.integration

Serve = Callable[[Answers], str]
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}


def marquez(method: str, target: str) -> tuple[int, dict[str, str], str]:
    """As Marquez answers what the doctor asks."""
    if target.startswith("/api/v1/namespaces?"):
        return 200, JSON, '{"namespaces": [{"name": "weather-pipeline"}]}'
    if target == "/api/v1/namespaces/weather-pipeline":
        return 200, JSON, '{"name": "weather-pipeline"}'
    if target.startswith("/api/v1/events/lineage"):
        return 200, JSON, f'{{"events": [{{"eventTime": "{datetime.now(UTC).isoformat()}"}}]}}'
    return 404, JSON, '{"code": 404}'


def admin_port(method: str, target: str) -> tuple[int, dict[str, str], str]:
    """As Dropwizard's admin port answers, which Marquez has."""
    return (200, {"Content-Type": "text/plain"}, "pong\n") if target == "/ping" else (404, HTML, "<html>")


def test_a_marquez(serve: Serve, look: Look) -> None:
    url = serve(marquez)
    finding = look("backend", marquez_url=url.replace("//", "//me:s3cr3t@"))
    assert finding.status is Status.OK
    assert finding.found == f"{url} (MARQUEZ_URL) answers; the newest event is 0 min old"


def test_a_token_is_sent_and_one_that_can_t_be_read_is_said(look: Look, tmp_path: Path) -> None:
    with MarquezDouble(lambda _: (200, {"namespaces": [], "events": []})) as double:
        finding = look("backend", marquez_url=double.url, lineage_token=SecretStr("hush-hush"))
    assert finding.status is Status.OK
    assert {headers.get("authorization") for _, _, headers in double.requests} == {"Bearer hush-hush"}

    finding = look("backend", marquez_url=double.url, lineage_token_file=tmp_path / "missing")
    assert finding.status is Status.PROBLEM
    assert "missing can't be read" in finding.found


def test_openlineage_s_own_address_counts(serve: Serve, look: Look) -> None:
    finding = look("backend", environment={"OPENLINEAGE_URL": serve(marquez)})
    assert finding.status is Status.OK
    assert "OPENLINEAGE_URL" in finding.found


def test_the_admin_port(serve: Serve, look: Look) -> None:
    finding = look("backend", marquez_url=serve(admin_port))
    assert finding.status is Status.PROBLEM
    assert "admin port" in finding.cause


def test_our_own_page(serve: Serve, look: Look) -> None:
    api = serve(marquez)
    with lineage_page(api) as page:
        finding = look("backend", marquez_url=page.url)
    assert finding.status is Status.PROBLEM
    assert finding.command == f"export MARQUEZ_URL={api}"


def test_nobody(look: Look) -> None:
    finding = look("backend", marquez_url=f"http://me:s3cr3t@127.0.0.1:{free_port()}")
    assert finding.status is Status.PROBLEM
    assert "nothing listens" in finding.found
    assert "s3cr3t" not in str(finding)


def test_a_login_that_is_missing(serve: Serve, look: Look) -> None:
    finding = look("backend", marquez_url=serve(lambda method, target: (401, HTML, "")))
    assert "wants a user" in finding.cause


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"OPENLINEAGE_DISABLED": "True"}, Status.PROBLEM),
        ({"OPENLINEAGE_URL": "localhost:5000"}, Status.PROBLEM),
        ({"OPENLINEAGE_CONFIG": "/etc/openlineage.yml"}, Status.SKIPPED),
        ({}, Status.SKIPPED),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], status: Status, look: Look) -> None:
    assert look("backend", environment=environment, port_offset=free_offset()).status is status


def test_dead_letters_are_counted_where_the_exporter_keeps_them(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    config = {"telemetry": {"enabled": False}, "storage": {"postgres": {"postgres_url": url}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert dead_letters.count(url) == 0
        letters = DeadLetters(instance, NOWHERE, "sensor")
        letters.bury("one", "HTTP 400", {"eventType": "START"})
        letters.bury("two", "HTTP 400", {"eventType": "START"})
        assert dead_letters.count(url) == 2
    assert dead_letters.count(f"postgresql://127.0.0.1:{free_port()}/x") is None
