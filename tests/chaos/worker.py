"""Runs the job once for every line of standard input, and answers each with a line: seconds, how it ended, connections.

python -m tests.chaos.worker
"""

from __future__ import annotations

import sys
import time
from typing import Any

import dagster as dg

from tests.chaos.location import JOB, defs


def main() -> None:
    """Run until standard input ends."""
    job = defs.resolve_job_def(JOB.name)
    connections = 0

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        """Count every connection that anything in this process tries to open, refused ones too."""
        nonlocal connections
        connections += event in ("socket.connect", "socket.getaddrinfo")

    sys.addaudithook(hear)
    with dg.DagsterInstance.get() as instance:
        for _ in sys.stdin:
            began = time.monotonic()
            result = job.execute_in_process(instance=instance, raise_on_error=False)
            sys.stdout.write(f"{time.monotonic() - began} {result.success} {connections}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
