"""Peak memory of load, cleaning and quality as rows grow, each in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.data import START, observation_batches, write_bronze_hours
from benchmarks.report import Section, table
from weather_pipeline.store.lake import bronze_files, write_clean
from weather_pipeline.store.local import LocalStore
from weather_pipeline.store.warehouse import upsert_observations
from weather_pipeline.weather.hours import HOUR
from weather_pipeline.weather.quality import evaluate

MILLIONS = (1, 4, 16)
BRONZE_PLACES = 100_000
"""Rows of one hour of bronze, of which one in a hundred comes twice."""

LOAD_PLACES = 1000

_METHOD = """\
The high-water mark of resident memory of a process that does nothing else (the interpreter and the libraries, about
150 MB, included), one for each number of rows. Loading fills empty hours. Bronze has 101,000 rows an hour."""


def run(_rounds: int, say: Callable[[str], None]) -> Section:
    """Measure each kind of work at each size."""
    from benchmarks.load import started_warehouse

    lines = []
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        for kind in ("load", "cleaning", "quality"):
            peaks = []
            for millions in MILLIONS:
                if kind == "load":
                    with started_warehouse(LOAD_PLACES) as (url, _):
                        peaks.append(peak_mb("load", url, millions * 1_000_000 // LOAD_PLACES))
                else:
                    hours = millions * 1_000_000 // BRONZE_PLACES
                    lake = Path(directory) / str(hours)
                    if not lake.exists():
                        write_bronze_hours(LocalStore(lake), hours, BRONZE_PLACES)
                    peaks.append(peak_mb(kind, str(lake), hours))
                say(f"{kind}, {millions} million rows: {peaks[-1]:.0f} MB")
            lines.append([kind, *(f"{peak:.0f}" for peak in peaks), f"{peaks[-1] / peaks[0]:.2f}"])
    header = ["peak MB", *(f"{millions} M rows" for millions in MILLIONS), "last / first"]
    return Section("memory", "Memory", _METHOD, [table("Peak memory by number of rows", header, lines)])


def peak_mb(kind: str, where: str, hours: int) -> float:
    """Peak resident memory in MB of one kind of work (`load`, `cleaning`, `quality`) in a new process.

    Args:
        kind: Which work.
        where: The warehouse's URL for `load`, else the lake's directory.
        hours: How many hours of `benchmarks.data`.
    """
    # The URL carries a password: on standard input nobody else sees it.
    command = [sys.executable, "-m", "benchmarks.memory", kind, str(hours)]
    done = subprocess.run(
        command, input=where, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return float(done.stdout)


def _work(kind: str, where: str, hours: int) -> None:
    start, end = START, START + hours * HOUR
    if kind == "load":
        upsert_observations(where, observation_batches(hours, LOAD_PLACES), replace_hours=(start, end))
        return
    store = LocalStore(Path(where))
    with bronze_files(store, start, end) as files:
        quarantine = evaluate(files[: 1 if kind == "cleaning" else None], start=start, end=end).quarantine
        if kind == "cleaning":
            write_clean(store, files, quarantine, start=start, end=end)


def _own_peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would count the parent's memory, from which this process was forked.
        kilobytes = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:")).split()[1]
        return int(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _main(arguments: Sequence[str]) -> None:
    kind, hours = arguments
    _work(kind, sys.stdin.read(), int(hours))
    sys.stdout.write(f"{_own_peak_mb():.1f}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
