"""Every shape of work that Dagster knows: run for real on each kind of storage, and read from what arrives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from tests.collector import Collector
from tests.integration.lineage import shapes
from tests.integration.lineage.conftest import STORAGES, Exporting, storage_config
from tests.integration.lineage.test_shapes_of_work import check_sequences
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

BOTH = ["START", "COMPLETE"]
GRACE = timedelta(minutes=10)


@dataclass
class Told:
    """Everything ran on one instance; what its runs were, and what arrived."""

    instance: dg.DagsterInstance
    backend: Collector
    home: Path
    run_ids: dict[str, str] = field(default_factory=dict)

    def of(self, job: str, run: str) -> list[dict[str, Any]]:
        """The events of a job in one of the runs, in the order of their times."""
        found = [
            event
            for event in self.backend.of(f"{job}_dagster")
            if event["run"]["facets"]["dagster_run"]["runId"] == self.run_ids[run]
        ]
        return sorted(found, key=lambda event: (event["eventTime"], event["eventType"] != "START"))

    def kinds(self, job: str, run: str) -> list[str]:
        return [event["eventType"] for event in self.of(job, run)]

    def jobs(self, run: str) -> set[str]:
        """The jobs of one run, without the Dagster job."""
        return {
            event["job"]["name"].removesuffix("_dagster")
            for event in self.backend.events
            if event["run"]["facets"]["dagster_run"]["runId"] == self.run_ids[run]
            and event["job"]["facets"]["jobType"]["jobType"] != "JOB"
        }

    def error(self, job: str, run: str) -> str:
        return self.of(job, run)[-1]["run"]["facets"]["errorMessage"]["message"]


@pytest.fixture(scope="module", params=STORAGES)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres
) -> Iterator[Told]:
    home = tmp_path_factory.mktemp(f"shapes_{request.param}")
    database: Callable[[], str] = lambda: postgres.ensure_database("every_shape")  # noqa: E731
    (home / "dagster.yaml").write_text(yaml.safe_dump(storage_config(request.param, home, database)))
    with Collector() as backend, dg.DagsterInstance.from_config(str(home)) as instance:
        told = Told(instance, backend, home)
        run_everything(told)
        Exporting(instance, shapes.known, backend.url).tick()
        yield told


def run_everything(told: Told) -> None:
    instance, runs = told.instance, told.run_ids
    instance.add_dynamic_partitions("customers", ["ada"])
    cell = dg.MultiPartitionKey({"day": "2026-11-02", "country": "nl"})
    span = {"start": "2026-11-02", "end": "2026-11-04"}
    config = {"fails_once": {"config": {"marker": str(told.home / "marker")}}}

    def materialize(name: str, *keys: str, **settings: Any) -> None:
        # The checks of the assets run with them.
        chosen = dg.AssetSelection.assets(*keys)
        assets = [*shapes.ASSETS, *shapes.CHECKS]
        result = dg.materialize(assets, instance=instance, selection=chosen, raise_on_error=False, **settings)
        runs[name] = result.run_id

    materialize("plain", "plain")
    materialize("day", "daily", partition_key="2026-11-05")
    materialize("range", "daily", tags={f"dagster/asset_partition_range_{end}": key for end, key in span.items()})
    materialize("static", "static", partition_key="nl")
    materialize("grid", "grid", partition_key=cell)
    materialize("dynamic", "dynamic", partition_key="ada")
    materialize("both", "left", "right")
    materialize("subset", "left")
    materialize("half", "made", "missed")
    materialize("second_try", "early", "late")
    materialize("fanned", "fanned")
    materialize("checked", "checked", "guarded")
    materialize("judged", "judged", "misjudged")
    materialize("sometimes", "sometimes", "after_sometimes")
    for job in shapes.JOBS:
        runs[job.name] = job.execute_in_process(instance=instance, raise_on_error=False).run_id
    alone = dg.AssetSelection.checks_for_assets(dg.AssetKey("judged")).without_checks() | (
        dg.AssetSelection.checks_for_assets(dg.AssetKey("judged"))
    )
    checks = dg.materialize([*shapes.ASSETS, *shapes.CHECKS], instance=instance, selection=alone, raise_on_error=False)
    runs["checks alone"] = checks.run_id

    retried = dg.reconstructable(shapes.retried_job)
    first = dg.execute_job(retried, instance, run_config={"ops": config})
    again = dg.ReexecutionOptions.from_failure(first.run_id, instance)
    second = dg.execute_job(retried, instance, run_config={"ops": config}, reexecution_options=again)
    runs |= {"failed": first.run_id, "from failure": second.run_id}


def test_all_of_it_is_valid(told: Told) -> None:
    check_sequences(told.backend)


def test_each_dagster_run_is_a_run_of_its_job(told: Told) -> None:
    jobs: dict[str, list[str]] = {}
    for event in told.backend.events:
        if event["job"]["facets"]["jobType"]["jobType"] == "JOB":
            jobs.setdefault(event["run"]["facets"]["dagster_run"]["runId"], []).append(event["job"]["name"])
            assert event["inputs"] == event["outputs"] == []
    assert set(jobs) == set(told.run_ids.values())
    assert all(len(names) == 2 and len(set(names)) == 1 for names in jobs.values())
    assert jobs[told.run_ids["plain"]][0] == "assets.job_dagster"
    assert jobs[told.run_ids["failed"]][0] == "retried.job_dagster"


def test_a_job_without_assets_is_told_as_itself(told: Told) -> None:
    assert told.kinds("job_without_assets.job", "job_without_assets") == BOTH
    assert told.jobs("job_without_assets") == set()


def test_a_run_with_several_failed_steps_says_what_each_of_them_said(told: Told) -> None:
    assert told.kinds("broken_job.job", "broken_job") == ["START", "FAIL"]
    message = told.error("broken_job.job", "broken_job")
    assert message.startswith("2 steps failed: ")
    assert "breaks: ValueError: one reason" in message
    assert "breaks_too: KeyError: 'another'" in message


def test_partitions_of_every_kind(told: Told) -> None:
    def partitions(asset: str, run: str) -> list[str]:
        return told.of(asset, run)[-1]["run"]["facets"]["dagster_run"]["partitions"]

    assert partitions("daily", "day") == ["2026-11-05"]
    assert partitions("daily", "range") == ["2026-11-02", "2026-11-03", "2026-11-04"]
    assert partitions("static", "static") == ["nl"]
    assert partitions("grid", "grid") == ["nl|2026-11-02"]
    assert partitions("dynamic", "dynamic") == ["ada"]
    nominal = told.of("daily", "range")[-1]["run"]["facets"]["nominalTime"]
    assert nominal["nominalStartTime"] == "2026-11-02T00:00:00.000000Z"
    assert nominal["nominalEndTime"] == "2026-11-05T00:00:00.000000Z"
    assert told.kinds("daily", "range") == BOTH, "a range in a single run is one run"


def test_of_a_multi_asset_only_what_was_selected_is_told(told: Told) -> None:
    assert told.jobs("both") == {"left", "right"}
    assert told.jobs("subset") == {"left"}
    assert told.kinds("left", "subset") == BOTH


def test_a_multi_asset_that_made_one_output_and_raised_in_every_attempt(told: Told) -> None:
    made, missed = told.of("made", "half"), told.of("missed", "half")
    assert [event["eventType"] for event in made] == BOTH
    assert made[1]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 1, "the last attempt's"
    assert made[1]["run"]["facets"]["dagster_run"]["attempts"] == 2
    assert [event["eventType"] for event in missed] == ["START", "FAIL"]
    assert told.error("missed", "half") == "RuntimeError: attempt 1"


def test_a_multi_asset_whose_second_attempt_makes_all(told: Told) -> None:
    assert told.kinds("early", "second_try") == told.kinds("late", "second_try") == BOTH
    starts = {told.of(asset, "second_try")[0]["eventTime"] for asset in ("early", "late")}
    assert len(starts) == 1, "the first start of their step"


def test_a_dynamic_graph_is_one_run_of_its_asset_and_mapped_steps_are_joined(told: Told) -> None:
    assert told.kinds("fanned", "fanned") == BOTH
    (_, mapped) = told.of("mapped", "dynamic_job")
    assert sorted(mapped["run"]["facets"]["dagster_run"]["partitions"]) == ["x", "y"]
    assert told.jobs("dynamic_job") == {"mapped"}
    assert told.jobs("fanned") == {"fanned", "mapped"}


def test_what_a_condition_leaves_out_is_not_told(told: Told) -> None:
    assert told.jobs("branching_job") == {"taken"}
    assert told.jobs("sometimes") == set()
    assert told.kinds("branching_job.job", "branching_job") == BOTH
    assert told.kinds("assets.job", "sometimes") == BOTH


def test_a_blocking_check_that_failed(told: Told) -> None:
    assert told.kinds("checked", "checked") == BOTH
    checks = told.of("checked.checks", "checked")
    assert [event["eventType"] for event in checks] == BOTH, "it was evaluated"
    (test,) = checks[1]["run"]["facets"]["test"]["tests"]
    assert (test["name"], test["status"], test["severity"]) == ("gate", "fail", "error")
    assert "guarded" not in told.jobs("checked"), "it never started"
    assert told.kinds("assets.job", "checked") == ["START", "FAIL"]


@pytest.mark.parametrize("run", ["judged", "checks alone"])
def test_checks_that_do_not_block_with_their_asset_or_alone(told: Told, run: str) -> None:
    (_, complete) = told.of("judged.checks", run)
    tests = {test["name"]: (test["status"], test["severity"]) for test in complete["run"]["facets"]["test"]["tests"]}
    assert tests == {"worth_a_warning": ("fail", "warn"), "worth_an_error": ("fail", "error")}
    assert [dataset["name"] for dataset in complete["inputs"]] == ["judged"]
    if run == "checks alone":
        assert told.jobs(run) == {"judged.checks"}


def test_a_check_that_raised_fails_with_its_own_error(told: Told) -> None:
    assert told.kinds("misjudged", "judged") == BOTH
    assert told.kinds("misjudged.checks", "judged") == ["START", "FAIL"]
    assert told.error("misjudged.checks", "judged") == "RuntimeError: no connection to judge by"


def test_a_run_from_failure_tells_only_what_ran_again(told: Told) -> None:
    assert told.jobs("failed") == {"sound", "fails_once"}
    assert told.kinds("fails_once", "failed") == ["START", "FAIL"]
    assert told.jobs("from failure") == {"fails_once", "downstream"}
    for asset in ("fails_once", "downstream"):
        assert told.kinds(asset, "from failure") == BOTH
        facet = told.of(asset, "from failure")[1]["run"]["facets"]["dagster_run"]
        assert facet["retryOf"] == told.run_ids["failed"]


EXECUTE = """
import sys, dagster as dg
from tests.integration.lineage import shapes
home, begun, go = sys.argv[1:]
config = {"ops": {"waits": {"config": {"begun": begun, "go": go}}}}
with dg.DagsterInstance.from_config(home) as instance:
    dg.execute_job(dg.reconstructable(shapes.waiting_job), instance, run_config=config)
