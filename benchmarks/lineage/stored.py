"""A deployment's storage with a history of finished runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.runs.schema import KeyValueStoreTable

from benchmarks.lineage.deployment import Deployment, Software, reading_instance
from benchmarks.lineage.history import differences, multiply, opened_runs

_PATIENCE = 120.0
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Stored:
    """A home whose storage holds finished runs.

    Attributes:
        home: `DAGSTER_HOME`.
        runs: How many runs there are.
        postgres_url: Where storage is PostgreSQL.
    """

    home: Path
    runs: int
    postgres_url: str | None

    def instance(self) -> DagsterInstance:
        """The instance on it."""
        return reading_instance(self.home)

    def forget_exporters(self) -> None:
        """Forget every sensor's cursor and what an exporter keeps in the instance: the next one begins anew."""
        with self.instance() as instance:
            for state in instance.all_instigator_state():
                instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
        with opened_runs(self.home, self.postgres_url) as connection:
            connection.execute(KeyValueStoreTable.delete())


def store_runs(
    home: Path, count: int, *, apart: timedelta, postgres_url: str | None, say: Callable[[str], None]
) -> Stored:
    """Execute the workload really, by a daemon, and store it so many times.

    Raises:
        RuntimeError: What is stored differs from a run that was really executed.
    """
    software = Software("benchmarks.lineage.locations.plain")
    with Deployment(home, software, _NOWHERE, postgres_url) as deployment:
        for number in range(2):
            deployment.launch("template")
            _wait(deployment, number + 1)
        # The newest is the one that the assets' last materializations are of.
        witness, template = sorted(deployment.finished_runs("template"), key=lambda ran: ran.started)
    began = time.monotonic()
    copies = multiply(home, template.run_id, count, apart=apart, postgres_url=postgres_url)
    with reading_instance(home) as instance:
        for copy in (copies[0], copies[-1]):
            if found := differences(instance, copy, witness.run_id):
                raise RuntimeError(f"A stored run is not as an executed one: {found[0]}")
        for ran in (template, witness):
            instance.delete_run(ran.run_id)
        stored = instance.get_runs_count()
    say(f"{stored:,} runs stored in {time.monotonic() - began:.0f} s")
    return Stored(home, stored, postgres_url)


def _wait(deployment: Deployment, runs: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while len(deployment.finished_runs("template")) < runs:
        if time.monotonic() > deadline:
            raise RuntimeError(f"The run to copy did not end within {_PATIENCE:g} s: {deployment.home}")
        time.sleep(0.5)
