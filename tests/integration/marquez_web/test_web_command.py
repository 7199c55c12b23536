"""`weather lineage web`, as users start it."""

import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.marquez_double import MarquezDouble
from weather_pipeline.stack.postgres import free_port

pytestmark = pytest.mark.integration

WEB = (sys.executable, "-m", "weather_pipeline.cli", "lineage", "web")


def refused(*arguments: str) -> str:
    """What it says where it does not start for wrong usage."""
    done = subprocess.run([*WEB, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    return " ".join(done.stderr.split())


def test_serves_the_page_of_any_marquez_until_ctrl_c():
    port = str(free_port())
    with MarquezDouble(lambda target: (200, {"asked": target})) as marquez:
        url = marquez.url.replace("://", "://user:secret@")
        command = [*WEB, "--port", port, "--marquez-url", url, "--dagster-url", "http://dagster.example:3000/"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(3)]
        assert said[0] == f"Lineage page  http://localhost:{port}\n"
        assert said[1] == f"Reads         {marquez.url}\n"
        page = f"http://127.0.0.1:{port}"
        assert "<title>Lineage</title>" in requests.get(page, timeout=10).text
        assert requests.get(f"{page}/api/v1/jobs", timeout=10).json() == {"asked": "/api/v1/jobs"}
        assert requests.get(f"{page}/config.json", timeout=10).json() == {
            "marquezUrl": marquez.url,
            "dagsterUrl": "http://dagster.example:3000",
        }
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        assert (child.returncode, out, err) == (0, "", "")


def test_other_machines_only_where_somebody_said_so():
    assert "On 0.0.0.0 other machines reach the page" in refused("--host", "0.0.0.0")


def test_a_wrong_address_is_named_without_a_password():
    said = refused("--marquez-url", "user:secret@marquez")
    assert "--marquez-url: Should be the base URL of a server" in said
    assert "secret" not in said


def test_a_taken_port_is_said_at_once():
    with MarquezDouble(lambda _: (200, {})) as marquez:
        done = subprocess.run(
            [*WEB, "--port", str(marquez.port)], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"Port {marquez.port} is taken by " in line
    assert f"(pid {os.getpid()})" in line
    assert "--port N" in line
