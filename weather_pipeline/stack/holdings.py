"""What of a state directory is surely a stack's own: what it writes, and the mark that it did so."""

from __future__ import annotations

from pathlib import Path

from weather_pipeline.errors import StackError
from weather_pipeline.sources.ledger import ledger_file
from weather_pipeline.stack.plan import KAFKA, POSTGRES, dagster_home, log_file, workspace_file
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.stack.state import kept_port_file, mark_as_own, state_file, there_before

_OF_SPARK = ("warehouse", "checkpoints", "spark-events", "locks", "java")
"""What Spark jobs have written."""


def open_postgres(home: Path) -> EmbeddedPostgres:
    """The stack's PostgreSQL, not started."""
    return EmbeddedPostgres(home / POSTGRES, log_file=log_file(home, POSTGRES), options={"max_connections": "200"})


def fetched_jars(home: Path) -> Path:
    """The jars of Kafka and of Spark jobs, which stay when data are removed: fetched again they would be the same."""
    return home / "jars"


def claim(home: Path) -> None:
    """Mark a state directory as a stack's own before anything is written there; the caller holds its lock."""
    mark_as_own(home, () if _is_of_older_stack(home) else _entries(home))


def data_of_stack(home: Path) -> list[Path]:
    """The files and directories that stacks of this directory have written, as far as they are there.

    Args:
        home: A state directory, or one that was named by mistake.

    Raises:
        StackError: It holds such names, but no stack was ever started there: they are somebody else's.
    """
    foreign = there_before(home)
    if foreign is None and _is_of_older_stack(home):
        foreign = frozenset()
    written = [entry for entry in _entries(home) if entry.exists()]
    if foreign is None:
        if not written:
            return []
        raise StackError(
            f"{home} was never started by `weather up`, so nothing of it was removed: "
            f"{', '.join(entry.name for entry in written)} may be somebody else's. Name the stack's directory with "
            "--home DIR, or remove these by hand."
        )
    outside = [place for place in open_postgres(home).places if place.parent != home]
    return [entry for entry in written if entry.name not in foreign] + outside


def _entries(home: Path) -> list[Path]:
    directories = (home / POSTGRES, dagster_home(home), log_file(home, POSTGRES).parent, home / "lake", home / KAFKA)
    files = (workspace_file(home), state_file(home), kept_port_file(home, POSTGRES), ledger_file(home))
    return [*directories, *(home / name for name in _OF_SPARK), *files]


def _is_of_older_stack(home: Path) -> bool:
    """Whether a stack of a version that set no marker was here: nothing else keeps a password beside its database."""
    return (home / POSTGRES / "password").is_file() and open_postgres(home).stored is not None
