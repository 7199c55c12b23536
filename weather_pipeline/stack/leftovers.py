"""Ends what a killed supervisor left running, and nothing else."""

from __future__ import annotations

from pathlib import Path

from weather_pipeline.stack import process
from weather_pipeline.stack.dagster_api import DagsterApi
from weather_pipeline.stack.plan import POSTGRES, WEBSERVER, log_file
from weather_pipeline.stack.ports import HOST, is_listening
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.stack.runs import cancel_runs
from weather_pipeline.stack.state import lock_file, read_state, remove_state, stack_lock

STOPPED_LEFTOVERS = "Stopped what an earlier stack, killed before it could clean up, had left running."

_GRACE = 20.0


def stop_leftovers(home: Path) -> bool:
    """Stop the processes of a stack whose supervisor is gone; whoever calls holds the lock.

    A process counts as left over if it carries the recorded stack's id in its environment, or is the PostgreSQL
    server that wrote its number into the data directory: so a number that the system has given away is never hit.

    Returns:
        Whether anything was running.
    """
    state = read_state(home)
    left = process.members(state.stack_id) if state else []
    port = next((part.port for part in state.parts if part.name == WEBSERVER), None) if state else None
    if left and port is not None and is_listening(port):
        cancel_runs(DagsterApi(f"http://{HOST}:{port}"))
    process.end(left, grace=_GRACE)
    server = EmbeddedPostgres(home / POSTGRES, log_file=log_file(home, POSTGRES)).stop_leftover()
    remove_state(home)
    return bool(left) or server


def lock_and_stop_leftovers(home: Path) -> bool:
    """The same for who does not hold the lock; a directory in which no stack ever was stays as it is, or missing.

    Returns:
        Whether anything was running.

    Raises:
        StackError: A stack runs there, which holds the lock.
    """
    if read_state(home) is None and not lock_file(home).exists():
        return False
    with stack_lock(home):
        return stop_leftovers(home)
