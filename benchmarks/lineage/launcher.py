"""Launches runs as `dagster job launch` does: recorded with their origin, queued, launched by the daemon.

A process of its own in the contestant's environment, because making a run writes to the contestant's event log. Each
line on standard input launches one run, whose tag `bench/phase` is the line; each launch has a thread, so that one
that hangs does not delay the next. Standard output has one JSON line a launch.

    python -m benchmarks.lineage.launcher WORKSPACE_FILE JOB
"""

from __future__ import annotations

import json
import sys
import threading
import time

from dagster import DagsterInstance
from dagster._cli.job import execute_launch_command
from dagster_shared.cli import WorkspaceOpts

PHASE = "bench/phase"


def main(workspace: str, job: str) -> None:
    """Launch until standard input ends."""
    printing = threading.Lock()
    with DagsterInstance.get() as instance:

        def launch(phase: str) -> None:
            began = time.time()
            run = execute_launch_command(
                instance=instance,
                workspace_opts=WorkspaceOpts(workspace=(workspace,)),
                job_name=job,
                tags=json.dumps({PHASE: phase}),
            )
            with printing:
                sys.stdout.write(json.dumps({"run": run.run_id, "requested": began}) + "\n")
                sys.stdout.flush()

        threads = []
        for line in sys.stdin:
            threads.append(threading.Thread(target=launch, args=(line.strip(),)))
            threads[-1].start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
