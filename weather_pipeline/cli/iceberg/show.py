"""`weather iceberg show`: a table, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weather_pipeline.cli.common import home_option
from weather_pipeline.cli.iceberg.common import catalog_settings

if TYPE_CHECKING:
    from weather_pipeline.cli.iceberg.facts import SnapshotFacts, TableFacts
    from weather_pipeline.spark.catalog import Table

_SHOWN_SNAPSHOTS = 10


@click.command(
    epilog="""
    \b
    Examples:
      weather iceberg show
      weather iceberg show demo.news.articles_raw_rejected --snapshots 3
      weather iceberg show --json | python -m json.tool

    \b
    Exit codes: 0 shown; 1 failed, as where there is no such table; 2 wrong usage.
    """
)
@click.argument("table", required=False)
@click.option(
    "--snapshots",
    type=click.IntRange(min=0),
    default=_SHOWN_SNAPSHOTS,
    show_default=True,
    metavar="N",
    help="How many, newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@home_option
def show(*, table: str | None, snapshots: int, as_json: bool, home: Path | None) -> None:
    """Show TABLE (CATALOG.NAMESPACE.TABLE; ICEBERG_TABLE if not said): columns, partitions, files, snapshots.

    Without Spark. The catalog is WEATHER_ICEBERG_CATALOG's, or the running stack's.
    """
    settings = catalog_settings(home)
    from weather_pipeline.cli.iceberg.facts import facts_of
    from weather_pipeline.cli.iceberg.reading import readable
    from weather_pipeline.cli.iceberg.tables import opened
    from weather_pipeline.spark.catalog import Table

    wanted = Table.parsed(table or settings.iceberg_table)
    with opened(settings, wanted.catalog) as tables:
        found = tables.load(wanted)
        if found is None:
            ours = Table.parsed(settings.iceberg_table).catalog
            raise click.ClickException(unknown(wanted, tables.names(), ours))
        with readable(str(wanted), lambda: found.metadata_location):
            facts = facts_of(str(wanted), found, snapshots=snapshots)
    if as_json:
        click.echo(json.dumps(asdict(facts)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout)
    for line, is_heading in table_lines(facts):
        console.print(Text(line, style="bold" if is_heading else ""), soft_wrap=True)


def unknown(wanted: Table, names: Sequence[str], ours: str) -> str:
    """That there is no such table, and which there are.

    Args:
        wanted: The table.
        names: The tables of its catalog, as NAMESPACE.TABLE.
        ours: The catalog in which the jobs' tables are.
    """
    if names:
        return f"There is no table {wanted}. There are: {', '.join(f'{wanted.catalog}.{name}' for name in names)}."
    if wanted.catalog != ours:
        return (
            f"There is no table {wanted}: the catalog {wanted.catalog} has none. Those of the jobs are in {ours} "
            "(ICEBERG_TABLE): `weather iceberg list` names them."
        )
    makers = "`weather stream run` makes them, or the batch job."
    return f"There is no table {wanted}: the catalog {ours} has none yet. {makers}"


def table_lines(facts: TableFacts) -> Iterator[tuple[str, bool]]:
    """The table for people: lines, and whether each is a heading."""
    yield facts.table, True
    if facts.comment:
        yield facts.comment, False
    yield from _plain(aligned(_figures(facts)))
    yield "", False
    yield "Columns", True
    yield from _plain(
        aligned((each.name, each.type, "required" if each.required else "", each.doc or "") for each in facts.columns)
    )
    yield "", False
    shown = len(facts.snapshots)
    yield (f"Snapshots, the newest {shown} of {facts.snapshot_count}" if shown else "Snapshots"), True
    yield from _plain(snapshot_lines(facts.snapshots) if shown else [f"  {facts.snapshot_count}"])
    if facts.properties:
        yield "", False
        yield "Properties", True
        yield from _plain(aligned(sorted(facts.properties.items())))


def snapshot_lines(snapshots: Sequence[SnapshotFacts]) -> list[str]:
    """Snapshots for people."""
    heading = ("id", "time (UTC)", "operation", "rows added", "removed", "total", "files")
    rows = [
        (
            str(each.id),
            each.at[:19].replace("T", " "),
            each.operation,
            *(f"{count:,}" for count in (each.added_rows, each.removed_rows, each.total_rows, each.files)),
        )
        for each in snapshots
    ]
    return aligned([heading, *rows], right=range(3, 7))


def aligned(rows: Iterator[Sequence[str]] | Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows of cells as lines whose columns stand below each other.

    Args:
        rows: The cells.
        right: The columns that are set to the right, as numbers are.
    """
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _figures(facts: TableFacts) -> list[tuple[str, str]]:
    deletes = f", and {facts.delete_files:,} delete files" if facts.delete_files else ""
    partitions = ", ".join(f"{each.transform} of {each.column}" for each in facts.partitions)
    return [
        ("rows", f"{facts.rows:,}"),
        ("files", f"{facts.data_files:,}{deletes}, {facts.bytes:,} bytes"),
        ("snapshot", str(facts.snapshot) if facts.snapshot else "none yet"),
        ("partitions", partitions or "none"),
        ("format", f"version {facts.format_version}"),
        ("location", facts.location),
    ]


def _plain(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    return ((line, False) for line in lines)
