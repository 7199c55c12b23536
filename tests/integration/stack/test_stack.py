"""The supervisor's promises, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.integration.stack.conftest import ROOT, TINY, Site, launch_long_run, wait_for
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.up import detach_stack
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.stack import process
from weather_pipeline.stack.dagster_api import DagsterApi, DagsterApiError, DagsterUnavailable
from weather_pipeline.stack.ports import free_port
from weather_pipeline.stack.supervisor import open_postgres

pytestmark = pytest.mark.integration

PARTS = {"postgres", "lineage", "lineage-page", "code-server", "webserver", "daemon"}


def test_ctrl_c_cancels_runs_and_leaves_no_process(site: Site) -> None:
    child = site.up()
    state = site.state
    postgres = next(part.identity for part in state.parts if part.name == "postgres")
    run_id = launch_long_run(site)
    assert len(process.members(state.stack_id, "code-server")) > 3  # proxy, server, run worker, step
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert "Ctrl-C stops everything." in out
    assert process.members(state.stack_id) == []
    assert postgres.process() is None
    assert not (site.home / "stack.json").exists()

    site.up()
    assert site.api.run(run_id).status == "CANCELED"
    assert site.weather("down").returncode == 0
    assert site.weather("status").returncode == 3


def test_status_lists_every_part(site: Site) -> None:
    site.up()
    answer = site.weather("status", "--json")
    status = json.loads(answer.stdout)
    assert answer.returncode == 0
    assert status["state"] == "up"
    assert {part["name"] for part in status["parts"]} == PARTS
    assert {part["state"] for part in status["parts"]} == {"up"}
    assert all(Path(part["log"]).is_file() and part["uptime_seconds"] > 0 for part in status["parts"])
    ports = {part["name"]: part["port"] for part in status["parts"]}
    assert (ports["webserver"], ports["lineage"]) == (3000 + site.offset, 5000 + site.offset)

    page = next(part["pid"] for part in status["parts"] if part["name"] == "lineage-page")
    psutil.Process(page).suspend()
    assert site.weather("status").returncode == 1
    psutil.Process(page).resume()


def test_secrets_stay_off_command_lines_and_closed_to_others(site: Site) -> None:
    site.up()
    password = (site.home / "postgres" / "password").read_text()
    for member in process.members(site.state.stack_id):
        assert password not in " ".join(member.cmdline())
    readable = [file for file in site.home.rglob("*") if file.is_file() and file.stat().st_mode & 0o077]
    assert all(password not in file.read_text(errors="ignore") for file in readable)


def test_two_stacks_do_not_share_a_directory_or_a_port(site: Site, tmp_path: Path) -> None:
    first = site.up()
    second = site.start()
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"process {first.pid}" in err

    third = site.start(home=tmp_path / "other")
    _, err = third.communicate(timeout=60)
    assert third.returncode == 1
    assert f"Port {3000 + site.offset} (Dagster UI) is taken by" in err
    assert "--port-offset" in err
    assert site.weather("status").returncode == 0


def test_after_a_killed_supervisor_the_next_start_cleans_up(site: Site) -> None:
    child = site.up()
    run_id = launch_long_run(site)
    first = site.state
    child.kill()
    child.wait()
    assert process.members(first.stack_id)
    assert site.weather("status").returncode == 1

    again = site.up()
    assert process.members(first.stack_id) == []
    assert all(part.identity.process() is None for part in first.parts)
    assert site.api.run(run_id).status == "CANCELED"
    again.send_signal(signal.SIGTERM)
    _, err = again.communicate(timeout=60)
    assert "had left running" in err
    assert again.returncode == 0


def test_down_cleans_up_after_a_killed_supervisor(site: Site) -> None:
    child = site.up()
    first = site.state
    child.kill()
    child.wait()
    assert site.weather("down").stdout == "Stopped.\n"
    assert process.members(first.stack_id) == []
    assert all(part.identity.process() is None for part in first.parts)
    assert site.weather("down").stdout == "Nothing was running.\n"

    (site.home / "mine.txt").write_text("not the stack's")
    outside = open_postgres(site.home)._outside
    assert site.weather("down", "--delete-data").returncode == 0
    assert [file.name for file in site.home.iterdir()] == ["mine.txt"]
    assert not outside.exists()


def kill_part(site: Site, part: str) -> int:
    """SIGKILL a part's process; returns its number."""
    victim = next(known for known in site.state.parts if known.name == part).identity.pid
    os.kill(victim, signal.SIGKILL)
    return victim


