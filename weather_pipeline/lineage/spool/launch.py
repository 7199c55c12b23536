"""Say how what launched a Spark driver ended: only that knows what became of the application."""

from __future__ import annotations

import fcntl
import json
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from weather_pipeline.lineage.spool.files import LAUNCH
from weather_pipeline.lineage.spool.record import State

VARIABLE = "WEATHER_SPARK_LAUNCH"
"""Names a launch's file to its drivers."""


@contextmanager
def launched(directory: Path) -> Iterator[dict[str, str]]:
    """Launch drivers inside it: their sessions end as this does, also where this process is killed.

    Each launch has a file of its own: a step that is tried again is another one.

    Args:
        directory: The spool.

    Returns:
        Variables that the drivers must be given.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{uuid4()}{LAUNCH}"
    with (directory / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield {VARIABLE: name}
        except Exception as error:
            _say(file.fileno(), "FAIL", f"{type(error).__name__}: {error}", traceback.format_exc())
            raise
        except BaseException as error:
            # The step was cancelled, or the process is asked to end.
            _say(file.fileno(), "ABORT", f"It was cancelled ({type(error).__name__}).", None)
            raise
        _say(file.fileno(), "COMPLETE", None, None)


def _say(file: int, state: State, message: str | None, stack: str | None) -> None:
    said = {"state": state, "at": datetime.now(UTC).isoformat(), "message": message, "stack": stack}
    os.write(file, json.dumps(said).encode())
    os.fsync(file)
