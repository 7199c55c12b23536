"""The whole chain in a process of its own: `run_hours.py FIRST LAST [KILL]`.

KILL is a number: the process kills itself where it makes the KILL-th file durable, which is in the middle of a write.
Prints whether the run succeeded, and its errors.
"""

from __future__ import annotations

import itertools
import os
import signal
import stat
import sys

import dagster as dg

from tests.integration.weather.runs import EVERYTHING, Runs


def kill_at(number: int) -> None:
    """Die as a process does that the system kills: nothing is cleaned up."""
    fsync, files = os.fsync, itertools.count(1)

    def counted(descriptor: int) -> None:
        # A directory is made durable after its file has been renamed: by then the write is no longer in its middle.
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and next(files) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    os.fsync = counted


def main(first: str, last: str, *kill: str) -> None:
    """Run the hours on an instance of this process."""
    if kill:
        kill_at(int(kill[0]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = Runs(instance).run(*EVERYTHING, hour=first, until=last)
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            sys.stdout.write(event.step_failure_data.error.to_string())
    sys.exit(0 if result.success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