"""


class Worker:
    """A run in a process of its own, its step in another, which waits until it is let go."""

    def __init__(self, home: Path, name: str) -> None:
        self.begun, self.go = home / f"{name}.begun", home / f"{name}.go"
        self.process = subprocess.Popen(
            [sys.executable, "-c", EXECUTE, str(home), str(self.begun), str(self.go)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.begun.exists)

    def end(self, sent: signal.Signals) -> None:
        os.kill(self.process.pid, sent)
        self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.go.touch()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def wait_until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.05)


def newest_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.get_runs(limit=1)[0]


@pytest.fixture
def exporting(told: Told) -> Exporting:
    """A second exporter on the same instance, which begins now."""
    exporting = Exporting(told.instance, shapes.known, told.backend.url, since=None)
    exporting.tick()
    return exporting


def test_a_cancelled_run_is_aborted_with_what_it_had_begun(told: Told, exporting: Exporting) -> None:
    with Worker(told.home, "cancelled") as worker:
        run = newest_run(told.instance)
        told.instance.report_run_canceling(run)  # what Dagster's own launcher does before its signal
        worker.end(signal.SIGINT)
    told.run_ids["cancelled"] = run.run_id
    exporting.tick()
    assert told.kinds("waits", "cancelled") == ["START", "ABORT"]
    assert told.kinds("waiting.job", "cancelled") == ["START", "ABORT"]
    check_sequences(told.backend)


def test_an_orphan_that_writes_after_the_end_of_its_run_completes(told: Told) -> None:
    exporting = Exporting(told.instance, shapes.known, told.backend.url, since=None, grace=GRACE)
    exporting.tick()
    with Worker(told.home, "orphan") as worker:
        worker.end(signal.SIGKILL)
        run = newest_run(told.instance)
        told.run_ids["orphan"] = run.run_id
        told.instance.report_run_failed(run, "The run worker vanished.")
        exporting.tick()
        assert told.kinds("waits", "orphan") == ["START"]
        assert told.kinds("waiting.job", "orphan") == ["START", "FAIL"]
        worker.go.touch()
        key = dg.AssetKey("waits")
        wait_until(lambda: bool(told.instance.fetch_materializations(key, limit=1).records))
        wait_until(lambda: "STEP_SUCCESS" in events_of(told.instance, run.run_id))
    exporting.tick()
    assert told.kinds("waits", "orphan") == BOTH
    assert "inferredEnd" not in told.of("waits", "orphan")[1]["run"]["facets"]["dagster_run"]
    check_sequences(told.backend)


def events_of(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [entry.dagster_event.event_type_value for entry in instance.all_logs(run_id) if entry.dagster_event]
