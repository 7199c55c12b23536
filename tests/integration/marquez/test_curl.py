"""The documents' curl commands, run as they stand there by a real curl against the embedded service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema
from tests.seed_map import ROWS
from tests.tools import curl, missing

pytestmark = pytest.mark.integration

_PAGE = (Path(__file__).parents[3] / "docs" / "lineage-service.md").read_text(encoding="utf-8")
_ADDRESS = re.compile(r"(localhost|127\.0\.0\.1):5000\b")
_SILVER, _BRONZE, _OPEN_METEO = "lake/silver/weather", "lake/bronze/weather", "https://api.open-meteo.com"


def _commands() -> list[str]:
    """The commands that ask the service where it listens by default, each once."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", _PAGE, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [*(command for row in ROWS for command in row.commands), *lines]
    return list(dict.fromkeys(each for each in commands if each.startswith("curl ") and _ADDRESS.search(each)))


COMMANDS = _commands()


@pytest.fixture(scope="module")
def told(service: LineageService) -> LineageService:
    """The service with what the commands ask for."""
    job = ("weather-pipeline", "raw_weather_data_dagster")
    forecast, bronze = dataset(_OPEN_METEO, "v1/forecast"), dataset("file", _BRONZE, {"schema": schema("t")})
    source = {"namespace": "file", "name": _BRONZE, "field": "t"}
    columns = facet(fields={"t": {"inputFields": [source]}})
    silver = dataset("file", _SILVER, {"schema": schema("t"), "columnLineage": columns})
    service.accept(
        _complete(("weather-pipeline", "raw_weather_data_dagster"), [forecast], [bronze]),
        _complete((job[0], "clean_weather_data_dagster"), [bronze], [silver]),
        _complete(
            ("neuronews", "batch_write_raw_with_lineage"),
            [dataset("file", "weather_pipeline/articles")],
            [dataset("iceberg://demo", "demo.news.articles_raw")],
        ),
    )
    return service


def test_both_documents_have_commands() -> None:
    assert len(COMMANDS) > 10
    assert any("-d @event.json" in command for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works_as_it_is_written(told: LineageService, tmp_path: Path, command: str) -> None:
    if "| jq" in command and shutil.which("jq") is None:
        missing("jq is missing: apt-get install jq. The documents' commands use it.")
    event = _complete(("weather-pipeline", "posted"), [], [])
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "events.json").write_text(json.dumps([event]))
    # As of a user who takes an HTTP error for a failure.
    (tmp_path / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    program = Path(curl()).parent

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", _ADDRESS.sub(told.url.removeprefix("http://"), command)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{program}:{os.environ['PATH']}", "CURL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, (command, done.stdout, done.stderr)
    if "@event.json" in command:
        assert told.get("/api/v1/namespaces/weather-pipeline/jobs/posted")["latestRun"]["id"] == event["run"]["runId"]
    elif "/column-lineage" in command or "nodeId=" in command:
        assert len(json.loads(done.stdout)["graph"]) > 1
    elif "/jobs/raw_weather_data_dagster" in command:
        assert "COMPLETED" in done.stdout
    else:
        assert done.stdout


def _complete(job: tuple[str, str], inputs: list[Any], outputs: list[Any]) -> dict[str, Any]:
    return run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.uuid4()), job, inputs=inputs, outputs=outputs)
