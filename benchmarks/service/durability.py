"""What was answered with 201, counted after the service and PostgreSQL were killed again and again."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.lineage.figures import shown
from benchmarks.lineage.sinks import ServiceProcess
from benchmarks.report import SERVICE_PACKAGES, Section, table
from benchmarks.service.killing import WRITERS, Load, kill, missing
from weather_pipeline.stack.postgres import EmbeddedPostgres

_KILLS, _QUICK_KILLS = 10, 1
_BETWEEN = 300
"""Events that are accepted between two kills."""

_METHOD = f"""\
{WRITERS} writers, each with a kept connection, post events of runs that share jobs and datasets, and go on whatever
happens. Meanwhile the service, PostgreSQL (with all its processes), and both at once are killed with SIGKILL and
started again, in turns; {_BETWEEN} events are accepted between two kills. PostgreSQL has its default settings. At the
end every event that was answered with 201 is looked for: among the raw events, and in what the API says of its run. A
request without an answer may be there or not, as it was cut off or found nobody. “Back” is from the kill to the next
201, with the start of what was killed."""


def run(_: int, say: Callable[[str], None], quick: bool) -> Section:
    """Kill and count."""
    kills = _QUICK_KILLS if quick else _KILLS
    back: dict[str, list[float]] = {"the service": [], "PostgreSQL": [], "both": []}
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as name:
        directory = Path(name)
        postgres = EmbeddedPostgres(directory / "pg", log_file=directory / "pg.log")
        try:
            postgres.start()
            with ServiceProcess(postgres.ensure_database("lineage"), directory) as service:
                load = Load(service.url)
                with load:
                    load.go_on(_BETWEEN)
                    for number in range(kills):
                        for what, times in back.items():
                            times.append(_killed(what, service, postgres, load))
                        say(f"{number + 1} of {kills}: {len(load.accepted):,} events accepted")
                lost = missing(service.url, load.accepted)
        finally:
            postgres.destroy()
    rows = [
        ["kills of the service, of PostgreSQL, of both", f"{kills}, {kills}, {kills}"],
        ["events answered with 201", f"{len(load.accepted):,}"],
        ["of these not there", f"{len(lost)}"],
        ["requests without an answer", f"{load.unanswered:,}"],
        ["statuses answered", ", ".join(map(str, sorted(load.statuses)))],
        *([f"back after {what}: median and worst s", _median_and_worst(times)] for what, times in back.items()),
    ]
    return Section(
        "durability", "Lineage service: durability", _METHOD, [table("What became of it", ["", "figure"], rows)],
        SERVICE_PACKAGES,
    )  # fmt: skip


def _killed(what: str, service: ServiceProcess, postgres: EmbeddedPostgres, load: Load) -> float:
    began = time.monotonic()
    if what != "the service":
        kill(postgres)
    if what != "PostgreSQL":
        service.kill()
    if what != "the service":
        postgres.start()
    if what != "PostgreSQL":
        service.start()
    started = time.monotonic()
    return started - began + load.go_on(_BETWEEN)


def _median_and_worst(times: list[float]) -> str:
    return f"{shown(statistics.median(times))}, {shown(max(times))}"
