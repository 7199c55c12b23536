"""What is observed, and what is reported without any run, arrives as events about datasets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting
from tests.integration.lineage.test_ticks import Site
from tests.openlineage_spec import findings
from weather_pipeline.lineage import reader, runless
from weather_pipeline.lineage.deadletters import all_letters

pytestmark = pytest.mark.integration

SCHEMA = dg.TableSchema(columns=[dg.TableColumn("id", "bigint")])
ORDERS = dg.AssetSpec("orders", metadata={"dagster/uri": "s3://shop/orders"}, description="Every order.")


def exporting(instance: dg.DagsterInstance, backend: Collector, *assets: Any, **settings: Any) -> Exporting:
    return Exporting(instance, dg.Definitions(assets=assets or [ORDERS]), backend.url, **settings)


def about(backend: Collector, name: str) -> list[dict[str, Any]]:
    """The accepted events about a dataset alone."""
    return [event for event in backend.events if event.get("dataset", {}).get("name") == name]


def test_what_only_observes_changes_nothing(instance: dg.DagsterInstance, backend: Collector) -> None:
    mode = {"openlineage/write_mode": "overwrite", "openlineage/column_metrics": {"id": {"nullCount": 0}}}
    export = exporting(instance, backend, dg.AssetSpec("orders", metadata=mode))
    instance.report_runless_asset_event(dg.AssetObservation("orders", metadata={"openlineage/version": "7"}))
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    export.tick()
    observed, reported = (event["dataset"]["facets"] for event in about(backend, "orders"))
    assert "lifecycleStateChange" not in observed
    assert observed["version"]["datasetVersion"] == "7"
    assert observed["dataQualityMetrics"]
    assert reported["lifecycleStateChange"]["lifecycleStateChange"] == "OVERWRITE"


def test_a_run_that_wrote_nothing_has_no_version_and_no_figures(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    said = {
        "openlineage/version": "7",
        "openlineage/column_metrics": {"id": {"nullCount": 0}},
        "dagster/uri": "s3://a/b",
    }

    @dg.asset(metadata=said | {"openlineage/write_mode": "overwrite"})
    def fails() -> None:
        raise RuntimeError("nothing was written")

    export = exporting(instance, backend, fails)
    export.run(raise_on_error=False)
    export.tick()
    assert backend.kinds("fails_dagster") == ["START", "FAIL"]
    for event in backend.of("fails_dagster"):
        assert {"version", "dataQualityMetrics", "lifecycleStateChange"}.isdisjoint(event["outputs"][0]["facets"])
        assert {"outputStatistics", "subset"}.isdisjoint(event["outputs"][0].get("outputFacets", {}))


def test_reports_without_a_run_are_events_about_the_dataset(instance: dg.DagsterInstance, backend: Collector) -> None:
    export = exporting(instance, backend)
    metadata = {"dagster/column_schema": SCHEMA}
    version = {"dagster/data_version": "v1"}
    instance.report_runless_asset_event(dg.AssetMaterialization("orders", metadata=metadata, tags=version))
    instance.report_runless_asset_event(dg.AssetObservation("orders", partition="nl"))
    instance.report_runless_asset_event(dg.AssetMaterialization(["not", "defined"]))
    export.tick()

    first, second = about(backend, "orders")
    assert first["dataset"]["namespace"] == "s3://shop"
    facets = first["dataset"]["facets"]
    assert facets["version"]["datasetVersion"] == "v1"
    assert facets["schema"]["fields"][0]["name"] == "id"
    assert facets["documentation"]["description"] == "Every order."
    records = [
        *instance.fetch_materializations(dg.AssetKey("orders"), limit=1).records,
        *instance.fetch_observations(dg.AssetKey("orders"), limit=1).records,
    ]
    times = [datetime.fromisoformat(event["eventTime"]) for event in (first, second)]
    assert times == [datetime.fromtimestamp(record.timestamp, UTC) for record in records]
    assert [event["dataset"]["namespace"] for event in about(backend, "not/defined")] == ["dagster"]
    assert [finding for event in backend.events for finding in findings(event)] == []

    export.tick()
    assert len(backend.requests) == 3, "each is told once"
    exporting(instance, backend).tick()
    assert [{**event, "_at": 0} for event in backend.events[3:]] == [{**e, "_at": 0} for e in backend.events[:3]]


def test_a_check_that_was_reported_without_a_run_is_a_run_of_the_assets_checks(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    for name, passed in (("fresh", True), ("complete", False)):
        evaluation = dg.AssetCheckEvaluation(
            check_name=name, asset_key=dg.AssetKey("orders"), passed=passed, metadata={}
        )
        instance.report_runless_asset_event(evaluation)
    exporting(instance, backend).tick()
    assert backend.kinds("orders.checks_dagster") == ["START", "COMPLETE"] * 2
    tests = [event["run"]["facets"]["test"]["tests"][0] for event in backend.of("orders.checks_dagster")[1::2]]
    assert {test["name"]: test["status"] for test in tests} == {"fresh": "pass", "complete": "fail"}
    assert len({event["run"]["runId"] for event in backend.events}) == 2
    assert "dagster_run" not in backend.events[0]["run"]["facets"]
    assert [finding for event in backend.events for finding in findings(event)] == []


def test_what_a_run_observes_is_told_with_its_run(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.multi_observable_source_asset(specs=[ORDERS])
    def watched():
        yield dg.ObserveResult("orders", data_version=dg.DataVersion("v7"), metadata={"dagster/row_count": 3})

    @dg.asset
    def sees(context: dg.AssetExecutionContext) -> None:
        context.log_event(dg.AssetObservation("neighbour", metadata={"dagster/uri": "gs://b/n"}))

    export = exporting(instance, backend, watched, sees)
    assert observe([watched], instance=instance).success
    dg.materialize([sees], instance=instance)
    export.tick()
    (event,) = about(backend, "orders")
    assert event["dataset"]["facets"]["version"]["datasetVersion"] == "v7"
    (event,) = about(backend, "n")
    assert event["dataset"]["namespace"] == "gs://b"
    assert backend.kinds("sees_dagster") == ["START", "COMPLETE"]
    assert backend.kinds("orders_dagster") == []
    assert backend.kinds("in_process_observation_job.job_dagster") == ["START", "COMPLETE"]
    assert [finding for event in backend.events for finding in findings(event)] == []


def test_reports_wait_out_an_outage_in_order_and_bad_names_hold_nobody_up(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    export = exporting(instance, backend)
    backend.behave = lambda event: (503, "away")
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    bad = {"openlineage/namespace": "has a space", "openlineage/name": "x"}
    instance.report_runless_asset_event(dg.AssetMaterialization("poison", metadata=bad))
    instance.report_runless_asset_event(dg.AssetObservation("orders"))
    for _ in range(3):
        export.tick()
    assert about(backend, "orders") == []
    backend.behave = lambda event: (201, "")
    for _ in range(3):
        export.tick()
    times = [event["eventTime"] for event in about(backend, "orders")]
    assert len(times) == 2
    assert times == sorted(times)
    (letter,) = all_letters(instance)
    assert "has a space" in letter.reason


def test_the_first_start_begins_at_now_and_a_location_tells_only_its_own(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    export = exporting(instance, backend, since=None)
    export.tick()
    assert backend.events == []
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    export.tick()
    assert len(backend.events) == 1


def test_many_reports_are_read_page_by_page(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "OVERLAP", 4)
    monkeypatch.setattr(runless, "_PAGE", 5)
    monkeypatch.setattr(runless.read_reports, "__kwdefaults__", {"limit": 5})
    export = exporting(instance, backend)
    for number in range(23):
        instance.report_runless_asset_event(dg.AssetObservation("orders", partition=f"p{number}"))
    for _ in range(6):
        export.tick()
    assert len(about(backend, "orders")) == len(backend.requests) == 23
    assert export.cursor
    assert len(export.cursor) < 2_000


def test_a_position_whose_record_is_gone_is_found_by_time(instance: dg.DagsterInstance) -> None:
    for number in range(3):
        instance.report_runless_asset_event(dg.AssetObservation("orders", partition=f"p{number}"))
    now = datetime.now(UTC).timestamp()
    page = runless.read_reports(instance, reader.BEGINNING, now=now, since=0.0)
    assert len(page.reports) == 3
    same = runless.read_reports(instance, page.position, now=now, since=0.0)
    assert same.position == page.position
    assert [report.key for report in same.reports] == [report.key for report in page.reports]
    later = now + timedelta(hours=1).total_seconds()
    assert len(runless.read_reports(instance, page.position, now=later, since=0.0).reports) <= 1, "idle is cheap"
    gone = reader.Position(page.position.storage_id + 50, "", page.position.at, page.position.moved_at)
    found = runless.read_reports(instance, gone, now=now, since=0.0)
    assert [report.key for report in found.reports] == [report.key for report in page.reports]
    assert found.position.storage_id == page.position.storage_id


def test_reports_are_not_sent_again_after_a_quiet_time(instance: dg.DagsterInstance) -> None:
    site = Site(instance)
    for number in range(3):
        instance.report_runless_asset_event(dg.AssetObservation("orders", partition=f"p{number}"))
    site.tick()
    site.tick(2, minutes=20)
    site.tick(2)
    assert site.backend.asked == 3
    instance.report_runless_asset_event(dg.AssetObservation("orders", partition="p3"))
    site.tick(4)
    assert site.backend.asked == 4
