"""Time a backfill on a fresh stack with recorded observations, and check all that it must leave behind.

    python scripts/bench_backfill.py 2026-10-01 2026-10-30

Prints one JSON object: the summary of `weather backfill`, the lineage runs of each job, the machine's load before and
after. Ends with 1 where anything is missing or twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from weather_pipeline.cli.expected import expected_jobs
from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.settings import Settings, load_settings

WEATHER = (sys.executable, "-m", "weather_pipeline.cli")


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", nargs="?", default="2026-10-01", help="first day")
    parser.add_argument("last", nargs="?", default="2026-10-30", help="last day")
    parser.add_argument("--port-offset", default="400")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = str(Path(directory) / "stack")
        settings = load_settings().model_copy(update={"home": Path(home), "port_offset": int(arguments.port_offset)})
        start = [*WEATHER, "up", "--detach", "--home", home, "--port-offset", arguments.port_offset]
        subprocess.run(start, check=True, stdout=sys.stderr, env={**os.environ, "WEATHER_SOURCE": "replay"})
        try:
            result = measured(settings, arguments.first, arguments.last)
        finally:
            subprocess.run([*WEATHER, "down", "--home", home, "--delete-data", "--yes"], check=True, stdout=sys.stderr)
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0 if result["complete"] else 1


def measured(settings: Settings, first: str, last: str) -> dict[str, Any]:
    """Run the backfill on the stack that is up; what it says, and what the lineage API has."""
    before = os.getloadavg()
    command = [*WEATHER, "backfill", first, last, "--json", "--home", str(settings.home)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    summary = json.loads(done.stdout.splitlines()[-1])
    with MarquezClient(f"http://127.0.0.1:{settings.lineage_port}") as client:
        runs = {job.name: client.runs(job.namespace, job.name) for job in expected_jobs(settings)}
    of_dagster = [Counter(run.facets["dagster_run"]["runId"] for run in found) for found in runs.values()]
    once = all(set(counts.values()) == {1} for counts in of_dagster)
    return {
        "complete": done.returncode == 0 and once and len({frozenset(counts) for counts in of_dagster}) == 1,
        "summary": summary,
        "lineage_runs": {name: dict(Counter(run.state for run in found)) for name, found in runs.items()},
        "load": {"before": before, "after": os.getloadavg()},
        "cpus": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
