"""The inputs of a COMPLETE are what the run really read: version, partitions, and the runs that produced them."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe

from tests.collector import Collector
from tests.integration.lineage.conftest import Exporting
from tests.integration.lineage.test_shapes_of_work import check_sequences

pytestmark = pytest.mark.integration

DAILY = dg.DailyPartitionsDefinition("2026-11-01")
HOURLY = dg.HourlyPartitionsDefinition("2026-11-01-00:00")
COUNTRIES = dg.StaticPartitionsDefinition(["be", "nl"])
BOTH = dg.MultiPartitionsDefinition({"country": COUNTRIES, "day": DAILY})


class Runs:
    """Runs of single assets, each in a Dagster run of its own, and what their events say."""

    def __init__(self, instance: dg.DagsterInstance, backend: Collector, *assets: Any) -> None:
        self.instance = instance
        self.backend = backend
        self.assets = assets
        self.exporting = Exporting(instance, dg.Definitions(assets=assets), backend.url)

    def run(self, *names: str, **settings: Any) -> str:
        chosen = [dg.AssetKey(name) for name in names]
        return dg.materialize(self.assets, instance=self.instance, selection=chosen, **settings).run_id

    def completed(self, name: str) -> dict[str, Any]:
        """The newest COMPLETE of an asset, after a tick."""
        self.exporting.tick()
        completed = [event for event in self.backend.of(f"{name}_dagster") if event["eventType"] == "COMPLETE"]
        return max(completed, key=lambda event: event["eventTime"])

    def run_id(self, name: str, dagster_run: str) -> str:
        """The OpenLineage run id that was sent for an asset in a Dagster run."""
        (found,) = {
            event["run"]["runId"]
            for event in self.backend.of(f"{name}_dagster")
            if event["run"]["facets"]["dagster_run"]["runId"] == dagster_run
        }
        return found


def read(event: dict[str, Any], name: str) -> dict[str, Any]:
    """What an event says about one of its inputs."""
    (found,) = [dataset for dataset in event["inputs"] if dataset["name"] == name]
    return found["inputFacets"]["dagster_input"]


def producers(event: dict[str, Any], name: str) -> dict[str, list[str] | None]:
    """The Dagster runs that produced an input, each with the partitions of it."""
    return {each["dagsterRunId"]: each.get("partitions") for each in read(event, name).get("producedBy", [])}


def dependencies(event: dict[str, Any]) -> list[tuple[str, str]]:
    facet = event["run"]["facets"].get("jobDependencies", {"upstream": []})
    return [(each["job"]["name"], each["run"]["runId"]) for each in facet["upstream"]]


def test_the_producer_is_the_run_that_was_read_not_the_newest(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset
    def source() -> None: ...

    @dg.asset(deps=[source])
    def reader() -> None: ...

    runs = Runs(instance, backend, source, reader)
    runs.run("source")
    seen = runs.run("source")
    runs.run("reader")
    runs.run("source")
    event = runs.completed("reader")
    facet = read(event, "source")
    (producer,) = facet["producedBy"]
    assert (producer["event"], producer["dagsterRunId"]) == ("MATERIALIZATION", seen)
    assert producer["runId"] == runs.run_id("source", seen)
    assert facet["dataVersion"] == event["inputs"][0]["facets"]["version"]["datasetVersion"]
    assert dependencies(event) == [("source_dagster", producer["runId"])]
    assert "partitions" not in facet

    together = runs.run("source", "reader")
    event = runs.completed("reader")
    assert producers(event, "source") == {together: None}
    assert dependencies(event) == [("source_dagster", runs.run_id("source", together))]
    started = [event for event in backend.of("reader_dagster") if event["eventType"] == "START"]
    assert all("dagster_input" not in event["inputs"][0].get("inputFacets", {}) for event in started)
    check_sequences(backend)


def test_versions_that_users_give_do_not_mistake_one_run_for_another(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    """Two runs wrote the same version: the record says which of them was read."""

    @dg.asset(code_version="7")
    def coded() -> None: ...

    @dg.asset
    def versioned() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("same"))

    @dg.asset(deps=[coded, versioned])
    def reader() -> None: ...

    runs = Runs(instance, backend, coded, versioned, reader)
    runs.run("coded", "versioned")
    together = runs.run("coded", "versioned", "reader")
    event = runs.completed("reader")
    assert producers(event, "coded") == producers(event, "versioned") == {together: None}
    assert read(event, "versioned")["dataVersion"] == "same"


def test_the_partitions_read_follow_the_time_windows(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset(partitions_def=HOURLY, backfill_policy=dg.BackfillPolicy.single_run())
    def hours() -> None: ...

    @dg.asset(partitions_def=DAILY, deps=[hours])
    def day() -> None: ...

    runs = Runs(instance, backend, hours, day)
    span = {"dagster/asset_partition_range_start": "2026-11-02-00:00"}
    most = runs.run("hours", tags={**span, "dagster/asset_partition_range_end": "2026-11-02-22:00"})
    first = runs.run("hours", partition_key="2026-11-02-00:00")
    runs.run("hours", partition_key="2026-11-03-00:00")
    last = runs.run("hours", partition_key="2026-11-02-23:00")
    runs.run("hours", partition_key="2026-11-04-00:00")
    runs.run("day", partition_key="2026-11-02")
    runs.run("hours", partition_key="2026-11-02-23:00")
    event = runs.completed("day")
    keys = [f"2026-11-02-{hour:02}:00" for hour in range(24)]
    facet = read(event, "hours")
    assert (facet["partitionCount"], facet["partitions"]) == (24, keys)
    assert producers(event, "hours") == {most: keys[1:23], first: keys[:1], last: keys[23:]}
    assert len(dependencies(event)) == 3
    subset = event["inputs"][0]["inputFacets"]["subset"]["inputCondition"]
    assert subset["partitions"][0] == {"identifier": keys[0], "dimensions": {"partition": keys[0]}}
    check_sequences(backend)


def test_what_a_run_wrote_and_read_itself_needs_no_record(
    instance: dg.DagsterInstance, backend: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset(partitions_def=DAILY)
    def first() -> None: ...

    @dg.asset(partitions_def=DAILY, deps=[first])
    def second() -> None: ...

    @dg.asset(partitions_def=BOTH, deps=[second])
    def third() -> None: ...

    runs = Runs(instance, backend, first, second, third)
    together = runs.run("first", "second", partition_key="2026-11-02")
    runs.run("third", partition_key=dg.MultiPartitionKey({"day": "2026-11-02", "country": "nl"}))
    event = runs.completed("third")
    assert producers(event, "second") == {together: ["2026-11-02"]}
    asked: list[Any] = []
    fetch = instance.fetch_materializations
    monkeypatch.setattr(instance, "fetch_materializations", lambda *a, **k: asked.append(a) or fetch(*a, **k))
    backend.events.clear()
    again = Runs(instance, backend, first, second, third)
    assert producers(again.completed("second"), "first") == {together: ["2026-11-02"]}
    looked_up = [argument for (argument, *_) in asked if isinstance(argument, dg.AssetRecordsFilter)]
    assert [wanted.asset_key.to_user_string() for wanted in looked_up] == ["second"]


def test_static_multi_and_dynamic_partitions_are_mapped(instance: dg.DagsterInstance, backend: Collector) -> None:
    customers = dg.DynamicPartitionsDefinition(name="customers")
    neighbours = dg.StaticPartitionMapping({"nl": "be", "be": "nl"})

    @dg.asset(partitions_def=COUNTRIES)
    def country() -> None: ...

    @dg.asset(partitions_def=COUNTRIES, deps=[dg.AssetDep(country, partition_mapping=neighbours)])
    def neighbour() -> None: ...

    @dg.asset(partitions_def=BOTH)
    def cell() -> None: ...

    @dg.asset(partitions_def=COUNTRIES, deps=[cell])
    def row() -> None: ...

    @dg.asset(partitions_def=customers)
    def customer() -> None: ...

    @dg.asset(partitions_def=customers, deps=[customer])
    def invoice() -> None: ...

    @dg.asset(deps=[country, customer])
    def total() -> None: ...

    runs = Runs(instance, backend, country, neighbour, cell, row, customer, invoice, total)
    instance.add_dynamic_partitions("customers", ["ada", "bob"])
    belgium = runs.run("country", partition_key="be")
    netherlands = runs.run("country", partition_key="nl")
    runs.run("neighbour", partition_key="nl")
    assert producers(runs.completed("neighbour"), "country") == {belgium: ["be"]}

    cell_run = runs.run("cell", partition_key=dg.MultiPartitionKey({"day": "2026-11-02", "country": "nl"}))
    runs.run("row", partition_key="nl")
    event = runs.completed("row")
    assert producers(event, "cell") == {cell_run: ["nl|2026-11-02"]}
    listed = event["inputs"][0]["inputFacets"]["subset"]["inputCondition"]["partitions"]
    wanted = {"identifier": "nl|2026-11-02", "dimensions": {"country": "nl", "day": "2026-11-02"}}
    assert wanted in listed

    ada = runs.run("customer", partition_key="ada")
    bob = runs.run("customer", partition_key="bob")
    runs.run("invoice", partition_key="ada")
    assert producers(runs.completed("invoice"), "customer") == {ada: ["ada"]}
    runs.run("total")
    event = runs.completed("total")
    assert producers(event, "customer") == {ada: ["ada"], bob: ["bob"]}
    assert producers(event, "country") == {belgium: ["be"], netherlands: ["nl"]}
    check_sequences(backend)


def test_an_asset_that_reads_its_own_day_before_is_an_input_of_itself(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=DAILY, deps=[dg.AssetDep("balance", partition_mapping=before)])
    def balance() -> None: ...

    runs = Runs(instance, backend, balance)
    first = runs.run("balance", partition_key="2026-11-01")
    event = runs.completed("balance")
    assert [dataset["name"] for dataset in event["inputs"]] == ["balance"]
    assert read(event, "balance")["partitionCount"] == 0
    assert producers(event, "balance") == {}

    runs.run("balance", partition_key="2026-11-03")
    runs.run("balance", partition_key="2026-11-02")
    event = runs.completed("balance")
    assert producers(event, "balance") == {first: ["2026-11-01"]}
    assert dependencies(event) == [("balance_dagster", runs.run_id("balance", first))]
    assert "parent" not in event["run"]["facets"]


@pytest.mark.filterwarnings("ignore:Property `OpDefinition.version`:DeprecationWarning")  # (Dagster's own use of it)
def test_what_was_only_observed_or_reported_has_no_producing_run(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    @dg.observable_source_asset
    def watched() -> dg.DataVersion:
        return dg.DataVersion("v7")

    reported = dg.AssetSpec("reported")
    never = dg.AssetSpec("never")

    @dg.asset(deps=[watched, reported, never])
    def reader() -> None: ...

    observe([watched], instance=instance)
    instance.report_runless_asset_event(dg.AssetMaterialization("reported"))
    runs = Runs(instance, backend, watched, reported, never, reader)
    runs.run("reader")
    event = runs.completed("reader")
    (seen,) = read(event, "watched")["producedBy"]
    assert seen["event"] == "OBSERVATION"
    assert "runId" not in seen
    assert read(event, "watched")["dataVersion"] == "v7"
    (told,) = read(event, "reported")["producedBy"]
    assert set(told) == {"event", "at"}
    assert "producedBy" not in read(event, "never")
    assert dependencies(event) == []
    check_sequences(backend)


def test_records_that_were_deleted_name_no_producer(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset
    def source() -> None: ...

    @dg.asset(deps=[source])
    def reader() -> None: ...

    runs = Runs(instance, backend, source, reader)
    gone = runs.run("source")
    runs.run("reader")
    instance.delete_run(gone)
    for _ in range(3):
        runs.run("source")  # SQLite uses their ids again
    event = runs.completed("reader")
    facet = read(event, "source")
    assert "producedBy" not in facet
    assert facet["dataVersion"]
    assert dependencies(event) == []


def test_a_dependency_that_the_definitions_have_lost_was_still_read(
    instance: dg.DagsterInstance, backend: Collector
) -> None:
    @dg.asset
    def source() -> None: ...

    @dg.asset(partitions_def=COUNTRIES)
    def countries() -> None: ...

    @dg.asset(name="reader", deps=[source, countries])
    def before() -> None: ...

    @dg.asset(name="reader")
    def after() -> None: ...

    earlier = Runs(instance, backend, source, countries, before)
    seen = earlier.run("source")
    earlier.run("countries", partition_key="nl")
    earlier.run("reader")
    later = Runs(instance, backend, source, countries, after)
    event = later.completed("reader")
    assert {dataset["name"] for dataset in event["inputs"]} == {"source", "countries"}
    assert producers(event, "source") == {seen: None}
    assert producers(event, "countries") == {}, "which partitions were read is not known any more"
    start = backend.of("reader_dagster")[0]
    assert start["inputs"] == []


def test_many_partitions_are_counted_and_not_listed(instance: dg.DagsterInstance, backend: Collector) -> None:
    many = dg.StaticPartitionsDefinition([f"p{number:03}" for number in range(101)])

    @dg.asset(partitions_def=many)
    def source() -> None: ...

    @dg.asset(deps=[source])
    def reader() -> None: ...

    runs = Runs(instance, backend, source, reader)
    runs.run("source", partition_key="p007")
    runs.run("reader")
    facet = read(runs.completed("reader"), "source")
    assert facet["partitionCount"] == 101
    assert "partitions" not in facet
    assert "producedBy" not in facet


def test_inputs_outside_dagster_are_named_by_metadata(instance: dg.DagsterInstance, backend: Collector) -> None:
    listed = [{"namespace": "kafka://broker:9092", "name": "orders"}]

    @dg.asset(metadata={"openlineage/inputs": listed})
    def source() -> dg.MaterializeResult:
        more = [{"namespace": "https://api.example.org", "name": "v1/rates"}]
        return dg.MaterializeResult(metadata={"openlineage/inputs": more})

    runs = Runs(instance, backend, source)
    runs.run("source")
    names = [(dataset["namespace"], dataset["name"]) for dataset in runs.completed("source")["inputs"]]
    assert names == [("kafka://broker:9092", "orders"), ("https://api.example.org", "v1/rates")]
    assert [dataset["name"] for dataset in backend.of("source_dagster")[0]["inputs"]] == ["orders"]
    check_sequences(backend)


def test_the_times_are_those_of_the_records(instance: dg.DagsterInstance, backend: Collector) -> None:
    @dg.asset
    def source() -> None: ...

    @dg.asset(deps=[source])
    def reader() -> None: ...

    runs = Runs(instance, backend, source, reader)
    runs.run("source")
    runs.run("reader")
    (producer,) = read(runs.completed("reader"), "source")["producedBy"]
    (record,) = instance.fetch_materializations(dg.AssetKey("source"), limit=1).records
    assert datetime.fromisoformat(producer["at"]) == datetime.fromtimestamp(record.timestamp, UTC)
