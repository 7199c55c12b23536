"""What a sink takes at most: recorded events, sent by plain threads over kept connections.

The bodies of one Dagster run go one after another, several runs at once. Standard output gets one JSON line.

    python -m benchmarks.lineage.load_generator FILE URL
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests

from benchmarks.lineage.figures import told
from benchmarks.sending import send_runs

_TIMEOUT = 30.0


def by_run(lines: Iterable[str]) -> list[list[str]]:
    """The bodies that a collector kept, in order, a list for each Dagster run; what is about no run comes first."""
    runs: dict[str, list[str]] = {}
    for line in lines:
        at, _, body = line.partition("\t")
        event = told(float(at), body)
        runs.setdefault(event.dagster_run_id if event else "", []).append(body.strip())
    return [runs.pop(""), *runs.values()] if "" in runs else [*runs.values()]


def main(file: Path, url: str) -> None:
    """Send everything and say how long that took."""
    with file.open() as lines:
        runs = by_run(lines)
    refused: list[int] = []

    def send(bodies: Iterator[str]) -> None:
        headers = {"Content-Type": "application/json"}
        with requests.Session() as session:
            for body in bodies:
                answer = session.post(f"{url}/api/v1/lineage", data=body.encode(), headers=headers, timeout=_TIMEOUT)
                if not answer.ok:
                    refused.append(answer.status_code)

    took, cpu = send_runs(runs, send)
    events = sum(map(len, runs))
    found = {"events": events, "refused": len(refused), "seconds": took, "cpu_seconds": cpu}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