def restarted(site: Site, part: str, instead_of: int) -> bool:
    """Whether a part runs again, and answers."""
    return any(
        known.name == part and known.identity.pid != instead_of and known.ready is not None
        for known in site.state.parts
    )


@pytest.mark.parametrize("part", ["daemon", "lineage", "postgres"])
def test_a_part_that_dies_is_reported_with_its_log_and_started_again(site: Site, part: str) -> None:
    child = site.up()
    others = {known.name: known.identity.pid for known in site.state.parts if known.name != part}
    killed = kill_part(site, part)
    wait_for(lambda: restarted(site, part, killed))
    assert site.weather("status").returncode == 0
    assert {known.name: known.identity.pid for known in site.state.parts if known.name != part} == others
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0
    assert f"{part} was killed by signal 9. It is started again." in err
    assert f"logs/{part}.log:" in err


def test_a_part_that_keeps_dying_ends_the_stack(site: Site) -> None:
    child = site.up()
    state = site.state
    for _ in range(2):
        killed = kill_part(site, "lineage-page")
        wait_for(lambda killed=killed: restarted(site, "lineage-page", killed))
    kill_part(site, "lineage-page")
    _, err = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "Error: lineage-page was killed by signal 9. The stack stops." in err
    assert process.members(state.stack_id) == []


def test_a_broken_code_location_is_an_error_with_its_reason(site: Site) -> None:
    child = site.start("--definitions", "tests.integration.stack.tiny.broken")
    _, err = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "broken on purpose" in err


def test_a_stack_in_the_background(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=site.home, port_offset=site.offset, source=SourceName.REPLAY)
    detach_stack(settings, Progress(), TINY)
    assert f"http://localhost:{3000 + site.offset}" in capfd.readouterr().out
    assert site.state.supervisor.pid != os.getpid()
    state = site.state
    assert site.weather("down").returncode == 0
    assert process.members(state.stack_id) == []


def test_a_failed_run_says_why(site: Site) -> None:
    site.up()
    hour = "2026-01-02-00:00"
    run_id = site.api.launch_range("weather_hourly", hour, hour, tags={"tiny/fail": "1"})
    wait_for(lambda: site.api.run(run_id).finished)
    assert site.api.run(run_id).status == "FAILURE"
    assert site.api.failures(run_id) == ["second: ValueError: the second asset was told to fail"]
    spans = site.api.materialized_ranges(["first", "second"])
    assert spans["second"] == []
    assert spans["first"] == [(1767312000.0, 1767315600.0)]
    assert {daemon.name for daemon in site.api.daemons() if daemon.healthy} >= {"SENSOR", "SCHEDULER"}
    with pytest.raises(DagsterApiError, match="has no assets third: weather_pipeline is loaded and does not define"):
        site.api.materialized_ranges(["first", "third"])
    with pytest.raises(DagsterApiError, match="no_such_job"):
        site.api.launch_range("no_such_job", hour, hour)


def test_the_port_of_postgres_is_kept_and_gives_way(site: Site) -> None:
    site.start("--once").communicate(timeout=120)
    kept = int((site.home / "postgres.port").read_text())
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", kept))
        taken.listen()
        child = site.start("--once")
        assert child.wait(timeout=120) == 0
        assert int((site.home / "postgres.port").read_text()) != kept


@contextmanager
def webserver(workspace: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterApi]:
    """Dagster's webserver alone, on a workspace, with an instance of its own."""
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    port = free_port()
    command = [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), "-p", str(port)]
    with (home / "log").open("w") as log:
        child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        api = DagsterApi(f"http://127.0.0.1:{port}")
        wait_for(lambda: child.poll() is not None or _answers(api))
        yield api
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(timeout=60)


def test_the_workspace_of_the_checkout_works_without_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webserver(ROOT / "workspace.yaml", tmp_path, monkeypatch) as api:
        assert api.location_error() is None


def test_where_the_code_location_is_broken_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "{module_name: tests.integration.stack.tiny.broken, location_name: weather_pipeline}"
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(f"load_from:\n  - python_module: {module}\n")
    with (
        webserver(workspace, tmp_path, monkeypatch) as api,
        pytest.raises(DagsterApiError, match=r"has no assets first, second: .*broken on purpose"),
    ):
        api.materialized_ranges(["first", "second"])


def _answers(api: DagsterApi) -> bool:
    try:
        api.daemons()
    except (DagsterApiError, DagsterUnavailable):
        return False
    return True
