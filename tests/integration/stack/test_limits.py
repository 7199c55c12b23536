"""What the instance's settings promise: limits of runs and pools, runs in parallel over the same hours, freshness."""

import time
from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.utils import make_new_run_id

from tests.integration.stack.conftest import JOBS, Live, wait_for
from weather_pipeline.stack.environment import dagster_environment

pytestmark = pytest.mark.integration

DAY = "2026-10-20"
TABLES = (
    "SELECT *, xmin::text FROM weather.observations ORDER BY location_id, observed_at",
    "SELECT *, xmin::text FROM weather.weather_near_towers ORDER BY tower_id, observed_at",
    "SELECT * FROM weather.quarantine ORDER BY bronze_key, row_number, rule",
)
RUN = """
  query ($id: ID!) { runOrError(runId: $id) { ... on Run {
    status stats { ... on RunStatsSnapshot { launchTime endTime } } stepStats { stepKey startTime endTime } } } }
"""
FRESHNESS = """
  query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) {
    freshnessStatusInfo { freshnessStatus } internalFreshnessPolicy { __typename } } }
"""
Span = tuple[float, float]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own variable: the daemon looks every 30 seconds else."""
    monkeypatch.setenv("FRESHNESS_DAEMON_INTERVAL_SECONDS", "1")


def peak(spans: Iterable[Span]) -> int:
    """How many spans overlap at most; one that begins as another ends does not."""
    steps = sorted((moment, change) for begin, end in spans for moment, change in ((begin, 1), (end, -1)))
    running = most = 0
    for _, change in steps:
        running += change
        most = max(most, running)
    return most


@pytest.mark.timeout(600)
def test_overlapping_runs_stay_in_their_limits_and_leave_what_one_run_leaves(live: Live) -> None:
    ranges = [(0, 11), (6, 17), (12, 23)] * 2
    run_ids = [
        live.site.api.launch_range("weather_hourly", f"{DAY}-{first:02}:00", f"{DAY}-{last:02}:00")
        for first, last in ranges
    ]
    assert [live.finish(run_id) for run_id in run_ids] == ["SUCCESS"] * 6, [live.site.api.failures(r) for r in run_ids]

    runs = [live.site.api._query(RUN, {"id": run_id})["runOrError"] for run_id in run_ids]
    in_progress = [(run["stats"]["launchTime"], run["stats"]["endTime"]) for run in runs]
    assert 2 <= peak(in_progress) <= 4
    fetches = [
        (step["startTime"], step["endTime"])
        for run in runs
        for step in run["stepStats"]
        if step["stepKey"] == "raw_weather_data"
    ]
    assert len(fetches) == 6
    assert peak(fetches) <= 2

    left = [live.sql(table) for table in TABLES]
    assert len(left[0]) > 24 * 14
    assert live.finish(live.site.api.launch_range("weather_hourly", f"{DAY}-00:00", f"{DAY}-23:00")) == "SUCCESS"
    assert [live.sql(table) for table in TABLES] == left


def freshness(live: Live) -> set[str]:
    """The states of the weather assets, as Dagster's UI shows them."""
    keys = [{"path": [job.removesuffix("_dagster")]} for job in JOBS]
    nodes = live.site.api._query(FRESHNESS, {"keys": keys})["assetNodes"]
    assert {node["internalFreshnessPolicy"]["__typename"] for node in nodes} == {"CronFreshnessPolicy"}
    return {node["freshnessStatusInfo"]["freshnessStatus"] for node in nodes}


def report_load(live: Live, moment: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write to Dagster's log that every asset was materialized at some time."""
    for name, value in dagster_environment(live.site.home).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(Path(live.site.home) / "dagster_home")) as instance:
        for job in JOBS:
            loaded = dg.AssetMaterialization(job.removesuffix("_dagster"), partition="2026-10-20-00:00")
            event = DagsterEvent(
                event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
                job_name="weather_hourly",
                event_specific_data=StepMaterializationData(loaded),
            )
            entry = EventLogEntry(
                error_info=None,
                level=20,
                user_message="",
                run_id=make_new_run_id(),
                timestamp=moment,
                dagster_event=event,
            )
            instance.event_log_storage.store_event(entry)


def test_an_hour_that_was_not_loaded_is_a_violation_that_dagster_shows(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(lambda: freshness(live) == {"UNKNOWN"})
    report_load(live, time.time() - 3 * 3600, monkeypatch)
    wait_for(lambda: freshness(live) == {"DEGRADED"})
    assert live.finish(live.launch("2026-11-20-01:00")) == "SUCCESS"
    wait_for(lambda: freshness(live) == {"HEALTHY"})
