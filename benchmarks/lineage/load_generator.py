"""What a sink takes at most: recorded events, sent by plain threads over kept connections.

The bodies of one Dagster run go one after another, several runs at once. Standard output gets one JSON line.

    python -m benchmarks.lineage.load_generator FILE URL
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import requests

from benchmarks.lineage.figures import told

CONNECTIONS = 8
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
    waiting: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    for bodies in runs:
        waiting.put(bodies)
    refused: list[int] = []

    def send() -> None:
        headers = {"Content-Type": "application/json"}
        with requests.Session() as session:
            while True:
                try:
                    bodies = waiting.get_nowait()
                except queue.Empty:
                    return
                for body in bodies:
                    answer = session.post(
                        f"{url}/api/v1/lineage", data=body.encode(), headers=headers, timeout=_TIMEOUT
                    )
                    if not answer.ok:
                        refused.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    began, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    events = sum(map(len, runs))
    found = {"events": events, "refused": len(refused), "seconds": took, "cpu_seconds": cpu}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
