"""A Spark job as a process of its own, and what it and its Java used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from weather_pipeline.settings import load_settings
from weather_pipeline.spark.jars import wanted_jars
from weather_pipeline.stack.jars import fetch_jars

_ROOT = Path(__file__).resolve().parents[2]
_EVERY = 0.05


@dataclass(frozen=True)
class Used:
    """What a job used.

    Attributes:
        seconds: Wall clock, from the start of Python to its end.
        cpu_seconds: CPU of Python and Java.
        peak_mb: The most resident memory of both together, MiB.
        printed: What it printed as its last line.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    printed: dict[str, Any]


def bring_jars() -> Path:
    """Spark's jars, fetched where they are missing; their directory."""
    directory = load_settings().effective_spark_jars.absolute()
    fetch_jars(wanted_jars(s3=False), directory)
    return directory


def run_job(module: str, home: Path, variables: Mapping[str, str]) -> Used:
    """Run a job, and watch it.

    Args:
        module: What to run, with `python -m`.
        home: Its state directory.
        variables: Its settings.

    Raises:
        RuntimeError: It failed; carries the end of what it said.
    """
    settings = {"WEATHER_HOME": str(home), "WEATHER_ICEBERG_CATALOG": "hadoop", "SPARK_LOCAL_IP": "127.0.0.1"}
    environment = {**os.environ, **settings, **variables}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", module], cwd=_ROOT, env=environment, stdout=out, stderr=err, text=True
        )
        cpu: dict[int, float] = {}
        peak = 0
        while child.poll() is None:
            peak = max(peak, _look(child.pid, cpu))
            time.sleep(_EVERY)
        seconds = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise RuntimeError(f"{module} ended with {child.returncode}: {err.read()[-3000:]}")
        return Used(seconds, sum(cpu.values()), peak / 2**20, json.loads(out.read().splitlines()[-1]))


def _look(pid: int, cpu: dict[int, float]) -> int:
    """Resident bytes of a process and all that it has started; notes each one's CPU."""
    resident = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
                resident += process.memory_info().rss
    return resident
