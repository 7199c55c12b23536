"""How a job's program ends: whatever goes wrong, its last line says what it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from weather_pipeline.errors import WeatherPipelineError
from weather_pipeline.spark.root_cause import root_cause
from weather_pipeline.spark.spool import end_badly

INTERRUPTED = 130
"""As shells have it: 128 and the signal's number."""


@contextmanager
def program() -> Iterator[None]:
    """Run a job inside it. An error ends the process with exit code 1 and `Error: …` as the last line of stderr.

    Ctrl-C ends it with 130 and no stack: where the job was is nobody's mistake. Its lineage tells an abort, with the
    stack.

    Raises:
        SystemExit: There was an error, or Ctrl-C.
    """
    try:
        yield
    except WeatherPipelineError as problem:
        sys.exit(f"Error: {problem}")
    except KeyboardInterrupt as stop:
        end_badly(stop)
        sys.stderr.write("Interrupted.\n")
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001  (the program's end)
        # The hook writes the stack, and tells it to the lineage; sys.exit would tell that the driver ended with 1.
        sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.write(f"Error: {root_cause(error)}\n")
        raise SystemExit(1) from None
