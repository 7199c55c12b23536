"""The exporter's benchmarks in their smallest form, with real daemons, code servers and runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.lineage.backlog import by_ticks, watched
from benchmarks.lineage.collector import REFUSE, Collector
from benchmarks.lineage.deployment import Software
from benchmarks.lineage.exporters import STEADY, Contestant, Plan, measure
from benchmarks.lineage.figures import START, edges_delivered, jobs_of_run_ids, lost, told
from benchmarks.lineage.idle import idle_ticks
from benchmarks.lineage.locations.workload import ASSETS, EDGES
from benchmarks.lineage.stored import store_runs

pytestmark = pytest.mark.integration

RUNS = 5


def test_our_exporter_in_an_outage(tmp_path: Path, new_database: Callable[[], str]) -> None:
    plan = Plan(runs=1, pace=1.0, outage=1.0, settle=1.0, quiet=30.0, patience=60.0)
    contestant = Contestant("ours", Software("benchmarks.lineage.locations.ours"))
    outages = {"refused connections": REFUSE}
    result = measure(contestant, plan, tmp_path / "home", print, postgres_url=new_database(), outages=outages)
    assert {name: len(phase.runs) for name, phase in result.phases.items()} == {STEADY: 1, "refused connections": 2}
    for phase in result.phases.values():
        assert lost(phase.runs, phase.events, ASSETS) == 0
        assert edges_delivered(phase.runs, phase.events, EDGES) == len(phase.runs) * len(EDGES)
        assert set(jobs_of_run_ids(phase.events).values()) == {1}
        assert all(ran.requested < ran.started < ran.ended for ran in phase.runs)


def test_a_stored_history_drains_and_comes_to_rest(tmp_path: Path) -> None:
    stored = store_runs(tmp_path / "home", RUNS, apart=timedelta(minutes=1), postgres_url=None, say=print)
    assert stored.runs == RUNS
    with Collector(tmp_path / "drained") as collector:
        drained = watched(stored, collector, by_ticks, quiet=3.0)
        events = [event for at, body in collector.accepted() if (event := told(at, body))]
    assert drained.events == len(events)
    starts = [(event.dagster_run_id, event.asset) for event in events if event.kind == START and event.asset in ASSETS]
    assert len(starts) == len(set(starts)) == RUNS * len(ASSETS)
    assert set(jobs_of_run_ids(events).values()) == {1}
    with Collector(tmp_path / "idle") as collector:
        spent = idle_ticks({("SQLite", RUNS): stored}, collector, 3, print)
        before = collector.count()
    assert len(spent["SQLite", RUNS].wall) == 3
    assert before >= RUNS * len(ASSETS) * 2
