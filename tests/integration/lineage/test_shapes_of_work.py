"""What Dagster ran is what arrives: against real instances, SQLite and PostgreSQL."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting
from tests.openlineage_spec import findings

pytestmark = pytest.mark.integration

SCHEMA = dg.TableSchema(columns=[dg.TableColumn("id", "bigint", description="key"), dg.TableColumn("wind", "double")])
LINEAGE = dg.TableColumnLineage({"wind": [dg.TableColumnDep(asset_key=dg.AssetKey("raw"), column_name="speed")]})


def check_sequences(backend: Collector) -> None:
    """One START before one terminal event for each run id, one job for each run id, everything valid."""
    by_run: dict[str, list[dict[str, Any]]] = {}
    for event in backend.events:
        if "run" in event:
            by_run.setdefault(event["run"]["runId"], []).append(event)
    for events in by_run.values():
        kinds = [event["eventType"] for event in events]
        assert kinds[0] == "START"
        assert len(kinds) == 2
        assert kinds[1] in {"COMPLETE", "FAIL", "ABORT"}
        assert len({event["job"]["name"] for event in events}) == 1
        assert events[0]["eventTime"] <= events[1]["eventTime"]
    assert [finding for event in backend.events for finding in findings(event)] == []


def chain(*, fail: bool = False) -> dg.Definitions:
    source = dg.AssetSpec("source", metadata={"dagster/uri": "https://api.example.org/v1/data"})

    @dg.asset(deps=[source], metadata={"dagster/uri": "s3://lake/raw"}, owners=["team:data"], kinds={"parquet"})
    def raw() -> None:
        """Raw data."""

    @dg.asset(deps=[raw], metadata={"dagster/column_schema": SCHEMA, "dagster/column_lineage": LINEAGE})
    def clean() -> dg.MaterializeResult:
        if fail:
            try:
                raise KeyError("cause")
            except KeyError as error:
                raise ValueError("no postgresql://user:secret@host/db today") from error
        return dg.MaterializeResult(metadata={"dagster/row_count": 3})

    @dg.asset(deps=[clean])
    def table() -> None: ...

    return dg.Definitions(assets=[source, raw, clean, table])


def test_a_chain_of_assets_arrives_with_its_edges_times_and_facets(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    exporting = Exporting(instance, chain(), backend.url, dagster_url="http://localhost:3000")
    result = exporting.run()
    exporting.tick()

    jobs = {"assets.job_dagster", "raw_dagster", "clean_dagster", "table_dagster"}
    assert {event["job"]["name"] for event in backend.events} == jobs
    check_sequences(backend)
    start, complete = backend.of("clean_dagster")
    stamps = {
        event.step_key + event.event_type_value: event
        for event in (record.dagster_event for record in instance.all_logs(result.run_id))
        if event and event.step_key
    }
    log = {
        entry.dagster_event.event_type_value: entry.timestamp
        for entry in instance.all_logs(result.run_id)
        if entry.dagster_event and entry.dagster_event.step_key == "clean"
    }
    assert stamps
    assert datetime.fromisoformat(start["eventTime"]).timestamp() == pytest.approx(log["STEP_START"], abs=1e-5)
    assert datetime.fromisoformat(complete["eventTime"]).timestamp() == pytest.approx(log["STEP_SUCCESS"], abs=1e-5)
    assert [(d["namespace"], d["name"]) for d in complete["inputs"]] == [("s3://lake", "raw")]
    assert [(d["namespace"], d["name"]) for d in complete["outputs"]] == [("dagster", "clean")]
    facets = complete["outputs"][0]["facets"]
    assert [field["name"] for field in facets["schema"]["fields"]] == ["id", "wind"]
    assert facets["columnLineage"]["fields"]["wind"]["inputFields"] == [
        {"namespace": "s3://lake", "name": "raw", "field": "speed"}
    ]
    assert complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert complete["inputs"][0]["facets"]["version"]["datasetVersion"]
    run = complete["run"]["facets"]["dagster_run"]
    assert run["runId"] == result.run_id
    assert run["url"] == f"http://localhost:3000/runs/{result.run_id}"
    raw = backend.of("raw_dagster")[1]
    assert raw["job"]["facets"]["ownership"]["owners"][0]["name"] == "team:data"
    assert raw["job"]["facets"]["documentation"]["description"] == "Raw data."
    assert [(d["namespace"], d["name"]) for d in raw["inputs"]] == [("https://api.example.org", "v1/data")]


def test_a_failure_carries_the_steps_own_error_and_what_follows_says_nothing(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    exporting = Exporting(instance, chain(fail=True), backend.url)
    exporting.run(raise_on_error=False)
    exporting.tick()
    healthy = Exporting(instance, chain(), backend.url)
    healthy.cursor = exporting.cursor
    healthy.run()
    healthy.tick()

    assert backend.kinds("clean_dagster") == ["START", "FAIL", "START", "COMPLETE"]
    assert backend.kinds("table_dagster") == ["START", "COMPLETE"]
    check_sequences(backend)
    error = backend.of("clean_dagster")[1]["run"]["facets"]["errorMessage"]
    assert error["message"] == "ValueError: no postgresql://***@host/db today"
    assert "KeyError: 'cause'" in error["stackTrace"]
    assert "secret" not in str(backend.events)
    assert [d["name"] for d in backend.of("clean_dagster")[1]["inputs"]] == ["raw"]


def test_a_failure_after_a_good_run_keeps_the_output(instance: dg.DagsterInstance, backend: Collector) -> None:
    fails: list[bool] = []

    @dg.asset
    def plain() -> None:
        if fails:
            raise RuntimeError("not today")

    exporting = Exporting(instance, dg.Definitions(assets=[plain]), backend.url)
    exporting.run()
    fails.append(True)
    exporting.run(raise_on_error=False)
    exporting.tick()
    # The two runs are delivered at the same time, so not in an order.
    (failed,) = [event for event in backend.of("plain_dagster") if event["eventType"] == "FAIL"]
    assert [dataset["name"] for dataset in failed["outputs"]] == ["plain"], "a backend takes edges from the last event"


def test_a_first_run_that_fails_keeps_the_output_that_its_definition_says(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    @dg.asset
    def plain() -> None:
        raise RuntimeError("not today")

    exporting = Exporting(instance, dg.Definitions(assets=[plain]), backend.url)
    exporting.run(raise_on_error=False)
    exporting.tick()
    assert [event["eventType"] for event in backend.of("plain_dagster")] == ["START", "FAIL"]
    outputs = [[each["name"] for each in event["outputs"]] for event in backend.of("plain_dagster")]
    assert outputs == [[], ["plain"]], "only a materialization could have named another dataset"


def test_sending_again_from_nothing_is_identical(instance: dg.DagsterInstance, backend: Collector) -> None:
    first = Exporting(instance, chain(fail=True), backend.url)
    first.run(raise_on_error=False)
    first.tick()
    sent = [{**event, "_at": 0} for event in backend.events]
    backend.events.clear()
    Exporting(instance, chain(fail=True), backend.url).tick()
    assert [{**event, "_at": 0} for event in backend.events] == sent
    assert len(sent) == 6


def test_a_retried_step_is_one_run_with_its_last_attempts_outcome(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    attempts: list[int] = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def flaky(context: dg.AssetExecutionContext) -> None:
        attempts.append(context.retry_number)
        if context.retry_number < 1:
            raise RuntimeError("not yet")

    exporting = Exporting(instance, dg.Definitions(assets=[flaky]), backend.url)
    exporting.run()
    exporting.tick()
    assert attempts == [0, 1]
    assert backend.kinds("flaky_dagster") == ["START", "COMPLETE"]
    assert backend.of("flaky_dagster")[1]["run"]["facets"]["dagster_run"]["attempts"] == 2


def test_an_interrupted_step_is_aborted(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset
    def stopped() -> None:
        raise DagsterExecutionInterruptedError

    exporting = Exporting(instance, dg.Definitions(assets=[stopped]), backend.url)
    with pytest.raises(DagsterExecutionInterruptedError):
        exporting.run()
    exporting.tick()
    assert backend.kinds("stopped_dagster") == ["START", "ABORT"]
    check_sequences(backend)


def test_a_multi_asset_that_made_one_output_and_raised(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.multi_asset(specs=[dg.AssetSpec("made"), dg.AssetSpec("missed")])
    def both():
        yield dg.MaterializeResult("made")
        raise RuntimeError("half way")

    exporting = Exporting(instance, dg.Definitions(assets=[both]), backend.url)
    exporting.run(raise_on_error=False)
    exporting.tick()
    assert backend.kinds("made_dagster") == ["START", "COMPLETE"]
    assert backend.kinds("missed_dagster") == ["START", "FAIL"]
    check_sequences(backend)


def test_a_skipped_output_says_nothing(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset(output_required=False)
    def sometimes():
        if False:
            yield dg.Output(None)

    @dg.asset(deps=[sometimes])
    def after() -> None: ...

    exporting = Exporting(instance, dg.Definitions(assets=[sometimes, after]), backend.url)
    exporting.run()
    exporting.tick()
    assert "sometimes_dagster" not in {event["job"]["name"] for event in backend.events}


def test_a_graph_backed_asset_is_one_run_from_its_first_step(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.op
    def first() -> int:
        return 1

    @dg.op
    def second(number: int) -> int:
        return number + 1

    @dg.op
    def broken() -> int:
        raise RuntimeError("inside the graph")

    @dg.graph_asset
    def graphed():
        return second(first())

    @dg.graph_asset
    def graphed_badly():
        return second(broken())

    exporting = Exporting(instance, dg.Definitions(assets=[graphed, graphed_badly]), backend.url)
    result = exporting.run(raise_on_error=False)
    exporting.tick()
    assert backend.kinds("graphed_dagster") == ["START", "COMPLETE"]
    assert backend.kinds("graphed_badly_dagster") == ["START", "FAIL"]
    assert "inside the graph" in backend.of("graphed_badly_dagster")[1]["run"]["facets"]["errorMessage"]["message"]
    first_start = min(
        entry.timestamp
        for entry in instance.all_logs(result.run_id)
        if entry.dagster_event and entry.dagster_event.is_step_start and entry.step_key == "graphed.first"
    )
    started = datetime.fromisoformat(backend.of("graphed_dagster")[0]["eventTime"])
    assert started == datetime.fromtimestamp(first_start, UTC).replace(tzinfo=UTC)
    check_sequences(backend)


def test_checks_are_assertions_on_inputs_or_a_job_of_their_own(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    @dg.asset
    def measured() -> None: ...

    @dg.asset(deps=[measured], check_specs=[dg.AssetCheckSpec(name, asset="judged") for name in ("range", "own")])
    def judged() -> dg.MaterializeResult:
        about_input = {"openlineage/asserts": "measured", "openlineage/column": "wind"}
        warn = dg.AssetCheckSeverity.WARN
        return dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(check_name="range", passed=False, severity=warn, metadata=about_input),
                dg.AssetCheckResult(check_name="own", passed=True),
            ]
        )

    exporting = Exporting(instance, dg.Definitions(assets=[measured, judged]), backend.url)
    exporting.run()
    exporting.tick()
    judged_input = backend.of("judged_dagster")[1]["inputs"][0]
    assert judged_input["name"] == "measured"
    assert judged_input["inputFacets"]["dataQualityAssertions"]["assertions"] == [
        {"assertion": "range", "name": "range", "success": False, "column": "wind", "severity": "warn"}
    ]
    checks = backend.of("judged.checks_dagster")
    assert [event["eventType"] for event in checks] == ["START", "COMPLETE"]
    assert checks[1]["inputs"][0]["name"] == "judged"
    assert [test["name"] for test in checks[1]["run"]["facets"]["test"]["tests"]] == ["own"]
    check_sequences(backend)


def test_a_partition_range_in_one_run_is_one_run_with_its_window(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    hourly = dg.HourlyPartitionsDefinition("2026-11-01-00:00", timezone="UTC")

    @dg.asset(partitions_def=hourly, backfill_policy=dg.BackfillPolicy.single_run())
    def ranged(context: dg.AssetExecutionContext) -> None:
        for key in context.partition_keys:
            context.add_asset_metadata({"dagster/partition_row_count": 15}, partition_key=key)

    exporting = Exporting(instance, dg.Definitions(assets=[ranged]), backend.url)
    exporting.run(
        tags={
            "dagster/asset_partition_range_start": "2026-11-01-00:00",
            "dagster/asset_partition_range_end": "2026-11-01-02:00",
        }
    )
    exporting.tick()
    start, complete = backend.of("ranged_dagster")
    assert complete["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2026-11-01T00:00:00.000000Z"
    assert complete["run"]["facets"]["nominalTime"]["nominalEndTime"] == "2026-11-01T03:00:00.000000Z"
    assert len(start["run"]["facets"]["dagster_run"]["partitions"]) == 3
    assert complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 45


KILLED = """
import os, signal, sys, dagster as dg
@dg.asset
def finished(): ...
@dg.asset(deps=[finished])
def killed(): os.kill(os.getpid(), signal.SIGKILL)
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    dg.materialize([finished, killed], instance=instance)
"""


def test_a_killed_process_leaves_no_run_open(instance: dg.DagsterInstance, backend: Collector, tmp_path: Any) -> None:
    home = tmp_path / "dagster_home"
    done = subprocess.run([sys.executable, "-c", KILLED, str(home)], capture_output=True, check=False)
    assert done.returncode == -9

    @dg.asset
    def finished() -> None: ...

    @dg.asset(deps=[finished])
    def killed() -> None: ...

    exporting = Exporting(instance, dg.Definitions(assets=[finished, killed]), backend.url)
    exporting.tick()
    assert backend.kinds("killed_dagster") == ["START"]
    (run,) = instance.get_runs()
    instance.report_run_failed(run, "The run worker vanished.")
    exporting.tick()
    exporting.tick()
    assert backend.kinds("finished_dagster") == ["START", "COMPLETE"]
    assert backend.kinds("killed_dagster") == ["START", "FAIL"]
    failed = backend.of("killed_dagster")[1]["run"]["facets"]
    assert failed["dagster_run"]["inferredEnd"] is True
    assert "vanished" in failed["errorMessage"]["message"]


def test_any_project_can_use_it(instance: dg.DagsterInstance, backend: Collector) -> None:
    """A second, unrelated code location with asset keys, tables and an op job of its own."""

    @dg.asset(key_prefix=["shop", "eu"], metadata={"dagster/table_name": "sales.public.orders"})
    def orders() -> None: ...

    @dg.op
    def legacy(context: dg.OpExecutionContext) -> None:
        context.log_event(dg.AssetMaterialization("exported", metadata={"dagster/uri": "gs://bucket/export"}))

    @dg.job
    def nightly() -> None:
        legacy()

    location = dg.Definitions(assets=[orders], jobs=[nightly])
    exporting = Exporting(
        instance, location, backend.url, namespace="shop", job_suffix="", table_authority="postgres://db.example:5432"
    )
    exporting.run()
    nightly.execute_in_process(instance=instance)
    exporting.tick()
    assert backend.kinds("shop.eu.orders") == ["START", "COMPLETE"]
    orders_out = backend.of("shop.eu.orders")[1]["outputs"][0]
    assert (orders_out["namespace"], orders_out["name"]) == ("postgres://db.example:5432", "sales.public.orders")
    exported = backend.of("exported")[1]["outputs"][0]
    assert (exported["namespace"], exported["name"]) == ("gs://bucket", "export")
    check_sequences(backend)
