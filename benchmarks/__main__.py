"""`make bench`: runs the benchmarks and prints their tables."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType

import click

from benchmarks import cleaning, load, memory
from benchmarks.lineage import backlog, exporters, idle
from benchmarks.report import DOCUMENT, Section, machine, put_into
from benchmarks.service import durability, graph, ingest, page
from benchmarks.spark import listener, stream

Benchmark = Callable[[int, Callable[[str], None]], Section]

BENCHMARKS: Mapping[str, Benchmark] = {
    "load": load.run,
    "cleaning": cleaning.run,
    "quality": cleaning.run_quality,
    "memory": memory.run,
}
"""Name → benchmark. A new one is a function here, and gets a section of the document by its name."""

LONG: Mapping[str, Callable[[int, Callable[[str], None], bool], Section]] = {
    "exporters": exporters.run,
    "backlog": backlog.run,
    "fast-sinks": backlog.run_fast,
    "idle": idle.run,
    "ingest": ingest.run,
    "durability": durability.run,
    "graph": graph.run,
    "page": page.run,
    "listener": listener.run,
    "stream": stream.run,
}
"""Those that take long, up to three quarters of an hour, and run only when they are named."""


@click.command(epilog='Example: make bench ARGS="load --rounds 5 --write"')
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, *LONG]))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Turns of each contestant.")
@click.option("--quick", is_flag=True, help="Little and short, to see that one that takes long works.")
@click.option("--write", is_flag=True, help="Put the results into docs/benchmarks.md.")
def main(names: tuple[str, ...], rounds: int, quick: bool, write: bool) -> None:
    """Measure speed and memory on real servers and files, as ratios in one run.

    Those of the data, or those NAMED. The others take long: exporters an hour, with one round
    backlog, fast-sinks and ingest a quarter, idle a quarter, durability, graph and page two minutes each;
    listener with five rounds a quarter, stream ten minutes: both need what `make spark` brings.
    """
    if quick and write:
        raise click.UsageError("--quick gives no figures worth keeping: leave out --quick or --write.")
    signal.signal(signal.SIGTERM, _stop)
    # What is measured is compiled once, as on users' machines, whatever this shell has chosen.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in names or BENCHMARKS:
        load_before = os.getloadavg()[0]

        def say(line: str, name: str = name) -> None:
            click.echo(f"{name}: {line}", err=True)

        section = LONG[name](rounds, say, quick) if name in LONG else BENCHMARKS[name](rounds, say)
        measured = machine(load_before, section.packages)
        click.echo(f"{section.markdown}\n\n{measured}\n")
        if write:
            DOCUMENT.write_text(put_into(DOCUMENT.read_text(), section, measured))


def _stop(number: int, _: FrameType | None) -> None:
    """End as after Ctrl-C: the servers that were started are stopped."""
    # `timeout` sends its signal twice; the second would end the stopping.
    signal.signal(number, lambda *_: None)
    sys.exit(128 + number)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
