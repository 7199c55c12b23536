"""What launched a run is in its facets: launched for real, by Dagster's own daemons, from two code locations."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.remote_representation import code_location
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.asset_daemon import AssetDaemon
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster_shared.error import SerializableErrorInfo

from tests.collector import Collector
from tests.integration.lineage import launching
from tests.integration.lineage.conftest import Exporting
from tests.integration.lineage.test_shapes_of_work import check_sequences
from tests.integration.lineage.test_ticks import Site, whole

pytestmark = [
    pytest.mark.integration,
    # Dagster warns of its own use of old properties when it loads a code location in process, and of the key in both.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Found MATERIALIZATION nodes:UserWarning"),
]

LOG = logging.getLogger("tests.daemons")
IN_PROCESS = {
    "telemetry": {"enabled": False},
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
}


def location(name: str, attribute: str) -> Any:
    target = LoadableTargetOrigin(module_name=launching.__name__, attribute=attribute)
    return getattr(code_location, "InProcessCodeLocationOrigin")(target, location_name=name)  # noqa: B009  (it moves)


class Daemons:
    """Dagster's daemons, one iteration at a time, on both code locations; runs are launched in this process."""

    def __init__(self, instance: dg.DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.instance = instance
        self.workspace = workspace

    def repository(self, name: str) -> Any:
        (repository,) = self.workspace.create_request_context().get_code_location(name).get_repositories().values()
        return repository

    def schedules(self) -> None:
        now = datetime.now(UTC)
        with freeze_time(now - timedelta(seconds=61)):
            for name in ("ours", "theirs"):
                for schedule in self.repository(name).get_schedules():
                    self.instance.start_schedule(schedule)
        consume(launch_scheduled_runs(self.workspace, LOG, now, {}))

    def sensors(self) -> None:
        self.instance.start_sensor(self.repository("ours").get_sensor("watcher"))
        consume(execute_sensor_iteration(self.workspace, LOG, None, None))

    def automation(self) -> None:
        self.instance.start_sensor(self.repository("ours").get_sensor("default_automation_condition_sensor"))
        daemon: Any = AssetDaemon(self.instance.get_settings("auto_materialize"), pre_sensor_interval_seconds=0)
        # The oldest Dagster takes one more executor, and yields.
        settings = {"workspace_process_context": self.workspace, "amp_tick_futures": {}, "debug_crash_flags": {}}
        iteration = daemon._run_iteration_impl
        consume(iteration(**{**dict.fromkeys(signature(iteration).parameters), **settings}) or ())

    def backfill(self) -> None:
        graph = self.workspace.create_request_context().asset_graph
        build: Any = PartitionBackfill.from_asset_partitions
        settings = {
            "backfill_id": "backfill-1",
            "asset_graph": graph,
            "partition_names": ["mon", "tue"],
            "asset_selection": [dg.AssetKey("by_backfill")],
            "backfill_timestamp": datetime.now(UTC).timestamp(),
            "tags": {},
            "dynamic_partitions_store": self.instance,
            "all_partitions": False,
        }
        # The oldest Dagster knows fewer of them.
        wanted = build(**{**dict.fromkeys(signature(build).parameters), **settings})
        self.instance.add_backfill(wanted)
        consume(execute_backfill_iteration(self.workspace, LOG))

    def queue(self) -> None:
        """Launch what the others have queued, outside of their event loops."""
        queued = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        for run in queued:
            self.instance.launch_run(run.run_id, self.workspace.create_request_context())


def consume(iteration: Iterable[Any]) -> None:
    """Let a daemon run through; what it yields is None or what went wrong."""
    assert [each for each in iteration if isinstance(each, SerializableErrorInfo)] == []


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(IN_PROCESS))
    target = InProcessWorkspaceLoadTarget([location("ours", "defs"), location("theirs", "neighbours")])
    with (
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):
        yield Daemons(instance, workspace)


def test_what_dagster_launched_says_what_launched_it(daemons: Daemons) -> None:
    daemons.automation()
    daemons.schedules()
    daemons.sensors()
    daemons.backfill()
    daemons.queue()
    dg.materialize([launching.never_launched], instance=daemons.instance, tags={"user": "ada"})
    with Collector() as backend:
        export = Exporting(
            daemons.instance, dg.Definitions(assets=launching.ASSETS), backend.url, monitor_all_code_locations=True
        )
        export.tick()
        check_sequences(backend)

        def launched(job: str) -> set[tuple[str, str | None, str | None]]:
            facets = [event["run"]["facets"]["dagster_run"] for event in backend.of(f"{job}_dagster")]
            assert facets, job
            return {(each["launchedBy"], each.get("launchedByName"), each.get("location")) for each in facets}

        assert launched("by_schedule") == {("schedule", "every_minute", "ours")}
        assert launched("by_sensor") == {("sensor", "watcher", "ours")}
        assert launched("by_backfill") == {("backfill", "backfill-1", "ours")}
        assert {cause for cause, _, _ in launched("by_automation")} == {"automation"}
        assert launched("never_launched") == {("manual", "ada", None)}
        assert sorted(backend.kinds("by_backfill_dagster")) == ["COMPLETE", "COMPLETE", "START", "START"]
        # The same asset key in two locations is one asset for Dagster, and one job.
        assert launched("shared") == {("schedule", "every_minute", "ours"), ("schedule", "their_minute", "theirs")}


def test_each_location_tells_its_own_runs(daemons: Daemons) -> None:
    daemons.schedules()
    daemons.queue()
    ours = Site(daemons.instance, launching.shared, launching.by_schedule, location="ours")
    ours.tick(2)
    assert ours.backend.told() == {"by_schedule_dagster": whole(), "shared_dagster": whole()}
    theirs = Site(daemons.instance, launching.shared_by_others, location="theirs")
    theirs.tick(2)
    assert theirs.backend.told() == {"shared_dagster": whole()}
    wrote = {
        name: {dataset["namespace"] for message in site.backend.accepted for dataset in message.body()["outputs"]}
        for name, site in (("ours", ours), ("theirs", theirs))
    }
    assert "s3://ours" in wrote["ours"]
    assert wrote["theirs"] == {"s3://theirs"}
