"""Spark drivers that a command starts: they end as they choose to, and before the command does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping

from weather_pipeline.cli import INTERRUPTED


def run_driver(module: str, *arguments: str, environment: Mapping[str, str]) -> int:
    """Run a job's module and wait for its end, whatever signal comes.

    Args:
        module: The job's module.
        arguments: What it is given on its command line.
        environment: All of its variables.

    Returns:
        Its exit code.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], env=environment)
    # The terminal's Ctrl-C reaches the job too; a signal to this process alone has to be handed on.
    before = signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(driver: int) -> int:
    """The exit code of a command whose driver ended with this: 0, 130 after Ctrl-C, else 1."""
    if driver == -signal.SIGINT:  # before the job could hear it
        return INTERRUPTED
    return driver if driver in (0, INTERRUPTED) else 1
