"""Figures of the exporter's benchmarks, from what was recorded and what was accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.lineage.backlog import Drained, Sample
from benchmarks.lineage.figures import (
    Ran,
    Told,
    delays,
    edges_delivered,
    jobs_of_run_ids,
    lost,
    median,
    percentile,
    shown,
    told,
)
from benchmarks.lineage.load_generator import by_run

EDGES = frozenset({("a", "b"), ("b", "c")})


def event(kind: str, asset: str, *, at: float = 0.0, run: str = "r", run_id: str = "", **changes: Any) -> Told:
    values: dict[str, Any] = {
        "at": at,
        "kind": kind,
        "run_id": run_id or f"{run}-{asset}",
        "job": ("bench", asset),
        "dagster_run_id": run,
        "asset": asset,
        "edges": frozenset(),
    }
    return Told(**{**values, **changes})


def ran(run: str = "r", **step_ends: float) -> Ran:
    return Ran(run, requested=1.0, started=3.0, ended=5.0, step_ends=step_ends)


def body(**changes: Any) -> str:
    plain = {
        "eventType": "COMPLETE",
        "run": {"runId": "1"},
        "job": {"namespace": "bench", "name": "b_dagster"},
        "inputs": [{"namespace": "dagster", "name": "a"}],
        "outputs": [{"namespace": "dagster", "name": "b"}],
    }
    return json.dumps({**plain, **changes})


class TestTold:
    def test_says_run_job_asset_and_edges(self) -> None:
        found = told(7.0, body())
        assert found == event(
            "COMPLETE", "b", at=7.0, run="1", run_id="1", job=("bench", "b_dagster"), edges=frozenset({("a", "b")})
        )

    def test_knows_the_dagster_run_by_its_facet(self) -> None:
        found = told(7.0, body(run={"runId": "1", "facets": {"dagster_run": {"runId": "d"}}}))
        assert found
        assert (found.run_id, found.dagster_run_id) == ("1", "d")

    def test_an_event_about_no_run(self) -> None:
        assert told(7.0, json.dumps({"job": {"namespace": "bench", "name": "b"}})) is None

    def test_missing_datasets(self) -> None:
        found = told(7.0, body(inputs=None, outputs=None))
        assert found
        assert found.edges == frozenset()


class TestEdges:
    def test_each_counts_once_a_run(self) -> None:
        both = frozenset({("a", "b")})
        events = [event("COMPLETE", "b", edges=both), event("COMPLETE", "b", edges=both)]
        assert edges_delivered([ran(), ran("other")], events, EDGES) == 1

    def test_only_in_the_asset_s_own_complete(self) -> None:
        all_of_them = frozenset({("a", "b"), ("b", "c"), ("a", "c")})
        events = [event("COMPLETE", "job", edges=all_of_them), event("START", "b", edges=all_of_them)]
        assert edges_delivered([ran()], events, EDGES) == 0
        assert edges_delivered([ran()], [event("COMPLETE", "c", edges=all_of_them)], EDGES) == 1


def test_run_ids_of_several_jobs() -> None:
    events = [event("START", "a", run_id="1"), event("START", "b", run_id="1"), event("START", "c", run_id="2")]
    assert jobs_of_run_ids(events) == {"1": 2, "2": 1}


def test_lost_is_what_never_arrived() -> None:
    events = [event("START", "a"), event("COMPLETE", "a"), event("COMPLETE", "a"), event("START", "b")]
    assert lost([ran()], events, ("a", "b")) == 1
    assert lost([ran(), ran("other")], events, ("a", "b")) == 5


def test_delay_is_up_to_the_first_acceptance() -> None:
    events = [event("COMPLETE", "a", at=14.0), event("COMPLETE", "a", at=12.5), event("START", "b", at=11.0)]
    assert delays([ran(a=10.0, b=11.0)], events) == [2.5]


def test_a_run_s_time_and_its_user_s() -> None:
    assert (ran().seconds, ran().wait_seconds) == (2.0, 4.0)


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (95, 4.0), (1, 1.0), (100, 4.0)])
def test_percentile_is_one_of_the_values(percent: int, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value


def test_figures_of_nothing() -> None:
    assert (percentile([], 50), median([]), shown(None)) == (None, None, "-")


def test_bodies_are_told_run_by_run_in_order() -> None:
    bodies = {
        "asset graph": json.dumps({"job": {"namespace": "bench", "name": "b"}}),
        "one": body(run={"runId": "1"}),
        "other": body(run={"runId": "2"}),
        "one, later": body(run={"runId": "1"}, eventType="FAIL"),
    }
    lines = [f"{at}.5\t{text}\n" for at, text in enumerate(bodies.values())]
    assert by_run(lines) == [[bodies["asset graph"]], [bodies["one"], bodies["one, later"]], [bodies["other"]]]


def test_a_drain_s_rate_cpu_and_memory() -> None:
    seen = [(0, 0, 100, 3.0), (10, 20, 150, 4.0), (20, 40, 160, 5.0), (30, 120, 200, 6.0), (40, 120, 900, 8.0)]
    drained = Drained([Sample(at, events, megabytes * 1_000_000, cpu) for at, events, megabytes, cpu in seen])
    assert (drained.rate, drained.cpu_ms) == (5.0, 20.0)
    assert drained.memory == (160.0, 200.0)
