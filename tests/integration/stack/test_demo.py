"""The demo, whole: real weather location, real exporter, real lineage service."""

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.integration.stack.conftest import ROOT, WEATHER, Site, wait_for
from tests.integration.stack.test_stack import kill_part

pytestmark = pytest.mark.integration


def start_demo(site: Site, *arguments: str) -> subprocess.Popen[str]:
    command = [*WEATHER, "demo", "--home", str(site.home), "--port-offset", str(site.offset), *arguments]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    site.started.append(child)
    return child


def test_once_verifies_the_lineage_and_the_second_start_reuses_the_data(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither a company's proxy nor the death of the webserver is in the way.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    first = start_demo(site, "--once", "--hours", "3")
    wait_for(lambda: first.poll() is not None or site.state.phase == "up")
    kill_part(site, "webserver")
    out, err = first.communicate(timeout=200)
    assert first.returncode == 0, err
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert len(summary["jobs"]) == 5
    assert summary["runs"] == {"COMPLETED": 5}
    assert len(summary["datasets"]) == 9
    assert len(summary["edges"]) == 14
    assert summary["rows_loaded"] > 0
    assert summary["source"] == "replay"
    assert set(summary["seconds"]) == {"migrate", "start", "pipeline", "lineage", "stop", "total"}

    second = start_demo(site, "--hours", "3")
    assert second.stdout is not None
    lines: list[str] = []
    while not any("Ctrl-C stops everything" in line for line in lines):
        line = second.stdout.readline()
        assert line, second.communicate()
        lines.append(line)
    answer = site.weather("psql", "-At", "-c", "SELECT count(*) FROM weather.observations")
    assert answer.stdout == f"{summary['rows_loaded']}\n"
    second.send_signal(signal.SIGINT)
    _, err = second.communicate(timeout=100)
    assert second.returncode == 0
    assert "nothing was run again" in err


def test_ctrl_c_before_it_is_up(site: Site) -> None:
    child = start_demo(site)
    wait_for(lambda: bool(site.state.parts))
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=100)
    assert child.returncode == 130
    assert err.endswith("Interrupted.\n")
    assert site.weather("status").returncode == 3


def test_once_needs_a_lineage_api_to_verify(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "console")
    child = start_demo(site, "--once")
    _, err = child.communicate(timeout=100)
    assert child.returncode == 1
    assert "OPENLINEAGE__TRANSPORT__TYPE" in err
    assert "set MARQUEZ_URL" in err
