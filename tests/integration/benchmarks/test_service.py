"""What the lineage service's benchmarks put into a store is like what the service itself puts there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.lineage.sinks import lineage_service
from benchmarks.service.graph import Client, post_graphs
from benchmarks.service.history import name_again, repeat_runs
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.stack.process import runs, send

pytestmark = pytest.mark.integration


def test_a_history_made_by_sql_is_answered_like_one_that_was_posted(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with lineage_service(postgres, tmp_path) as service, closing(Client(service.url)) as client:

        def get(path: str) -> dict[str, Any]:
            return json.loads(client.request("GET", path))

        _, last_run = post_graphs(client)
        graph = get("/api/v1/lineage?nodeId=job:chain:job_3&depth=50")
        posted = get("/api/v1/namespaces/chain/jobs/job_3/runs")["runs"]
        events = service.count()

        repeat_runs(service.database, 2)
        name_again(service.database, ("chain", "job_3"), ("chain", "table_3"), ["named_again"])

        assert service.count() == 3 * events
        assert get("/api/v1/lineage?nodeId=job:chain:job_3&depth=50") == graph
        runs = get("/api/v1/namespaces/chain/jobs/job_3/runs")["runs"]
        assert (len(runs), runs[0]) == (3, posted[0])
        assert all(run.keys() == runs[0].keys() and run["facets"] == runs[0]["facets"] for run in runs)
        assert [len(run["inputDatasetVersions"]) + len(run["outputDatasetVersions"]) for run in runs] == [2, 2, 2]
        copies = get("/api/v1/namespaces/chain/jobs/job_24/runs")["runs"]
        upstream = [get(f"/api/v1/runlineage/upstream?depth=50&runId={run['id']}")["runs"] for run in copies]
        assert copies[0]["id"] == last_run
        assert [len(found) for found in upstream] == [25, 25, 25]

        for what in ("jobs", "datasets"):
            assert get(f"/api/v1/namespaces/chain/{what}/named_again")["name"] == "named_again"
            assert [hit["name"] for hit in get(f"/api/v2beta/search/{what}?q=again")["hits"]] == ["named_again"]


def test_a_benchmark_that_is_ended_leaves_no_server_behind() -> None:
    command = [sys.executable, "-m", "benchmarks", "durability", "--quick"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as benchmark:
        family = _family_with_service(psutil.Process(benchmark.pid))
        while benchmark.poll() is None:  # `timeout` is not the only one to send its signal more than once
            benchmark.terminate()
            time.sleep(0.001)

    left = [process for process in family if runs(process)]
    send(left, signal.SIGKILL)
    assert not left


def _family_with_service(benchmark: psutil.Process) -> list[psutil.Process]:
    """What the benchmark has started, once the lineage service is among it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        family = benchmark.children(recursive=True)
        if any("weather_pipeline.marquez.embedded" in _words(process) for process in family):
            return family
        time.sleep(0.05)
    raise AssertionError("The benchmark started no lineage service.")


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
