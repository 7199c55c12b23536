"""`weather replay` as a process: what it prints, and how it refuses."""

import os
import signal
import socket
import subprocess
import sys

import requests
from click.testing import CliRunner

from weather_pipeline.cli import weather
from weather_pipeline.errors import PortTaken
from weather_pipeline.sources.misbehaviour import Kind

COMMAND = (sys.executable, "-m", "weather_pipeline.cli", "replay", "--port", "0")


def served(*arguments: str) -> tuple[int, str]:
    """Ask a replay server once, stop it by Ctrl-C; the status it answered with, and what it printed."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        url = child.stderr.readline().split(" on ")[1].split()[0]
        query = "latitude=40.64&longitude=-73.78&hourly=temperature_2m&past_days=1&apikey=hidden"
        status = requests.get(f"{url}/v1/forecast?{query}", timeout=20).status_code
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
        assert child.returncode == 0
    return status, out


def test_each_request_is_a_line_without_its_key() -> None:
    status, out = served("--misbehave", "503:1")
    assert status == 503
    [line] = out.splitlines()
    assert "GET /v1/forecast?latitude=40.64" in line
    assert " 503 " in line
    assert "hidden" not in out


def test_quiet_prints_no_request() -> None:
    assert served("--quiet", "--misbehave", "503:1") == (503, "")


def test_an_unknown_kind_is_wrong_usage_and_the_help_names_all() -> None:
    wrong = CliRunner().invoke(weather, ["replay", "--misbehave", "foo"])
    assert wrong.exit_code == 2
    assert "'foo' is no way to misbehave" in wrong.output
    told = CliRunner().invoke(weather, ["replay", "--help"], terminal_width=500).output
    assert all(kind.value in told and kind.value in wrong.output for kind in Kind)


def test_a_taken_port_is_named_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(weather, ["replay", "--port", str(port)])
    assert isinstance(result.exception, PortTaken)
    assert f"Port {port} is taken by" in str(result.exception)
    assert f"(pid {os.getpid()})" in str(result.exception)
