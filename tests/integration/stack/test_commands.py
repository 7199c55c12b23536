"""The commands around a running stack, as users type them."""

import base64
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import requests
from click.testing import CliRunner

from tests.integration.stack import TINY as TINY_MODULES
from tests.integration.stack.conftest import ROOT, TINY, WEATHER, Site, wait_for
from tests.marquez_double import MarquezDouble
from weather_pipeline.cli.env import env
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.up import detach_stack
from weather_pipeline.errors import StackError
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.stack import process
from weather_pipeline.stack.plan import log_file
from weather_pipeline.stack.ports import free_port, is_listening

pytestmark = pytest.mark.integration

ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes its stdin the terminal whose Ctrl-C it gets, and becomes the given command."""

DETACH = """
import sys
from functools import partial
from pathlib import Path
from weather_pipeline.cli import exit_code
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.up import detach_stack
from weather_pipeline.settings import Settings
settings = Settings(home=Path(sys.argv[1]), port_offset=int(sys.argv[2]))
sys.exit(exit_code(partial(detach_stack, settings, Progress(), sys.argv[3:])))
"""


def settings_of(site: Site) -> Settings:
    return Settings(home=site.home, port_offset=site.offset, source=SourceName.REPLAY)


def exported(site: Site) -> dict[str, str]:
    """The environment of a shell that has taken what `weather env` prints."""
    printed = CliRunner().invoke(env, ["--home", str(site.home)])
    assert printed.exit_code == 0, printed.output
    shell = subprocess.run(
        ["sh", "-c", 'eval "$1" && env -0', "sh", printed.stdout], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)


def test_the_login_of_marquez_is_seen_by_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEZ_URL", "http://someone:s3cr3t@127.0.0.1:9")
    child = site.up()
    status = site.weather("status", "--json").stdout
    assert json.loads(status)["lineage"] == "http://127.0.0.1:9"
    members = process.members(site.state.stack_id)
    assert any(member.environ().get("MARQUEZ_URL", "").endswith("s3cr3t@127.0.0.1:9") for member in members)
    assert not any("s3cr3t" in word for member in members for word in member.cmdline())
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert "http://localhost:9" in out
    assert "s3cr3t" not in out + err + status
    files = [file for file in site.home.rglob("*") if file.is_file()]
    assert not any(b"s3cr3t" in file.read_bytes() for file in files)


def test_the_page_uses_the_login_and_shows_it_to_nobody(tmp_path: Path) -> None:
    port = free_port()
    with MarquezDouble(lambda _: (200, {"jobs": []})) as marquez, (tmp_path / "log").open("wb") as log:
        address = f"http://someone:s3cr3t@127.0.0.1:{marquez.port}"
        page = subprocess.Popen(
            [sys.executable, "-m", "weather_pipeline.marquez.web", "--port", str(port)],
            env={**os.environ, "MARQUEZ_URL": address},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(lambda: page.poll() is not None or is_listening(port))
            assert requests.get(f"http://127.0.0.1:{port}/api/v1/jobs", timeout=10).json() == {"jobs": []}
            login = base64.b64encode(b"someone:s3cr3t").decode()
            assert marquez.requests[-1][2]["authorization"] == f"Basic {login}"
            shown = requests.get(f"http://127.0.0.1:{port}/config.json", timeout=10)
            assert shown.json()["marquezUrl"] == marquez.url
            marquez.stop()
            away = requests.get(f"http://127.0.0.1:{port}/api/v1/jobs", timeout=10)
            assert (away.status_code, "s3cr3t" in away.text) == (502, False)
        finally:
            page.terminate()
            page.wait(timeout=30)
    assert "s3cr3t" not in (tmp_path / "log").read_text()


def test_psql_opens_the_database_of_the_settings(
    site: Site, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setenv("WEATHER_DATABASE_URL", f"{url}?application_name=ours&keepalives=1")
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.99")
    query = "SELECT current_database(), current_setting('application_name')"
    answer = site.weather("psql", "-X", "-A", "-t", "-c", query)
    assert answer.stdout == f"{url.rpartition('/')[2]}|ours\n", answer.stderr


def test_psql_opens_the_database_that_the_stack_was_started_with(
    site: Site, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setenv("WEATHER_DATABASE_URL", url)
    site.up()
    monkeypatch.delenv("WEATHER_DATABASE_URL")
    answer = site.weather("psql", "-X", "-A", "-t", "-c", "SELECT current_database()")
    assert answer.stdout == f"{url.rpartition('/')[2]}\n", answer.stderr


def test_ctrl_c_in_psql_cancels_the_query_and_leaves_psql(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setenv("WEATHER_DATABASE_URL", url)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, *WEATHER, "psql", "-X", "-P", "pager=off"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
    try:
        os.write(ours, b"SELECT pg_sleep(600);\n")
        with psycopg.connect(url, autocommit=True) as connection:
            wait_for(lambda: child.poll() is not None or connection.execute(sleeping).fetchone() == (1,))
        os.write(ours, b"\x03")
        assert "canceling statement" in said_until(ours, "canceling statement")
        os.write(ours, b"SELECT 40 + 2 AS answer;\n")
        assert "42" in said_until(ours, "42")
        os.write(ours, b"\\q\n")
        assert child.wait(timeout=30) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def said_until(terminal: int, words: str) -> str:
    """What appears on a terminal until some words do, or it is closed."""
    said = ""
    while words not in said:
        try:
            said += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
    return said


def test_a_second_start_in_the_background_leaves_no_trace_in_the_log_of_the_first(site: Site) -> None:
    detach_stack(settings_of(site), Progress(), TINY)
    log = log_file(site.home, "supervisor")
    before = log.read_bytes()
    with pytest.raises(StackError, match=f"process {site.state.supervisor.pid}"):
        detach_stack(settings_of(site), Progress(), TINY)
    assert log.read_bytes() == before
    assert site.weather("status").returncode == 0
    assert site.weather("down").returncode == 0

    with pytest.raises(StackError, match="broken on purpose") as failed:
        detach_stack(settings_of(site), Progress(), [*TINY, "--definitions", "tests.integration.stack.tiny.broken"])
    assert log.read_bytes().startswith(before)
    assert str(failed.value).count("postgres is ready") == 1  # what the first start had said is not repeated


def test_ctrl_c_stops_a_start_in_the_background(site: Site) -> None:
    command = [sys.executable, "-c", DETACH, str(site.home), str(site.offset), *TINY]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    site.started.append(child)
    wait_for(lambda: child.poll() is not None or bool(site.state.parts))
    state = site.state
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert (child.returncode, out) == (130, "")
    assert "Stopping what was started in the background: done" in err
    assert err.endswith("Interrupted.\n")
    assert state.supervisor.process() is None
    assert process.members(state.stack_id) == []
    assert site.weather("status").returncode == 3


def test_dagsters_own_commands_work_on_the_running_stack(site: Site) -> None:
    site.up()
    variables = exported(site)
    assert variables["DAGSTER_HOME"] == str(site.home / "dagster_home")
    assert not {"WEATHER_STACK_ID", "WEATHER_STACK_PART", "MARQUEZ_URL"} & variables.keys()
    assert variables["WEATHER_SCHEDULE"] == "false", "the shell's own, not the stack's"
    with psycopg.connect(variables["WEATHER_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM weather.towers").fetchone() != (0,)
    partition = json.dumps({"dagster/partition": "2026-01-02-00:00"})
    job = ["-m", TINY_MODULES.definitions, "-j", "weather_hourly", "--tags", partition]
    result = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", *job],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert [(run.job, run.status) for run in site.api.runs()] == [("weather_hourly", "SUCCESS")]


def test_without_a_stack_there_is_nothing_to_export(tmp_path: Path) -> None:
    result = CliRunner().invoke(env, ["--home", str(tmp_path)])
    assert isinstance(result.exception, StackError)
    assert "weather up" in str(result.exception)
