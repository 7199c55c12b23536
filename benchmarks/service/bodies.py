"""As many events as wanted: those that the exporter really sent, told again of other runs at later times."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.lineage.backlog import by_ticks, watched
from benchmarks.lineage.load_generator import by_run
from benchmarks.lineage.sinks import bare_collector
from benchmarks.lineage.stored import store_runs

_RUNS = 20
_APART = timedelta(seconds=10)
_SPAN = _APART * _RUNS
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")


def exported_runs(directory: Path, say: Callable[[str], None]) -> list[list[str]]:
    """Execute runs of four assets really, let the exporter send their events to a collector: a list for each run."""
    stored = store_runs(directory / "exported", _RUNS, apart=_APART, postgres_url=None, say=say)
    with bare_collector(directory) as collector:
        watched(stored, collector, by_ticks)
        with collector.file.open() as lines:
            # The first has what is about no run: definitions.
            runs = by_run(lines)[1:]
    shutil.rmtree(stored.home)
    return runs


def copy_of(runs: Sequence[Sequence[str]], number: int) -> list[list[str]]:
    """The same runs under other ids and later; the same number gives the same events."""
    return [[_moved(body, number) for body in bodies] for bodies in runs]


def copies_with(runs: Sequence[Sequence[str]], events: int) -> int:
    """How many copies hold so many events."""
    return -(-events // sum(map(len, runs)))


def _moved(body: str, number: int) -> str:
    def other_id(match: re.Match[str]) -> str:
        return str(uuid.uuid5(uuid.UUID(match[0]), str(number)))

    def later(match: re.Match[str]) -> str:
        return (datetime.fromisoformat(match[0]) + _SPAN * number).isoformat()

    return _TIME.sub(later, _UUID.sub(other_id, body))
