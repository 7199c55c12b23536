"""The batch job with and without OpenLineage's listener, in turns."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report import SPARK_PACKAGES, Section, table
from benchmarks.spark.child import Used, bring_jars, run_job
from benchmarks.spark.data import write_csv

ROWS, FILES = 3_000_000, 4
_QUICK_ROWS = 20_000
_OFF, _ON = "without lineage", "with lineage"
_METHOD = """\
`batch_write_raw_with_lineage` reads {rows:,} articles ({size:.0f} MB of CSV in {files} files) into an empty Iceberg
table, partitioned by day, on this machine alone (`local[*]`, Spark's own 1 GiB of heap): once without lineage
(`WEATHER_SPARK_LINEAGE_OFF=*`: no listener is loaded), once with it, in turns. Seconds are those of the whole process,
Spark's start included, and of the job alone; CPU that of Python and Java; peak the most resident memory of both, which
follows the garbage collector more than the job; held is what Java has left once its garbage is collected, before the
session ends: heap, classes, compiled code."""

Row = tuple[str, Callable[[Used], float], str]
_ROWS: Sequence[Row] = (
    ("whole process, s", lambda used: used.seconds, ".1f"),
    ("the job, s", lambda used: used.printed["seconds"], ".1f"),
    ("CPU, s", lambda used: used.cpu_seconds, ".1f"),
    ("peak memory, MiB", lambda used: used.peak_mb, ".0f"),
    ("held by Java, MiB", lambda used: used.printed["held_mb"], ".0f"),
)


def run(rounds: int, say: Callable[[str], None], quick: bool) -> Section:
    """Measure pairs."""
    rows = _QUICK_ROWS if quick else ROWS
    used: dict[str, list[Used]] = {_OFF: [], _ON: []}
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory:
        files = write_csv(Path(directory) / "articles", rows, FILES)
        size = sum(file.stat().st_size for file in (Path(directory) / "articles").iterdir()) / 1e6
        jars = bring_jars()
        for number in range(rounds):
            for name, turns in used.items():
                more = {"WEATHER_SPARK_LINEAGE_OFF": "*"} if name == _OFF else {}
                with tempfile.TemporaryDirectory(prefix="home-", dir=directory) as home:
                    variables = {"WEATHER_SPARK_JARS": str(jars), "SCRAPED_DATA_PATH": files, **more}
                    done = run_job("benchmarks.spark.batch_job", Path(home), variables)
                    events = len(list((Path(home) / "spark-events").glob("*.ndjson")))
                if (done.printed["rows"], events) != (rows, int(name == _ON)):
                    raise RuntimeError(f"{name}: {done.printed}, {events} files of events, of {rows} rows")
                turns.append(done)
                say(
                    f"pair {number + 1}, {name}: {done.seconds:.1f} s, CPU {done.cpu_seconds:.1f} s, "
                    f"{done.peak_mb:.0f} MiB"
                )
    return Section(
        "listener",
        "Spark: the batch job, and what its lineage costs",
        _METHOD.format(rows=rows, size=size, files=FILES),
        [_costs(used, rounds), _throughput(used, rows)],
        SPARK_PACKAGES,
    )


def _costs(used: dict[str, list[Used]], rounds: int) -> str:
    lines = []
    for name, figure, form in _ROWS:
        off, on = ([figure(each) for each in used[which]] for which in (_OFF, _ON))
        more = [with_it - without for without, with_it in zip(off, on, strict=True)]
        share = [change / without * 100 for without, change in zip(off, more, strict=True)]
        lines.append(
            [
                name,
                *(f"{statistics.median(each):{form}} ({min(each):{form}} to {max(each):{form}})" for each in (off, on)),
                f"{statistics.median(more):+{form}}",
                f"{statistics.median(share):+.1f} % ({min(share):+.1f} to {max(share):+.1f})",
            ]
        )
    header = [f"median of {rounds} pairs (range)", _OFF, _ON, "more, median of pairs", "of that without (range)"]
    return table("Cost of the listener", header, lines)


def _throughput(used: dict[str, list[Used]], rows: int) -> str:
    lines = []
    for name, each in used.items():
        seconds = statistics.median(done.printed["seconds"] for done in each)
        lines.append([name, f"{seconds:.1f}", f"{rows / seconds:,.0f}"])
    return table("The job alone", ["", "median s", "rows/s"], lines)
