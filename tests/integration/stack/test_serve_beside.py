"""`weather lineage serve` beside the other commands: they find it, reach it, and say what it is not."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.stack.conftest import ROOT, WEATHER, wait_for
from tests.integration.stack.test_serve import Serving, ended, serving  # noqa: F401  (a fixture)

pytestmark = pytest.mark.integration


@pytest.fixture
def alone(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> Serving:  # noqa: F811  (the fixture's name)
    """The service on a PostgreSQL of its own, on a port that is not the default, with an event of long ago."""
    monkeypatch.setenv("WEATHER_PORT_OFFSET", str(serving.site.offset))
    serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    assert serving.post() == 201
    return serving


def examined(of: Serving, *checks: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The doctor's exit code, and its findings by check and subject."""
    result = of.site.weather("doctor", "--json", *checks)
    body = json.loads(result.stdout)
    return result.returncode, {f"{each['check']}/{each['subject']}": each for each in body["findings"]}


def test_who_wants_a_dagster_or_a_warehouse_is_told_what_runs_and_how_to_reach_it(alone: Serving) -> None:
    home = alone.site.home

    refused = [alone.site.weather(command) for command in ("env", "psql")]
    backfill = alone.site.weather("backfill", "2026-10-01")
    status = alone.site.weather("status")

    for answer in (*refused, backfill):
        assert (answer.returncode, answer.stdout) == (1, "")
        assert "the lineage service runs alone" in answer.stderr
        assert f"its API is {alone.url}" in answer.stderr
        assert f"`weather psql --lineage --home {home}` opens its database" in answer.stderr
        assert f"stop it with `weather down --home {home}`, then start: weather up --home {home}" in answer.stderr
    assert json.loads(alone.site.weather("status", "--json").stdout)["lineage_alone"] is True
    assert status.returncode == 0
    assert "The lineage service runs alone" in status.stdout
    assert f"Lineage API   http://localhost:{alone.port}" in status.stdout
    assert f"`weather psql --lineage --home {home}`" in status.stdout


def test_psql_opens_its_database(alone: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    query = ("-X", "-A", "-t", "-c", "SELECT current_database(), count(*) FROM lineage_events")

    by_option = alone.site.weather("psql", "--lineage", *query)
    monkeypatch.setenv("WEATHER_LINEAGE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    more_than_by_variable = alone.site.weather("psql", "--lineage", *query)

    assert by_option.stdout == more_than_by_variable.stdout == "marquez|1\n", by_option.stderr


def test_the_doctor_looks_at_it_where_it_listens(alone: Serving) -> None:
    code, findings = examined(alone, "ports", "stack", "database", "backend", "daemon")

    assert code == 0, findings
    assert not {"warning", "problem"} & {finding["status"] for finding in findings.values()}, findings
    assert f"the lineage service alone, at {alone.url}" in findings["stack/stack"]["found"]
    assert findings["backend/api"]["status"] == "ok"
    assert "no warehouse" in findings["database/server"]["found"]
    assert "psql --lineage" in findings["database/server"]["found"]
    assert findings["ports/free"]["found"].endswith(" are free")


def test_prune_works_on_it_by_the_setting_and_by_its_directory(alone: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("prune", "--older-than", "1d", "--json")
    monkeypatch.setenv("WEATHER_HOME", str(alone.site.home))
    command = [*WEATHER, "lineage", *arguments, "--dry-run"]
    dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    monkeypatch.setenv("WEATHER_LINEAGE_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:9/none")

    wet = alone.site.weather("lineage", *arguments)

    assert json.loads(dry.stdout)["rows"]["lineage_events"] == 1, dry.stderr
    assert json.loads(wet.stdout)["rows"]["lineage_events"] == 1, wet.stderr
    assert alone.knows_the_run(), "a job's newest run stays"
    assert alone.site.weather("down").returncode == 0
    gone = alone.site.weather("lineage", *arguments)
    assert gone.returncode == 1
    assert f"No lineage service runs for {alone.site.home}" in gone.stderr


@pytest.mark.parametrize("token", [None, "hush-hush"])
def test_on_a_database_of_others_it_is_found_by_its_port(
    serving: Serving,  # noqa: F811
    new_database: Callable[[], str],
    token: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEATHER_PORT_OFFSET", str(serving.site.offset))
    serving.port = 5000 + serving.site.offset
    secret = {"WEATHER_LINEAGE_TOKEN": token} if token else {}
    serving.up(WEATHER_LINEAGE_DATABASE_URL=new_database(), **secret)

    status, as_json = serving.site.weather("status"), serving.site.weather("status", "--json")
    code, findings = examined(serving, "ports", "stack", "backend")

    assert (status.returncode, as_json.returncode) == (3, 3)
    assert f"a lineage service answers at http://localhost:{serving.port}" in status.stdout
    assert json.loads(as_json.stdout)["other_lineage"] == serving.url
    assert code == 0, findings
    assert findings["backend/api"]["status"] == "ok"
    assert f"a lineage service answers at {serving.url}" in findings["backend/api"]["found"]
    assert findings["ports/lineage"]["status"] == "warning"
    assert findings["ports/lineage"]["command"] == f"export MARQUEZ_URL=http://localhost:{serving.port}"


def test_another_service_is_told_whose_orphan_has_the_port(
    serving: Serving,  # noqa: F811
    new_database: Callable[[], str],
) -> None:
    ended(_up(serving), signal.SIGKILL)

    code, _, err = ended(serving.start(WEATHER_LINEAGE_DATABASE_URL=new_database()))

    assert code == 1
    assert f"of the stack of {serving.site.home}." in err
    assert f"Stop it with `weather down --home {serving.site.home}`, or choose another port: --port N." in err
    assert serving.site.weather("down").stdout == "Stopped.\n"


def _up(of: Serving) -> Any:
    child = of.up()
    wait_for(lambda: of.site.state.phase == "up")
    return child
