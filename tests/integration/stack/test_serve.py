"""`weather lineage serve`: the lineage service alone, on a database of its own or of others."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.integration.stack.conftest import ROOT, WEATHER, Site, wait_for
from tests.small_disk import small_disk
from weather_pipeline.stack import process
from weather_pipeline.stack.ports import free_port, is_listening

pytestmark = pytest.mark.integration

_RUN = str(uuid.uuid4())
_EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-01T10:00:00Z",
    "run": {"runId": _RUN},
    "job": {"namespace": "alone", "name": "job"},
    "producer": "urn:test",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
}


@dataclass
class Serving:
    """Starts `weather lineage serve` on a site, and stops what still runs."""

    site: Site
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start it; returns before it is up."""
        command = [*WEATHER, "lineage", "serve", "--port", str(self.port), "--home", str(self.site.home), *arguments]
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "WEATHER_PORT_OFFSET": str(self.site.offset), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.site.started.append(child)
        return child

    def up(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start it and wait until it answers."""
        child = self.start(*arguments, **environment)
        wait_for(lambda: child.poll() is not None or self.answers())
        assert child.poll() is None, child.communicate()
        return child

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthcheck", timeout=10).ok
        except requests.RequestException:
            return False

    def post(self, **options: str) -> int:
        return requests.post(f"{self.url}/api/v1/lineage", json=_EVENT, timeout=30, headers=options).status_code

    def knows_the_run(self) -> bool:
        return requests.get(f"{self.url}/api/v1/jobs/runs/{_RUN}", timeout=30).ok


@pytest.fixture
def serving(site: Site) -> Serving:
    return Serving(site, free_port())


def _up(serving: Serving) -> subprocess.Popen[str]:
    """Start it, and wait until its state says so too."""
    child = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    return child


def ended(child: subprocess.Popen[str], number: signal.Signals | None = None) -> tuple[int, str, str]:
    """Send a signal, if any, and wait: exit code, stdout, stderr."""
    if number is not None:
        child.send_signal(number)
    out, err = child.communicate(timeout=120)
    return child.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_database_of_its_own_it_keeps_what_it_took(serving: Serving, number: signal.Signals) -> None:
    child = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    assert serving.post() == 201
    state = serving.site.state
    status = json.loads(serving.site.weather("status", "--json").stdout)

    code, out, err = ended(child, number)

    assert (status["state"], [part["name"] for part in status["parts"]]) == ("up", ["postgres", "lineage"])
    assert code == 0, err
    assert f"Lineage API   http://localhost:{serving.port}" in out
    assert f"a PostgreSQL of its own in {serving.site.home / 'postgres'}" in out
    assert "Ctrl-C stops" in out
    assert "\x1b" not in out + err
    assert "postgresql://" not in out + err
    assert err.index("lineage") < err.rindex("postgres"), "the service stops before its database"
    assert not any(part.identity.process() for part in state.parts)
    assert not (serving.site.home / "dagster_home").exists()
    serving.up()
    assert serving.knows_the_run()


def test_weather_down_stops_it_and_the_doctor_misses_no_dagster(serving: Serving) -> None:
    child = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")

    doctor = serving.site.weather("doctor", "stack", "daemon")

    assert doctor.returncode == 0
    assert "the lineage service runs alone, without Dagster" in doctor.stdout
    assert serving.site.weather("down").returncode == 0

    assert ended(child)[0] == 0
    assert not is_listening(serving.port)


def test_its_database_is_started_again_where_it_dies(serving: Serving) -> None:
    serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    assert serving.post() == 201
    parts = {part.name: part.identity for part in serving.site.state.parts}

    os.kill(parts["postgres"].pid, signal.SIGKILL)

    wait_for(lambda: parts["postgres"].process() is None and serving.answers() and serving.knows_the_run())
    assert {part.name: part.identity for part in serving.site.state.parts}["lineage"] == parts["lineage"]


def _taken_over(serving: Serving) -> subprocess.Popen[str]:
    """Start again after the supervisor was killed; the start that is up in its place."""
    again = serving.start()
    wait_for(
        lambda: (
            again.poll() is not None
            or (serving.site.state.supervisor.pid, serving.site.state.phase) == (again.pid, "up")
        )
    )
    assert again.poll() is None, again.communicate()
    return again


def test_after_a_kill_the_next_start_takes_over(serving: Serving) -> None:
    child = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    assert serving.post() == 201
    stack_id = serving.site.state.stack_id
    ended(child, signal.SIGKILL)

    assert serving.answers(), "what was left goes on, and has the port"
    again = _taken_over(serving)

    assert serving.knows_the_run()
    assert process.members(stack_id) == []
    assert ended(again, signal.SIGTERM)[2].count("had left running") == 1


def test_after_the_kill_of_its_database_too_the_next_start_takes_over(serving: Serving) -> None:
    child = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    database = next(part.identity for part in serving.site.state.parts if part.name == "postgres")
    ended(child, signal.SIGKILL)
    os.kill(database.pid, signal.SIGKILL)

    _taken_over(serving)

    assert serving.post() == 201


def test_a_part_that_dies_is_reported_with_its_own_last_words(serving: Serving) -> None:
    ended(_up(serving), signal.SIGTERM)
    child = _up(serving)
    parts = {part.name: part.identity for part in serving.site.state.parts}

    os.kill(parts["postgres"].pid, signal.SIGKILL)
    wait_for(lambda: parts["postgres"].process() is None and serving.answers() and serving.post() == 201)
    _, _, err = ended(child, signal.SIGTERM)

    assert "postgres was killed by signal 9. It is started again. The end of " in err
    words = err.split("It is started again. ", 1)[1].split("\n[", 1)[0]
    assert "database system is ready" in words
    log = serving.site.home / "logs" / "postgres.log"
    assert "shutdown request" in log.read_text()
    assert "shutdown request" not in words, "that was the start before"


def test_a_service_that_keeps_dying_ends_it(serving: Serving) -> None:
    child = _up(serving)
    state = serving.site.state

    killed: set[int] = set()
    while child.poll() is None:
        part = next((part for part in serving.site.state.parts if part.name == "lineage"), None)
        if part is not None and part.identity.pid not in killed and part.ready is not None:
            killed.add(part.identity.pid)
            os.kill(part.identity.pid, signal.SIGKILL)
        time.sleep(0.05)
    code, _, err = ended(child)

    assert (code, len(killed)) == (1, 3)
    assert "Error: lineage was killed by signal 9. The stack stops. The end of " in err
    assert process.members(state.stack_id) == []


def test_a_state_directory_that_can_t_be_made_is_said_in_one_line(serving: Serving, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with small_disk(tmp_path / "disk") as disk:
        disk.read_only()
        refused = {
            f"{file / 'home'} can't be made: {file} is a file.": serving.start("--home", str(file / "home")),
            f"{disk.path / 'home'} can't be made: Read-only file system.": serving.start(
                "--home", str(disk.path / "home")
            ),
            f"{disk.path} can't be written: Read-only file system.": serving.start("--home", str(disk.path)),
        }
        answers = {reason: ended(child) for reason, child in refused.items()}

    for reason, (code, _, err) in answers.items():
        assert code == 1
        assert err.splitlines()[-1].startswith(f"Error: The state directory {reason} To go on, name another"), err
        assert "Traceback" not in err


def test_beside_a_running_stack_it_says_what_to_do(serving: Serving) -> None:
    running = serving.up()
    wait_for(lambda: serving.site.state.phase == "up")
    serving.port = free_port()

    code, _, err = ended(serving.start())
    up = serving.site.weather("up")

    assert code == 1
    assert f"runs already (process {running.pid})" in err
    assert f"its lineage is at {serving.site.state.lineage}" in err
    assert "weather down" in err
    assert "WEATHER_LINEAGE_DATABASE_URL" in err
    assert up.returncode == 1
    assert f"runs already (process {running.pid})" in up.stderr


@pytest.mark.parametrize("by_variable", [True, False])
def test_on_a_database_of_others(serving: Serving, new_database: Callable[[], str], by_variable: bool) -> None:
    url = new_database()
    password = url.split(":")[2].partition("@")[0]
    if by_variable:
        child = serving.up(WEATHER_LINEAGE_DATABASE_URL=url)
    else:
        child = serving.up("--database-url", url, WEATHER_LINEAGE_DATABASE_URL="postgresql://127.0.0.1:9/none")
    assert serving.post() == 201

    code, out, err = ended(child, signal.SIGTERM)

    assert code == 0, err
    assert f"Database      {url.replace(f':{password}@', '@')}\n" in out
    assert password not in out + err
    assert not serving.site.home.exists()


def test_with_a_token_it_serves_other_machines(serving: Serving, new_database: Callable[[], str]) -> None:
    child = serving.up(
        "--host", "0.0.0.0", WEATHER_LINEAGE_TOKEN="hush-hush", WEATHER_LINEAGE_DATABASE_URL=new_database()
    )

    refused, accepted = serving.post(), serving.post(Authorization="Bearer hush-hush")
    code, out, err = ended(child, signal.SIGINT)

    assert (refused, accepted, code) == (401, 201, 0)
    assert "Access        with the token" in out
    assert "this machine's other addresses" in out
    assert "hush-hush" not in out + err


def test_its_own_stack_hands_the_door_on(serving: Serving) -> None:
    child = serving.up("--host", "0.0.0.0", "--insecure")
    wait_for(lambda: serving.site.state.phase == "up")
    assert serving.post() == 201

    code, out, _ = ended(child, signal.SIGTERM)

    assert code == 0
    assert "everybody who reaches it (--insecure)" in out


def test_a_taken_port_is_named_with_its_process(serving: Serving, new_database: Callable[[], str]) -> None:
    with socket.create_server(("127.0.0.1", serving.port)):
        own = ended(serving.start())
        others = ended(serving.start(WEATHER_LINEAGE_DATABASE_URL=new_database()))

    for code, _, err in (own, others):
        assert code == 1
        assert f"Port {serving.port} is taken by " in err
        assert f"(pid {os.getpid()})" in err
        assert "--port N" in err
        assert "Traceback" not in err
    assert not serving.site.home.exists(), "nothing was started"


def test_while_it_waits_for_its_database_it_can_be_stopped(serving: Serving) -> None:
    child = serving.start(WEATHER_LINEAGE_DATABASE_URL="postgresql://me:hush@127.0.0.1:9/none")
    assert child.stderr is not None
    line = child.stderr.readline()

    code, out, err = ended(child, signal.SIGINT)

    assert "can't be reached yet" in line
    assert code == 130
    assert "hush" not in line + out + err


def test_it_works_for_the_exporter_of_a_stack_that_has_the_token(
    serving: Serving, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.up(WEATHER_LINEAGE_TOKEN="hush-hush", WEATHER_LINEAGE_DATABASE_URL=new_database())
    monkeypatch.setenv("MARQUEZ_URL", serving.url)
    monkeypatch.setenv("WEATHER_LINEAGE_TOKEN", "hush-hush")

    demo = serving.site.weather("demo", "--once", "--hours", "1", "--port-offset", str(serving.site.offset))

    assert demo.returncode == 0, demo.stderr
    assert len(json.loads(demo.stdout.splitlines()[-1])["jobs"]) == 5
    assert "hush-hush" not in demo.stdout + demo.stderr
