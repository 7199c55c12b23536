"""The page "Add lineage to your own Dagster project", done as it says: its code and its commands, in a fresh folder."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.lineage_commands.conftest import LineageService
from tests.integration.lineage_commands.project import until

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[3] / "docs" / "exporter.md").read_text()
CODE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "definitions.py").write_text(CODE[0])
    return tmp_path


@pytest.fixture
def environment(folder: Path, service: LineageService) -> dict[str, str]:
    """A shell's: the page's DAGSTER_HOME, and a Marquez on another port than the page's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    telemetry = {"DAGSTER_DISABLE_TELEMETRY": "true"}
    return {
        **os.environ,
        **telemetry,
        "PATH": path,
        "OPENLINEAGE_URL": service.url,
        "DAGSTER_HOME": f"{folder}/.dagster",
    }


@pytest.fixture
def daemon(folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """What the page starts, by its own lines."""
    lines = next(block for block in SHELL if "dagster-daemon" in block)
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-ec", lines.replace("dagster-daemon run", "exec dagster-daemon run")],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_the_page_works(
    folder: Path, environment: dict[str, str], daemon: subprocess.Popen[bytes], service: LineageService
) -> None:
    def shell(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", lines],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def job(name: str) -> dict[str, object] | None:
        answer = requests.get(f"{service.url}/api/v1/namespaces/my-team/jobs/{name}", timeout=30)
        return answer.json() if answer.ok else None

    def has_run(name: str) -> bool:
        known = job(name)
        return bool(known and known["latestRun"] and known["latestRun"]["state"] == "COMPLETED")  # type: ignore[index]

    until(lambda: daemon.poll() is not None or job("orders_by_day_dagster"))
    assert daemon.poll() is None, (folder / "daemon.log").read_text()[-3000:]
    shown = job("orders_by_day_dagster")
    assert shown is not None
    assert shown["latestRun"] is None
    assert shown["inputs"] == [{"namespace": "dagster", "name": "orders"}]
    assert job("orders_dagster") is not None

    shell(next(block for block in SHELL if "asset materialize" in block))
    until(lambda: has_run("orders_dagster") and has_run("orders_by_day_dagster"))
    told = shell(next(block for block in SHELL if "weather lineage status" in block))
    assert "Dead letters   0" in told
    assert "Coverage       100%" in told


def test_the_sensor_takes_few_lines() -> None:
    """The title's five: an import, the sensor, and its name in the definitions."""
    added = [line for line in CODE[0].splitlines() if "openlineage" in line or "namespace=" in line or "url=" in line]
    assert len(added) <= 5


def test_what_the_page_links_to_is_there() -> None:
    docs = Path(__file__).parents[3] / "docs"
    linked = re.findall(r"\]\(([\w-]+\.md)\)", PAGE)
    assert linked
    assert all((docs / name).is_file() for name in linked)
