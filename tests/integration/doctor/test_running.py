"""The command, before, beside and after a running stack."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stack.conftest import ROOT, WEATHER, Site, site, wait_for  # noqa: F401  (a fixture)

pytestmark = pytest.mark.integration


def examined(site: Site, *checks: str) -> tuple[int, dict[str, dict[str, Any]]]:  # noqa: F811  (the fixture's name)
    """The exit code, and the findings by check and subject."""
    result = site.weather("doctor", "--json", *checks)
    body = json.loads(result.stdout)
    return result.returncode, {f"{each['check']}/{each['subject']}": each for each in body["findings"]}


def test_a_running_stack_and_what_can_become_of_it(site: Site) -> None:  # noqa: F811
    child = site.up()
    code, findings = examined(site, "ports", "stack", "database", "daemon", "backend")
    well = {name for name, finding in findings.items() if finding["status"] == "ok"}
    assert {"ports/ours", "stack/stack", "daemon/daemon"} <= well, findings
    # The tiny stack's stand-ins are healthy, but no Marquez, and its location has no lineage sensor.
    assert findings["backend/api"]["status"] == "problem"
    assert findings["daemon/sensor"]["status"] == "warning"
    assert findings["database/server"]["found"].startswith("embedded PostgreSQL")
    assert code == 1

    daemon = next(part.identity.pid for part in site.state.parts if part.name == "daemon")
    os.kill(daemon, signal.SIGSTOP)
    try:
        code, findings = examined(site, "daemon")
        assert f"(process {daemon}) is not answering" in findings["daemon/daemon"]["found"]
        assert code == 1
    finally:
        os.kill(daemon, signal.SIGCONT)

    child.kill()
    child.wait()
    _, findings = examined(site, "stack")
    left = findings["stack/leftovers"]
    assert left["status"] == "problem"
    assert f"daemon ({daemon})" in left["found"]
    assert "postgres (" in left["found"]
    assert "weather down" in left["command"]
    assert site.weather("down").returncode == 0
    assert [each["status"] for each in examined(site, "stack")[1].values()] == ["skipped"]


def test_the_state_of_a_stack_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{half")
    result = doctor(tmp_path, "stack")
    assert result.returncode == 1
    assert "can't be understood" in result.stdout
    assert f"rm {tmp_path / 'stack.json'}" in result.stdout


def test_a_fresh_folder(tmp_path: Path) -> None:
    result = doctor(tmp_path / "home", "settings", "python", "disk", "lake", "database", "daemon", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("All is well.\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**os.environ, "WEATHER_OPEN_METEO_URL": url}
        child = subprocess.Popen(
            [*WEATHER, "doctor", "network", "--home", str(tmp_path)],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()  # it waits for an answer now
        with connection:
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
    assert (child.returncode, err.strip()) == (130, "Interrupted.")


def doctor(home: Path, *checks: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command line as users do."""
    command = [*WEATHER, "doctor", *checks, "--home", str(home)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
