"""`make bench`: runs the benchmarks and prints their tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import click

from benchmarks import cleaning, load, memory
from benchmarks.report import DOCUMENT, Section, machine, put_into

Benchmark = Callable[[int, Callable[[str], None]], Section]

BENCHMARKS: Mapping[str, Benchmark] = {
    "load": load.run,
    "cleaning": cleaning.run,
    "quality": cleaning.run_quality,
    "memory": memory.run,
}
"""Name → benchmark. A new one is a function here, and gets a section of the document by its name."""


@click.command(epilog='Example: make bench ARGS="load --rounds 5 --write"')
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Turns of each contestant.")
@click.option("--write", is_flag=True, help="Put the results into docs/benchmarks.md.")
def main(names: tuple[str, ...], rounds: int, write: bool) -> None:
    """Measure speed and memory on real servers and files, as ratios in one run; all, or those NAMED."""
    for name in names or BENCHMARKS:
        load_before = os.getloadavg()[0]
        section = BENCHMARKS[name](rounds, lambda line, name=name: click.echo(f"{name}: {line}", err=True))
        measured = machine(load_before)
        click.echo(f"{section.markdown}\n\n{measured}\n")
        if write:
            DOCUMENT.write_text(put_into(DOCUMENT.read_text(), section, measured))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
