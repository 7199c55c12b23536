"""Removes what a stack has written: its state directory's own entries, and the database wherever it lies."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from weather_pipeline.sources.ledger import ledger_file
from weather_pipeline.stack.plan import POSTGRES, dagster_home, log_file, workspace_file
from weather_pipeline.stack.state import kept_port_file, lock_file, stack_lock, state_file
from weather_pipeline.stack.supervisor import open_postgres


def remove_data(home: Path) -> None:
    """Remove all that stacks of this directory have written; what is not theirs stays, and with it the directory.

    Args:
        home: The state directory of a stack that does not run.

    Raises:
        StackError: Another stack uses the directory.
    """
    if not home.is_dir():
        return
    with stack_lock(home):
        open_postgres(home).destroy()
        for directory in (dagster_home(home), log_file(home, POSTGRES).parent, home / "lake"):
            shutil.rmtree(directory, ignore_errors=True)
        own = (workspace_file(home), state_file(home), kept_port_file(home, POSTGRES), lock_file(home))
        for file in (*own, ledger_file(home)):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something of the user's is in it
        home.rmdir()
