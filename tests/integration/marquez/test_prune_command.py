"""`weather lineage prune`, as a process of its own on the database of a service that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import IO

import psycopg
import pytest

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.present import present
from tests.integration.marquez.retention import run_of, turn_taken
from weather_pipeline.stack.ports import free_port

pytestmark = pytest.mark.integration

_VARIABLE = "WEATHER_LINEAGE_DATABASE_URL"
_COMMAND = (sys.executable, "-m", "weather_pipeline.cli", "lineage", "prune")


def _prune(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({_VARIABLE: url} if url else {})}
    return subprocess.run([*_COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def told(new_service: LineageService) -> LineageService:
    """A service with three runs of long ago and one of today."""
    now = datetime.now(UTC)
    for days in (60, 50, 40, 0.1):
        start = now - timedelta(days=days)
        new_service.accept(*run_of(("shop", "load"), start, str(uuid.uuid4()), reads=["raw"], writes=["table"]))
    return new_service


def test_a_dry_run_tells_what_then_goes_while_the_service_runs(told: LineageService) -> None:
    before = present(told)

    dry = _prune(told.database_url, "--dry-run", "--json")
    shown = _prune(told.database_url, "--dry-run")
    untouched = told.get("/api/v1/events/lineage")["totalCount"]
    wet = _prune(told.database_url, "--json")
    again = _prune(None, "--retention-days", "30", "--database-url", told.database_url, "--json")

    assert [done.returncode for done in (dry, shown, wet, again)] == [0, 0, 0, 0], dry.stderr + wet.stderr
    counted, deleted = json.loads(dry.stdout), json.loads(wet.stdout)
    assert counted["rows"] == deleted["rows"]
    assert deleted["rows"] == {
        "lineage_events": 6, "runs": 3, "run_inputs": 3, "dataset_versions": 3, "job_versions": 0
    }  # fmt: skip
    assert (counted["dry_run"], deleted["dry_run"], deleted["interrupted"]) == (True, False, False)
    assert shown.stdout.startswith("Would delete what happened before ")
    assert "  lineage_events               6\n" in shown.stdout
    assert untouched == 8
    assert set(json.loads(again.stdout)["rows"].values()) == {0}
    assert present(told) == before


def test_the_time_can_be_said(told: LineageService) -> None:
    dry = _prune(told.database_url, "--older-than", "45d", "--dry-run", "--json")

    assert json.loads(dry.stdout)["rows"]["runs"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_says_what(told: LineageService, number: signal.Signals) -> None:
    before = present(told)
    with psycopg.connect(told.database_url) as connection:
        connection.execute(
            "INSERT INTO lineage_events (event_at, event_type, body) "
            "SELECT now() - interval '90 days' - number * interval '1 second', 'START', '{}' "
            "FROM generate_series(1, 100000) AS number"
        )
    process = subprocess.Popen(
        [*_COMMAND, "--json"],
        env={**os.environ, _VARIABLE: told.database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while _events(told) > 100_000:
        assert process.poll() is None
    process.send_signal(number)
    told_by_it, error = process.communicate(timeout=60)

    done = json.loads(told_by_it)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert "goes on where it stopped" in error
    assert done["interrupted"]
    assert done["rows"]["lineage_events"] == 100_008 - _events(told) > 0
    assert done["rows"]["runs"] == 0
    assert present(told) == before
    assert _prune(told.database_url).returncode == 0
    assert _events(told) == 2
    assert present(told) == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_while_it_waits_it_can_be_stopped(told: LineageService, dry_run: bool) -> None:
    with psycopg.connect(told.database_url) as connection:
        connection.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [*_COMMAND, *(["--dry-run"] if dry_run else [])],
            env={**os.environ, _VARIABLE: told.database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'runs'::regclass"
        while connection.execute(waiting).fetchone() == (0,):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        told_by_it, error = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Interrupted." in error
    assert "Traceback" not in error
    assert ("Deleted" in told_by_it) == (not dry_run)


def test_it_waits_for_the_service_to_end_its_turn(told: LineageService) -> None:
    with turn_taken(told.database_url) as release:
        process = subprocess.Popen(
            [*_COMMAND, "--json"],
            env={**os.environ, _VARIABLE: told.database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "waiting for it" in _first_line(process.stderr)
        release()
        answer, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert json.loads(answer)["rows"]["runs"] == 3


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    port = free_port()

    done = _prune(f"postgresql://someone:hunter2@127.0.0.1:{port}/lineage")

    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_without_lineage_is_told_what_to_do(new_database: Callable[[], str]) -> None:
    done = _prune(new_database(), "--dry-run")

    assert done.returncode == 1
    assert "start the lineage service on it once" in done.stderr


def _events(service: LineageService) -> int:
    with psycopg.connect(service.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM lineage_events").fetchone()
    return row[0] if row else 0


def _first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()
