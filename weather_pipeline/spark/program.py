"""How a job's program ends: whatever goes wrong, its last line says what it was."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from weather_pipeline.errors import ConfigurationError, WeatherPipelineError
from weather_pipeline.settings import load_settings
from weather_pipeline.spark.interrupt import interrupt_in
from weather_pipeline.spark.pipes import report_error
from weather_pipeline.spark.root_cause import root_cause
from weather_pipeline.spark.spool import end_badly

_SPARKS_OWN = frozenset({"SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS", "MASTER"})
"""Variables by which Spark may know a master that we do not see."""
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
    _log_no_ctrl_c()
    try:
        _stay_on_this_machine()
        yield
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  (the program's end)
        if interrupt_in(error):
            end_badly(error)
            sys.stderr.write("Interrupted.\n")
            raise SystemExit(INTERRUPTED) from None
        is_ours = isinstance(error, WeatherPipelineError)
        why = str(error) if is_ours else root_cause(error)
        report_error(why)
        if is_ours:
            sys.exit(f"Error: {why}")
        # The hook writes the stack, and tells it to the lineage; sys.exit would tell that the driver ended with 1.
        sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.write(f"Error: {why}\n")
        raise SystemExit(1) from None


def _stay_on_this_machine() -> None:
    """Keep Spark's page and ports on loopback where no other machine takes part: the page asks nobody who he is.

    Spark's own configuration may name a master, whose workers must reach this process: then it decides.
    """
    try:
        is_local = (load_settings().spark_master or "local").startswith("local")
    except ConfigurationError:
        return  # the job says so, once it was not asked for its help
    if is_local and not _SPARKS_OWN & os.environ.keys():
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


def _log_no_ctrl_c() -> None:
    """Keep Py4J from logging the stack of each Ctrl-C, and of the connection that it broke off."""
    for name in (None, "py4j.clientserver"):
        logging.getLogger(name).addFilter(_is_no_ctrl_c)


def _is_no_ctrl_c(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return error is None or interrupt_in(error) is None
