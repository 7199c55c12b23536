"""The commands of docs/seed-map.md, run as they stand there on a real stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stack.conftest import ROOT, Site
from tests.seed_map import ROWS
from tests.tools import missing

pytestmark = pytest.mark.integration

_OF_SPARK = ("articles_", "weather_history", "iceberg_")
"""Assets that these commands do not run."""

_PORT = re.compile(r"localhost:(3000|5000|5001)\b")


def test_the_commands_work_as_they_are_written(site: Site, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """In the map's order; the stack's ports alone are moved, as `--port-offset` moves them."""
    if shutil.which("jq") is None:
        missing("jq is missing: apt-get install jq. The documents' commands use it.")
    assert pytestconfig.cache is not None
    # Fetched once for all tests.
    environment = _environment(site, tmp_path) | {"WEATHER_SPARK_JARS": str(pytestconfig.cache.mkdir("jars") / "spark")}
    commands = [command for row in ROWS for command in row.commands]
    answers: dict[str, str] = {}
    try:
        for command in commands:
            moved = _PORT.sub(lambda found: f"localhost:{int(found[1]) + site.offset}", command)
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", moved],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=200,
            )
            answers[command] = done.stdout
            assert done.returncode == 0, (command, done.stdout, done.stderr)
    finally:
        site.weather("down")

    api = "http://localhost:5000/api/v1"
    # What Spark writes is known before it has run.
    known = json.loads(answers[f"curl {api}/namespaces/weather-pipeline/jobs"])["jobs"]
    jobs = [job for job in known if job["latestRun"] or not job["name"].startswith(_OF_SPARK)]
    # `weather backfill` waits for the assets' runs. That of the Dagster run itself ends a look of the sensor later.
    assets = [job for job in jobs if job["name"].endswith("_dagster")]
    assert {job["latestRun"]["state"] for job in assets} == {"COMPLETED"}
    assert {job["latestRun"]["state"] for job in jobs} <= {"COMPLETED", "RUNNING"}
    assert "raw_weather_data_dagster" in {job["name"] for job in jobs}
    files = {each["name"] for each in json.loads(answers[f"curl -fsS {api}/namespaces/file/datasets"])["datasets"]}
    # Paths are the symlinks of what Spark read and wrote.
    names = {name for name in files if not name.startswith("/")}
    assert names == {"lake/bronze/weather", "lake/silver/weather", "weather_pipeline/articles"}
    ran = {run["job"]["namespace"] for run in json.loads(answers[f"curl {api}/jobs/runs"])["runs"]}
    assert ran == {"neuronews"}, "before the first run of Dagster"
    downstream = json.loads(
        answers[f"curl -fsS '{api}/lineage?nodeId=dataset:https://api.open-meteo.com:v1/forecast&depth=20'"]
    )
    names = {node["id"].rsplit(":", 1)[1] for node in downstream["graph"]}
    assert {"weather_near_towers_dagster", "weather.weather.observations"} <= names


def _environment(site: Site, directory: Path) -> dict[str, str]:
    """The environment of a user who has activated the project's own; curl takes an HTTP error for a failure."""
    configuration = directory / ".curlrc"
    configuration.write_text("fail\nsilent\nshow-error\n")
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CURL_HOME": str(directory),
        "WEATHER_HOME": str(site.home),
        "WEATHER_PORT_OFFSET": str(site.offset),
        "WEATHER_SOURCE": "replay",
    }
