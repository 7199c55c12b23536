"""What a run's events name does not depend on when they are built: later materializations change nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.integration.lineage.test_ticks import Site
from weather_pipeline.lineage.records import AssetRecords


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


VERSION = {"now": 1}


def named(asset: str) -> dict[str, Any]:
    return {"dagster/uri": f"s3://v{VERSION['now']}/{asset}"}


@dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="raw")])
def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if VERSION["now"] == 5:
        raise ValueError("boom")
    context.log_event(dg.AssetObservation("seen", metadata=named("seen") if VERSION["now"] == 1 else {}))
    return dg.MaterializeResult(metadata=named("raw"), check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(deps=[raw])
def clean() -> dg.MaterializeResult:
    lineage = dg.TableColumnLineage({"total": [dg.TableColumnDep(dg.AssetKey("raw"), "price")]})
    return dg.MaterializeResult(metadata={**named("clean"), "dagster/column_lineage": lineage})


DAYS = dg.StaticPartitionsDefinition(["mon", "tue"])


@dg.asset(partitions_def=DAYS)
def daily() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata=named("daily"))


@dg.asset(partitions_def=DAYS, deps=[daily])
def of_day() -> None: ...


seen = dg.AssetSpec("seen")


def test_sending_again_after_the_names_have_changed_is_identical(instance: dg.DagsterInstance) -> None:
    site = Site(instance, raw, clean, daily, of_day, seen)

    def run(*assets: Any, **settings: Any) -> None:
        dg.materialize([raw, clean, daily, of_day], selection=assets, instance=instance, **settings)
        site.tick(2)

    for version in (1, 2):
        VERSION["now"] = version
        run(raw, clean)
        run(daily, partition_key="mon")
    run(clean)
    run(of_day, partition_key="mon")
    run(daily, of_day, partition_key="tue")
    VERSION["now"] = 3
    run(raw)
    instance.report_runless_asset_event(dg.AssetMaterialization("clean", metadata={"dagster/uri": "s3://v4/clean"}))
    VERSION["now"] = 5
    run(raw, raise_on_error=False)

    again = Site(instance, raw, clean, daily, of_day, seen)
    again.tick(2)
    first = {message.key: message.body() for message in site.backend.accepted}
    second = {message.key: message.body() for message in again.backend.accepted}
    assert second == first
    ends = [
        body
        for body in first.values()
        if body.get("eventType") == "COMPLETE" and body["job"]["name"] == "clean_dagster"
    ]
    ends.sort(key=lambda body: body["eventTime"])
    assert [body["inputs"][0]["namespace"] for body in ends] == ["s3://v1", "s3://v2", "s3://v2"]
    of_columns = [body["outputs"][0]["facets"]["columnLineage"]["fields"]["total"]["inputFields"] for body in ends]
    assert [fields[0]["namespace"] for fields in of_columns] == ["s3://v1", "s3://v2", "s3://v2"]
    failed = [body for body in first.values() if body.get("eventType") == "FAIL" and body["outputs"]]
    assert [body["outputs"][0]["namespace"] for body in failed] == ["s3://v3"]


@pytest.mark.parametrize("count", [0, 3, 5, 60, 130])
def test_the_last_materialization_before_any_time_is_found(count: int, tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for _ in range(count):
            instance.report_runless_asset_event(dg.AssetMaterialization("a"))
        newest = instance.fetch_materializations(dg.AssetKey("a"), limit=1000).records
        times = sorted(record.timestamp for record in newest)
        asked = [0.0, *times, *(time + 1e-6 for time in times), 4e9]
        for order in (sorted(asked), sorted(asked, reverse=True)):
            records = AssetRecords(instance)
            for time in order:
                found = records.last(("a",), datetime.fromtimestamp(time, UTC))
                before = datetime.fromtimestamp(time, UTC).timestamp()
                expected = [record.storage_id for record in newest if record.timestamp < before]
                assert (found.storage_id if found else None) == (max(expected) if expected else None)
