"""Lineage at design time: what a backend shows before a run, and what it must not lose after one."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest

from tests.integration.lineage_commands.conftest import LineageService
from tests.openlineage_spec import findings
from weather_pipeline.lineage import build_openlineage_sensor
from weather_pipeline.lineage.answers import Answer, Sink, Verdict
from weather_pipeline.lineage.catalog import RepositoryCatalog
from weather_pipeline.lineage.dagster_internals import saved_values
from weather_pipeline.lineage.deadletters import all_letters
from weather_pipeline.lineage.messages import Message
from weather_pipeline.lineage.options import Options
from weather_pipeline.lineage.publish import Plan, Publication, plan, publish
from weather_pipeline.lineage.register import Register
from weather_pipeline.lineage.scope import Scope
from weather_pipeline.lineage.sinks.configured import open_sink

pytestmark = pytest.mark.integration

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class Recorder:
    """A sink that keeps what it is sent, and answers as it is told."""

    name = "recorder"

    def __init__(self, behave: Callable[[Message], Answer] = lambda message: Answer(Verdict.ACCEPTED)) -> None:
        self.behave = behave
        self.bodies: list[dict[str, Any]] = []

    def send(self, message: Message) -> Answer:
        self.bodies.append(message.body())
        return self.behave(message)


class Location:
    """A code location whose definitions are published."""

    def __init__(self, instance: dg.DagsterInstance, namespace: str) -> None:
        self.instance = instance
        self.options = Options(namespace)
        self.register = Register(instance, Scope("shop", "__repository__"), "openlineage")

    def plan(self, assets: Sequence[Any], **settings: Any) -> Plan:
        catalog = RepositoryCatalog(dg.Definitions(assets=assets).get_repository_def(), self.instance)
        return plan(catalog, self.options, self.register.load(), now=datetime.now(UTC), **settings)

    def publish(self, assets: Sequence[Any], sink: Sink, **settings: Any) -> Publication:
        return publish(self.plan(assets, **settings), self.register, sink)


def graph(*, extra: Sequence[str] = (), description: str = "Orders of a day.") -> list[Any]:
    @dg.asset(metadata={"dagster/uri": "postgres://db.example/shop/public/raw"}, owners=["team:shop"])
    def raw() -> None: ...

    @dg.asset(
        deps=[raw, "rates", *extra],
        description=description,
        metadata={
            "dagster/uri": "postgres://db.example/shop/public/orders",
            "dagster/column_schema": dg.TableSchema([dg.TableColumn("id", "bigint")]),
        },
        tags={"layer": "silver"},
    )
    def orders() -> dg.MaterializeResult[Any]:
        read = [{"namespace": "https://fx.example", "name": "v1/eur"}]
        return dg.MaterializeResult(metadata={"openlineage/inputs": read})

    rates = dg.AssetSpec("rates", description="Of the bank.", metadata={"dagster/uri": "s3://bank/rates"})
    return [raw, orders, rates]


def job(service: LineageService, namespace: str, name: str) -> Any:
    return service.get(f"/api/v1/namespaces/{namespace}/jobs/{name}")


def names(datasets: Sequence[dict[str, Any]]) -> set[str]:
    return {f"{each['namespace']}/{each['name']}" for each in datasets}


ORDERS = "postgres://db.example:5432/shop.public.orders"
RAW = "postgres://db.example:5432/shop.public.raw"


def test_a_new_asset_shows_before_its_first_run(instance: dg.DagsterInstance, service: LineageService) -> None:
    location = Location(instance, "design-new")
    done = location.publish(graph(), open_sink(service.url))
    assert (done.accepted, done.refused, done.waiting, done.failure) == (3, 0, 0, None)
    orders = job(service, "design-new", "orders_dagster")
    assert names(orders["inputs"]) == {RAW, "s3://bank/rates"}
    assert names(orders["outputs"]) == {ORDERS}
    assert orders["description"] == "Orders of a day."
    assert orders["latestRun"] is None
    dataset = service.get(
        f"/api/v1/namespaces/{quote('postgres://db.example:5432', safe='')}/datasets/shop.public.orders"
    )
    assert dataset["fields"][0]["name"] == "id"
    rates = service.get(f"/api/v1/namespaces/{quote('s3://bank', safe='')}/datasets/rates")
    assert rates["description"] == "Of the bank."


def test_only_changes_are_sent(instance: dg.DagsterInstance) -> None:
    location, sink = Location(instance, "design"), Recorder()
    location.publish(graph(), sink)
    assert len(sink.bodies) == 5
    assert location.plan(graph()).unchanged == 3
    location.publish(graph(), sink)
    assert len(sink.bodies) == 5
    location.publish(graph(description="Orders of a week."), sink)
    changed = sink.bodies[5:]
    assert [(body.get("job") or body["dataset"])["name"] for body in changed] == [
        "shop.public.orders",
        "orders_dagster",
    ]
    assert changed[0]["eventTime"] > sink.bodies[0]["eventTime"]


def test_what_is_sent_again_is_the_same_to_the_byte(instance: dg.DagsterInstance) -> None:
    location, sink = Location(instance, "design"), Recorder()
    location.publish(graph(), sink)
    first, sink.bodies = sink.bodies, []
    location.publish(graph(), sink, everything=True)
    assert sorted(map(str, sink.bodies)) == sorted(map(str, first))


def test_the_events_are_what_openlineage_specifies(instance: dg.DagsterInstance) -> None:
    for each in Location(instance, "design").plan(graph()).drafts:
        for message in each.messages:
            assert findings(message.body()) == []


def test_a_changed_definition_takes_no_edge_and_no_run_from_its_job(
    instance: dg.DagsterInstance, service: LineageService
) -> None:
    location = Location(instance, "design-ran")
    location.publish(graph(), open_sink(service.url))
    assets = graph()
    dg.materialize(assets[:2], instance=instance)
    export(instance, assets, service.url, "design-ran")
    ran = job(service, "design-ran", "orders_dagster")
    assert names(ran["inputs"]) == {RAW, "s3://bank/rates", "https://fx.example/v1/eur"}
    assert ran["latestRun"]["state"] == "COMPLETED"
    location.publish(graph(description="Orders of a week."), open_sink(service.url))
    changed = job(service, "design-ran", "orders_dagster")
    assert changed["description"] == "Orders of a week."
    assert names(changed["inputs"]) == names(ran["inputs"])
    assert names(changed["outputs"]) == names(ran["outputs"])
    assert changed["latestRun"]["state"] == "COMPLETED"


def test_a_dependency_that_was_added_or_removed_changes_the_edges(
    instance: dg.DagsterInstance, service: LineageService
) -> None:
    location = Location(instance, "design-edges")
    location.publish(graph(extra=["prices"]), open_sink(service.url))
    assert "dagster/prices" in names(job(service, "design-edges", "orders_dagster")["inputs"])
    location.publish(graph(), open_sink(service.url))
    assert names(job(service, "design-edges", "orders_dagster")["inputs"]) == {RAW, "s3://bank/rates"}


def test_an_asset_whose_run_is_told_is_left_alone_until_its_definition_changes(instance: dg.DagsterInstance) -> None:
    location, sink = Location(instance, "design"), Recorder()
    assets = graph()
    dg.materialize(assets[:2], instance=instance)
    told: dict[str, Any] = {"told_since": BEGINNING}
    location.publish(assets, sink, **told)
    assert [body["dataset"]["name"] for body in sink.bodies] == ["rates"]
    location.publish(graph(description="Orders of a week."), sink, **told)
    assert len(sink.bodies) == 3


def test_an_asset_that_ran_before_the_exporter_began_is_shown(instance: dg.DagsterInstance) -> None:
    location, sink = Location(instance, "design"), Recorder()
    assets = graph()
    dg.materialize(assets[:2], instance=instance)
    location.publish(assets, sink, told_since=datetime.now(UTC) + timedelta(seconds=1))
    assert len(sink.bodies) == 5
    orders = next(body for body in sink.bodies if body.get("job", {}).get("name") == "orders_dagster")
    assert "v1/eur" in {each["name"] for each in orders["inputs"]}


def test_what_an_outage_kept_back_goes_later_with_its_first_time(instance: dg.DagsterInstance) -> None:
    location = Location(instance, "design")
    away = Recorder(lambda message: Answer(Verdict.LATER, "connection refused"))
    done = location.publish(graph(), away)
    assert (done.accepted, done.waiting, done.failure) == (0, 3, "connection refused")
    first = away.bodies[0]["eventTime"]
    time.sleep(0.01)
    back = Recorder()
    assert location.publish(graph(), back).accepted == 3
    assert {body["eventTime"] for body in back.bodies} == {first}


def test_a_refused_definition_is_a_dead_letter_and_is_not_sent_for_ever(instance: dg.DagsterInstance) -> None:
    location = Location(instance, "design")
    strict = Recorder(
        lambda message: (
            Answer(Verdict.REFUSED, "HTTP 400: no") if "orders_dagster" in message.subject else Answer(Verdict.ACCEPTED)
        )
    )
    done = location.publish(graph(), strict)
    assert (done.accepted, done.refused, done.waiting) == (2, 1, 0)
    assert [letter.event["job"]["name"] for letter in all_letters(instance)] == ["orders_dagster"]
    sent = len(strict.bodies)
    location.publish(graph(), strict)
    assert len(strict.bodies) == sent


def test_an_asset_with_a_name_that_no_backend_should_get_is_named_and_silences_nobody(
    instance: dg.DagsterInstance,
) -> None:
    @dg.asset(metadata={"openlineage/namespace": "a b", "openlineage/name": "x"})
    def odd() -> None: ...

    found = Location(instance, "design").plan([*graph(), odd])
    assert len(found.drafts) == 3
    assert found.problems[0].startswith("odd: namespace 'a b'")


def test_thousands_of_assets_are_kept_in_small_values(instance: dg.DagsterInstance) -> None:
    location, sink = Location(instance, "design"), Recorder()
    specs = [dg.AssetSpec(["warehouse", "a_rather_long_schema_name", f"table_{n}"]) for n in range(3000)]
    assert location.publish(specs, sink).accepted == 3000
    assert location.plan(specs).unchanged == 3000
    keys = [f"openlineage/published/shop/__repository__/openlineage/{shard}" for shard in range(64)]
    assert max(map(len, saved_values(instance, keys).values())) < 16_000


def export(instance: dg.DagsterInstance, assets: Sequence[Any], url: str, namespace: str) -> None:
    sensor = build_openlineage_sensor(namespace=namespace, url=url, since=BEGINNING, grace=timedelta(0))
    repository = dg.Definitions(assets=assets, sensors=[sensor]).get_repository_def()
    sensor.evaluate_tick(dg.build_sensor_context(instance=instance, repository_def=repository))
